// Rows of classes in batches from memory: the bits of an analysis that reads them from a dump.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

#include "collapscope/analysis/accumulator.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/results/results_file.hpp"
#include "collapscope/states/states.hpp"
#include "core/support.hpp"
#include "hdf5/dump_writer.hpp"
#include "support/messages.hpp"

namespace collapscope {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

struct LabelledSizes {
  static constexpr std::size_t count = 40000;  // three segments
  static constexpr std::size_t features = 6;
  static constexpr std::uint64_t classes = 9;
  static constexpr std::int64_t ignored = -100;
};

// Labels 1, 2, 4 and 8 of 9; of a third of the rows, and all of the second segment, the ignored one.
class LabelledRows : public LabelledSizes {
 public:
  LabelledRows()
      : rows_(count, features), labels_(count, 1), logits_(count, classes), weight_(classes, features) {
    test::Random random(3);
    weight_ = test::random_matrix(classes, features, random);
    constexpr double known[] = {1, 2, 4, 8};
    for (std::size_t i = 0; i < count; ++i) {
      const double label = known[random.below(4)];
      labels_(i, 0) = i % 3 == 1 || (i >= 16384 && i < 32768) ? -1 : label;
      for (std::size_t j = 0; j < features; ++j) {
        rows_(i, j) = random.normal() + 3 * weight_(static_cast<std::size_t>(label), j) + 2;
      }
      for (std::size_t j = 0; j < classes; ++j) {
        logits_(i, j) = random.normal();
      }
    }
    for (std::size_t j = 0; j < classes; ++j) {
      bias_.push_back(random.normal());
    }
  }

  // pass(layers, labels, logits) for rows [first, last).
  template <class Pass>
  void in_batches(std::size_t first, std::size_t last, std::size_t size, const Pass& pass) {
    for (; first < last; first += size) {
      const std::size_t rows = std::min(size, last - first);
      const auto numbers = std::span(std::as_const(rows_).data() + first * features, rows * features);
      pass(std::vector<RowBytes>{std::as_bytes(numbers)}, labels_.view().middle_rows(first, rows),
           logits_.view().middle_rows(first, rows));
    }
  }
  void add(Accumulator& to, std::size_t first = 0, std::size_t last = count, std::size_t size = 1777) {
    in_batches(first, last, size,
               [&](const auto& layers, auto labels, auto logits) { to.update(layers, labels, logits); });
  }
  void look(Accumulator& at) {
    at.begin_look();
    in_batches(0, count, 3001, [&](const auto& layers, auto labels, auto) { at.look(layers, labels); });
  }
  [[nodiscard]] Accumulator made(std::size_t threads = 1, const AnalysisOptions& options = {}) const {
    AnalysisOptions with = options;
    with.ignore_label = ignored;
    return {{{"fc", features, {}, weight_, 0, "linear", bias_}},
            {0, {}, classes},
            with,
            make_cpu_backend(threads)};
  }
  [[nodiscard]] Matrix& rows() { return rows_; }

  Results of_dump(Looks looks) {
    const std::string path = test::temporary_path("classes.h5");
    write(path);
    AnalysisOptions options;
    options.looks = looks;
    options.ignore_label = ignored;
    const auto backend = make_cpu_backend(2);
    test::Messages messages;
    Results results =
        analyze(arrange_checkpoints(index_dump(path).checkpoints, false), *backend, options, messages);
    results.checkpoints.at(0).path.clear();
    std::filesystem::remove(path);
    return results;
  }

 private:
  void write(const std::string& path) {
    hdf5::DumpWriter file(path);
    file.set_attribute("/", "format", std::string("collapscope-dump"));
    file.set_attribute("/", "format_version", std::int64_t{1});
    file.set_attribute("/", "task", std::string("classification"));
    Matrix stored = labels_;
    for (double& label : stored.values()) {
      label = label < 0 ? static_cast<double>(ignored) : label;
    }
    Matrix bias(classes, 1);
    std::ranges::copy(bias_, bias.data());
    const auto put = [&](const std::string& object, std::vector<std::uint64_t> shape, const Matrix& values,
                         ElementKind kind = ElementKind::float64) {
      file.create_dataset(object, shape, kind, {}, false);
      file.write_rows(object, 0, values.view());
    };
    put("/targets", {count, 1}, stored);
    put("/predictions", {count, classes}, logits_);
    put("/layers/fc/activations", {count, features}, rows_);
    put("/layers/fc/weight", {classes, features}, weight_);
    put("/layers/fc/bias", {classes}, bias);
    file.set_attribute("/layers/fc", "index", std::int64_t{0});
    file.set_attribute("/layers/fc", "kind", std::string("linear"));
    file.finish();
  }

