// Rows in batches from memory: the bits of an analysis that reads them from a dump.
#include "collapscope/analysis/accumulator.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <limits>
#include <numeric>

#include "cluster/sample_run.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/results/results_file.hpp"
#include "collapscope/states/states.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// The first checkpoint of the sample run, in memory.
class Rows {
 public:
  Rows() : targets_(read_matrix(index().targets)) {
    for (const LayerIndex& layer : index().layers) {
      const DatasetIndex& rows = layer.activations;
      std::vector<std::byte>& bytes = rows_.emplace_back(rows.bytes());
      open_rows(rows, 0)->read(0, rows.samples(), bytes);
      layers_.push_back({layer.name, static_cast<std::size_t>(rows.shape[1]), rows.element,
                         read_matrix(*layer.weight), layer.index, layer.kind});
    }
  }

  static const CheckpointIndex& index() { return test::sample_run().checkpoints().front().front(); }
  [[nodiscard]] std::size_t count() const { return targets_.rows(); }
  [[nodiscard]] const std::vector<AccumulatedLayer>& layers() const { return layers_; }
  [[nodiscard]] Matrix& targets() { return targets_; }
  [[nodiscard]] std::vector<std::vector<std::byte>>& bytes() { return rows_; }

  // pass(layers, targets) in batches of so many rows, one size after the other, over and over.
  template <class Pass>
  void in_batches(std::size_t first, std::size_t last, const std::vector<std::size_t>& sizes,
                  const Pass& pass) const {
    std::size_t next = 0;
    while (first < last) {
      const std::size_t rows = std::min(sizes[next++ % sizes.size()], last - first);
      std::vector<RowBytes> batch;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        const std::size_t row = rows_[i].size() / count();
        batch.push_back(std::span(rows_[i]).subspan(first * row, rows * row));
      }
      pass(batch, targets_.view().middle_rows(first, rows));
      first += rows;
    }
  }

 private:
  Matrix targets_;
  std::vector<AccumulatedLayer> layers_;
  std::vector<std::vector<std::byte>> rows_;
};

class Accumulators : public ::testing::Test {
 protected:
  static Rows& rows() {
    static Rows rows;
    return rows;
  }
  static Accumulator made(std::size_t threads = 1, const AnalysisOptions& options = {}) {
    return {rows().layers(), {rows().targets().cols(), {}, 0}, options, make_cpu_backend(threads)};
  }
  static void add(Accumulator& to, std::size_t first, std::size_t last,
                  const std::vector<std::size_t>& sizes) {
    rows().in_batches(first, last, sizes,
                      [&](const auto& layers, auto targets) { to.update(layers, targets); });
  }
  static AccumulatedCheckpoint about() {
    const CheckpointIndex& index = Rows::index();
    return {index.path, index.run, index.step, index.attributes};
  }
  static Results of_dump(Looks looks) {
    AnalysisOptions options;
    options.looks = looks;
    const auto backend = make_cpu_backend(2);
    test::Messages messages;
    return analyze({test::sample_run().checkpoints().front()}, *backend, options, messages);
  }
  static void expect_near(const Results& found, const Results& wanted) {
    ASSERT_EQ(found.checkpoints.size(), 1U);
    ASSERT_EQ(found.checkpoints[0].layers.size(), wanted.checkpoints[0].layers.size());
    for (std::size_t i = 0; i < found.checkpoints[0].layers.size(); ++i) {
      for (const Metric& metric : wanted.checkpoints[0].layers[i].metrics.all()) {
        const Metric* const other = found.checkpoints[0].layers[i].metrics.find(metric.name);
        ASSERT_NE(other, nullptr) << metric.name;
        EXPECT_EQ(other->defined(), metric.defined()) << metric.name;
        if (const auto number = metric.number()) {
          EXPECT_NEAR(*other->number(), *number, 1e-8 * std::abs(*number) + 1e-12) << metric.name;
        }
      }
    }
  }
};

TEST_F(Accumulators, GiveTheBitsOfADumpWhateverTheBatches) {
  const std::string wanted = numbers_digest(of_dump(Looks::one));
  for (const auto& sizes : std::vector<std::vector<std::size_t>>{{50000}, {16384}, {1, 7, 300, 5000}, {32}}) {
    Accumulator accumulator = made(sizes.front() % 3 + 1);
    add(accumulator, 0, rows().count(), sizes);
    EXPECT_EQ(accumulator.rows(), rows().count());
    EXPECT_EQ(numbers_digest(accumulator.compute(about())), wanted) << sizes.front();
  }
}

