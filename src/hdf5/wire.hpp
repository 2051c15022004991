// Values as bytes, to another process and back. Whoever reads them believes nothing: lengths are held against
// the bytes that are there, enumerators against the last one, and memory grows no faster than what is read.
#pragma once

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

namespace collapscope::hdf5 {

class WireError : public Error {
 public:
  WireError() : Error("bytes that make no sense") {}
};

// Both are called as wire(a, b, c) with the parts of a value; fields(wire, value) of a structure calls them.
class WireWriter {
 public:
  template <class... Parts>
  void operator()(Parts&... parts) {
    (put(parts), ...);
  }
  template <class Enumeration>
  void enumerator(Enumeration& value, Enumeration /*last*/) {
    plain(value);
  }

  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  template <class T>
  void plain(const T& value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  template <class T>
  void put(T& value) {
    if constexpr (std::is_arithmetic_v<std::remove_const_t<T>>) {
      plain(value);
    } else {
      fields(*this, value);
    }
  }
  void put(std::string& text) {
    plain(std::uint64_t{text.size()});
    const auto bytes = std::as_bytes(std::span(text));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  template <class T>
  void put(std::vector<T>& values) {
    plain(std::uint64_t{values.size()});
    for (T& value : values) {
      put(value);
    }
  }
  template <class T>
  void put(std::optional<T>& value) {
    plain(std::uint8_t{value.has_value()});
    if (value) {
      put(*value);
    }
  }
  template <class T>
  void put(std::shared_ptr<const T>& value) {
    plain(std::uint8_t{value != nullptr});
    if (value) {
      put(const_cast<T&>(*value));  // is only read
    }
  }
  template <class A, class B>
  void put(std::pair<A, B>& value) {
    put(value.first);
    put(value.second);
  }
  template <class... Kinds>
  void put(std::variant<Kinds...>& value) {
    plain(static_cast<std::uint8_t>(value.index()));
    std::visit([this](auto& held) { put(held); }, value);
  }

  std::vector<std::byte> bytes_;
};

class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class... Parts>
  void operator()(Parts&... parts) {
    (get(parts), ...);
  }
  template <class Enumeration>
  void enumerator(Enumeration& value, Enumeration last) {
    std::underlying_type_t<Enumeration> number{};
    plain(number);
    if (number > static_cast<std::underlying_type_t<Enumeration>>(last)) {
      throw WireError();
    }
    value = static_cast<Enumeration>(number);
  }

  // Nothing may be left.
  void end() const {
    if (!bytes_.empty()) {
      throw WireError();
    }
  }

 private:
  static constexpr int deepest = 12;  // virtual datasets of virtual datasets

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size()) {
      throw WireError();
    }
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  template <class T>
  void plain(T& value) {
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
  }
  bool flag() {
    std::uint8_t byte = 0;
    plain(byte);
    if (byte > 1) {
      throw WireError();
    }
    return byte == 1;
  }
  std::uint64_t length() {
    std::uint64_t count = 0;
    plain(count);
    if (count > bytes_.size()) {  // each part takes a byte at least
      throw WireError();
    }
    return count;
  }
  template <class T>
  void get(T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      plain(value);
    } else {
      fields(*this, value);
    }
  }
  void get(bool& value) { value = flag(); }
  void get(std::string& text) {
    const auto bytes = take(length());
    text.resize(bytes.size());
    std::memcpy(text.data(), bytes.data(), bytes.size());
  }
  template <class T>
  void get(std::vector<T>& values) {
    values.clear();
    for (std::uint64_t left = length(); left > 0; --left) {
      T value{};
      get(value);
      values.push_back(std::move(value));
    }
  }
  template <class T>
  void get(std::optional<T>& value) {
    value.reset();
    if (flag()) {
      get(value.emplace());
    }
  }
  template <class T>
  void get(std::shared_ptr<const T>& value) {
    value.reset();
    if (!flag()) {
      return;
    }
    if (++depth_ > deepest) {
      throw WireError();
    }
    auto held = std::make_shared<T>();
    get(*held);
    value = std::move(held);
    --depth_;
  }
  template <class A, class B>
  void get(std::pair<A, B>& value) {
    get(value.first);
    get(value.second);
  }
  template <class... Kinds>
  void get(std::variant<Kinds...>& value) {
    std::uint8_t kind = 0;
    plain(kind);
    std::uint8_t number = 0;
    const auto try_kind = [&]<class Kind>(const Kind& /*sample*/) {
      if (number++ == kind) {
        Kind held{};
        get(held);
        value = std::move(held);
      }
    };
    (try_kind(Kinds{}), ...);
    if (kind >= sizeof...(Kinds)) {
      throw WireError();
    }
  }

  std::span<const std::byte> bytes_;
  int depth_ = 0;
};

}  // namespace collapscope::hdf5