  Matrix rows_;
  Matrix labels_;
  Matrix logits_;
  Matrix weight_;
  std::vector<double> bias_;
};

class ClassAccumulators : public ::testing::Test, public LabelledSizes {
 protected:
  static LabelledRows& rows() {
    static LabelledRows rows;
    return rows;
  }
  static void expect_near(const Results& found, const Results& wanted) {
    ASSERT_EQ(found.checkpoints.size(), 1U);
    const auto compare = [](const MetricSet& here, const MetricSet& there) {
      for (const Metric& metric : there.all()) {
        const Metric* const other = here.find(metric.name);
        ASSERT_NE(other, nullptr) << metric.name;
        EXPECT_EQ(other->defined(), metric.defined()) << metric.name;
        if (const auto number = metric.number(); number && other->number()) {
          EXPECT_NEAR(*other->number(), *number, 1e-9 * std::abs(*number) + 1e-12) << metric.name;
        }
      }
    };
    compare(found.checkpoints[0].targets, wanted.checkpoints.at(0).targets);
    compare(found.checkpoints[0].layers.at(0).metrics, wanted.checkpoints[0].layers.at(0).metrics);
  }
};

TEST_F(ClassAccumulators, GiveTheBitsOfADump) {
  const Results once = rows().of_dump(Looks::one);
  const Results twice = rows().of_dump(Looks::two);
  EXPECT_TRUE(once.failures.empty());
  EXPECT_EQ(once.checkpoints.at(0).targets.number("classes"), 4);
  for (const std::size_t size : {std::size_t{1777}, std::size_t{16384}, count}) {
    Accumulator accumulator = rows().made(size % 3 + 1);
    rows().add(accumulator, 0, count, size);
    EXPECT_EQ(accumulator.rows(), once.checkpoints[0].samples);
    EXPECT_EQ(numbers_digest(accumulator.compute()), numbers_digest(once)) << size;
    rows().look(accumulator);
    EXPECT_EQ(numbers_digest(accumulator.compute()), numbers_digest(twice)) << size;
  }
}

TEST_F(ClassAccumulators, MergeAsIfOneHadHadAllRows) {
  Accumulator whole = rows().made();
  rows().add(whole);
  for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{16400}, count}) {
    Accumulator first = rows().made();
    Accumulator second = rows().made(2);
    rows().add(first, 0, cut);
    rows().add(second, cut);
    first.merge(second);
    EXPECT_EQ(first.rows(), whole.rows());
    expect_near(first.compute(), whole.compute());
  }
}

TEST_F(ClassAccumulators, GoOnFromACopy) {
  Accumulator whole = rows().made();
  rows().add(whole, 0, 20000);
  Accumulator copy = whole.copy(make_cpu_backend(1));
  EXPECT_EQ(copy.rows(), whole.rows());
  EXPECT_EQ(copy.targets().classes, classes);
  EXPECT_EQ(copy.ignore_label(), ignored);
  EXPECT_EQ(numbers_digest(copy.compute()), numbers_digest(whole.compute()));
  rows().add(copy, 20000);
  rows().add(whole, 20000);
  expect_near(copy.compute(), whole.compute());
}

TEST_F(ClassAccumulators, GoOnFromAFile) {
  const std::string path = test::temporary_path("class_accumulator.h5");
  Accumulator whole = rows().made();
  rows().add(whole, 0, 20000);
  const auto file = make_part_file(path, identity_of_memory(), {1, 1});
  whole.write(*file);
  file->finish();
  const OpenParts parts = open_parts({path});
  Accumulator again(*parts.source, make_cpu_backend(1));
  EXPECT_EQ(again.rows(), whole.rows());
  EXPECT_EQ(again.targets().classes, classes);
  EXPECT_EQ(again.ignore_label(), ignored);
  EXPECT_EQ(numbers_digest(again.compute()), numbers_digest(whole.compute()));
  rows().add(again, 20000);
  rows().add(whole, 20000);
  expect_near(again.compute(), whole.compute());
  std::filesystem::remove(path);
}

