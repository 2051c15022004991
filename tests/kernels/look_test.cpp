// The second look in one pass, against its formulas in long double.
#include "look_op.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/support.hpp"
#include "tiles.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::LaunchShape;
using test::StoredData;
using Real = long double;
using Reals = std::vector<Real>;

Real dot_of(const Reals& a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), Real{0});
}

Real square_of(const Reals& v) { return std::inner_product(v.begin(), v.end(), v.begin(), Real{0}); }

// v without its part in the span of the basis' rows.
Reals outside_of(const Matrix& basis, Reals v) {
  const Reals whole = v;
  for (std::size_t i = 0; i < basis.rows(); ++i) {
    const Real along = dot_of(whole, basis.view().row(i));
    for (std::size_t j = 0; j < v.size(); ++j) {
      v[j] -= along * static_cast<Real>(basis(i, j));
    }
  }
  return v;
}

Matrix orthonormal(std::size_t rows, std::size_t d, test::Random& random) {
  Matrix basis = test::random_matrix(rows, d, random);
  for (std::size_t i = 0; i < rows; ++i) {
    Reals row(basis.view().row(i).begin(), basis.view().row(i).end());
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t before = 0; before < i; ++before) {
        const Real along = dot_of(row, basis.view().row(before));
        for (std::size_t j = 0; j < d; ++j) {
          row[j] -= along * static_cast<Real>(basis(before, j));
        }
      }
    }
    const Real length = std::sqrt(square_of(row));
    for (std::size_t j = 0; j < d; ++j) {
      basis(i, j) = static_cast<double>(row[j] / length);
    }
  }
  return basis;
}

// Rows of all kinds: ordinary, small against the mean, tiny, zero, at the mean.
Matrix rows_about(const std::vector<double>& mean, test::Random& random) {
  const std::vector<double> of_row{1, 1, 1e-3, 1e-150, 3e-310, 0, 0, 1};
  Matrix rows = test::random_matrix(of_row.size(), mean.size(), random);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t j = 0; j < mean.size(); ++j) {
      rows(i, j) *= of_row[i];
      rows(i, j) = i == 6 ? mean[j] : rows(i, j);
    }
  }
  return rows;
}

struct Directions {
  std::size_t signal;
  std::size_t weight;
  bool complement;
  std::size_t affine;
  std::size_t published;
};

class Look {
 public:
  Look(const Directions& directions, std::size_t d, const Matrix& rows, const std::vector<double>& mean,
       test::Random& random)
      : directions_(directions),
        d_(d),
        rows_(rows),
        mean_(mean),
        signal_(orthonormal(directions.signal, d, random)),
        weight_(orthonormal(directions.weight, d, random)),
        affine_(test::random_matrix(directions.affine, d, random)),
        published_(test::random_matrix(directions.published, d, random)),
        y_(test::random_matrix(rows.rows(), targets, random)),
        target_mean_{0.25, -0.5} {
    for (const Matrix* part : {&signal_, &weight_, &affine_, &published_}) {
      maps_.insert(maps_.end(), part->values().begin(), part->values().end());
      for (std::size_t i = 0; i < part->rows(); ++i) {
        mean_coordinates_.push_back(static_cast<double>(dot_of(reals(mean_), part->view().row(i))));
      }
    }
    const auto doubles = [](const Reals& v) { return std::vector<double>(v.begin(), v.end()); };
    signal_mean_outside_ = doubles(outside_of(signal_, reals(mean_)));
    weight_mean_outside_ = doubles(outside_of(weight_, reals(mean_)));
  }

  template <std::size_t width, std::size_t most>
  void expect_right(const LaunchShape& launch) const {
    const std::vector<double> out = run<width, most>(launch, 0, rows_.rows());
    for (std::size_t i = 0; i < rows_.rows(); ++i) {
      SCOPED_TRACE(i);
      expect_row(i, out.data() + i * stride);
      EXPECT_EQ(out[i * stride + kernels::LookArguments::columns], -1);
    }
  }

  // Whatever lies beside a row.
  template <std::size_t width, std::size_t most>
  void expect_same_bits(const LaunchShape& launch) const {
    const std::vector<double> all = run<width, most>(launch, 0, rows_.rows());
    for (std::size_t first = 0; first < rows_.rows(); ++first) {
      for (const std::size_t count : {1U, 2U, 5U}) {
        if (first + count <= rows_.rows()) {
          const std::vector<double> some = run<width, most>(launch, first, count);
          EXPECT_EQ(std::memcmp(some.data(), all.data() + first * stride, some.size() * sizeof(double)), 0)
              << first << " " << count;
        }
      }
    }
  }

