// Values as bytes, for messages between processes of one program on machines of one kind, and back. Whoever
// unpacks believes nothing: lengths are held against the bytes that are there, enumerators against the last
// one, and memory grows no faster than what is read.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
#include "collapscope/core/stored_matrix.hpp"
#include "core/bytes.hpp"

namespace collapscope {

class MessageError : public Error {
 public:
  MessageError() : Error("a message between processes makes no sense") {}
};

// put(value) for each part of a message; take() gives it. Structures with each_field(value, visit) are put
// field by field. Enumerations have last_enumerator(value).
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
  void put(const StoredMatrix& matrix) {
    const bool is_narrow = !matrix.floats().empty();
    put(is_narrow);
    if (!is_narrow) {
      put(matrix.doubles());
      return;
    }
    put(std::uint64_t{matrix.rows()});
    put(std::uint64_t{matrix.cols()});
    append(std::as_bytes(matrix.floats()));
  }
  void put(std::monostate /*nothing*/) {}
  template <class T>
  void put(const std::shared_ptr<const T>& value) {
    put(value != nullptr);
    if (value) {
      put(*value);
    }
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) {
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

// get<T>() in the order of put. Throws MessageError where that gives no value.
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
  requires std::is_arithmetic_v<T>
  void get(T& value) {
    const auto bytes = next(1, sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
  }
  void get(bool& value) {
    const auto byte = get<std::uint8_t>();
    require(byte <= 1);
    value = byte == 1;
  }
  template <class T>
  requires std::is_enum_v<T>
  void get(T& value) {
    using Number = std::underlying_type_t<T>;
    const auto number = get<Number>();
    require(number <= static_cast<Number>(last_enumerator(value)));
    value = static_cast<T>(number);
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
    require(cols == 0 || rows <= left_.size() / sizeof(double) / cols);
    const auto bytes = next(rows * cols, sizeof(double));
    matrix = Matrix(rows, cols);
    copy(bytes, matrix.data());
  }
  void get(StoredMatrix& matrix) {
    if (!get<bool>()) {
      matrix = StoredMatrix(get<Matrix>());
      return;
    }
    const auto rows = get<std::uint64_t>();
    const auto cols = get<std::uint64_t>();
    require(cols == 0 || rows <= left_.size() / sizeof(float) / cols);
    const auto bytes = next(rows * cols, sizeof(float));
    StoredMatrix::Floats floats(rows * cols);
    copy(bytes, floats.data());
    matrix = StoredMatrix(rows, cols, std::move(floats));
  }
  void get(std::monostate& /*nothing*/) {}
  template <class T>
  void get(std::shared_ptr<const T>& value) {
    value.reset();
    if (get<bool>()) {
      require(++depth_ <= deepest);
      value = std::make_shared<const T>(get<T>());
      --depth_;
    }
  }
  template <class T>
  void get(std::optional<T>& value) {
    value.reset();
    if (get<bool>()) {
      value = get<T>();
    }
  }
  template <class T>
  void get(std::vector<T>& values) {
    values.clear();
    const auto count = get<std::uint64_t>();
    require(count <= left_.size());  // each takes a byte at least
    values.reserve(std::min<std::uint64_t>(count, left_.size() / sizeof(T) * most_of_packed + 1));
    for (std::uint64_t i = 0; i < count; ++i) {
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
    require(index < sizeof...(T));
    std::uint64_t kind = 0;
    ((kind++ == index ? void(value = get<T>()) : void()), ...);
  }
  template <class T>
  requires std::is_class_v<T>
  void get(T& value) {
    each_field(value, [this](const char* /*name*/, auto& field) { this->get(field); });
  }

  // Nothing may be left.
  void end() const { require(left_.empty()); }

 private:
  static constexpr int deepest = 12;                  // pointers within what pointers hold
  static constexpr std::uint64_t most_of_packed = 4;  // times as many bytes as in a message

  std::span<const std::byte> next(std::uint64_t count, std::uint64_t size) {
    require(count <= left_.size() / size);
    const auto found = left_.first(count * size);
    left_ = left_.subspan(count * size);
    return found;
  }
  static void require(bool holds) {
    if (!holds) {
      throw MessageError();
    }
  }
  static void copy(std::span<const std::byte> bytes, void* out) {
    if (!bytes.empty()) {
      std::memcpy(out, bytes.data(), bytes.size());
    }
  }

  std::span<const std::byte> left_;
  int depth_ = 0;
};

template <class T>
[[nodiscard]] Bytes packed(const T& value) {
  Packer packer;
  packer.put(value);
  return packer.take();
}

template <class T>
[[nodiscard]] T unpacked(std::span<const std::byte> bytes) {
  Unpacker unpacker(bytes);
  T value = unpacker.get<T>();
  unpacker.end();
  return value;
}

}  // namespace collapscope
