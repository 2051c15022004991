// The order of an analysis: layers are read as they lie in the file and reported as they are listed, also
// when they are measured side by side.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/results/results_file.hpp"
#include "collapscope/synth/synth.hpp"
#include "core/support.hpp"
#include "hdf5/dump_writer.hpp"

namespace collapscope {
namespace {

constexpr std::uint64_t dump_samples = 40;
constexpr std::uint64_t dump_features = 5;

class Listener final : public Progress {
 public:
  void working_on(const std::string& what) override { layers.push_back(what.substr(what.rfind(' ') + 1)); }
  std::vector<std::string> layers;
};

// Layers a, b, c, of which c comes first in the file, then a, then b.
std::string write_dump(const std::vector<std::uint64_t>& chunk) {
  const std::string path = test::temporary_path("order.h5");
  hdf5::DumpWriter file(path);
  file.set_attribute("/", "format", std::string("collapscope-dump"));
  file.set_attribute("/", "format_version", std::int64_t{1});
  file.set_attribute("/", "task", std::string("regression"));
  test::Random random(3);
  file.create_dataset("/targets", {dump_samples, 2}, ElementKind::float64, {}, false);
  file.write_rows("/targets", 0, test::random_matrix(dump_samples, 2, random).view());
  for (const char* layer : {"c", "a", "b"}) {
    const std::string object = fmt::format("/layers/{}/activations", layer);
    file.create_dataset(object, {dump_samples, dump_features}, ElementKind::float32, chunk, false);
    file.write_rows(object, 0, test::random_matrix(dump_samples, dump_features, random).view());
  }
  file.finish();
  return path;
}

TEST(Analyze, ReadsLayersInTheOrderOfTheirBytes) {
  const auto backend = make_cpu_backend(1);
  for (const std::vector<std::uint64_t>& chunk : {std::vector<std::uint64_t>{}, {16, dump_features}}) {
    const std::string path = write_dump(chunk);
    Listener listener;
    const Results results = analyze(arrange_checkpoints(index_dump(path, {}).checkpoints, false), *backend,
                                    AnalysisOptions{}, listener);
    std::filesystem::remove(path);
    EXPECT_THAT(listener.layers, testing::ElementsAre("c", "a", "b"));
    ASSERT_EQ(results.checkpoints.size(), 1U);
    std::vector<std::string> reported;
    for (const LayerResult& layer : results.checkpoints[0].layers) {
      reported.push_back(layer.name);
    }
    EXPECT_THAT(reported, testing::ElementsAre("a", "b", "c"));
  }
}

// Checkpoints of five layers, some wide enough for LAPACK to want threads. One layer, one checkpoint's
// targets and one weight cannot be used.
TEST(Analyze, RefusesWhatNoAnalysisCanBe) {
  const auto backend = make_cpu_backend(1);
  Listener listener;
  EXPECT_THROW((void)analyze({Checkpoint{}}, *backend, AnalysisOptions{}, listener), UsageError);
  EXPECT_THROW((void)plan_layer({}, 1, AnalysisOptions{}, 1U << 30U, *backend), UsageError);
  AnalysisOptions none;
  none.signal_dim = 0;
  EXPECT_THROW((void)analyze({}, *backend, none, listener), UsageError);
  EXPECT_THROW(write_ufm("", {}), UsageError);
  EXPECT_THROW(write_planted("", {}), UsageError);
  EXPECT_THROW(write_classes("", {}), UsageError);
}

class ManySmallLayers : public ::testing::Test {
 protected:
  ManySmallLayers() : folder_(test::temporary_path("many")) {
    std::filesystem::create_directory(folder_);
    for (std::size_t checkpoint = 0; checkpoint < checkpoints; ++checkpoint) {
      write(checkpoint);
    }
  }
  ~ManySmallLayers() override { std::filesystem::remove_all(folder_); }

  struct Outcome {
    Results results;
    std::vector<std::string> messages;
    std::uint64_t told_bytes = 0;
    std::uint64_t expected_bytes = 0;
  };

  [[nodiscard]] Outcome analyzed(std::size_t threads, const AnalysisOptions& options = {}) const {
    std::vector<CheckpointIndex> indexes;
    for (std::size_t checkpoint = 0; checkpoint < checkpoints; ++checkpoint) {
      for (CheckpointIndex& index : index_dump(path(checkpoint), {}).checkpoints) {
        indexes.push_back(std::move(index));
      }
    }
    const auto backend = make_cpu_backend(threads);
    Teller teller;
    Results results = analyze(arrange_checkpoints(std::move(indexes), false), *backend, options, teller);
    (void)make_cpu_backend(1);  // the BLAS's threads of other tests
    std::sort(teller.lines.begin(), teller.lines.end());
    return {std::move(results), teller.lines, teller.bytes, teller.total};
  }

  static void expect_same(const Outcome& found, const Outcome& expected) {
    EXPECT_TRUE(found.results.checkpoints == expected.results.checkpoints);
    ASSERT_EQ(found.results.failures.size(), expected.results.failures.size());
    for (std::size_t i = 0; i < expected.results.failures.size(); ++i) {
      const Failure& a = found.results.failures[i];
      const Failure& b = expected.results.failures[i];
      EXPECT_EQ(a.path + a.object + a.message, b.path + b.object + b.message);
    }
    EXPECT_EQ(found.messages, expected.messages);
    EXPECT_EQ(found.results.provenance.bytes_read, expected.results.provenance.bytes_read);
    EXPECT_EQ(found.told_bytes, expected.told_bytes);
    EXPECT_EQ(found.expected_bytes, expected.expected_bytes);
  }

