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
#include "own_scale.hpp"

namespace collapscope::cpu {

namespace {

constexpr std::size_t rows_of_class_block = 64;

double square_of_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    sum += (a[j] - b[j]) * (a[j] - b[j]);
  }
  return sum;
}

// x is nearest to the mean with the largest x^T m - |m|^2 / 2.
BestRows by_distance(const Matrix& means) {
  std::vector<double> offsets;
  double largest = 0;
  for (std::size_t c = 0; c < means.rows(); ++c) {
    const auto mean = means.view().row(c);
    offsets.push_back(-std::inner_product(mean.begin(), mean.end(), mean.begin(), 0.0) / 2);
    largest = std::max(largest, -offsets.back());
  }
  const double rounding = static_cast<double>(means.cols() + 4) * std::numeric_limits<double>::epsilon();
  return {means, std::move(offsets), rounding * largest};
}

// The classifier's scores W h + b of h = mean + x.
BestRows by_score(const Matrix& weight, const std::vector<double>& bias, const Vector& mean) {
  Vector offsets = product(weight, mean);
  double largest = 0;
  double longest = 0;
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    offsets[i] += bias[i];
    largest = std::max(largest, std::abs(bias[i]));
    longest = std::max(longest, norm(weight.view().row(i)));
  }
  const double rounding = static_cast<double>(weight.cols() + 4) * std::numeric_limits<double>::epsilon();
  return {weight, std::move(offsets), rounding * (longest * norm(mean) + largest)};
}

}  // namespace

CpuClassLook::CpuClassLook(const RowFormat& format, const std::vector<double>& feature_mean,
                           std::shared_ptr<const ClassLook> look, std::size_t tile_rows,
                           const VectorKernels& kernels, std::size_t threads)
    : format_(format),
      look_(std::move(look)),
      kernels_(kernels),
      mean_(padded(feature_mean.size()), 0.0),
      zeros_(mean_.size(), 0.0),
      squares_(tile_rows),
      nearest_own_(tile_rows),
      benches_(threads),
      blocks_((tile_rows + rows_of_class_block - 1) / rows_of_class_block) {
  std::copy(feature_mean.begin(), feature_mean.end(), mean_.begin());
  if (look_->nearest) {
    means_.emplace(by_distance(*look_->means));
  }
  if (look_->weight != nullptr) {
    weight_.emplace(by_score(*look_->weight, look_->bias, feature_mean));
  }
}