 private:
  static constexpr std::size_t targets = 2;
  static constexpr std::size_t stride = kernels::LookArguments::columns + 1;

  // Rows first ... first + count - 1.
  template <std::size_t width, std::size_t most>
  std::vector<double> run(const LaunchShape& launch, std::size_t first, std::size_t count) const {
    const StoredData data(std::span(rows_.values()).subspan(first * d_, count * d_));
    std::vector<double> out(count * stride, -1);
    std::uint64_t first_bad = test::no_sample;
    kernels::LookArguments look;
    look.maps = maps_.data();
    look.signal = directions_.signal;
    look.weight = directions_.weight;
    look.weight_is_complement = directions_.complement;
    look.affine = directions_.affine;
    look.published = directions_.published;
    look.mean = mean_.data();
    look.mean_coordinates = mean_coordinates_.data();
    look.signal_mean_outside = signal_mean_outside_.data();
    look.weight_mean_outside = weight_mean_outside_.data();
    look.target_mean = target_mean_.data();
    look.y = y_.data() + first * targets;
    look.targets = targets;
    look.least_norm = 1e-12;
    look.out = out.data();
    look.out_stride = stride;
    run_tiles(kernels::LookRows<width, most>{{data.numbers(), count, d_, look, {&first_bad, 0, 0, 1}}},
              launch.grid, launch.block);
    EXPECT_EQ(first_bad, test::no_sample);
    return out;
  }

  static Reals reals(std::span<const double> v) { return {v.begin(), v.end()}; }

  void expect_row(std::size_t i, const double* found) const {
    const Reals h = reals(rows_.view().row(i));
    Reals x = h;
    for (std::size_t j = 0; j < d_; ++j) {
      x[j] -= static_cast<Real>(mean_[j]);
    }
    expect_four(outside_of(signal_, h), outside_of(signal_, x), h, x, found);
    if (directions_.weight > 0 && !directions_.complement) {
      expect_four(outside_of(weight_, h), outside_of(weight_, x), h, x, found + 4);
    } else if (directions_.weight > 0) {
      expect_four(coordinates(weight_, h), coordinates(weight_, x), h, x, found + 4);
    } else {
      EXPECT_EQ(std::vector<double>(found + 4, found + 8), std::vector<double>(4, 0.0));
    }
    expect_error(i, affine_, x, found[8]);
    expect_error(i, published_, h, found[9]);
    EXPECT_EQ(found[10], square_of(x) <= Real{1e-24} ? 1 : 0);
  }

  static Reals coordinates(const Matrix& basis, const Reals& v) {
    Reals all;
    for (std::size_t i = 0; i < basis.rows(); ++i) {
      all.push_back(dot_of(v, basis.view().row(i)));
    }
    return all;
  }

  void expect_four(const Reals& plain, const Reals& centred, const Reals& h, const Reals& x,
                   const double* found) const {
    const double tolerance = 20 * static_cast<double>(d_ + 4) * eps;
    const auto expect = [&](const Reals& rest, const Reals& whole, double square, double share) {
      const Real length = square_of(whole);
      const double of_mean =
          tolerance * tolerance * test::squared_norm(mean_);  // a row of zeros is formed about it
      EXPECT_NEAR(square, static_cast<double>(square_of(rest)),
                  tolerance * static_cast<double>(length) + of_mean);
      EXPECT_NEAR(share, length == 0 ? 0 : static_cast<double>(square_of(rest) / length), tolerance);
    };
    expect(plain, h, found[0], found[1]);
    expect(centred, x, found[2], found[3]);
  }

  void expect_error(std::size_t i, const Matrix& map, const Reals& v, double found) const {
    Real sum = 0;
    for (std::size_t t = 0; t < map.rows(); ++t) {
      const Real rest =
          static_cast<Real>(y_(i, t)) - static_cast<Real>(target_mean_[t]) - dot_of(v, map.view().row(t));
      sum += rest * rest;
    }
    EXPECT_NEAR(found, static_cast<double>(sum), 1e-11 * (1 + static_cast<double>(sum)));
  }

