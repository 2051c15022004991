// Values as bytes, for messages between processes of one program on machines of one kind.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/matrix.hpp"

namespace collapscope {

using Bytes = std::vector<std::byte>;

// put(value) for each part of a message; take() gives it. Structures with each_field(value, visit) are put
// field by field.
class Packer {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void put(T value) { append(std::as_bytes(std::span(&value, 1))); }
  void put(const std::string& text) {
    put(std::uint64_t{text.size()});
    append(std::as_bytes(std::span(text)));
  }
  void put(const std::vector<double>& values) {
    put(std::uint64_t{values.size()});
    append(std::as_bytes(std::span(values)));
  }
  void put(const Matrix& matrix) {
    put(std::uint64_t{matrix.rows()});
    put(std::uint64_t{matrix.cols()});
    append(std::as_bytes(matrix.values()));
  }
  void put(std::monostate /*nothing*/) {}
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) {
      put(*value);
    }
  }
  template <class T>
  void put(const std::shared_ptr<const T>& value) {
    put(value != nullptr);
    if (value != nullptr) {
      put(*value);
    }
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(std::uint64_t{values.size()});
    for (const T& value : values) {
      put(value);
    }
  }
  template <class A, class B>
  void put(const std::pair<A, B>& both) {
    put(both.first);
    put(both.second);
  }
  template <class... T>
  void put(const std::variant<T...>& value) {
    put(std::uint64_t{value.index()});
    std::visit([this](const auto& held) { this->put(held); }, value);
  }
  template <class T>
  requires std::is_class_v<T>
  void put(const T& value) {
    each_field(value, [this](const char* /*name*/, const auto& field) { this->put(field); });
  }

  [[nodiscard]] Bytes take() { return std::move(bytes_); }

 private:
  void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  Bytes bytes_;
};

// get<T>() in the order of put. Throws Error where the message is shorter than what is asked for.
class Unpacker {
 public:
  explicit Unpacker(std::span<const std::byte> bytes) : left_(bytes) {}

  template <class T>
  [[nodiscard]] T get() {
    T value{};
    get(value);
    return value;
  }
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void get(T& value) {
    const auto bytes = next(1, sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
  }
  void get(std::string& text) {
    const auto bytes = next(get<std::uint64_t>(), 1);
    text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void get(std::vector<double>& values) {
    const auto bytes = next(get<std::uint64_t>(), sizeof(double));
    values.resize(bytes.size() / sizeof(double));
    copy(bytes, values.data());
  }
  void get(Matrix& matrix) {
    const auto rows = get<std::uint64_t>();
    const auto cols = get<std::uint64_t>();
    if (cols != 0 && rows > left_.size() / sizeof(double) / cols) {
      too_short();
    }
    const auto bytes = next(rows * cols, sizeof(double));
    matrix = Matrix(rows, cols);
    copy(bytes, matrix.data());
  }
  void get(std::monostate& /*nothing*/) {}
  template <class T>
  void get(std::optional<T>& value) {
    value.reset();
    if (get<bool>()) {
      value = get<T>();
    }
  }
  template <class T>
  void get(std::shared_ptr<const T>& value) {
    value = get<bool>() ? std::make_shared<const T>(get<T>()) : nullptr;
  }
  template <class T>
  void get(std::vector<T>& values) {
    values.clear();
    for (std::uint64_t count = get<std::uint64_t>(); count > 0; --count) {
      values.push_back(get<T>());
    }
  }
  template <class A, class B>
  void get(std::pair<A, B>& both) {
    get(both.first);
    get(both.second);
  }
  template <class... T>
  void get(std::variant<T...>& value) {
    const auto index = get<std::uint64_t>();
    std::uint64_t kind = 0;
    ((kind++ == index ? void(value = get<T>()) : void()), ...);
  }
  template <class T>
  requires std::is_class_v<T>
  void get(T& value) {
    each_field(value, [this](const char* /*name*/, auto& field) { this->get(field); });
  }

  [[nodiscard]] bool at_end() const { return left_.empty(); }

 private:
  std::span<const std::byte> next(std::uint64_t count, std::uint64_t size) {
    if (count > left_.size() / size) {
      too_short();
    }
    const auto found = left_.first(count * size);
    left_ = left_.subspan(count * size);
    return found;
  }
  [[noreturn]] static void too_short() { throw Error("a message between processes is shorter than it says"); }
  static void copy(std::span<const std::byte> bytes, double* out) {
    if (!bytes.empty()) {
      std::memcpy(out, bytes.data(), bytes.size());
    }
  }

  std::span<const std::byte> left_;
};

template <class T>
[[nodiscard]] Bytes packed(const T& value) {
  Packer packer;
  packer.put(value);
  return packer.take();
}

template <class T>
[[nodiscard]] T unpacked(std::span<const std::byte> bytes) {
  return Unpacker(bytes).get<T>();
}

}  // namespace collapscope
