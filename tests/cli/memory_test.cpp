// Memory does not grow with the number of samples and keeps to --memory.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "results.hpp"

namespace collapscope::cli {
namespace {

constexpr std::uint64_t MiB = std::uint64_t{1} << 20U;

// Peak memory of analysing a planted dump of `samples` x 64 float32 within 64 MiB.
std::uint64_t peak(std::uint64_t samples, const std::string& storage) {
  const TempFolder folder;
  expect_status(0, folder,
                {"synth", "planted", "-o", "p.h5", "-N", std::to_string(samples), "-d", "64", "--dtype",
                 "float32", "--noise", "0.25", "--storage", storage});
  const Finished finished =
      expect_status(0, folder, {"analyze", "p.h5", "--memory", "64MiB", "-o", "-", "--quiet"});
  const Json results = Json::parse(finished.out);
  EXPECT_EQ(layer_metric(results, "layer1", "samples"), static_cast<double>(samples));
  EXPECT_NEAR(layer_metric(results, "layer1", "deep_nrc1"), 0.25, 1e-7);
  return finished.peak_memory;
}

std::uint64_t baseline() {
  const TempFolder folder;
  return expect_status(0, folder, {"--version"}).peak_memory;
}

TEST(Memory, DoesNotGrowWithTheSamples) {
  const std::uint64_t few = peak(20'000, "contiguous");
  const std::uint64_t many = peak(1'000'000, "contiguous");
  EXPECT_LE(many, few + 32 * MiB);
  EXPECT_LE(many, baseline() + (64 + 48) * MiB);
}

TEST(Memory, DoesNotGrowWithCompressedSamples) {
  const std::uint64_t few = peak(20'000, "gzip");
  const std::uint64_t many = peak(250'000, "gzip");
  EXPECT_LE(many, few + 32 * MiB);
  EXPECT_LE(many, baseline() + (64 + 48) * MiB);
}

// No d x d matrix: it alone would take 12 GiB.
TEST(Memory, OfFewRowsIsThatOfTheRows) {
  const TempFolder folder;
  make_dumps(folder, R"(
with h5py.File("flat.h5", "w") as f:
    f["targets"] = normal(40, 2)
    f["layers/flat/activations"], f["layers/flat/weight"] = normal(40, 40000, 1).astype("f4"), normal(10, 40000, 2)
with h5py.File("flat_classes.h5", "w") as f:
    f.attrs["task"] = "classification"
    f["targets"] = np.arange(40) % 10
    f["layers/flat/activations"], f["layers/flat/weight"] = normal(40, 40000, 1).astype("f4"), normal(10, 40000, 2)
)");
  for (const auto& [dump, budget] : {std::pair{"flat.h5", 256U}, std::pair{"flat_classes.h5", 512U}}) {
    const Finished finished = expect_status(
        0, folder, {"analyze", dump, "--memory", std::to_string(budget) + "MiB", "-q", "-o", "-"});
    EXPECT_LE(finished.peak_memory, baseline() + (budget + 48) * MiB) << dump;
    const Json results = Json::parse(finished.out);
    EXPECT_GT(layer_metric(results, "flat", "feature_effective_rank"), 30) << dump;
  }
}

// Between the blocks of one layer lie the results of others: they must not keep memory from being used again.
TEST(Memory, HoldsManySmallLayersOrRefusesThem) {
  const TempFolder folder;
  make_dumps(folder, R"(
with h5py.File("many.h5", "w") as f:
    f["targets"], rows = normal(20, 2), normal(20, 8, 1).astype("f4")
    for i in range(4000):
        f[f"layers/l{i}/activations"] = rows
)");
  const Finished finished = expect_status(
      0, folder, {"analyze", "many.h5", "--memory", "64MiB", "--metrics", "deep_nrc1", "-q", "-o", "-"});
  EXPECT_LE(finished.peak_memory / MiB, 64U + 64U);
  EXPECT_EQ(Json::parse(finished.out).at("checkpoints").at(0).at("layers").size(), 4000U);
  const Finished refused =
      expect_status(2, folder, {"analyze", "many.h5", "--memory", "16MiB", "-q", "-o", "-"});
  EXPECT_NE(refused.err.find("needs some 51.1 MiB for what is known of 4000 layers and for their results; "
                             "the budget is 16.0 MiB"),
            std::string::npos)
      << refused.err;
  expect_status(0, folder,
                {"analyze", "many.h5", "--memory", "16MiB", "--layers", "l1*", "-q", "-o", "few.json"});
}

}  // namespace
}  // namespace collapscope::cli