TEST_F(ClassAccumulators, TakeAnotherWeight) {
  Accumulator accumulator = rows().made();
  rows().add(accumulator);
  const Results before = accumulator.compute();
  Matrix other(classes, features);
  other(1, 0) = other(2, 1) = other(4, 2) = other(8, 3) = 1;
  accumulator.set_weight(0, other, {});
  const auto duality = [](const Results& results) {
    return results.checkpoints.at(0).layers.at(0).metrics.number("nc3_self_duality");
  };
  EXPECT_NE(duality(accumulator.compute()), duality(before));
  EXPECT_EQ(duality(accumulator.compute()).has_value(), true);
  EXPECT_THROW(accumulator.set_weight(0, Matrix(2, 3), {}), UsageError);
  EXPECT_THROW(accumulator.set_weight(0, other, {1, 2}), UsageError);
  accumulator.begin_look();
  EXPECT_THROW(accumulator.set_weight(0, other, {}), UsageError);
}

TEST_F(ClassAccumulators, RefuseWhatIsNoLabel) {
  Accumulator accumulator({{"a", 2, {}}}, {0, {}, 3}, {}, make_cpu_backend(1));
  const std::vector<double> numbers{1, 2, 3, 5, 5, 6};
  Matrix labels(3, 1);
  labels(1, 0) = 1;
  const auto update = [&] { accumulator.update({std::as_bytes(std::span(numbers))}, labels.view()); };
  for (const double wrong : {3.0, -1.0, 0.5, std::numeric_limits<double>::quiet_NaN()}) {
    labels(2, 0) = wrong;
    EXPECT_THAT(update, ThrowsMessage<UsageError>(HasSubstr("in row 2; expected whole numbers from 0 to 2")));
  }
  EXPECT_EQ(accumulator.rows(), 0U);
  labels(2, 0) = 2;
  update();
  EXPECT_EQ(accumulator.compute().checkpoints.at(0).samples, 3U);
  EXPECT_THROW(Accumulator({{"a", 2, {}}}, {1, {}, 3}, {}, make_cpu_backend(1)), UsageError);
  EXPECT_THROW(Accumulator({{"a", 2, {}}}, {0, {}, 0}, {}, make_cpu_backend(1)), UsageError);
}

TEST_F(ClassAccumulators, NameTheRowThatIsNotFinite) {
  Accumulator accumulator = rows().made();
  rows().add(accumulator, 0, 3000);
  const double before = rows().rows()(4001, 2);
  rows().rows()(4001, 2) = std::numeric_limits<double>::infinity();
  const auto go_on = [&] {
    rows().add(accumulator, 3000, 6000);
    (void)accumulator.compute();
  };
  EXPECT_THAT(go_on, ThrowsMessage<InputError>(HasSubstr("first in row 4001")));
  rows().rows()(4001, 2) = before;
}

// Rows of classes from a matrix, with their labels.
Results of_rows(const Matrix& rows, const Matrix& labels, std::uint64_t classes, bool twice) {
  AnalysisOptions options;
  options.per_class = true;
  Accumulator accumulator({{"a", rows.cols(), {}}}, {0, {}, classes}, options, make_cpu_backend(1));
  const std::vector<RowBytes> batch{std::as_bytes(rows.values())};
  accumulator.update(batch, labels.view());
  if (twice) {
    accumulator.begin_look();
    accumulator.look(batch, labels.view());
  }
  return accumulator.compute();
}

