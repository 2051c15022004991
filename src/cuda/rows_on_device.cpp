#include "cuda/rows_on_device.hpp"

#include <bit>
#include <limits>

#include "collapscope/backend/backend.hpp"

namespace collapscope::cuda {

namespace {

constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();

}  // namespace

RowSource::RowSource(const Device& device, const RowFormat& format, std::size_t part_rows, double* first_bad)
    : format_(format),
      pooled_(device, format.rows_are_stored() ? 0 : part_rows * format.row_length()),
      first_bad_(reinterpret_cast<std::uint64_t*>(first_bad)) {
  static_assert(sizeof(double) == sizeof(std::uint64_t));
}

void RowSource::set(const Device& device, const DeviceRows& rows) {
  const std::size_t per_sample = format_.rows_per_sample();
  check_ = {first_bad_, rows.first_row / per_sample, rows.first_row % per_sample, per_sample};
  if (format_.rows_are_stored()) {
    current_ = {rows.bytes, format_.element, rows.rows, format_.row_length()};
    return;
  }
  const std::size_t d = format_.row_length();
  Call("pooling rows")
      .check(kernels::pool_rows(rows.bytes, format_, rows.skip_rows, {pooled_.data(), rows.rows, d, d},
                                check_, device.compute()));
  const std::byte* bytes = reinterpret_cast<const std::byte*>(pooled_.data());
  current_ = {bytes, ElementType{ElementKind::float64, false}, rows.rows, d};
}

void RowSource::mean(const Device& device, const double* shift, double* workspace, double* mean) const {
  Call("the mean of rows").check(kernels::stored_means(current_, shift, workspace, mean, device.compute()));
}

void RowSource::convert(const Device& device, const double* shift, const double* mean,
                        const kernels::DeviceMatrix& x, const kernels::RowStats& stats) const {
  Call("converting rows")
      .check(kernels::convert_rows(current_, shift, mean, x, stats, check_, device.compute()));
}

void RowSource::own_scale(const Device& device, const kernels::DeviceMatrix& x, double* norm,
                          const double* centred_norm, double* unscale) const {
  Call("rows with their own scale")
      .check(kernels::own_scale_rows(current_, x, norm, centred_norm, unscale, device.compute()));
}

void RowSource::look(const Device& device, const kernels::LookArguments& look) const {
  Call("looking at rows").check(kernels::look_rows(current_, look, check_, device.compute()));
}

void RowSource::choose(const Device& device, const kernels::BestSearch& search) const {
  Call("the classifier's choice").check(kernels::highest_vectors(search, current_, device.compute()));
}

void RowSource::normalize(const Device& device, const double* norm, const kernels::DeviceMatrix& unit) const {
  Call("normalizing rows").check(kernels::unit_rows(current_, norm, unit, device.compute()));
}

void RowSource::clear_check(const Device& device) {
  Call("cudaMemsetAsync").check(cudaMemsetAsync(first_bad_, 0xff, sizeof *first_bad_, device.compute()));
}

void RowSource::throw_if_not_finite(double first_bad) {
  const auto sample = std::bit_cast<std::uint64_t>(first_bad);
  if (sample != none) {
    throw NonFiniteSample{sample};
  }
}

}  // namespace collapscope::cuda
