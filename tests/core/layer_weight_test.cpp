// The weight as a map of the rows' features: convolutions, transposed and misfitting ones.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <filesystem>

#include "analysis/layer_format.hpp"
#include "collapscope/core/error.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

LayerIndex make_layer(std::vector<std::uint64_t> shape, Layout layout = Layout::rows) {
  LayerIndex layer;
  layer.name = "fc";
  layer.layout = layout;
  layer.activations.shape = std::move(shape);
  layer.activations.element = {ElementKind::float32, false};
  return layer;
}

// A file with one dataset "w" of float64: 0, 1, 2, ...
class LayerWeightTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  DatasetIndex stored(const std::vector<std::uint64_t>& shape) {
    const std::vector<hsize_t> dims(shape.begin(), shape.end());
    hsize_t count = 1;
    for (const hsize_t size : dims) {
      count *= size;
    }
    std::vector<double> values(count);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<double>(i);
    }
    const hid_t file = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
    const hid_t set = H5Dcreate2(file, "w", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Fclose(file);
    DatasetIndex index;
    index.file = path_;
    index.object = "/w";
    index.shape = shape;
    index.folder = std::filesystem::path(path_).parent_path().string();
    return index;
  }

  std::string path_ = test::temporary_path("_weight.h5");
};

TEST_F(LayerWeightTest, ConvolutionsActOnChannels) {
  LayerIndex layer = make_layer({10, 3, 5, 5}, Layout::nchw);
  layer.weight = stored({2, 3, 2, 1});
  const LayerWeight weight = layer_weight(layer, layer_format(layer, std::nullopt));
  EXPECT_TRUE(weight.convolution);
  ASSERT_EQ(weight.matrix.rows(), 4U);  // [2 * 2 * 1, 3]
  ASSERT_EQ(weight.matrix.cols(), 3U);
  for (std::size_t m = 0; m < 2; ++m) {
    for (std::size_t p = 0; p < 2; ++p) {
      for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_EQ(weight.matrix(m * 2 + p, c), static_cast<double>(m * 6 + c * 2 + p));
      }
    }
  }
  const LayerWeight flattened = layer_weight(layer, layer_format(layer, Pool::flatten));
  EXPECT_TRUE(flattened.matrix.empty());
  EXPECT_FALSE(flattened.missing.empty());
}

TEST_F(LayerWeightTest, KernelsMayHaveTheirOutputsLast) {
  LayerIndex layer = make_layer({10, 5, 5, 3}, Layout::nhwc);
  layer.weight = stored({1, 2, 3, 4});
  layer.kernel_order = KernelOrder::outputs_last;
  const LayerWeight weight = layer_weight(layer, layer_format(layer, std::nullopt));
  ASSERT_EQ(weight.matrix.rows(), 8U);
  ASSERT_EQ(weight.matrix.cols(), 3U);
  for (std::size_t m = 0; m < 4; ++m) {
    for (std::size_t p = 0; p < 2; ++p) {
      for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_EQ(weight.matrix(m * 2 + p, c), static_cast<double>((p * 3 + c) * 4 + m));
      }
    }
  }
}

TEST_F(LayerWeightTest, TransposedAndMisfittingWeights) {
  LayerIndex layer = make_layer({10, 3});
  const RowFormat format = layer_format(layer, std::nullopt);
  EXPECT_EQ(layer_weight(layer, format).missing, "no weight");
  layer.weight = stored({2, 3});
  EXPECT_EQ(layer_weight(layer, format).matrix(1, 0), 3);
  layer.weight_transposed = true;
  EXPECT_THROW((void)layer_weight(layer, format), InputError);
  layer.weight = stored({3, 2});
  const LayerWeight weight = layer_weight(layer, format);
  EXPECT_FALSE(weight.convolution);
  ASSERT_EQ(weight.matrix.rows(), 2U);
  EXPECT_EQ(weight.matrix(1, 0), 1);
  EXPECT_EQ(weight.matrix(0, 2), 4);
}

}  // namespace
}  // namespace collapscope
