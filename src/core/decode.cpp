#include "collapscope/core/decode.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "collapscope/core/error.hpp"
#include "element.hpp"

namespace collapscope {

namespace {

static_assert(std::endian::native == std::endian::little, "dumps are decoded on little-endian hosts");

// Calls `visit.template operator()<T, swap>()` for the stored type.
template <class Visit>
void with_type(ElementType type, Visit&& visit) {
  const auto both = [&]<class T>() {
    if (type.big_endian && sizeof(T) > 1) {
      visit.template operator()<T, true>();
    } else {
      visit.template operator()<T, false>();
    }
  };
  switch (type.kind) {
    case ElementKind::float16:
      return both.template operator()<kernels::Float16>();
    case ElementKind::bfloat16:
      return both.template operator()<kernels::BFloat16>();
    case ElementKind::float32:
      return both.template operator()<float>();
    case ElementKind::float64:
      return both.template operator()<double>();
    case ElementKind::int8:
      return both.template operator()<std::int8_t>();
    case ElementKind::int16:
      return both.template operator()<std::int16_t>();
    case ElementKind::int32:
      return both.template operator()<std::int32_t>();
    case ElementKind::int64:
      return both.template operator()<std::int64_t>();
    case ElementKind::uint8:
      return both.template operator()<std::uint8_t>();
    case ElementKind::uint16:
      return both.template operator()<std::uint16_t>();
    case ElementKind::uint32:
      return both.template operator()<std::uint32_t>();
    case ElementKind::uint64:
      return both.template operator()<std::uint64_t>();
  }
}

// Decodes `out.size()` numbers `step` elements apart. Returns whether all are finite.
template <class T, bool swap>
bool decode_strided(const std::byte* bytes, std::size_t step, std::span<double> out) {
  constexpr double largest = std::numeric_limits<double>::max();
  std::size_t not_finite = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double value = kernels::load<T, swap>(bytes, i * step);
    out[i] = value;
    not_finite += std::abs(value) <= largest ? 0 : 1;
  }
  return not_finite == 0;
}

// Where position p, channel c of a sample lies: p * position + c * channel elements.
struct SampleSteps {
  std::size_t position;
  std::size_t channel;
};

SampleSteps sample_steps(const RowFormat& format) {
  if (format.layout == Layout::nchw) {
    return {1, format.positions};
  }
  return {format.channels, 1};
}

// One pooled row from the decoded numbers of a whole sample.
void pool_sample(std::span<const double> sample, const RowFormat& format, std::span<double> row) {
  const SampleSteps steps = sample_steps(format);
  const double count = static_cast<double>(format.positions);
  const auto at = [&](std::size_t p, std::size_t c) {
    return sample[p * steps.position + c * steps.channel];
  };
  const std::size_t start = format.pool == Pool::last ? format.positions - 1 : 0;
  for (std::size_t c = 0; c < format.channels; ++c) {
    row[c] = at(start, c);
  }
  if (format.pool == Pool::mean) {
    for (std::size_t p = 1; p < format.positions; ++p) {
      for (std::size_t c = 0; c < format.channels; ++c) {
        row[c] += at(p, c);
      }
    }
    for (double& value : row) {
      value /= count;
    }
  } else if (format.pool == Pool::max) {
    for (std::size_t p = 1; p < format.positions; ++p) {
      for (std::size_t c = 0; c < format.channels; ++c) {
        row[c] = std::max(row[c], at(p, c));
      }
    }
  }
}

template <class T, bool swap>
std::optional<std::uint64_t> decode_rows(const RawTile& tile, const RowFormat& format,
                                         MatrixView<double> out) {
  const std::size_t per_sample = format.rows_per_sample();
  const std::uint64_t first_sample = (tile.first_row - tile.skip_rows) / per_sample;
  const SampleSteps steps = sample_steps(format);
  std::vector<double> sample_values(format.rows_are_stored() ? 0 : format.sample_elements());
  for (std::size_t i = 0; i < tile.rows; ++i) {
    const std::size_t row = tile.skip_rows + i;
    const std::size_t sample = row / per_sample;
    const std::byte* begin = tile.bytes.data() + sample * format.sample_bytes();
    bool finite = true;
    if (format.rows_are_stored()) {
      const std::size_t offset = (row % per_sample) * out.cols();
      finite = decode_strided<T, swap>(begin + offset * sizeof(T), 1, out.row(i));
    } else if (format.pool == Pool::none) {
      const std::size_t offset = (row % per_sample) * steps.position;
      finite = decode_strided<T, swap>(begin + offset * sizeof(T), steps.channel, out.row(i));
    } else {
      finite = decode_strided<T, swap>(begin, 1, sample_values);
      pool_sample(sample_values, format, out.row(i));
    }
    if (!finite) {
      return first_sample + sample;
    }
  }
  return std::nullopt;
}

}  // namespace

void decode_elements(std::span<const std::byte> bytes, ElementType type, std::span<double> out) {
  if (bytes.size() != out.size() * type.size()) {
    throw UsageError("decode_elements: the number of bytes does not fit the number of elements");
  }
  with_type(type, [&]<class T, bool swap>() { decode_strided<T, swap>(bytes.data(), 1, out); });
}

std::optional<std::uint64_t> decode_tile(const RawTile& tile, const RowFormat& format,
                                         MatrixView<double> out) {
  const std::size_t per_sample = format.rows_per_sample();
  const std::size_t samples = (tile.skip_rows + tile.rows + per_sample - 1) / per_sample;
  if (out.rows() != tile.rows || out.cols() != format.row_length() ||
      tile.bytes.size() < samples * format.sample_bytes()) {
    throw UsageError("decode_tile: the shapes of tile and output do not fit");
  }
  std::optional<std::uint64_t> offending;
  with_type(format.element,
            [&]<class T, bool swap>() { offending = decode_rows<T, swap>(tile, format, out); });
  return offending;
}

}  // namespace collapscope