// Three classes far from one another: wide, collapsed, and of a single row.
TEST(VarianceOfEachClass, IsRightOrNull) {
  constexpr std::size_t each = 50;
  Matrix rows(2 * each + 1, 3);
  Matrix labels(rows.rows(), 1);
  test::Random random(5);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    labels(i, 0) = static_cast<double>(i / each);
    for (std::size_t j = 0; j < 3; ++j) {
      rows(i, j) = 3 * (labels(i, 0) == static_cast<double>(j) ? 1 : 0) +
                   (labels(i, 0) == 0 ? 0.5 : 1e-7) * random.normal() + 0.1;
    }
  }
  const auto exact = [&](std::size_t c) {
    long double sum = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      long double mean = 0;
      for (std::size_t i = c * each; i < (c + 1) * each; ++i) {
        mean += rows(i, j) / static_cast<long double>(each);
      }
      for (std::size_t i = c * each; i < (c + 1) * each; ++i) {
        sum += (rows(i, j) - mean) * (rows(i, j) - mean);
      }
    }
    return static_cast<double>(sum / each);
  };
  for (const bool twice : {false, true}) {
    const Results results = of_rows(rows, labels, 3, twice);
    const LayerClasses& found = results.checkpoints.at(0).layers.at(0).classes.value();
    ASSERT_EQ(found.within_variance.size(), 3U);
    EXPECT_NEAR(found.within_variance[0].value(), exact(0), 1e-9 * exact(0));
    EXPECT_EQ(found.within_variance[1].has_value(), twice);
    EXPECT_NEAR(found.within_variance[1].value_or(exact(1)), exact(1), 1e-8 * exact(1));
    EXPECT_EQ(found.within_variance[2], 0.0);
    const bool noted =
        std::ranges::any_of(found.notes, [](const auto& note) { return note.first == "within_variance"; });
    EXPECT_EQ(noted, !twice);
  }
}

// Of two features: nc1 of the rows h / |h|, in long double. nullopt: an eigenvalue is near the cut at 1e-10.
std::optional<double> exact_unit_nc1(const Matrix& rows, const Matrix& labels, std::size_t classes) {
  std::vector<long double> counts(classes);
  std::vector<std::array<long double, 2>> means(classes);
  const auto unit = [&](std::size_t i) {
    const long double x = rows(i, 0);
    const long double y = rows(i, 1);
    const long double length = std::sqrt(x * x + y * y);
    return std::array<long double, 2>{x / length, y / length};
  };
  const auto label = [&](std::size_t i) { return static_cast<std::size_t>(labels(i, 0)); };
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    ++counts[label(i)];
    means[label(i)][0] += unit(i)[0];
    means[label(i)][1] += unit(i)[1];
  }
  const auto k = static_cast<long double>(classes);
  std::array<long double, 2> middle{};
  for (std::size_t c = 0; c < classes; ++c) {
    for (std::size_t j = 0; j < 2; ++j) {
      means[c][j] /= counts[c];
      middle[j] += means[c][j] / k;
    }
  }
  long double b[3] = {};  // Sigma_B: (0, 0), (0, 1), (1, 1)
  for (const auto& mean : means) {
    const long double x = mean[0] - middle[0];
    const long double y = mean[1] - middle[1];
    b[0] += x * x / k;
    b[1] += x * y / k;
    b[2] += y * y / k;
  }
  const long double determinant = b[0] * b[2] - b[1] * b[1];
  const long double trace = b[0] + b[2];
  if (determinant < 1e-9L * trace * trace) {
    return std::nullopt;
  }
  long double sum = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const long double x = unit(i)[0] - means[label(i)][0];
    const long double y = unit(i)[1] - means[label(i)][1];
    sum += (b[2] * x * x - 2 * b[1] * x * y + b[0] * y * y) / determinant;
  }
  return static_cast<double>(sum / static_cast<long double>(rows.rows()) / k);
}

// Rows of length 1 on a short arc: its curvature is a direction of its own, of which rounding is a large
// part.
TEST(NormalizedRows, Nc1IsRightUpToItsFloor) {
  constexpr std::size_t classes = 4;
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    test::Random random(seed);
    Matrix rows(12, 2);
    Matrix labels(12, 1);
    const Matrix means = test::random_matrix(classes, 2, random);
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      labels(i, 0) = static_cast<double>(i % classes);
      rows(i, 0) = 8e3 + means(i % classes, 0) + 1e-3 * random.normal();
      rows(i, 1) = 6e3 + means(i % classes, 1) + 1e-3 * random.normal();
    }
    const Results results = of_rows(rows, labels, classes, true);
    const Metric* const found = results.checkpoints.at(0).layers.at(0).metrics.find("nc1_unit");
    ASSERT_NE(found, nullptr);
    if (const std::optional<double> exact = exact_unit_nc1(rows, labels, classes)) {
      EXPECT_LE(std::abs(found->number().value() - *exact), found->floor.value()) << seed;
      EXPECT_LT(found->floor.value(), 0.2 * *exact) << seed;
      ++compared;
    }
  }
  EXPECT_GT(compared, 5);
}

}  // namespace
}  // namespace collapscope