  static constexpr std::size_t checkpoints = 8;

 private:
  class Teller final : public Progress {
   public:
    void start(std::uint64_t total_bytes) override { total = total_bytes; }
    void advance(std::uint64_t more) override { bytes += more; }
    void message(const std::string& line) override { lines.push_back(line); }
    std::vector<std::string> lines;
    std::uint64_t bytes = 0;
    std::uint64_t total = 0;
  };

  [[nodiscard]] std::string path(std::size_t checkpoint) const {
    return fmt::format("{}/{}.h5", folder_, checkpoint);
  }

  void write(std::size_t checkpoint) const {
    constexpr std::uint64_t rows = 700;
    hdf5::DumpWriter file(path(checkpoint));
    file.set_attribute("/", "format", std::string("collapscope-dump"));
    file.set_attribute("/", "format_version", std::int64_t{1});
    file.set_attribute("/", "task", std::string("regression"));
    file.set_attribute("/", "run", std::string("one"));
    file.set_attribute("/", "step", static_cast<double>(checkpoint));
    test::Random random(static_cast<unsigned>(checkpoint));
    Matrix targets = test::random_matrix(rows, 2, random);
    if (checkpoint == 3) {
      targets(17, 1) = test::nan;
    }
    file.create_dataset("/targets", {rows, 2}, ElementKind::float64, {}, false);
    file.write_rows("/targets", 0, targets.view());
    for (std::uint64_t layer = 0; layer < 5; ++layer) {
      const std::uint64_t d = layer == 4 ? 300 : 5 + 3 * layer;
      Matrix rows_of_layer = test::random_matrix(rows, d, random);
      if (checkpoint == 5 && layer == 2) {
        rows_of_layer(600, 0) = test::infinity;
      }
      const std::string name = fmt::format("/layers/{}", layer);
      file.create_dataset(name + "/activations", {rows, d}, ElementKind::float32,
                          layer % 2 == 0 ? std::vector<std::uint64_t>{128, d} : std::vector<std::uint64_t>{},
                          layer % 2 == 0);
      file.write_rows(name + "/activations", 0, rows_of_layer.view());
      Matrix weight = test::random_matrix(2, d, random);
      if (checkpoint == 6 && layer == 1) {
        weight(1, 1) = test::nan;
      }
      file.create_dataset(name + "/weight", {2, d}, ElementKind::float64, {}, false);
      file.write_rows(name + "/weight", 0, weight.view());
    }
    file.finish();
  }

  std::string folder_;
};

TEST_F(ManySmallLayers, HaveTheSameBitsSideBySide) {
  const Outcome alone = analyzed(1);
  EXPECT_EQ(alone.results.checkpoints.size(), checkpoints - 1);
  EXPECT_EQ(alone.results.failures.size(), 3U);
  for (const std::size_t threads : {2U, 3U, 7U, 16U, 20U}) {
    for (int repetition = 0; repetition < 5; ++repetition) {
      SCOPED_TRACE(threads);
      expect_same(analyzed(threads), alone);
    }
  }
}

// Targets are read again and again, some or all layers are measured alone, or fit no more. Without the wide
// layers, whose decomposition has other last digits on several threads.
TEST_F(ManySmallLayers, HaveTheSameBitsWithLittleMemory) {
  AnalysisOptions options;
  options.layers = {"0", "1", "2", "3"};
  std::size_t measured = 0;
  for (const std::uint64_t memory : {70'000U, 4'500'000U, 12'000'000U, 30'000'000U}) {
    options.memory = memory;
    const Outcome alone = analyzed(1, options);
    measured += alone.results.checkpoints.size();
    for (const std::size_t threads : {2U, 3U, 7U}) {
      SCOPED_TRACE(testing::Message() << memory << " bytes, " << threads << " threads");
      Outcome found = analyzed(threads, options);  // what is kept, and so read once, depends on the share
      found.expected_bytes = alone.expected_bytes;
      found.told_bytes = alone.told_bytes;
      found.results.provenance.bytes_read = alone.results.provenance.bytes_read;
      expect_same(found, alone);
    }
  }
  EXPECT_EQ(measured, 3 * (checkpoints - 1));
}

// Layers that threads share by segments, that go side by side, and whose decompositions are shared out.
TEST(Analyze, HasTheSameBitsOnAnyNumberOfThreads) {
  struct Shape {
    std::uint64_t samples, features;
  };
  for (const auto& [samples, features] : {Shape{700, 300}, Shape{140'000, 12}, Shape{1100, 530}}) {
    for (const Precision precision : {Precision::float64, Precision::fast}) {
      SCOPED_TRACE(testing::Message() << samples << " x " << features);
      const std::string path = test::temporary_path("bits.h5");
      PlantedSpec spec;
      spec.samples = samples;
      spec.features = features;
      spec.targets = 3;
      spec.noise = {0.5, 0.1, 1e-2, 1e-6};
      write_planted(path, spec);
      const auto checkpoints = arrange_checkpoints(index_dump(path, {}).checkpoints, false);
      AnalysisOptions options;
      options.precision = precision;
      std::string digest;
      for (const std::size_t threads : {1U, 2U, 3U}) {
        Listener listener;
        const Results results = analyze(checkpoints, *make_cpu_backend(threads), options, listener);
        EXPECT_TRUE(results.failures.empty());
        const std::string found = numbers_digest(results);
        digest = digest.empty() ? found : digest;
        EXPECT_EQ(found, digest) << threads << " threads";
      }
      std::filesystem::remove(path);
    }
  }
  (void)make_cpu_backend(1);
}

}  // namespace
}  // namespace collapscope
