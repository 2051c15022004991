#include "hdf5/attributes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <limits>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "hdf5/element_type.hpp"
#include "hdf5/object_header.hpp"
#include "process/work_mark.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::size_t max_text = std::size_t{1} << 16;
constexpr std::size_t max_attributes = 10'000;
constexpr std::size_t max_number_size = 64;

// A value, or what was found instead of one.
struct Reading {
  std::optional<AttributeValue> value;
  std::string found;
  bool is_long = false;
};

Reading found(std::string what) { return {std::nullopt, std::move(what)}; }

Reading long_text(std::uint64_t bytes) {
  return {std::nullopt, fmt::format("a string of {} bytes", bytes), true};
}

// `stored`: its length as far as it is known; a damaged one must not be allocated.
Reading read_variable_text(hid_t attribute, hid_t type, std::optional<std::uint64_t> stored,
                           const Place& place) {
  if (stored && *stored > max_text) {
    return long_text(*stored);
  }
  const Handle memory = own(H5Tcopy(H5T_C_S1), H5Tclose, place, "read an attribute");
  check(H5Tset_size(memory.get(), H5T_VARIABLE), place, "read an attribute");
  check(H5Tset_cset(memory.get(), H5Tget_cset(type)), place, "read an attribute");
  const Handle space = own(H5Aget_space(attribute), H5Sclose, place, "read an attribute");
  char* text = nullptr;
  check(H5Aread(attribute, memory.get(), static_cast<void*>(&text)), place, "read an attribute");
  const std::size_t length = text == nullptr ? 0 : std::strlen(text);
  // HDF5 gives nothing where it does not find the string in the heap.
  const bool is_lost = stored && *stored > 1 && length == 0;
  Reading reading = is_lost ? found(fmt::format("nothing, where a string of {} bytes was stored", *stored))
                    : length > max_text ? long_text(length)
                                        : Reading{std::string(text == nullptr ? "" : text, length), {}};
  H5Dvlen_reclaim(memory.get(), space.get(), H5P_DEFAULT, static_cast<void*>(&text));
  return reading;
}

Reading read_fixed_text(hid_t attribute, hid_t type, const Place& place) {
  const std::size_t size = H5Tget_size(type);
  if (size > max_text) {
    return long_text(size);
  }
  std::string text(size, '\0');
  check(H5Aread(attribute, type, text.data()), place, "read an attribute");
  text.resize(std::min(text.find('\0'), text.size()));
  if (H5Tget_strpad(type) == H5T_STR_SPACEPAD) {
    text.resize(text.find_last_not_of(' ') + 1);
  }
  return {std::move(text), {}};
}

Reading read_integer(hid_t attribute, hid_t type, const Place& place) {
  if (H5Tget_class(type) == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE) {
    std::uint64_t value = 0;
    check(H5Aread(attribute, H5T_NATIVE_UINT64, &value), place, "read an attribute");
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return {value, {}};
    }
    return {static_cast<std::int64_t>(value), {}};
  }
  std::int64_t value = 0;
  check(H5Aread(attribute, H5T_NATIVE_INT64, &value), place, "read an attribute");
  if (is_boolean(type)) {
    return {value != 0, {}};
  }
  return {value, {}};
}

Reading read_float(hid_t attribute, const Place& place) {
  double value = 0;
  check(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value), place, "read an attribute");
  return {value, {}};
}

Reading read_attribute(hid_t object, hid_t attribute, const std::string& name, const Place& place) {
  const Handle space = own(H5Aget_space(attribute), H5Sclose, place, "read an attribute");
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (count != 1) {
    return found(fmt::format("{} values", count));
  }
  const Handle type = own(H5Aget_type(attribute), H5Tclose, place, "read an attribute");
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind == H5T_STRING) {
    return H5Tis_variable_str(type.get()) > 0
               ? read_variable_text(attribute, type.get(), variable_length(object, name, place), place)
               : read_fixed_text(attribute, type.get(), place);
  }
  if (H5Tget_size(type.get()) > max_number_size) {
    return found("an odd type");
  }
  switch (kind) {
    case H5T_INTEGER:
    case H5T_ENUM:
      return read_integer(attribute, type.get(), place);
    case H5T_FLOAT:
      return read_float(attribute, place);
    default:
      return found("an odd type");
  }
}

struct Names {
  std::vector<std::string> names;
  std::exception_ptr failure;
};

herr_t add_name(hid_t, const char* name, const H5A_info_t*, void* to) {
  auto& names = *static_cast<Names*>(to);
  try {
    names.names.emplace_back(name);
  } catch (...) {
    names.failure = std::current_exception();
    return -1;
  }
  return names.names.size() > max_attributes ? 1 : 0;
}

