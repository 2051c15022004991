#include "cpu/class_look.hpp"

#include <algorithm>
#include <array>
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

std::optional<WhitenedSum> sum_of(const WhitenedScatter& how, const VectorKernels& kernels) {
  return how.inverse.empty() ? std::nullopt : std::make_optional<WhitenedSum>(how, kernels);
}

// What is whitened where no products are summed.
const Matrix& whitened_without(const WhitenedScatter& how, const Matrix& whitening) {
  static const Matrix none;
  return how.inverse.empty() ? whitening : none;
}

}  // namespace

CpuClassLook::CpuClassLook(const RowFormat& format, const std::vector<double>& feature_mean,
                           std::shared_ptr<const ClassLook> look, std::size_t tile_rows,
                           const VectorKernels& kernels, const Team& team)
    : format_(format),
      look_(std::move(look)),
      kernels_(kernels),
      team_(team),
      mean_(padded(feature_mean.size()), 0.0),
      zeros_(mean_.size(), 0.0),
      scatter_(sum_of(look_->scatter, kernels)),
      unit_scatter_(sum_of(look_->unit_scatter, kernels)),
      whitening_(whitened_without(look_->scatter, look_->whitening), kernels),
      whitening_by_rows_(whitened_without(look_->scatter, look_->whitening_by_rows), kernels),
      unit_whitening_(whitened_without(look_->unit_scatter, look_->unit_whitening), kernels),
      block_rows_(scatter_ || unit_scatter_ ? block_rows : rows_of_class_block),
      squares_(tile_rows),
      nearest_(tile_rows),
      chosen_(tile_rows),
      benches_(team.threads()),
      blocks_((tile_rows + block_rows_ - 1) / block_rows_) {
  std::copy(feature_mean.begin(), feature_mean.end(), mean_.begin());
  if (look_->nearest) {
    means_.emplace(*look_->means, scores_of_distance(*look_->means));
  }
  if (look_->weight != nullptr) {
    weight_.emplace(*look_->weight, scores_of_classifier(*look_->weight, look_->bias, feature_mean));
  }
  if (!scatter_ && !unit_scatter_) {
    return;
  }
  const std::size_t d = feature_mean.size();
  if (kernels.panel > 0) {
    parts_ = gram_parts(padded(d), kernels.panel, team.threads());
    pipeline_.emplace(kernels, blocks_.size(), d, 0, team);
  } else {
    packed_tile_.emplace(GramPipeline::room_for(kernels, blocks_.size(), d, 0));
  }
}

