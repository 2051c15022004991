// Filters x indexes of chunks x filter masks x formats, as h5py writes and reads them (chunk_matrix.py).
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

DumpIndex index_group(const std::string& path, const std::string& group) {
  IndexOptions options;
  options.naming.activations = group + "/*";
  options.naming.targets = "targets";
  return index_dump(path, options);
}

std::map<std::string, std::vector<double>> expected_numbers(const std::string& path) {
  std::map<std::string, std::vector<double>> numbers;
  const DumpIndex index = index_group(path, "expected");
  for (const LayerIndex& layer : index.checkpoints.at(0).layers) {
    numbers[layer.name] = read_all(layer.activations, layer.activations.samples());
  }
  return numbers;
}

TEST(ChunkMatrix, IsReadAsH5pyReadsIt) {
  const TempDir dir;
  const std::string command = std::string(COLLAPSCOPE_PYTHON) + " -B " + COLLAPSCOPE_SOURCE_DIR +
                              "/tests/hdf5/chunk_matrix.py " + dir.path().string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  for (const char* format : {"earliest", "v108", "v110", "latest"}) {
    const std::string path = dir / (std::string(format) + ".h5");
    const auto expected = expected_numbers(path);
    const DumpIndex index = index_group(path, "stored");
    EXPECT_TRUE(index.failures.empty()) << index.failures.front().message;
    ASSERT_GT(index.checkpoints.at(0).layers.size(), 500U);
    for (const LayerIndex& layer : index.checkpoints.at(0).layers) {
      const std::string type = layer.name.substr(0, layer.name.find('.'));
      for (const std::uint64_t band : {41, 5}) {
        try {
          EXPECT_TRUE(read_all(layer.activations, band) == expected.at(type))
              << format << " " << layer.name << ", " << band << " samples at a time";
        } catch (const InputError& error) {
          ADD_FAILURE() << format << " " << layer.name << ": " << error.what();
        }
      }
    }
  }
}

}  // namespace
}  // namespace collapscope::testing
