// Peak memory keeps to --memory whatever the chunks, their index and their filters, in one look and two.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "results.hpp"

namespace collapscope::cli {
namespace {

constexpr std::uint64_t bytes_of_mib = std::uint64_t{1} << 20U;

bool all_cases() { return std::getenv("COLLAPSCOPE_TEST_ALL") != nullptr; }

// For each format a file of layers with the same rows, in all shapes of chunks and with all filters.
constexpr const char* make_matrix = R"(
FORMATS = {"v108": ("earliest", "v108"), "v110": ("v110", "v110")}
FILTERS = {"plain": {}, "gzip": {"compression": "gzip", "compression_opts": 1},
           "shuffled": {"compression": "gzip", "compression_opts": 1, "shuffle": True}, "lzf": {"compression": "lzf"}}

def matrix(name, N, shapes):
    H, Y = normal(N, 16, 1).astype("f4").round(1), normal(N, 2)
    for format, libver in FORMATS.items():
        with h5py.File(f"{name}_{format}.h5", "w", libver=libver) as f:
            f["targets"] = Y
            for shape in shapes:
                for filter, options in FILTERS.items():
                    layer = f.create_group(f"layers/{'x'.join(map(str, shape))}_{filter}")
                    layer.create_dataset("activations", data=H, chunks=shape, **options)
                    layer.create_dataset("weight", data=normal(2, 16, 3))
)";

class MemoryMatrix : public ::testing::Test {
 protected:
  void make(const std::string& calls) const { make_dumps(folder_, std::string(make_matrix) + calls); }

