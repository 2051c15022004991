// The scalar attributes of a group or dataset.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

class Attributes {
 public:
  Attributes() = default;
  // Reads all of `object`'s attributes: single numbers, booleans, and strings of at most 64 KiB.
  Attributes(hid_t object, Place place);
  // Reads those of these names that are there.
  Attributes(hid_t object, Place place, std::span<const char* const> names);

  // Adds those of `outer` that are not here.
  void inherit(const Attributes& outer);

  [[nodiscard]] const std::map<std::string, AttributeValue>& values() const { return values_; }
  // Strings that are too long to be read: name -> how long it is.
  [[nodiscard]] std::map<std::string, std::string> long_texts() const;

  // Each: nullopt when there is no such attribute; InputError when it is not of that kind.
  [[nodiscard]] std::optional<AttributeValue> find(
      const std::string& name,
      const std::string& expected = "one number or a string of at most 64 KiB") const;
  [[nodiscard]] std::optional<std::string> text(const std::string& name) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& name) const;
  [[nodiscard]] std::optional<double> number(const std::string& name) const;

 private:
  // What was found instead of one value.
  struct Unreadable {
    std::string found;
    bool is_long = false;  // a string
  };

  void read(hid_t object, const std::string& name);
  [[noreturn]] void refuse(const std::string& name, const std::string& found,
                           const std::string& expected) const;

  Place place_;
  std::map<std::string, AttributeValue> values_;
  std::map<std::string, Unreadable> unreadable_;
};

// How messages show a value: "three" or 3.
[[nodiscard]] std::string value_text(const AttributeValue& value);

}  // namespace collapscope::hdf5