  Directions directions_;
  std::size_t d_;
  const Matrix& rows_;
  const std::vector<double>& mean_;
  Matrix signal_;
  Matrix weight_;
  Matrix affine_;
  Matrix published_;
  Matrix y_;
  std::vector<double> target_mean_;
  std::vector<double> maps_;
  std::vector<double> mean_coordinates_;
  std::vector<double> signal_mean_outside_;
  std::vector<double> weight_mean_outside_;
};

TEST(LookRows, EveryKindOfRowAndOfDirections) {
  test::Random random(3);
  for (const std::size_t d : {6U, 7U, 70U}) {
    const Matrix offset = test::random_matrix(1, d, random);
    const std::vector<double> mean(offset.values().begin(), offset.values().end());
    const Matrix rows = rows_about(mean, random);
    for (const Directions& directions :
         {Directions{2, 3, false, 2, 2}, Directions{3, 2, true, 2, 2}, Directions{0, 0, false, 0, 2},
          Directions{2, 0, false, 2, 0}, Directions{1, 1, true, 0, 0}}) {
      SCOPED_TRACE(testing::Message() << d << ": " << directions.signal << " " << directions.weight);
      const Look look(directions, d, rows, mean, random);
      for (const LaunchShape& launch : test::row_launches()) {
        look.expect_right<1, 16>(launch);
        look.expect_right<1, kernels::most_look_directions>(launch);
        if (directions.signal + directions.weight + directions.affine + directions.published <= 4) {
          look.expect_right<1, 4>(launch);
        }
        if (d % 2 == 0) {
          look.expect_right<2, 16>(launch);
          look.expect_right<2, kernels::most_look_directions>(launch);
        }
      }
      if (HasFailure()) {
        return;
      }
    }
  }
}

// f<most>() of the kernel that takes so many directions.
template <class F>
void with_most(std::size_t directions, const F& f) {
  if (directions <= 4) {
    f.template operator()<4>();
  } else if (directions <= 8) {
    f.template operator()<8>();
  } else if (directions <= 12) {
    f.template operator()<12>();
  } else if (directions <= 16) {
    f.template operator()<16>();
  } else {
    f.template operator()<kernels::most_look_directions>();
  }
}

TEST(LookRows, EveryNumberOfDirections) {
  test::Random random(5);
  for (const std::size_t d : {33U, 34U}) {
    const Matrix offset = test::random_matrix(1, d, random);
    const std::vector<double> mean(offset.values().begin(), offset.values().end());
    const Matrix rows = rows_about(mean, random);
    for (const std::size_t number : {1U, 4U, 5U, 8U, 9U, 12U, 13U, 16U, 17U, 32U}) {
      const std::size_t maps = number < 8 ? 0 : 2;
      const std::size_t rest = number - 2 * maps;
      for (const std::size_t signal : {rest, rest / 2, std::min<std::size_t>(rest, 3)}) {
        SCOPED_TRACE(testing::Message() << d << ": " << number << ", " << signal);
        const Look look({signal, rest - signal, number % 2 == 1, maps, maps}, d, rows, mean, random);
        with_most(number, [&]<std::size_t most>() {
          for (const LaunchShape& launch : test::row_launches()) {
            look.expect_right<1, most>(launch);
            look.expect_same_bits<1, most>(launch);
            if (d % 2 == 0) {
              look.expect_right<2, most>(launch);
              look.expect_same_bits<2, most>(launch);
            }
          }
        });
      }
      if (HasFailure()) {
        return;
      }
    }
  }
}

TEST(LookRows, ReportTheFirstThatIsNotFinite) {
  test::Random random(4);
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    StoredData data({ElementKind::float32, true}, 8 * 5, 0, random);
    data.set(5 * 6 + 1, bad);
    data.set(5 * 3 + 4, bad);
    const std::vector<double> zeros(5);
    std::vector<double> out(8 * 11);
    std::uint64_t first_bad = test::no_sample;
    kernels::LookArguments look;
    look.mean = look.signal_mean_outside = look.weight_mean_outside = zeros.data();
    look.out = out.data();
    look.out_stride = 11;
    run_tiles(kernels::LookRows<1, 4>{{data.numbers(), 8, 5, look, {&first_bad, 100, 0, 1}}}, {2, 1}, {4, 2});
    EXPECT_EQ(first_bad, 103U);
  }
}

}  // namespace
}  // namespace collapscope
