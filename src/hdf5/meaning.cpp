#include "hdf5/meaning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "hdf5/filters.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr H5Z_filter_t bitgroom = 32022;
constexpr H5Z_filter_t granular_bitround = 32023;
// zfp, sz, jpeg, sz3
constexpr std::array<H5Z_filter_t, 4> lossy_filters{32013, 32017, 32019, 32024};

// A single number, NaN and Inf included.
std::optional<double> any_number(const Attributes& attributes, const char* name) {
  const auto value = attributes.find(name, "one number");
  if (!value) {
    return std::nullopt;
  }
  const auto* real = std::get_if<double>(&*value);
  return real != nullptr ? std::optional(*real) : attributes.number(name);
}

// The number whose bits an integer of 16 bits holds.
double number_of_bits(double integer, ElementKind kind) {
  const auto bits = static_cast<unsigned>(static_cast<int>(integer)) & 0xffffU;
  const std::array<std::byte, 2> bytes{static_cast<std::byte>(bits & 0xffU),
                                       static_cast<std::byte>(bits >> 8U)};
  double number = 0;
  decode_elements(bytes, {kind, false}, {&number, 1});
  return number;
}

double roundoff_of_digits(double digits) { return 0.5 * std::pow(10.0, 1 - digits); }

StorageLoss loss_of_filter(hid_t creation, unsigned position, const Place& place) {
  std::array<unsigned, 32> values{};
  std::size_t count = values.size();
  unsigned flags = 0;
  const H5Z_filter_t id =
      check(H5Pget_filter2(creation, position, &flags, &count, values.data(), 0, nullptr, nullptr), place,
            "read the filters");
  StorageLoss loss;
  if (id == H5Z_FILTER_SCALEOFFSET && count > 1) {
    const auto scale = static_cast<int>(values[1]);
    if (values[0] == H5Z_SO_FLOAT_DSCALE) {
      loss.step = std::pow(10.0, -scale);
    } else if (values[0] != H5Z_SO_INT || scale != H5Z_SO_INT_MINBITS_DEFAULT) {
      loss.unknown = "scaleoffset";
    }
  } else if ((id == bitgroom || id == granular_bitround) && count > 0) {
    loss.relative = roundoff_of_digits(values[0]);
  } else if (std::ranges::find(lossy_filters, id) != lossy_filters.end()) {
    loss.unknown = filter_name(id, "");
  }
  return loss;
}

}  // namespace

std::vector<MissingValue> missing_values(const Attributes& attributes, ElementType stored,
                                         ElementType element) {
  std::vector<MissingValue> missing;
  for (const char* name : {"_FillValue", "missing_value"}) {
    const auto number = any_number(attributes, name);
    if (number && std::isfinite(*number)) {  // others are refused wherever they are
      const bool bits = stored.is_integer() && !element.is_integer();
      missing.push_back({name, bits ? number_of_bits(*number, element.kind) : *number});
    }
  }
  return missing;
}

void refuse_packing(const Attributes& attributes, ElementType stored, const Place& place) {
  for (const auto& [name, neutral] : {std::pair{"scale_factor", 1.0}, {"add_offset", 0.0}}) {
    const auto number = any_number(attributes, name);
    if (number && *number != neutral) {
      throw InputError(
          place.file, place.object,
          fmt::format("attribute '{}': found {}, which packed numbers have; expected the numbers "
                      "themselves: store them unpacked, or delete the attribute if they are",
                      name, *number));
    }
  }
  const auto flag = attributes.find("_Unsigned");
  if (flag && *flag == AttributeValue(std::string("true")) && stored.is_integer() &&
      !stored.name().starts_with('u')) {
    throw InputError(
        place.file, place.object,
        fmt::format("attribute '_Unsigned': found \"true\" on {} numbers; expected unsigned ones",
                    stored.name()));
  }
}

void remark_on_validity(const Object& dataset, const Place& place, std::vector<Failure>& remarks) {
  for (const char* name : {"valid_range", "valid_min", "valid_max"}) {
    if (check(H5Aexists(dataset.id.get(), name), place, "look for what is valid") > 0) {
      remarks.push_back({place.file, place.object,
                         fmt::format("attribute '{}' is not heeded: numbers beyond it are measured", name)});
      return;
    }
  }
}

StorageLoss storage_loss(hid_t creation, const Attributes& attributes, const Place& place) {
  StorageLoss loss;
  const int filters = check(H5Pget_nfilters(creation), place, "read the filters");
  for (int i = 0; i < filters; ++i) {
    loss.add(loss_of_filter(creation, static_cast<unsigned>(i), place));
  }
  for (const char* name :
       {"_QuantizeBitGroomNumberOfSignificantDigits", "_QuantizeGranularBitRoundNumberOfSignificantDigits"}) {
    if (const auto digits = attributes.number(name)) {
      loss.add({0, roundoff_of_digits(*digits), ""});
    }
  }
  if (const auto bits = attributes.number("_QuantizeBitRoundNumberOfSignificantBits")) {
    loss.add({0, std::pow(2.0, -*bits - 1), ""});
  }
  return loss;
}

}  // namespace collapscope::hdf5
