// What attributes and filters say of stored numbers: which stand for none, and what storing has cost.
#pragma once

#include <array>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

// Attributes that change what the stored numbers mean.
inline constexpr std::array attributes_of_numbers{"dtype",
                                                  "torch_dtype",
                                                  "_FillValue",
                                                  "missing_value",
                                                  "scale_factor",
                                                  "add_offset",
                                                  "_Unsigned",
                                                  "_QuantizeBitGroomNumberOfSignificantDigits",
                                                  "_QuantizeGranularBitRoundNumberOfSignificantDigits",
                                                  "_QuantizeBitRoundNumberOfSignificantBits"};

// netCDF's _FillValue and missing_value, for numbers read as `element` and stored as `stored`.
[[nodiscard]] std::vector<MissingValue> missing_values(const Attributes& attributes, ElementType stored,
                                                       ElementType element);

// Throws InputError for numbers that attributes turn into others: scale_factor, add_offset, _Unsigned.
void refuse_packing(const Attributes& attributes, ElementType stored, const Place& place);

// Adds a remark where netCDF's valid_range and its like say which numbers count: nothing heeds them.
void remark_on_validity(const Object& dataset, const Place& place, std::vector<Failure>& remarks);

// Rounding by lossy filters, and by netCDF's quantization before them.
[[nodiscard]] StorageLoss storage_loss(hid_t creation, const Attributes& attributes, const Place& place);

}  // namespace collapscope::hdf5
