#include "cpu/class_look.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/vector_math.hpp"
#include "cpu/small_rows.hpp"
#include "linalg/blas.hpp"

namespace collapscope::cpu {

namespace {

constexpr std::size_t rows_of_class_block = BestRows::room_rows;
// Rows that are read and subtracted from while they are in the first cache.
constexpr std::size_t rows_in_cache = 8;
// Rows that are sought for at once: enough that floats of all class means are made seldom.
constexpr std::size_t most_sought = 256;

}  // namespace

CpuClassLook::CpuClassLook(const RowFormat& format, const std::vector<double>& feature_mean,
                           std::shared_ptr<const ClassLook> look, std::size_t tile_rows,
                           const VectorKernels& kernels, std::size_t threads)
    : format_(format),
      look_(std::move(look)),
      kernels_(kernels),
      mean_(padded(feature_mean.size()), 0.0),
      zeros_(mean_.size(), 0.0),
      whitening_(look_->whitening, kernels),
      whitening_by_rows_(look_->whitening_by_rows, kernels),
      unit_whitening_(look_->unit_whitening, kernels),
      squares_(tile_rows),
      nearest_(tile_rows),
      chosen_(tile_rows),
      benches_(threads),
      blocks_((tile_rows + rows_of_class_block - 1) / rows_of_class_block) {
  std::copy(feature_mean.begin(), feature_mean.end(), mean_.begin());
  if (look_->nearest) {
    means_.emplace(*look_->means, scores_of_distance(*look_->means));
  }
  if (look_->weight != nullptr) {
    weight_.emplace(*look_->weight, scores_of_classifier(*look_->weight, look_->bias, feature_mean));
  }
}

CpuClassLook::Bench& CpuClassLook::bench_of(std::size_t worker) {
  if (!benches_[worker]) {
    const std::size_t d = format_.row_length();
    constexpr std::size_t rows = rows_of_class_block;
    const std::size_t products = std::max(
        {whitening_.room_for(rows), whitening_by_rows_.room_for(rows), unit_whitening_.room_for(rows)});
    benches_[worker] = std::make_unique<Bench>(Bench{RowPass(format_, kernels_, rows, d),
                                                     Room(rows, d),
                                                     Room(look_->unit_means == nullptr ? 0 : rows, d),
                                                     AlignedDoubles(products),
                                                     {},
                                                     {},
                                                     {},
                                                     std::vector<double>(rows),
                                                     std::vector<double>(rows),
                                                     std::vector<const double*>(rows),
                                                     std::vector<double>(d),
                                                     {},
                                                     {},
                                                     {}});
  }
  return *benches_[worker];
}

void CpuClassLook::add(const RawTile& tile, MatrixView<const double> numbers, const Team& team,
                       ClassResiduals& to) {
  const std::size_t classes = look_->means->rows();
  for (std::size_t i = 0; i < tile.rows; ++i) {
    if (!(numbers(i, 0) >= 0 && numbers(i, 0) < static_cast<double>(classes))) {
      throw UsageError("ResidualFold::add: a row's target is the number of no class");
    }
  }
  const linalg::SingleThread each_worker_alone;
  const std::size_t blocks = (tile.rows + rows_of_class_block - 1) / rows_of_class_block;
  team.run(blocks, [&](std::size_t number, std::size_t worker) {
    const std::size_t first = number * rows_of_class_block;
    const std::size_t rows = std::min(rows_of_class_block, tile.rows - first);
    blocks_[number] = {};
    add_block(tile, numbers.middle_rows(first, rows), first, rows, bench_of(worker), blocks_[number]);
  });
  for (std::size_t number = 0; number < blocks; ++number) {
    to += blocks_[number];
  }
  to.squares.resize(classes, 0.0);
  for (std::size_t i = 0; i < tile.rows; ++i) {
    to.squares[static_cast<std::size_t>(numbers(i, 0))] += squares_[i];
  }
  if (means_) {
    settle(numbers);
    // What is found does not depend on how many are sought for at once.
    const std::size_t share = (unsettled_.size() + team.threads() - 1) / team.threads();
    const std::size_t length = std::clamp(share, rows_of_class_block, most_sought);
    team.run((unsettled_.size() + length - 1) / length, [&](std::size_t number, std::size_t worker) {
      const std::size_t first = number * length;
      const std::size_t rows = std::min(length, unsettled_.size() - first);
      find_nearest(tile, std::span(unsettled_).subspan(first, rows), bench_of(worker));
    });
    count_nearest(numbers, to);
  }
}

// What the distances to the means of their classes tell of rows.
void CpuClassLook::settle(MatrixView<const double> numbers) {
  unsettled_.clear();
  for (std::size_t i = 0; i < numbers.rows(); ++i) {
    const auto c = static_cast<std::size_t>(numbers(i, 0));
    if (!look_->settled_within.empty() && std::sqrt(squares_[i]) < look_->settled_within[c]) {
      nearest_[i] = c;
      chosen_[i] = weight_ ? static_cast<std::size_t>(look_->weight_rows[c]) : 0;
    } else {
      unsettled_.push_back(i);
    }
  }
}

void CpuClassLook::add_block(const RawTile& tile, MatrixView<const double> numbers, std::size_t first,
                             std::size_t rows, Bench& bench, ClassResiduals& to) {
  for (std::size_t done = 0; done < rows; done += rows_in_cache) {
    const std::size_t some = std::min(rows_in_cache, rows - done);
    (void)bench.pass.read(tile, first + done, some, zeros_);
    subtract(numbers.middle_rows(done, some), done, bench, squares_.data() + first + done);
    if (look_->unit_means != nullptr) {
      subtract_unit(numbers.middle_rows(done, some), done, bench);
    }
  }
  to.whitened = whitening_.sum(bench.rest, rows, bench.products);
  to.whitened_by_rows = whitening_by_rows_.sum(bench.rest, rows, bench.products);
  if (look_->unit_means != nullptr) {
    to.whitened_unit = unit_whitening_.sum(bench.unit_rest, rows, bench.products);
  }
}

void CpuClassLook::subtract(MatrixView<const double> numbers, std::size_t first, Bench& bench,
                            double* squares) const {
  const Room& h = bench.pass.room();
  for (std::size_t i = 0; i < numbers.rows(); ++i) {
    bench.less[i] = look_->means->view().row(static_cast<std::size_t>(numbers(i, 0))).data();
  }
  const bool is_whitened = !look_->whitening.empty() || !look_->whitening_by_rows.empty();
  kernels_.rest({h.data(), h.stride(), numbers.rows(), format_.row_length(), nullptr, mean_.data(),
                 bench.less.data(), is_whitened ? bench.rest.row(first) : nullptr, bench.rest.stride(),
                 squares});
}

// Rows less the mean, scaled, and their norms.
ScaledVectors CpuClassLook::read_sought(const RawTile& tile, std::span<const std::size_t> rows,
                                        Bench& bench) const {
  const std::size_t d = format_.row_length();
  if (bench.floats.empty()) {
    bench.floats.emplace_back(most_sought, d);
    bench.scales.resize(most_sought);
    bench.lengths.resize(most_sought);
    bench.found.resize(most_sought);
  }
  for (std::size_t i = 0; i < rows.size();) {
    // Neighbours at once.
    std::size_t count = 1;
    while (i + count < rows.size() && count < rows_of_class_block && rows[i + count] == rows[i] + count) {
      ++count;
    }
    (void)bench.pass.read(tile, rows[i], count, mean_);
    for (std::size_t j = 0; j < count; ++j, ++i) {
      const std::span<const double> x{bench.pass.room().row(j), d};
      const double square = bench.pass.squares()[j];
      bench.lengths[i] = square > 1e-280 && std::isfinite(square) ? std::sqrt(square) : norm(x);
      bench.scales[i] = scale_of_norm(bench.lengths[i]);
      bench.floats[0].fill_row(i, x, bench.scales[i]);
    }
  }
  return {bench.floats[0].rows(rows.size()), std::span(bench.scales).first(rows.size()),
          std::span(bench.lengths).first(rows.size())};
}

void CpuClassLook::find_nearest(const RawTile& tile, std::span<const std::size_t> rows, Bench& bench) {
  const std::size_t d = format_.row_length();
  const ScaledVectors xs = read_sought(tile, rows, bench);
  constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
  std::size_t in_room = none;  // row 0 of the room is this one
  const auto centred = [&](std::size_t i) {
    if (in_room != i) {
      (void)bench.pass.read(tile, rows[i], 1, mean_);
      in_room = i;
    }
    return std::span<const double>{bench.pass.room().row(0), d};
  };
  const auto read = [&](std::size_t i, std::span<double> to) { std::ranges::copy(centred(i), to.begin()); };
  const auto distance = [&](std::size_t i, std::size_t c) {
    return square_of_distance(centred(i), look_->means->view().row(c));
  };
  means_->find(xs, {distance, read}, bench.rest, bench.best, bench.found);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    nearest_[rows[i]] = bench.found[i];
  }
  if (!weight_) {
    return;
  }
  std::size_t in_plain = none;
  const auto negative_score = [&](std::size_t i, std::size_t row) {
    if (in_plain != i) {
      (void)bench.pass.read(tile, rows[i], 1, zeros_);
      bench.pass.plain_row(0, bench.plain);
      in_plain = i;
      in_room = none;
    }
    return -(row_product(*look_->weight, row, bench.plain) + look_->bias[row]);
  };
  weight_->find(xs, {negative_score, read}, bench.rest, bench.best_of_weight, bench.found);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    chosen_[rows[i]] = bench.found[i];
  }
}

