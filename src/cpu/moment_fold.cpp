#include "cpu/moment_fold.hpp"

#include <algorithm>
#include <cmath>

#include "collapscope/decode.hpp"
#include "collapscope/error.hpp"
#include "core/unbiased.hpp"
#include "cpu/row_passes.hpp"
#include "linalg/blas.hpp"

namespace collapscope::cpu {

CpuMomentFold::CpuMomentFold(const FoldSpec& spec, std::size_t tile_rows)
    : spec_(spec),
      segment_rows_(segment_rows(spec.rows)),
      features_(tile_rows, spec.format.row_length()),
      unit_rows_(spec.normalized_scatter ? tile_rows : 0, spec.format.row_length()),
      right_(tile_rows, spec.targets + 2) {
  begin_segment();
}

void CpuMomentFold::add(const RawTile& tile, MatrixView<const double> targets) {
  if (tile.rows > features_.rows() || targets.rows() != tile.rows || targets.cols() != spec_.targets) {
    throw UsageError("MomentFold::add: the tile does not fit the fold");
  }
  const MatrixView<double> features = features_.view().middle_rows(0, tile.rows);
  if (const auto sample = decode_tile(tile, spec_.format, features)) {
    throw NonFiniteSample{*sample};
  }
  if (pilot_x_.empty()) {
    choose_pilot(features, targets);
  }
  add_norms(features);
  add_centred(features, targets);
  if (segment_.count >= segment_rows_) {
    close_segment();
  }
}

void CpuMomentFold::choose_pilot(MatrixView<const double> features, MatrixView<const double> targets) {
  pilot_x_ = column_means(features);
  pilot_y_ = column_means(targets);
}

void CpuMomentFold::add_norms(MatrixView<const double> features) {
  for (std::size_t i = 0; i < features.rows(); ++i) {
    const double length = norm(features.row(i));
    segment_.norm_sum += length;
    segment_.zero_rows += length == 0 ? 1 : 0;
    if (spec_.normalized_scatter) {
      const auto row = features.row(i);
      const double divisor = length == 0 ? 1.0 : length;
      std::transform(row.begin(), row.end(), unit_rows_.view().row(i).begin(),
                     [&](double value) { return value / divisor; });
    }
  }
  if (spec_.normalized_scatter) {
    linalg::add_gram_upper(unit_rows_.view().middle_rows(0, features.rows()),
                           segment_.normalized_scatter.view());
  }
}

// The tile's rows become x about the tile's mean. The fourth-order sums need a = |h - pilot|^2, which is
// common to all tiles, so that they add up without the d x d work of moving them.
void CpuMomentFold::add_centred(MatrixView<double> features, MatrixView<const double> targets) {
  const std::size_t rows = features.rows();
  const std::size_t n = spec_.targets;
  subtract(features, pilot_x_);
  TileMean mean{static_cast<double>(rows), column_means(features), Vector(n, 0.0)};
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      mean.targets[j] += (targets(i, j) - pilot_y_[j]) / mean.rows;
    }
  }
  UnbiasedSums& sums = segment_.unbiased;
  double tile_a = 0;
  double tile_b = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    double b = 0;
    for (std::size_t j = 0; j < n; ++j) {
      const double y = targets(i, j) - pilot_y_[j];
      b += y * y;
      right_(i, j) = y - mean.targets[j];
    }
    const double a = squared_norm(features.row(i));
    right_(i, n) = a;
    right_(i, n + 1) = b;
    tile_a += a;
    tile_b += b;
    sums.aa += a * a;
    sums.ab += a * b;
    sums.bb += b * b;
    for (std::size_t j = 0; j < n; ++j) {
      sums.a_y[j] += a * (right_(i, j) + mean.targets[j]);
      sums.b_y[j] += b * (right_(i, j) + mean.targets[j]);
    }
  }
  subtract(features, mean.features);
  const MatrixView<double> right = right_.view().middle_rows(0, rows);
  linalg::add_gram_upper(features, segment_.feature_scatter.view());
  linalg::gemm(1.0, features, linalg::Transpose::yes, right, linalg::Transpose::no, 1.0, cross_.view());
  linalg::add_gram_upper(right.middle_cols(0, n), segment_.target_scatter.view());
  add_scaled(sums.a_x, tile_a, mean.features);
  add_scaled(sums.b_x, tile_b, mean.features);
  sum_a_ += tile_a;
  sum_b_ += tile_b;
  segment_.count += rows;
  means_.push_back(std::move(mean));
}

void CpuMomentFold::begin_segment() {
  segment_ = Moments(spec_.format.row_length(), spec_.targets, spec_.normalized_scatter);
  cross_ = Matrix(spec_.format.row_length(), spec_.targets + 2);
  means_.clear();
  sum_a_ = 0;
  sum_b_ = 0;
}

void CpuMomentFold::add_between_tiles(const Vector& mean_x, const Vector& mean_y) {
  Matrix x(means_.size(), mean_x.size());
  Matrix y(means_.size(), mean_y.size());
  for (std::size_t t = 0; t < means_.size(); ++t) {
    const double weight = std::sqrt(means_[t].rows);
    for (std::size_t j = 0; j < mean_x.size(); ++j) {
      x(t, j) = weight * (means_[t].features[j] - mean_x[j]);
    }
    for (std::size_t j = 0; j < mean_y.size(); ++j) {
      y(t, j) = weight * (means_[t].targets[j] - mean_y[j]);
    }
  }
  linalg::add_gram_upper(x.view(), segment_.feature_scatter.view());
  linalg::add_gram_upper(y.view(), segment_.target_scatter.view());
  linalg::gemm(1.0, x.view(), linalg::Transpose::yes, y.view(), linalg::Transpose::no, 1.0,
               segment_.cross_scatter.view());
}

void CpuMomentFold::close_segment() {
  const std::size_t d = spec_.format.row_length();
  const std::size_t n = spec_.targets;
  Vector mean_x(d, 0.0);
  Vector mean_y(n, 0.0);
  for (const TileMean& mean : means_) {
    add_scaled(mean_x, mean.rows / static_cast<double>(segment_.count), mean.features);
    add_scaled(mean_y, mean.rows / static_cast<double>(segment_.count), mean.targets);
  }
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      segment_.cross_scatter(i, j) += cross_(i, j);
    }
    segment_.unbiased.a_x[i] += cross_(i, n);
    segment_.unbiased.b_x[i] += cross_(i, n + 1);
  }
  add_between_tiles(mean_x, mean_y);
  linalg::mirror_upper(segment_.feature_scatter.view());
  linalg::mirror_upper(segment_.target_scatter.view());
  linalg::mirror_upper(segment_.normalized_scatter.view());
  segment_.unbiased = recentred(std::move(segment_.unbiased), segment_, mean_x, mean_y);
  segment_.feature_mean = pilot_x_;
  segment_.target_mean = pilot_y_;
  add_scaled(segment_.feature_mean, 1.0, mean_x);
  add_scaled(segment_.target_mean, 1.0, mean_y);
  tree_.push(std::move(segment_));
  begin_segment();
}

Moments CpuMomentFold::finish() {
  if (segment_.count > 0) {
    close_segment();
  }
  return tree_.finish();
}

}  // namespace collapscope::cpu