// Products of 2000 features take 32 MB each.
TEST_F(Accumulators, HoldWideRowsWhileTheyAreFew) {
  constexpr std::size_t features = 2000;
  const auto made_with = [&](std::uint64_t mebibytes) {
    AnalysisOptions options;
    options.memory = mebibytes << 20U;
    return Accumulator({{"fc", features, {ElementKind::float32, false}}}, {1, {}, 0}, options,
                       make_cpu_backend(1));
  };
  std::vector<float> numbers(50 * features);
  Matrix targets(50, 1);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(i * i % 101);
    targets(i / features, 0) = static_cast<double>(i / features % 7);
  }
  const auto add = [&](Accumulator& to) { to.update({std::as_bytes(std::span(numbers))}, targets.view()); };
  Accumulator held = made_with(64);
  Accumulator wanted = made_with(4096);
  add(held);
  add(wanted);
  EXPECT_EQ(numbers_digest(held.compute()), numbers_digest(wanted.compute()));
  std::string refusal;
  try {
    while (held.rows() < features / 4) {
      add(held);
    }
  } catch (const UsageError& error) {
    refusal = error.what();
  }
  EXPECT_THAT(refusal, AllOf(HasSubstr("layer 'fc': found"),
                             HasSubstr("which are held as they are; for more it needs"),
                             HasSubstr("2000 x 2000 matrices")));
  const std::uint64_t rows = held.rows();
  EXPECT_GE(rows, 50U);
  (void)held.compute();  // what has come before is there
  Accumulator other = made_with(64);
  while (other.rows() < rows) {
    add(other);
  }
  EXPECT_THROW(held.merge(other), UsageError);
  EXPECT_THAT([&] { (void)made_with(4); }, ThrowsMessage<UsageError>(HasSubstr("layer 'fc': needs")));
}

TEST_F(Accumulators, RefuseIntegersThatFloat64WouldRound) {
  for (const ElementKind kind : {ElementKind::int64, ElementKind::uint64}) {
    Accumulator accumulator({{"fc", 2, {kind, false}}}, {1, {}, 0}, {}, make_cpu_backend(1));
    std::vector<std::int64_t> numbers(40);
    std::iota(numbers.begin(), numbers.end(), 0);
    Matrix targets(20, 1);
    std::iota(targets.values().begin(), targets.values().end(), 0.0);
    const auto update = [&] { accumulator.update({std::as_bytes(std::span(numbers))}, targets.view()); };
    update();
    numbers[2 * 7 + 1] = (std::int64_t{1} << 53) + 1;
    try {
      update();
      ADD_FAILURE() << "no UsageError";
    } catch (const UsageError& error) {
      EXPECT_THAT(
          error.what(),
          AllOf(HasSubstr("layer 'fc': found 9007199254740993 in row 27, which float64"), HasSubstr("2^53")));
    }
    numbers[2 * 7 + 1] = std::int64_t{1} << 60;  // float64 holds it
    update();
    EXPECT_EQ(accumulator.rows(), 40U);
  }
}

TEST_F(Accumulators, LookAgainAtTheSameRows) {
  const std::string wanted = numbers_digest(of_dump(Looks::two));
  Accumulator accumulator = made();
  add(accumulator, 0, rows().count(), {3000});
  accumulator.begin_look();
  const auto look = [&](const auto& layers, auto targets) { accumulator.look(layers, targets); };
  rows().in_batches(0, 20000, {257}, look);
  EXPECT_THROW((void)accumulator.compute(), UsageError);
  accumulator.end_look();  // as if there had been none
  EXPECT_EQ(numbers_digest(accumulator.compute(about())), numbers_digest(of_dump(Looks::one)));
  accumulator.begin_look();
  rows().in_batches(0, 20000, {257}, look);
  rows().in_batches(20000, rows().count(), {10000}, look);
  EXPECT_EQ(numbers_digest(accumulator.compute(about())), wanted);
  EXPECT_EQ(numbers_digest(accumulator.compute(about())), numbers_digest(of_dump(Looks::one)));
}

TEST_F(Accumulators, GoOnAfterTheyWereAsked) {
  const Results wanted = of_dump(Looks::one);
  Accumulator accumulator = made();
  for (const std::size_t end : {10U, 20001U, 50000U}) {
    add(accumulator, static_cast<std::size_t>(accumulator.rows()), end, {900});
    EXPECT_EQ(accumulator.compute().checkpoints.at(0).samples, end);
  }
  expect_near(accumulator.compute(about()), wanted);
}

TEST_F(Accumulators, MergeAsIfOneHadHadAllRows) {
  const Results wanted = of_dump(Looks::one);
  for (const std::size_t cut : {0U, 1U, 16384U, 33333U, 50000U}) {
    Accumulator first = made();
    Accumulator second = made(2);
    add(first, 0, cut, {1000});
    add(second, cut, rows().count(), {700});
    first.merge(second);
    EXPECT_EQ(first.rows(), rows().count());
    expect_near(first.compute(about()), wanted);
  }
}

