// Classes on the fake GPU: what the CPU finds, with the same bits whatever the order in which the device gets
// its work done.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include "collapscope/core/error.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "core/support.hpp"
#include "cuda/fake.hpp"

namespace collapscope {
namespace {

using test::Random;

test::FakeCuda& fake() {
  static test::FakeCuda fake;
  return fake;
}

struct Found {
  Moments moments;
  ResidualSums residuals;
};

class ClassesOnGpu : public ::testing::Test {
 protected:
  // Rows about the means of their classes; W is near these, with two rows more.
  void make(std::size_t rows, std::size_t features, std::size_t classes) {
    Random random(rows + features + classes);
    d_ = features;
    means_ = std::make_shared<const Matrix>(test::random_matrix(classes, d_, random));
    rows_ = test::random_matrix(rows, d_, random);
    numbers_ = Matrix(rows, 1);
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t c = random.below(classes);
      numbers_(i, 0) = static_cast<double>(c);
      for (std::size_t j = 0; j < d_; ++j) {
        rows_(i, j) = 3 + (*means_)(c, j) + rows_(i, j) / 4;
      }
    }
    auto look = std::make_shared<ClassLook>();
    look->means = means_;
    look->nearest = true;
    look->whitening = test::random_matrix(std::min<std::size_t>(d_, 3), d_, random);
    look->whitening_by_rows = test::random_matrix(1, d_, random);
    look->unit_means = std::make_shared<const Matrix>(test::random_matrix(classes, d_, random));
    look->unit_whitening = test::random_matrix(std::min<std::size_t>(d_, 2), d_, random);
    Matrix weight = test::random_matrix(classes + 2, d_, random);
    for (std::size_t c = 0; c < classes; ++c) {
      look->weight_rows.push_back(static_cast<double>(c + 1));
      for (std::size_t j = 0; j < d_; ++j) {
        weight(c + 1, j) = (*means_)(c, j) + weight(c + 1, j) / 8;
      }
    }
    look->weight = std::make_shared<const StoredMatrix>(std::move(weight));
    look->bias.assign(classes + 2, 0.125);
    look_ = look;
  }

  // kept: the device keeps the rows for the second look.
  Found found(Backend& backend, bool kept) const {
    FoldSpec spec;
    spec.format.channels = d_;
    spec.classes = means_->rows();
    spec.unit_classes = true;
    spec.rows = rows_.rows();
    spec.kept_rows = kept ? rows_.rows() : 0;
    LookSpec look;
    look.format = spec.format;
    look.rows = spec.rows;
    look.feature_mean.assign(d_, 3.0);
    look.feature_rms = 4;
    look.classes = look_;
    const auto pass = [&](Fold& fold) {
      const std::size_t tile = backend.tile_rows(d_);
      for (std::size_t first = 0; first < rows_.rows(); first += tile) {
        const std::size_t rows = std::min(tile, rows_.rows() - first);
        const auto values = rows_.values().subspan(first * d_, rows * d_);
        fold.add({std::as_bytes(values), 0, rows, first}, numbers_.view().middle_rows(first, rows));
      }
      fold.settle();
    };
    Found all;
    const auto fold = backend.make_fold(spec);
    EXPECT_EQ(fold->brings_ahead(), kept && backend.is_device());
    if (ahead_) {
      bring_and_sum(*fold, backend.tile_rows(d_));
    } else {
      pass(*fold);
    }
    all.moments = fold->finish();
    fold->close();
    if (kept) {
      const auto sums = fold->look_again(look);
      EXPECT_TRUE(sums.has_value());
      all.residuals = sums->at(0);
      return all;
    }
    const auto again = backend.make_look(look);
    pass(*again);
    all.residuals = again->finish();
    return all;
  }

  // Two tiles, of which one is summed, then the others, of which all are. What a caller may overwrite is.
  void bring_and_sum(MomentFold& fold, std::size_t tile) const {
    std::size_t waiting = 0;
    for (std::size_t first = 0; first < rows_.rows(); first += tile) {
      const std::size_t rows = std::min(tile, rows_.rows() - first);
      Matrix numbers = test::rows_of(numbers_, first, rows);
      Matrix values = test::rows_of(rows_, first, rows);
      fold.bring({std::as_bytes(std::as_const(values).values()), 0, rows, first}, numbers.view());
      fold.settle();
      std::fill(numbers.values().begin(), numbers.values().end(), 1e9);
      std::fill(values.values().begin(), values.values().end(), 1e9);
      if (++waiting == 2 && first == tile) {
        fold.sum_brought();
        --waiting;
      }
    }
    EXPECT_GT(waiting, 0U);
    EXPECT_THROW(fold.add({{}, 0, 0, 0}, Matrix(0, 1).view()), UsageError) << "between two halves";
    for (; waiting > 0; --waiting) {
      fold.sum_brought();
    }
    EXPECT_THROW(fold.sum_brought(), UsageError);
  }

  static void expect_same(const Found& a, const Found& b) {
    EXPECT_EQ(a.moments.feature_scatter, b.moments.feature_scatter);
    EXPECT_EQ(a.moments.classes.numbers, b.moments.classes.numbers);
    EXPECT_EQ(a.moments.classes.counts, b.moments.classes.counts);
    EXPECT_EQ(a.moments.classes.squares, b.moments.classes.squares);
    EXPECT_EQ(a.moments.classes.sums, b.moments.classes.sums);
    EXPECT_EQ(a.moments.classes.unit_sums, b.moments.classes.unit_sums);
    EXPECT_EQ(a.residuals.classes.nearest_own, b.residuals.classes.nearest_own);
    EXPECT_EQ(a.residuals.classes.nearest_unlike, b.residuals.classes.nearest_unlike);
    EXPECT_EQ(a.residuals.classes.whitened, b.residuals.classes.whitened);
    EXPECT_EQ(a.residuals.classes.whitened_by_rows, b.residuals.classes.whitened_by_rows);
    EXPECT_EQ(a.residuals.classes.whitened_unit, b.residuals.classes.whitened_unit);
    EXPECT_EQ(a.residuals.classes.squares, b.residuals.classes.squares);
  }

