#include "cpu/residual_fold.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/vector_math.hpp"
#include "linalg/blas.hpp"

namespace collapscope::cpu {

namespace {

// From here on packing should pay, and the BLAS is asked: maps to project on, directions to take out. Chosen
// by reasoning, not measured.
constexpr std::size_t many_maps = 48;
constexpr std::size_t many_directions = 24;
// Of a row's square at least so much outside leaves 12 digits of a difference.
constexpr double least_share_outside = 1e-3;

AlignedDoubles padded_copy(std::span<const double> v) {
  AlignedDoubles out(padded(v.size()), 0.0);
  std::copy(v.begin(), v.end(), out.begin());
  return out;
}

// A multiple of 4 rows of which some 128 KiB of float64 stay in cache from pass to pass; more when the BLAS
// multiplies them.
std::size_t rows_in_cache(std::size_t columns, std::size_t maps) {
  const std::size_t least = maps >= many_maps ? 64 : 8;
  return std::clamp<std::size_t>((std::size_t{1} << 14U) / columns / 4 * 4, least, block_rows);
}

}  // namespace

CpuResidualFold::CpuResidualFold(LookSpec spec, std::size_t tile_rows, const VectorKernels& kernels,
                                 const Team& team)
    : spec_(std::move(spec)),
      kernels_(kernels),
      team_(team),
      tile_rows_(tile_rows),
      mean_(padded_copy(spec_.feature_mean)),
      zeros_(mean_.size(), 0.0),
      benches_(team.threads()) {
  const std::size_t d = spec_.feature_mean.size();
  const Matrix* const parts[] = {&spec_.signal, &spec_.weight, &spec_.affine, &spec_.published};
  for (const Matrix* part : parts) {
    map_count_ += part->rows();
  }
  maps_ = Room(map_count_, d);
  std::size_t map = 0;
  for (const Matrix* part : parts) {
    for (std::size_t i = 0; i < part->rows(); ++i, ++map) {
      std::copy_n(part->view().row(i).data(), d, maps_.row(map));
    }
    const Vector along = product(*part, spec_.feature_mean);
    mean_coordinates_.insert(mean_coordinates_.end(), along.begin(), along.end());
  }
  signal_ = basis_of(0, spec_.signal);
  weight_ = basis_of(spec_.signal.rows(), spec_.weight);
  block_rows_ = rows_in_cache(d, map_count_);
  blocks_.resize((tile_rows + block_rows_ - 1) / block_rows_);
  if (spec_.classes) {
    classes_.emplace(spec_.format, spec_.feature_mean, spec_.classes, tile_rows, kernels, team);
  }
}

CpuResidualFold::Basis CpuResidualFold::basis_of(std::size_t first, const Matrix& rows) const {
  Vector rest = spec_.feature_mean;
  if (!rows.empty()) {
    add_scaled(rest, -1.0, transposed_product(rows, product(rows, rest)));
  }
  return {first, rows.rows(), padded_copy(rest)};
}

CpuResidualFold::Bench& CpuResidualFold::bench_of(std::size_t worker) {
  if (!benches_[worker]) {
    const std::size_t d = spec_.feature_mean.size();
    const std::vector<double> per_row(block_rows_, 0.0);
    benches_[worker] = std::make_unique<Bench>(Bench{
        RowPass(spec_.format, kernels_, block_rows_, d), SmallRows(block_rows_, d, map_count_),
        Room(block_rows_, d), Matrix(block_rows_, map_count_), per_row, per_row, per_row, per_row, per_row});
  }
  return *benches_[worker];
}

void CpuResidualFold::add(const RawTile& tile, MatrixView<const double> targets) {
  if (tile.rows > tile_rows_ || targets.rows() != tile.rows ||
      targets.cols() != (classes_ ? 1 : spec_.target_mean.size())) {
    throw UsageError("ResidualFold::add: the tile does not fit the look");
  }
  if (classes_ && map_count_ == 0) {
    sums_.count += tile.rows;
    classes_->add(tile, targets, sums_.classes);
    return;
  }
  const linalg::SingleThread each_worker_alone;
  const std::size_t blocks = (tile.rows + block_rows_ - 1) / block_rows_;
  team_.run(blocks, [&](std::size_t number, std::size_t worker) {
    const std::size_t first = number * block_rows_;
    const std::size_t rows = std::min(block_rows_, tile.rows - first);
    blocks_[number] = {};
    add_block(tile, targets.middle_rows(first, rows), first, rows, bench_of(worker), blocks_[number]);
  });
  for (std::size_t number = 0; number < blocks; ++number) {
    if (blocks_[number].offending) {
      throw NonFiniteSample{*blocks_[number].offending};
    }
  }
  for (std::size_t number = 0; number < blocks; ++number) {
    sums_ += blocks_[number].sums;
  }
  if (classes_) {
    classes_->add(tile, targets, sums_.classes);
  }
}

ResidualSums CpuResidualFold::finish() {
  if (classes_) {
    classes_->finish(sums_.classes);
  }
  return std::exchange(sums_, {});
}

void CpuResidualFold::add_block(const RawTile& tile, MatrixView<const double> targets, std::size_t first,
                                std::size_t rows, Bench& bench, Block& to) const {
  to.offending = bench.pass.read(tile, first, rows, mean_);
  if (to.offending) {
    return;
  }
  const std::size_t d = spec_.feature_mean.size();
  const double at_mean = spec_.feature_rms * static_cast<double>(d) * std::numeric_limits<double>::epsilon();
  for (std::size_t i = 0; i < rows; ++i) {
    const double square = bench.pass.squares()[i];
    bench.centred[i] =
        square > 1e-280 && std::isfinite(square) ? std::sqrt(square) : norm({bench.pass.room().row(i), d});
    to.sums.rows_at_mean += bench.centred[i] <= at_mean ? 1 : 0;
  }
  bench.small.find(bench.pass, rows, bench.centred);
  project(bench.pass.room(), rows, bench.coordinates);
  project(bench.small.room(), bench.small.count(), bench.small.coordinates());
  add_outside(signal_, bench, rows, to.sums.signal);
  if (spec_.weight_is_complement) {
    add_complement(bench, rows, to.sums.weight);
  } else if (weight_.count > 0) {
    add_outside(weight_, bench, rows, to.sums.weight);
  }
  const std::size_t n = spec_.target_mean.size();
  const MatrixView<const double> coordinates = bench.coordinates.view().middle_rows(0, rows);
  const std::size_t affine = weight_.first + weight_.count;
  if (!spec_.affine.empty()) {
    const std::vector<double> no_offset(n, 0.0);
    to.sums.affine = map_error(coordinates.middle_cols(affine, n), no_offset, targets);
  }
  if (!spec_.published.empty()) {
    to.sums.published = map_error(coordinates.middle_cols(affine + spec_.affine.rows(), n),
                                  std::span(mean_coordinates_).last(n), targets);
  }
  to.sums.count = rows;
}

void CpuResidualFold::project(const Room& x, std::size_t rows, Matrix& coordinates) const {
  const std::size_t d = spec_.feature_mean.size();
  if (map_count_ == 0 || rows == 0) {
    return;
  }
  if (map_count_ < many_maps) {
    kernels_.project({x.data(), x.stride(), rows, padded(d), maps_.data(), maps_.stride(), map_count_,
                      coordinates.data(), map_count_});
    return;
  }
  linalg::gemm(1.0, {x.data(), rows, d, x.stride()}, linalg::Transpose::no,
               {maps_.data(), map_count_, d, maps_.stride()}, linalg::Transpose::yes, 0.0,
               coordinates.view().middle_rows(0, rows));
}

// The residuals of small rows come as scaled, with the norms as scaled.
void CpuResidualFold::add_squares(Bench& bench, std::size_t rows, SubspaceResiduals& to) const {
  const SmallRows& small = bench.small;
  for (std::size_t i = 0; i < rows; ++i) {
    const double centred = bench.rest_centred[i];
    const double length = bench.centred[i];
    to.centred += centred;
    to.centred_normalized += length > 0 ? centred / length / length : 0;
    if (small.unscale(i) == 0) {
      const double plain = bench.rest_plain[i];
      const double norm = bench.pass.norms()[i];
      to.plain += plain;
      to.normalized += norm > 0 ? plain / norm / norm : 0;
    }
  }
  for (std::size_t c = 0; c < small.count(); ++c) {
    const std::size_t i = small.place(c);
    to.plain += bench.rest_plain[i] * small.unscale(i) * small.unscale(i);
    to.normalized += bench.rest_plain[i] / small.norm(c) / small.norm(c);
  }
}

namespace {

bool keeps_digits(double rest, double whole) {
  return whole == 0 || (whole > 1e-280 && rest > least_share_outside * whole);
}

}  // namespace

// By row, so that no row's bits depend on its neighbours.
void CpuResidualFold::add_outside(const Basis& basis, Bench& bench, std::size_t rows,
                                  SubspaceResiduals& to) const {
  SmallRows& small = bench.small;
  if (!subtract_inside(basis, bench, rows)) {
    form_outside(basis, bench.pass.room(), rows, bench.coordinates, basis.mean_outside, bench.rest,
                 bench.formed_centred, bench.formed_plain);
    for (std::size_t i = 0; i < rows; ++i) {
      const double centred = bench.centred[i];
      const double plain = bench.pass.norms()[i];
      if (!keeps_digits(bench.rest_centred[i], centred * centred)) {
        bench.rest_centred[i] = bench.formed_centred[i];
      }
      if (!keeps_digits(bench.rest_plain[i], plain * plain)) {
        bench.rest_plain[i] = bench.formed_plain[i];
      }
    }
  }
  if (small.count() > 0) {
    form_outside(basis, small.room(), small.count(), small.coordinates(), zeros_, bench.rest,
                 bench.formed_centred, bench.formed_plain);
    for (std::size_t c = 0; c < small.count(); ++c) {
      bench.rest_plain[small.place(c)] = bench.formed_plain[c];
    }
  }
  add_squares(bench, rows, to);
}

// |v|^2 = |v inside|^2 + |v outside|^2. Returns whether all rows keep their digits.
bool CpuResidualFold::subtract_inside(const Basis& basis, Bench& bench, std::size_t rows) const {
  const double* means = mean_coordinates_.data() + basis.first;
  bool all = true;
  for (std::size_t i = 0; i < rows; ++i) {
    const double* along = bench.coordinates.data() + i * map_count_ + basis.first;
    double centred = 0;
    double plain = 0;
    for (std::size_t q = 0; q < basis.count; ++q) {
      const double moved = along[q] + means[q];
      centred += along[q] * along[q];
      plain += moved * moved;
    }
    const double whole_centred = bench.centred[i] * bench.centred[i];
    const double whole_plain = bench.pass.norms()[i] * bench.pass.norms()[i];
    bench.rest_centred[i] = whole_centred - centred;
    bench.rest_plain[i] = whole_plain - plain;
    all = all && keeps_digits(bench.rest_centred[i], whole_centred) &&
          (bench.small.unscale(i) > 0 || keeps_digits(bench.rest_plain[i], whole_plain));
  }
  return all;
}

void CpuResidualFold::form_outside(const Basis& basis, const Room& x, std::size_t rows,
                                   const Matrix& coordinates, const AlignedDoubles& offset, Room& rest,
                                   std::vector<double>& centred, std::vector<double>& plain) const {
  const std::size_t d = spec_.feature_mean.size();
  const Room* from = &x;
  const double* directions = maps_.data() + basis.first * maps_.stride();
  std::size_t left = basis.count;
  if (left >= many_directions) {
    std::copy_n(x.data(), rows * x.stride(), rest.data());
    linalg::gemm(-1.0, coordinates.view().middle_rows(0, rows).middle_cols(basis.first, left),
                 linalg::Transpose::no, {directions, left, d, maps_.stride()}, linalg::Transpose::no, 1.0,
                 {rest.data(), rows, d, rest.stride()});
    from = &rest;
    left = 0;
  }
  kernels_.outside({from->data(), from->stride(), rows, padded(d), coordinates.data() + basis.first,
                    map_count_, directions, maps_.stride(), left, offset.data(), centred.data(),
                    plain.data()});
}

void CpuResidualFold::add_complement(Bench& bench, std::size_t rows, SubspaceResiduals& to) const {
  SmallRows& small = bench.small;
  const AlignedDoubles offset =
      padded_copy(std::span(mean_coordinates_).subspan(weight_.first, weight_.count));
  square_coordinates(rows, bench.coordinates, offset, bench.rest, bench.rest_centred, bench.rest_plain);
  if (small.count() > 0) {
    square_coordinates(small.count(), small.coordinates(), zeros_, bench.rest, bench.formed_centred,
                       bench.formed_plain);
    for (std::size_t c = 0; c < small.count(); ++c) {
      bench.rest_plain[small.place(c)] = bench.formed_plain[c];
    }
  }
  add_squares(bench, rows, to);
}

void CpuResidualFold::square_coordinates(std::size_t rows, const Matrix& coordinates,
                                         const AlignedDoubles& offset, Room& rest,
                                         std::vector<double>& centred, std::vector<double>& plain) const {
  const std::size_t count = weight_.count;
  for (std::size_t i = 0; i < rows; ++i) {
    double* row = rest.row(i);
    std::copy_n(coordinates.data() + i * map_count_ + weight_.first, count, row);
    std::fill(row + count, row + padded(count), 0.0);
  }
  kernels_.outside({rest.data(), rest.stride(), rows, padded(count), nullptr, 0, nullptr, 0, 0, offset.data(),
                    centred.data(), plain.data()});
}

// Sum over rows of |y - mean(y) - predicted - offset|^2.
double CpuResidualFold::map_error(MatrixView<const double> predicted, std::span<const double> offset,
                                  MatrixView<const double> targets) const {
  double sum = 0;
  for (std::size_t i = 0; i < predicted.rows(); ++i) {
    for (std::size_t j = 0; j < predicted.cols(); ++j) {
      const double error = targets(i, j) - spec_.target_mean[j] - predicted(i, j) - offset[j];
      sum += error * error;
    }
  }
  return sum;
}

}  // namespace collapscope::cpu