CpuClassLook::Bench& CpuClassLook::bench_of(std::size_t worker) {
  if (!benches_[worker]) {
    const std::size_t d = format_.row_length();
    const std::size_t rows = block_rows_;
    const std::size_t products = std::max(
        {whitening_.room_for(rows), whitening_by_rows_.room_for(rows), unit_whitening_.room_for(rows)});
    benches_[worker] = std::make_unique<Bench>(Bench{RowPass(format_, kernels_, rows_of_class_block, d),
                                                     Room(rows, d),
                                                     Room(look_->unit_means == nullptr ? 0 : rows, d),
                                                     AlignedDoubles(products),
                                                     {},
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

void CpuClassLook::add(const RawTile& tile, MatrixView<const double> numbers, ClassResiduals& to) {
  const std::size_t classes = look_->means->rows();
  for (std::size_t i = 0; i < tile.rows; ++i) {
    if (!(numbers(i, 0) >= 0 && numbers(i, 0) < static_cast<double>(classes))) {
      throw UsageError("ResidualFold::add: a row's target is the number of no class");
    }
  }
  const linalg::SingleThread each_worker_alone;
  const std::size_t blocks = (tile.rows + block_rows_ - 1) / block_rows_;
  std::fill_n(blocks_.begin(), blocks, ClassResiduals{});
  if (scatter_ || unit_scatter_) {
    add_products(tile, numbers);
  } else {
    add_blocks(tile, numbers);
  }
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
    const std::size_t share = (unsettled_.size() + team_.threads() - 1) / team_.threads();
    const std::size_t length = std::clamp(share, rows_of_class_block, most_sought);
    team_.run((unsettled_.size() + length - 1) / length, [&](std::size_t number, std::size_t worker) {
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

std::size_t CpuClassLook::rows_of(const RawTile& tile, std::size_t number) const {
  return std::min(block_rows_, tile.rows - number * block_rows_);
}

void CpuClassLook::add_blocks(const RawTile& tile, MatrixView<const double> numbers) {
  team_.run((tile.rows + block_rows_ - 1) / block_rows_, [&](std::size_t number, std::size_t worker) {
    add_block(tile, numbers, number, {}, bench_of(worker));
  });
}

void CpuClassLook::add_products(const RawTile& tile, MatrixView<const double> numbers) {
  std::vector<GramPipeline::Work> works;
  if (scatter_) {
    works.push_back(product_work(tile, numbers, false, {true, !unit_scatter_}));
  }
  if (unit_scatter_) {
    works.push_back(product_work(tile, numbers, true, {!scatter_, true}));
  }
  if (pipeline_) {
    pipeline_->run(tile.rows, works);
    return;
  }
  for (std::size_t number = 0; number < works.size(); ++number) {
    team_.run((tile.rows + block_rows_ - 1) / block_rows_, [&](std::size_t block, std::size_t slot) {
      works[number].pack(block, slot, *packed_tile_, block);
    });
    WhitenedSum& sum = number == 0 && scatter_ ? *scatter_ : *unit_scatter_;
    sum.products().add(packed_tile_->doubles, tile.rows, team_);
  }
}

// Packs the differences, or those of the rows over their norms.
GramPipeline::Work CpuClassLook::product_work(const RawTile& tile, MatrixView<const double> numbers,
                                              bool unit, Differences wanted) {
  WhitenedSum& sum = unit ? *unit_scatter_ : *scatter_;
  return {[this, &tile, &sum, numbers, unit, wanted](std::size_t number, std::size_t slot, PackedBlocks& to,
                                                     std::size_t place) {
            static constexpr auto as_they_are = [] {
              std::array<double, block_rows> ones{};
              ones.fill(1.0);
              return ones;
            }();
            Bench& bench = bench_of(slot);
            add_block(tile, numbers, number, wanted, bench);
            Room& rest = unit ? bench.unit_rest : bench.rest;
            ClassResiduals& block = blocks_[number];
            (unit ? block.whitened_unit : block.whitened) =
                sum.take_apart(rest, rows_of(tile, number), bench.coordinates);
            to.doubles.pack(place, rest, rows_of(tile, number), as_they_are);
          },
          parts_.size(),
          [this, &sum](std::size_t part, const PackedBlocks& from, std::size_t rows) {
            sum.products().add_part(parts_[part], from.doubles, rows);
          }};
}

void CpuClassLook::add_block(const RawTile& tile, MatrixView<const double> numbers, std::size_t number,
                             Differences wanted, Bench& bench) {
  const std::size_t first = number * block_rows_;
  const std::size_t rows = rows_of(tile, number);
  const bool unit = wanted.unit && look_->unit_means != nullptr;
  for (std::size_t done = 0; done < rows; done += rows_in_cache) {
    const std::size_t some = std::min(rows_in_cache, rows - done);
    const MatrixView<const double> of_some = numbers.middle_rows(first + done, some);
    (void)bench.pass.read(tile, first + done, some, zeros_);
    if (wanted.plain) {
      subtract(of_some, done, bench, squares_.data() + first + done);
    }
    if (unit) {
      subtract_unit(of_some, done, bench);
    }
  }
  ClassResiduals& to = blocks_[number];
  if (wanted.plain) {
    to.whitened = whitening_.sum(bench.rest, rows, bench.products);
    to.whitened_by_rows = whitening_by_rows_.sum(bench.rest, rows, bench.products);
  }
  if (unit) {
    to.whitened_unit = unit_whitening_.sum(bench.unit_rest, rows, bench.products);
  }
}

void CpuClassLook::finish(ClassResiduals& to) {
  if (scatter_) {
    const WhitenedSum::Traces traces = scatter_->finish();
    to.whitened += traces.whitened;
    to.whitened_by_rows += traces.by_rows;
  }
  if (unit_scatter_) {
    to.whitened_unit += unit_scatter_->finish().whitened;
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