TEST_F(Accumulators, GoOnFromACopy) {
  Accumulator accumulator = made();
  Accumulator empty = accumulator.copy(make_cpu_backend(1));
  for (const std::size_t cut : {10U, 32768U, 40000U}) {
    add(accumulator, static_cast<std::size_t>(accumulator.rows()), cut, {1000});
    Accumulator copy = accumulator.copy(make_cpu_backend(2));
    const std::string before = numbers_digest(accumulator.compute(about()));
    EXPECT_EQ(copy.rows(), cut);
    EXPECT_EQ(numbers_digest(copy.compute(about())), before);
    add(copy, cut, rows().count(), {1000});
    EXPECT_EQ(accumulator.rows(), cut);
    EXPECT_EQ(numbers_digest(accumulator.compute(about())), before);
    expect_near(copy.compute(about()), of_dump(Looks::one));
  }
  add(empty, 0, rows().count(), {1000});
  EXPECT_EQ(numbers_digest(empty.compute(about())), numbers_digest(of_dump(Looks::one)));
  empty.begin_look();
  EXPECT_THROW((void)empty.copy(make_cpu_backend(1)), UsageError);
  EXPECT_THROW((void)accumulator.copy(nullptr), UsageError);
}

TEST_F(Accumulators, RefuseToMergeInTheMidstOfASecondLook) {
  Accumulator accumulator = made();
  Accumulator other = made();
  add(accumulator, 0, 20000, {1000});
  add(other, 20000, rows().count(), {1000});
  accumulator.begin_look();
  EXPECT_THROW(accumulator.merge(other), UsageError);
  EXPECT_THROW(other.merge(accumulator), UsageError);
  accumulator.end_look();
  accumulator.merge(other);
  expect_near(accumulator.compute(about()), of_dump(Looks::one));
}

TEST_F(Accumulators, GoOnFromAFile) {
  const std::string path = test::temporary_path("accumulator.h5");
  Accumulator accumulator = made();
  add(accumulator, 0, 32768, {1000});
  const auto file = make_part_file(path, identity_of_memory(), {1, 1});
  accumulator.write(*file);
  file->finish();
  const OpenParts parts = open_parts({path});
  Accumulator again(*parts.source, make_cpu_backend(1));
  EXPECT_EQ(again.rows(), 32768U);
  add(again, 32768, rows().count(), {1000});
  expect_near(again.compute(about()), of_dump(Looks::one));
  std::filesystem::remove(path);
}

TEST_F(Accumulators, MeasureThePredictions) {
  Accumulator accumulator = made();
  Matrix predictions = rows().targets();
  for (double& value : predictions.values()) {
    value += 0.5;
  }
  rows().in_batches(0, rows().count(), {50000}, [&](const auto& layers, auto targets) {
    accumulator.update(layers, targets, predictions.view());
  });
  const Results results = accumulator.compute();
  EXPECT_NEAR(*results.checkpoints.at(0).targets.number("model_mse"), 0.25, 1e-12);
}

TEST_F(Accumulators, RefuseWhatDoesNotFit) {
  const auto backend = [] { return make_cpu_backend(1); };
  EXPECT_THROW(Accumulator({}, {1, {}, 0}, {}, backend()), UsageError);
  EXPECT_THROW(Accumulator({{"a", 3, {}}, {"a", 3, {}}}, {1, {}, 0}, {}, backend()), UsageError);
  EXPECT_THROW(Accumulator({{"a", 3, {}, Matrix(2, 4)}}, {1, {}, 0}, {}, backend()), UsageError);
  EXPECT_THROW(
      Accumulator({{"a", std::numeric_limits<std::size_t>::max() / 4, {}}}, {1, {}, 0}, {}, backend()),
      UsageError);
  Accumulator accumulator({{"a", 3, {}}}, {1, {}, 0}, {}, backend());
  EXPECT_THROW((void)accumulator.compute(), UsageError);
  const std::vector<double> numbers(6);
  EXPECT_THROW(accumulator.update({std::as_bytes(std::span(numbers))}, Matrix(3, 1).view()), UsageError);
  EXPECT_THROW(accumulator.update({}, Matrix(2, 1).view()), UsageError);
  EXPECT_THROW(accumulator.look({std::as_bytes(std::span(numbers))}, Matrix(2, 1).view()), UsageError);
  Accumulator other = made();
  EXPECT_THROW(accumulator.merge(other), UsageError);
  Accumulator of_half({{"a", 3, {}}}, {1, {ElementKind::float16, false}, 0}, {}, backend());
  EXPECT_THROW(accumulator.merge(of_half), UsageError);
  for (int which = 0; which < 3; ++which) {
    AnalysisOptions options;
    options.signal_dim = which == 0 ? std::optional<std::size_t>(1) : std::nullopt;
    options.top = which == 1 ? 3 : options.top;
    options.per_class = which == 2;
    Accumulator unlike = made(1, options);
    EXPECT_THROW(other.merge(unlike), UsageError) << which;
  }
}