std::vector<std::string> attribute_names(hid_t object, const Place& place) {
  Names names;
  const herr_t end = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, add_name, &names);
  if (names.failure) {
    std::rethrow_exception(names.failure);
  }
  if (check(end, place, "list the attributes") > 0) {
    throw InputError(place.file, place.object, fmt::format("has more than {} attributes", max_attributes));
  }
  return std::move(names.names);
}

}  // namespace

Attributes::Attributes(hid_t object, Place place) : place_(std::move(place)) {
  for (const std::string& name : attribute_names(object, place_)) {
    read(object, name);
  }
}

Attributes::Attributes(hid_t object, Place place, std::span<const char* const> names)
    : place_(std::move(place)) {
  for (const char* name : names) {
    if (check(H5Aexists(object, name), place_, fmt::format("look for the attribute '{}'", name)) > 0) {
      read(object, name);
    }
  }
}

void Attributes::read(hid_t object, const std::string& name) {
  process::at_work(place_.file, place_.object);
  const Handle attribute = own(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, place_,
                               fmt::format("open the attribute '{}'", printable(name)));
  Reading reading = read_attribute(object, attribute.get(), name, place_);
  if (reading.value) {
    values_.emplace(name, std::move(*reading.value));
  } else {
    unreadable_.emplace(name, Unreadable{std::move(reading.found), reading.is_long});
  }
}

void Attributes::inherit(const Attributes& outer) {
  for (const auto& [name, value] : outer.values_) {
    if (!unreadable_.contains(name)) {
      values_.emplace(name, value);
    }
  }
  for (const auto& [name, what] : outer.unreadable_) {
    if (!values_.contains(name)) {
      unreadable_.emplace(name, what);
    }
  }
}

std::map<std::string, std::string> Attributes::long_texts() const {
  std::map<std::string, std::string> texts;
  for (const auto& [name, what] : unreadable_) {
    if (what.is_long) {
      texts.emplace(name, what.found);
    }
  }
  return texts;
}

void Attributes::refuse(const std::string& name, const std::string& found,
                        const std::string& expected) const {
  throw InputError(place_.file, place_.object,
                   fmt::format("attribute '{}': found {}; expected {}", printable(name), found, expected));
}

std::optional<AttributeValue> Attributes::find(const std::string& name, const std::string& expected) const {
  if (const auto odd = unreadable_.find(name); odd != unreadable_.end()) {
    refuse(name, odd->second.found, expected);
  }
  const auto value = values_.find(name);
  return value == values_.end() ? std::nullopt : std::optional(value->second);
}

std::optional<std::string> Attributes::text(const std::string& name) const {
  const auto value = find(name);
  if (!value) {
    return std::nullopt;
  }
  if (!std::holds_alternative<std::string>(*value)) {
    refuse(name, value_text(*value), "a string");
  }
  std::string found = std::get<std::string>(*value);
  found.resize(found.find_last_not_of(' ') + 1);  // of a fixed length, filled up by hand
  return found;
}

std::optional<std::int64_t> Attributes::integer(const std::string& name) const {
  const auto value = number(name);
  if (!value) {
    return std::nullopt;
  }
  if (const auto exact = find(name); std::holds_alternative<std::int64_t>(*exact)) {
    return std::get<std::int64_t>(*exact);
  }
  if (std::trunc(*value) != *value || std::abs(*value) > 0x1p53) {
    refuse(name, value_text(*value), "an integer");
  }
  return static_cast<std::int64_t>(*value);
}

std::optional<double> Attributes::number(const std::string& name) const {
  const auto value = find(name, "one number");
  if (!value) {
    return std::nullopt;
  }
  if (std::holds_alternative<std::int64_t>(*value)) {
    return static_cast<double>(std::get<std::int64_t>(*value));
  }
  if (std::holds_alternative<std::uint64_t>(*value)) {
    return static_cast<double>(std::get<std::uint64_t>(*value));
  }
  if (!std::holds_alternative<double>(*value) || !std::isfinite(std::get<double>(*value))) {
    refuse(name, value_text(*value), "a finite number");
  }
  return std::get<double>(*value);
}

std::string value_text(const AttributeValue& value) {
  struct Text {
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t i) const { return fmt::format("{}", i); }
    std::string operator()(std::uint64_t i) const { return fmt::format("{}", i); }
    std::string operator()(double d) const { return fmt::format("{}", d); }
    std::string operator()(const std::string& s) const {
      return fmt::format("\"{}\"", printable(s.substr(0, 200)));
    }
  };
  return std::visit(Text(), value);
}

}  // namespace collapscope::hdf5