void CpuClassLook::count_nearest(MatrixView<const double> numbers, ClassResiduals& to) const {
  to.nearest_own.resize(look_->means->rows(), 0.0);
  for (std::size_t i = 0; i < numbers.rows(); ++i) {
    const auto own = static_cast<std::size_t>(numbers(i, 0));
    to.nearest_own[own] += nearest_[i] == own ? 1 : 0;
    if (weight_) {
      to.nearest_unlike += look_->weight_rows[nearest_[i]] == static_cast<double>(chosen_[i]) ? 0 : 1;
    }
  }
}

// The rows, as they were read, over their norms, as the first look has them. A row of norm 0 stays 0.
void CpuClassLook::subtract_unit(MatrixView<const double> numbers, std::size_t first, Bench& bench) const {
  const std::size_t d = format_.row_length();
  Room& h = bench.pass.room();
  for (std::size_t i = 0; i < numbers.rows(); ++i) {
    bench.factors[i] = 1 / unit_divisor({h.row(i), d}, bench.pass.norms()[i]);
    bench.less[i] = look_->unit_means->view().row(static_cast<std::size_t>(numbers(i, 0))).data();
  }
  kernels_.rest({h.data(), h.stride(), numbers.rows(), d, bench.factors.data(), zeros_.data(),
                 bench.less.data(), bench.unit_rest.row(first), bench.unit_rest.stride(),
                 bench.squares.data()});
}

}  // namespace collapscope::cpu