  // Sums about a pilot as the classes' means.
  static Matrix means_of(const Matrix& sums, const std::vector<double>& counts,
                         const std::vector<double>& pilot) {
    Matrix means = sums;
    for (std::size_t c = 0; c < means.rows(); ++c) {
      for (std::size_t j = 0; j < means.cols(); ++j) {
        means(c, j) = means(c, j) / counts[c] + pilot[j];
      }
    }
    return means;
  }

  static void expect_near(const Found& found, const Found& cpu) {
    const ClassSums& a = found.moments.classes;
    const ClassSums& b = cpu.moments.classes;
    EXPECT_EQ(a.numbers, b.numbers);
    EXPECT_EQ(a.counts, b.counts);
    EXPECT_LE(test::largest_difference(means_of(a.sums, a.counts, a.pilot).values(),
                                       means_of(b.sums, b.counts, b.pilot).values()),
              1e-12);
    EXPECT_LE(test::largest_difference(means_of(a.unit_sums, a.counts, a.unit_pilot).values(),
                                       means_of(b.unit_sums, b.counts, b.unit_pilot).values()),
              1e-13);
    const ClassResiduals& r = found.residuals.classes;
    const ClassResiduals& s = cpu.residuals.classes;
    EXPECT_EQ(found.residuals.count, cpu.residuals.count);
    EXPECT_EQ(r.nearest_own, s.nearest_own);
    EXPECT_EQ(r.nearest_unlike, s.nearest_unlike);
    EXPECT_NEAR(r.whitened, s.whitened, 1e-12 * s.whitened);
    EXPECT_NEAR(r.whitened_by_rows, s.whitened_by_rows, 1e-12 * s.whitened_by_rows);
    EXPECT_NEAR(r.whitened_unit, s.whitened_unit, 1e-12 * s.whitened_unit);
    EXPECT_LE(test::largest_difference(r.squares, s.squares), 1e-9);
  }

  Found on_gpu(const test::FakeCuda::Settings& settings, bool kept) {
    fake().restart(settings);
    const long violations = fake().violations();
    Found all;
    {
      const ChosenBackend chosen = make_backend("cuda", 1);
      all = found(*chosen.backend, kept);
    }
    EXPECT_EQ(fake().violations(), violations);
    EXPECT_EQ(fake().leaks(), 0);
    return all;
  }

  void TearDown() override { ::unsetenv("COLLAPSCOPE_GPU_TILE"); }

  std::size_t d_ = 0;
  bool ahead_ = false;  // tiles come before they are summed
  std::shared_ptr<const Matrix> means_;
  Matrix rows_;
  Matrix numbers_;
  std::shared_ptr<const ClassLook> look_;
};

TEST_F(ClassesOnGpu, AreTheSameOfTilesThatComeAhead) {
  ::setenv("COLLAPSCOPE_GPU_TILE", "4096", 1);
  make(2100, 16, 10);
  const Found expected = on_gpu({}, true);
  ahead_ = true;
  for (const char* schedule : {"eager", "lazy", "reverse"}) {
    expect_same(on_gpu({{"SCHEDULE", schedule}, {"RACES", "1"}}, true), expected);
  }
}

TEST_F(ClassesOnGpu, AreThoseOfTheCpu) {
  struct Shape {
    std::size_t rows, features, classes;
  };
  ::setenv("COLLAPSCOPE_GPU_TILE", "4096", 1);
  const auto cpu = make_cpu_backend(1);
  // More classes than a block has, one class, more classes than rows, rows that do not fill a tile.
  for (const Shape& shape : {Shape{3000, 4, 1500}, {900, 16, 1}, {300, 5, 400}, {2100, 33, 10}}) {
    SCOPED_TRACE(testing::Message() << shape.rows << " x " << shape.features << ", " << shape.classes);
    make(shape.rows, shape.features, shape.classes);
    const Found expected = found(*cpu, false);
    EXPECT_GT(expected.residuals.classes.nearest_own.size(), 0U);
    expect_near(on_gpu({}, false), expected);
    expect_near(on_gpu({}, true), expected);
  }
}

TEST_F(ClassesOnGpu, HaveTheSameBitsInEverySchedule) {
  ::setenv("COLLAPSCOPE_GPU_TILE", "4096", 1);
  make(2500, 16, 40);
  const Found expected = on_gpu({}, false);
  expect_same(on_gpu({}, true), expected);
  for (const char* schedule : {"lazy", "eager", "reverse"}) {
    expect_same(on_gpu({{"SCHEDULE", schedule}, {"RACES", "1"}}, false), expected);
  }
  for (int seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const test::FakeCuda::Settings settings{{"SCHEDULE", "random"}, {"SEED", std::to_string(seed)}};
    expect_same(on_gpu(settings, seed % 2 == 0), expected);
  }
}

TEST_F(ClassesOnGpu, RefuseWhatIsNoClass) {
  make(300, 4, 5);
  numbers_(77, 0) = 5;
  fake().restart({});
  const ChosenBackend chosen = make_backend("cuda", 1);
  EXPECT_THROW((void)found(*chosen.backend, false), UsageError);
}

}  // namespace
}  // namespace collapscope