// What differs is named.
TEST_F(Accumulators, MergeWithTheSameOnly) {
  const auto made_of = [](std::vector<AccumulatedLayer> layers, std::size_t targets = 1,
                          const AnalysisOptions& options = {}) {
    return Accumulator(std::move(layers), {targets, {}, 0}, options, make_cpu_backend(1));
  };
  const auto refusal = [&](Accumulator other) {
    Accumulator accumulator = made_of({{"a", 3, {}}});
    try {
      accumulator.merge(other);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal(made_of({{"a", 3, {}}})), "");
  EXPECT_THAT(refusal(made_of({{"a", 3, {}}}, 2)), HasSubstr("found different targets"));
  EXPECT_THAT(refusal(made_of({{"a", 3, {}}, {"b", 3, {}}})), HasSubstr("found different numbers of layers"));
  EXPECT_THAT(refusal(made_of({{"b", 3, {}}})), HasSubstr("found different names of layer 'a'"));
  EXPECT_THAT(refusal(made_of({{"a", 4, {}}})), HasSubstr("found different widths of layer 'a'"));
  EXPECT_THAT(refusal(made_of({{"a", 3, {ElementKind::float32, false}}})),
              HasSubstr("found different types of layer 'a'"));
  EXPECT_THAT(refusal(made_of({{"a", 3, {}, Matrix(1, 3)}})),
              HasSubstr("found different weights of layer 'a'"));
  AnalysisOptions options;
  options.metrics = MetricChoice("nrc1");
  EXPECT_THAT(refusal(made_of({{"a", 3, {}}}, 1, options)), HasSubstr("found different metrics"));
}

TEST_F(Accumulators, RefuseAWeightOrBiasThatIsNotFinite) {
  for (const double odd :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Matrix weight(2, 3);
    weight(1, 0) = odd;
    const auto refused = [](const char* what) {
      return ThrowsMessage<UsageError>(
          AllOf(HasSubstr("layer 'a': found "), HasSubstr(std::string("in row 1 of the ") + what)));
    };
    EXPECT_THAT(
        [&] {
          Accumulator({{"a", 3, {}, weight}}, {1, {}, 0}, {}, make_cpu_backend(1));
        },
        refused("weight"));
    Accumulator accumulator({{"a", 3, {}, Matrix(2, 3)}}, {0, {}, 2}, {}, make_cpu_backend(1));
    EXPECT_THAT([&] { accumulator.set_weight(0, weight, {}); }, refused("weight"));
    EXPECT_THAT([&] { accumulator.set_weight(0, Matrix(2, 3), {0, odd}); }, refused("bias"));
  }
}

TEST_F(Accumulators, WithoutABackendASignalOrTheLayerAreErrorsOfTheLibrary) {
  const std::vector<AccumulatedLayer> layers{{"a", 3, {}}};
  EXPECT_THROW(Accumulator(layers, {1, {}, 0}, {}, nullptr), UsageError);
  AnalysisOptions none;
  none.signal_dim = 0;
  EXPECT_THROW(Accumulator(layers, {1, {}, 0}, none, make_cpu_backend(1)), UsageError);
  Accumulator accumulator(layers, {1, {}, 0}, {}, make_cpu_backend(1));
  EXPECT_THROW(accumulator.set_weight(1, Matrix(2, 3), {}), UsageError);
}

TEST_F(Accumulators, NameTheRowThatIsNotFiniteAndBeginAnew) {
  Accumulator accumulator({{"a", 2, {}}}, {1, {}, 0}, {}, make_cpu_backend(1));
  std::vector<double> numbers{1, 2, 3, 4, 5, 6};
  Matrix targets(3, 1);
  targets(1, 0) = 1;
  accumulator.update({std::as_bytes(std::span(numbers))}, targets.view());
  numbers[3] = std::numeric_limits<double>::quiet_NaN();
  try {
    accumulator.update({std::as_bytes(std::span(numbers))}, targets.view());
    (void)accumulator.compute();
    ADD_FAILURE();
  } catch (const InputError& error) {
    EXPECT_EQ(error.object(), "a");
    EXPECT_THAT(error.message(), testing::HasSubstr("row 4"));
    EXPECT_THAT(error.what(), testing::StartsWith("a: found NaN"));  // no file, and no sign of one
  }
  EXPECT_THROW((void)accumulator.compute(), Error);
  accumulator.reset();
  numbers[3] = 4;
  accumulator.update({std::as_bytes(std::span(numbers))}, targets.view());
  EXPECT_EQ(accumulator.compute().checkpoints.at(0).samples, 3U);
}

}  // namespace
}  // namespace collapscope
