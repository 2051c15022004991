#include "analysis/remarks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

constexpr std::size_t least_numbers = 32;  // fewer may look like anything
constexpr std::uint64_t most_rows = 256;
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 20;

// Of the numbers: zero, of the sizes that activations have, with the sign bit.
struct Shares {
  double zero = 0;
  double plausible = 0;  // zero included
  double negative = 0;
};

// least, most: the exponent fields of plausible numbers. fraction_bits: below the exponent.
Shares shares_of(std::span<const double> integers, unsigned fraction_bits, unsigned least, unsigned most) {
  Shares shares;
  for (const double integer : integers) {
    const auto bits = static_cast<unsigned>(static_cast<int>(integer)) & 0xffffU;
    const unsigned exponent = (bits & 0x7fffU) >> fraction_bits;
    const bool zero = (bits & 0x7fffU) == 0;
    shares.zero += zero ? 1 : 0;
    shares.plausible += zero || (exponent >= least && exponent <= most) ? 1 : 0;
    shares.negative += bits >= 0x8000U ? 1 : 0;
  }
  const auto count = static_cast<double>(integers.size());
  return {shares.zero / count, shares.plausible / count, shares.negative / count};
}

bool is_half(ElementKind kind) { return kind == ElementKind::float16 || kind == ElementKind::bfloat16; }
bool is_integer_of_16_bits(ElementKind kind) {
  return kind == ElementKind::int16 || kind == ElementKind::uint16;
}

std::vector<double> first_numbers(const DatasetIndex& dataset, ElementType element) {
  const std::uint64_t sample_bytes = dataset.bytes() / std::max<std::uint64_t>(dataset.samples(), 1);
  const std::uint64_t rows = std::clamp<std::uint64_t>(most_bytes / sample_bytes, 1, most_rows);
  std::vector<std::byte> bytes(std::min(rows, dataset.samples()) * sample_bytes);
  open_rows(dataset, 0)->read(0, bytes.size() / sample_bytes, bytes);
  std::vector<double> numbers(bytes.size() / element.size());
  decode_elements(bytes, element, numbers);
  return numbers;
}

}  // namespace

std::string subnormal_remark(const DatasetIndex& rows, double rms) {
  constexpr double smallest_normal = 0x1p-14;
  const bool is_pooled = rows.shape.size() > 2;  // means of larger numbers
  if (rows.element.kind != ElementKind::float16 || is_pooled || !(rms > 0 && rms < smallest_normal)) {
    return "";
  }
  return "found numbers that are mostly below 6.1e-05, which float16 rounds to multiples of 6e-08: metrics "
         "of rows that are "
         "smaller than others, such as nrc1, may be wrong by more than their floors; expected float32 or "
         "bfloat16";
}

std::optional<ElementKind> floats_in(std::span<const double> integers) {
  constexpr double nearly_all = 0.99;
  constexpr double enough = 0.05;
  if (integers.size() < least_numbers) {
    return std::nullopt;
  }
  // From 2^-30 to 2^20. As integers these are 12,416 to 18,944, and nothing else.
  const Shares brain = shares_of(integers, 7, 97, 147);
  if (brain.plausible >= nearly_all && brain.zero < 1) {
    return ElementKind::bfloat16;
  }
  // From 2^-14 to 2^11: most integers of 16 bits are in there, but not those near 0 of both signs.
  const Shares half = shares_of(integers, 10, 1, 25);
  const bool both_signs = half.negative >= enough && half.negative <= 1 - enough;
  return half.plausible >= nearly_all && half.zero < 1 && (both_signs || half.zero >= enough)
             ? std::optional(ElementKind::float16)
             : std::nullopt;
}

std::string tail_remark(const DatasetIndex& dataset) {
  try {
    const ZeroTail tail = zero_tail(dataset);
    if (tail.samples > 0) {
      return fmt::format(
          "the last {} of {} rows are all zero{}; if its writer was stopped, they were never written",
          tail.samples, dataset.samples(), tail.is_hole ? ", and the file has no bytes there" : "");
    }
  } catch (const InputError&) {
    // Whoever reads the rows will say so.
  }
  return "";
}

std::string loss_remark(const DatasetIndex& dataset) {
  return dataset.loss.unknown.empty()
             ? ""
             : fmt::format("stored with {}, which rounds; the floors do not hold how much",
                           dataset.loss.unknown);
}

std::string unwritten_remark(const DatasetIndex& dataset, std::span<const std::int64_t> labels,
                             std::span<const std::uint64_t> counts) {
  for (const std::uint64_t fill : dataset.fills) {
    std::vector<std::byte> bytes(dataset.element.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::byte>(fill >> (8 * i));
    }
    double value = 0;
    decode_elements(bytes, dataset.element, {&value, 1});
    const auto same =
        std::ranges::find_if(labels, [&](std::int64_t label) { return static_cast<double>(label) == value; });
    if (same != labels.end()) {
      return fmt::format(
          "{1} labels are {0}, the fill value of the dataset, which HDF5 gives where nothing was written; "
          "they "
          "are measured as a class; if they stand for none, --ignore-label {0} leaves them out",
          *same, counts[static_cast<std::size_t>(same - labels.begin())]);
    }
  }
  return "";
}

std::string padding_remark(std::span<const std::int64_t> labels, std::span<const std::uint64_t> counts) {
  constexpr std::int64_t of_images = 255;
  if (labels.size() < 3) {
    return "";
  }
  const bool one_negative = labels[0] < 0 && labels[1] >= 0 && (labels[0] != -1 || labels.size() > 3);
  const bool of_255 = labels.front() == 0 && labels.back() == of_images && labels[labels.size() - 2] < 254;
  if (!one_negative && !of_255) {
    return "";
  }
  const std::size_t place = one_negative ? 0 : labels.size() - 1;
  return fmt::format(
      "label {0} occurs in {1} of {2} labels and is measured as a class; if it stands for none, "
      "--ignore-label {0} "
      "leaves it out",
      labels[place], counts[place], std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
}

std::string bits_remark(const DatasetIndex& dataset) {
  const ElementKind kind = dataset.element.kind;
  const bool unsaid = is_integer_of_16_bits(kind) && !dataset.type_is_said;
  const bool said_by_user = is_half(kind) && dataset.read_as == kind;
  if (!unsaid && !said_by_user) {
    return "";
  }
  try {
    const auto found = floats_in(first_numbers(dataset, {ElementKind::uint16, dataset.element.big_endian}));
    if (unsaid && found) {
      return fmt::format(
          "{0} numbers that look like the bits of {1}, measured as integers; --dtype {1} reads them as {1}, "
          "an attribute dtype = \"{0}\" says that they are integers",
          ElementType{kind}.name(), ElementType{*found}.name());
    }
    if (said_by_user && !found) {
      return fmt::format("read as {0}, but its first numbers do not look like the bits of {0}",
                         ElementType{kind}.name());
    }
  } catch (const InputError&) {
    // Whoever reads the rows will say so.
  }
  return "";
}

}  // namespace collapscope