  [[nodiscard]] Finished analyzed(const std::string& name, const std::string& looks,
                                  const Arguments& more = {}) const {
    Arguments arguments{"analyze",  name,  "--memory", "32MiB", "--looks", looks,
                        "--device", "cpu", "-o",       "-",     "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return expect_status(0, folder_, arguments);
  }

  // Of the layers alone, where all together took too much.
  void expect_within(const std::string& name) const {
    for (const std::string looks : {"1", "2"}) {
      const Finished finished = analyzed(name, looks);
      const Json results = Json::parse(finished.out);
      const Json& layers = results.at("checkpoints").at(0).at("layers");
      for (const Json& layer : layers) {
        EXPECT_TRUE(layer.at("metrics") == layers.at(0).at("metrics")) << name << " " << layer.at("name");
        if (finished.peak_memory > (32 + 64) * bytes_of_mib || all_cases()) {
          const std::string layer_name = layer.at("name").get<std::string>();
          EXPECT_LE(analyzed(name, looks, {"--layers", layer_name}).peak_memory / bytes_of_mib, 32U + 64U)
              << name << " " << layer_name << ", looks: " << looks;
        }
      }
      EXPECT_LE(finished.peak_memory / bytes_of_mib, 32U + 64U) << name << ", looks: " << looks;
    }
  }

  TempFolder folder_;
};

TEST_F(MemoryMatrix, SmallChunks) {
  make(all_cases() ? "matrix('rows', 320_000, [(1, 16), (8, 16)])"
                   : "matrix('rows', 20_000, [(1, 16), (8, 16)])");
  expect_within("rows_v108.h5");
  expect_within("rows_v110.h5");
}

TEST_F(MemoryMatrix, LargeChunks) {
  make(all_cases() ? "matrix('wide', 160_000, [(160_000, 1), (50, 5), (8192, 16)])"
                   : "matrix('wide', 60_000, [(60_000, 1), (50, 5), (60_000, 16)])");
  expect_within("wide_v108.h5");
  expect_within("wide_v110.h5");
}

// A chunk is inflated as a whole.
TEST_F(MemoryMatrix, ChunksThatDoNotFitAreRefused) {
  make_dumps(folder_, R"(
with h5py.File("whole.h5", "w") as f:
    f["targets"] = normal(400_000, 2)
    f.create_dataset("layers/fc/activations", data=np.ones((400_000, 16), "f4"), chunks=(400_000, 16), compression="gzip")
)");
  const Finished finished = expect_status(2, folder_, {"analyze", "whole.h5", "--memory", "32MiB"});
  EXPECT_NE(finished.err.find("whole.h5: fc: needs "), std::string::npos) << finished.err;
  EXPECT_NE(finished.err.find(
                "to read its chunks of shape [400000, 16]; the budget is 32.0 MiB (--memory; h5repack "
                "can store them anew)"),
            std::string::npos)
      << finished.err;
  EXPECT_LE(finished.peak_memory / bytes_of_mib, 96U);
}

// HDF5 takes half a megabyte for each file that is open.
TEST_F(MemoryMatrix, SequencesThatArePooled) {
  make_dumps(folder_, R"(
with h5py.File("sequences.h5", "w") as f:
    f["targets"] = normal(6000, 2)
    f["layers/fc/activations"] = np.repeat(normal(6000, 32, 1).astype("f4")[:, None], 64, 1)
)");
  const Finished finished =
      expect_status(0, folder_, {"analyze", "sequences.h5", "--memory", "32MiB", "-q", "-o", "-"});
  EXPECT_LE(finished.peak_memory / bytes_of_mib, 32U + 64U);
}

TEST_F(MemoryMatrix, ManySourcesOfAVirtualDataset) {
  make_dumps(folder_, R"(
with h5py.File("virtual.h5", "w") as f, h5py.File("plain.h5", "w") as g:
    f["targets"] = g["targets"] = normal(1200, 2)
    f["layers/fc/weight"] = g["layers/fc/weight"] = normal(2, 6, 3)
    rows = g["layers/fc/activations"] = normal(1200, 6, 1)
    whole, halves = h5py.VirtualLayout((1200, 6), "f8"), h5py.VirtualLayout((1200, 6), "f8")
    for i in range(600):
        with h5py.File(f"part{i}.h5", "w") as part:
            part.create_dataset("x", data=rows[2 * i:2 * i + 2], chunks=(2, 6), compression="gzip")
        source = h5py.VirtualSource(f"part{i}.h5", "x", (2, 6), "f8")
        whole[2 * i:2 * i + 2] = source
        halves[2 * i:2 * i + 2, :3], halves[2 * i:2 * i + 2, 3:] = source[:, :3], source[:, 3:]
    f.create_virtual_dataset("layers/fc/activations", whole)
    with h5py.File("halves.h5", "w") as h:
        h["targets"], h["layers/fc/weight"] = f["targets"][:], f["layers/fc/weight"][:]
        h.create_virtual_dataset("layers/fc/activations", halves)
)");
  const auto metrics = [](const Finished& finished) {
    return Json::parse(finished.out).at("checkpoints").at(0).at("layers").at(0).at("metrics");
  };
  const Json right = metrics(analyzed("plain.h5", "2"));
  const Finished found = analyzed("virtual.h5", "2");
  EXPECT_TRUE(metrics(found) == right);
  EXPECT_LE(found.peak_memory / bytes_of_mib, 32U + 64U);
  const Finished refused = expect_status(2, folder_, {"analyze", "halves.h5", "--memory", "32MiB"});
  EXPECT_NE(refused.err.find("the budget is 32.0 MiB"), std::string::npos) << refused.err;
  EXPECT_LE(refused.peak_memory / bytes_of_mib, 32U + 64U);
  EXPECT_TRUE(metrics(expect_status(0, folder_, {"analyze", "halves.h5", "-q", "-o", "-"})) == right);
}

TEST_F(MemoryMatrix, WhatFilesDeclareIsRefusedBeforeItIsAllocated) {
  make_dumps(folder_, R"(
def declares(name, targets=(100, 2), weight=None):
    with h5py.File(name, "w") as f:
        f.create_dataset("targets", targets, "f4", chunks=(1, min(targets[1], 1000)))[...] = 1
        f["layers/fc/activations"] = normal(targets[0], 4)
        if weight:
            w = f.create_dataset("layers/fc/weight", weight, "f4", chunks=(100_000, 4), compression="gzip")
            for i in range(0, weight[0], 100_000):
                w[i:i + 100_000] = 1

declares("targets.h5", (4, 12_000))
declares("weight.h5", weight=(4_000_000, 4))
)");
  for (const std::string command : {"analyze", "inspect"}) {
    const auto refused = [&](const std::string& name, const std::string& what) {
      const Finished finished = expect_status(2, folder_, {command, name, "--memory", "64MiB"});
      EXPECT_NE(finished.err.find(what), std::string::npos) << finished.err;
      EXPECT_LE(finished.peak_memory / bytes_of_mib, 64U);
    };
    refused(
        "targets.h5",
        "targets.h5: /targets: needs 8.6 GiB for the matrices and chunks of targets of shape [4, 12000]; the "
        "budget is 64.0 MiB (--memory)");
    refused(
        "weight.h5",
        " to decompose its weight /layers/fc/weight of shape [4000000, 4]; the budget is 64.0 MiB (--memory; "
        "--metrics can leave out those of the weight)");
  }
  expect_status(0, folder_, {"analyze", "weight.h5", "--memory", "64MiB", "--metrics", "deep_nrc1"});
}

}  // namespace
}  // namespace collapscope::cli
