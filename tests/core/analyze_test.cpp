// The order of an analysis: layers are read as they lie in the file and reported as they are listed.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "collapscope/analysis.hpp"
#include "collapscope/synth.hpp"
#include "core/support.hpp"
#include "hdf5/dump_writer.hpp"

namespace collapscope {
namespace {

constexpr std::uint64_t samples = 40;
constexpr std::uint64_t features = 5;

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
  file.create_dataset("/targets", {samples, 2}, ElementKind::float64, {}, false);
  file.write_rows("/targets", 0, test::random_matrix(samples, 2, random).view());
  for (const char* layer : {"c", "a", "b"}) {
    const std::string object = fmt::format("/layers/{}/activations", layer);
    file.create_dataset(object, {samples, features}, ElementKind::float32, chunk, false);
    file.write_rows(object, 0, test::random_matrix(samples, features, random).view());
  }
  file.finish();
  return path;
}

TEST(Analyze, ReadsLayersInTheOrderOfTheirBytes) {
  const auto backend = make_cpu_backend(1);
  for (const std::vector<std::uint64_t>& chunk : {std::vector<std::uint64_t>{}, {16, features}}) {
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

}  // namespace
}  // namespace collapscope