CpuClassLook::Bench& CpuClassLook::bench_of(std::size_t worker) {
  if (!benches_[worker]) {
    const std::size_t d = format_.row_length();
    const std::size_t maps =
        std::max({look_->whitening.rows(), look_->whitening_by_rows.rows(), look_->unit_whitening.rows()});
    constexpr std::size_t rows = rows_of_class_block;
    benches_[worker] = std::make_unique<Bench>(Bench{RowPass(format_, kernels_, rows, d),
                                                     Room(rows, d),
                                                     Matrix(rows, maps),
                                                     std::vector<double>(rows),
                                                     std::vector<double>(d),
                                                     rows,
                                                     std::vector<std::size_t>(rows),
                                                     std::vector<std::size_t>(rows),
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
  if (!means_) {
    return;
  }
  to.nearest_own.resize(classes, 0.0);
  for (std::size_t i = 0; i < tile.rows; ++i) {
    to.nearest_own[static_cast<std::size_t>(numbers(i, 0))] += nearest_own_[i];
  }
}

void CpuClassLook::add_block(const RawTile& tile, MatrixView<const double> numbers, std::size_t first,
                             std::size_t rows, Bench& bench, ClassResiduals& to) {
  (void)bench.pass.read(tile, first, rows, mean_);
  const std::size_t d = format_.row_length();
  bench.plain_row = rows_of_class_block;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<const double> x{bench.pass.room().row(i), d};
    const auto mean = look_->means->view().row(static_cast<std::size_t>(numbers(i, 0)));
    const std::span<double> rest{bench.rest.row(i), d};
    std::transform(x.begin(), x.end(), mean.begin(), rest.begin(), [](double a, double b) { return a - b; });
    squares_[first + i] = std::inner_product(rest.begin(), rest.end(), rest.begin(), 0.0);
    bench.lengths[i] = norm(x);
  }
  to.whitened = whitened(look_->whitening, bench, rows);
  to.whitened_by_rows = whitened(look_->whitening_by_rows, bench, rows);
  if (means_) {
    find_nearest(numbers, first, rows, bench, to);
  }
  if (look_->unit_means != nullptr) {
    add_unit(tile, numbers, first, rows, bench, to);
  }
}

void CpuClassLook::find_nearest(MatrixView<const double> numbers, std::size_t first, std::size_t rows,
                                Bench& bench, ClassResiduals& to) {
  const std::size_t d = format_.row_length();
  const Room& x = bench.pass.room();
  const auto distance = [&](std::size_t i, std::size_t c) {
    return square_of_distance({x.row(i), d}, look_->means->view().row(c));
  };
  means_->find(
      x, rows, bench.lengths,
      [&](std::size_t i, std::size_t a, std::size_t b) { return distance(i, a) < distance(i, b); },
      bench.best, bench.nearest);
  for (std::size_t i = 0; i < rows; ++i) {
    nearest_own_[first + i] = bench.nearest[i] == static_cast<std::size_t>(numbers(i, 0)) ? 1.0 : 0.0;
  }
  if (!weight_) {
    return;
  }
  const auto score = [&](std::size_t i, std::size_t row) {
    if (bench.plain_row != i) {
      bench.pass.plain_row(i, bench.plain);
      bench.plain_row = i;
    }
    const auto weight = look_->weight->view().row(row);
    return std::inner_product(weight.begin(), weight.end(), bench.plain.begin(), 0.0) + look_->bias[row];
  };
  weight_->find(
      x, rows, bench.lengths,
      [&](std::size_t i, std::size_t a, std::size_t b) { return score(i, a) > score(i, b); },
      bench.best_of_weight, bench.chosen);
  for (std::size_t i = 0; i < rows; ++i) {
    const double named = look_->weight_rows[bench.nearest[i]];
    to.nearest_unlike += named == static_cast<double>(bench.chosen[i]) ? 0 : 1;
  }
}

// A row of norm 0 stays 0; a tiny one is scaled first, because its norm has few digits.
void CpuClassLook::add_unit(const RawTile& tile, MatrixView<const double> numbers, std::size_t first,
                            std::size_t rows, Bench& bench, ClassResiduals& to) const {
  const std::size_t d = format_.row_length();
  (void)bench.pass.read(tile, first, rows, zeros_);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<double> h{bench.pass.room().row(i), d};
    double length = bench.pass.norms()[i];
    if (length > 0 && length < kernels::least_norm) {
      (void)take_own_scale(h, length);
      length = norm(h);
    }
    const auto mean = look_->unit_means->view().row(static_cast<std::size_t>(numbers(i, 0)));
    for (std::size_t j = 0; j < d; ++j) {
      bench.rest.row(i)[j] = (length > 0 ? h[j] / length : 0) - mean[j];
    }
  }
  to.whitened_unit = whitened(look_->unit_whitening, bench, rows);
}

// Sum over the rows in bench.rest of |A r|^2.
double CpuClassLook::whitened(const Matrix& whitening, Bench& bench, std::size_t rows) const {
  if (whitening.empty()) {
    return 0;
  }
  const std::size_t d = format_.row_length();
  const MatrixView<double> along{bench.coordinates.data(), rows, whitening.rows(), bench.coordinates.cols()};
  linalg::gemm(1.0, {bench.rest.data(), rows, d, bench.rest.stride()}, linalg::Transpose::no,
               whitening.view(), linalg::Transpose::yes, 0.0, along);
  double sum = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = along.row(i);
    sum += std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
  }
  return sum;
}

}  // namespace collapscope::cpu
