// cuBLAS by OpenBLAS.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>

#include "support.hpp"

namespace fake_cuda_test {
namespace {

class Products : public Fake {
 protected:
  void SetUp() override {
    Fake::SetUp();
    if (!IsSkipped()) {
      start({{"SCHEDULE", "eager"}});
    }
  }
  void TearDown() override { Fake::TearDown(); }
  void start(const Settings& settings) {
    configure(settings);
    stream_ = new_stream();
    ASSERT_EQ(cublasCreate(&blas_), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasSetStream(blas_, stream_), CUBLAS_STATUS_SUCCESS);
  }
  cublasHandle_t blas_ = nullptr;
  cudaStream_t stream_ = nullptr;
  double one_ = 1;
  double zero_ = 0;
};

double* matrix(const std::vector<double>& values) {
  double* x = new_device(values.size());
  upload(x, values);
  return x;
}

TEST_F(Products, Syrk) {
  const double* a = matrix({1, 2, 3, 4, 5, 6});  // 2 x 3
  double* c = new_device(4);
  EXPECT_EQ(cublasDsyrk(blas_, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, 2, 3, &one_, a, 2, &zero_, c, 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
  const std::vector<double> found = download(c, 4);
  EXPECT_EQ(found[0], 35);
  EXPECT_EQ(found[1], 44);
  EXPECT_TRUE(std::isnan(found[2]));  // the other triangle stays
  EXPECT_EQ(found[3], 56);
  EXPECT_EQ(
      cublasDsyrk_64(blas_, CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_T, 3, 2, &one_, a, 2, &zero_, new_device(9), 3),
      CUBLAS_STATUS_SUCCESS);
}

TEST_F(Products, GemmReadsNoCWhenBetaIsZero) {
  const double* a = matrix({1, 2, 3, 4});
  const double* b = matrix({1, 0, 1, 1});
  double* c = new_device(4);
  EXPECT_EQ(cublasDgemm(blas_, CUBLAS_OP_N, CUBLAS_OP_T, 2, 2, 2, &one_, a, 2, b, 2, &zero_, c, 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(download(c, 4), (std::vector<double>{4, 6, 3, 4}));
  EXPECT_EQ(cublasDgemm_64(blas_, CUBLAS_OP_N, CUBLAS_OP_T, 2, 2, 2, &one_, a, 2, b, 2, &one_, c, 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(download(c, 4), (std::vector<double>{8, 12, 6, 8}));
}

TEST_F(Products, Batches) {
  const double* a = matrix({1, 2, 3, 4});
  double* c = new_device(2);
  EXPECT_EQ(cublasDgemmStridedBatched_64(blas_, CUBLAS_OP_T, CUBLAS_OP_N, 1, 1, 2, &one_, a, 2, 2, a, 2, 0,
                                         &zero_, c, 1, 1, 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(download(c, 2), (std::vector<double>{5, 11}));
}

TEST_F(Products, OfFloats) {
  const float values[] = {1, 2, 3, 4};
  auto* x = reinterpret_cast<float*>(new_device(2));
  auto* c = reinterpret_cast<float*>(new_device(4));
  EXPECT_CUDA(cudaMemcpy(x, values, sizeof values, cudaMemcpyHostToDevice));
  const float one = 1;
  const float zero = 0;
  EXPECT_EQ(cublasSgemmStridedBatched_64(blas_, CUBLAS_OP_N, CUBLAS_OP_T, 2, 2, 1, &one, x, 2, 2, x, 2, 2,
                                         &zero, c, 2, 4, 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSsyrk_64(blas_, CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, 2, 1, &one, x + 2, 2, &one, c, 2),
            CUBLAS_STATUS_SUCCESS);
  float found[8];
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_CUDA(cudaMemcpy(found, c, sizeof found, cudaMemcpyDeviceToHost));
  const float expected[] = {10, 2, 14, 20, 9, 12, 12, 16};
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(found[i], expected[i]) << i;
  }
}

template <class Half>
float half_product(cublasHandle_t blas, cudaDataType type) {
  const Half values[2] = {Half(1.5F), Half(2.0F)};
  auto* x = reinterpret_cast<Half*>(new_device(1));
  auto* c = reinterpret_cast<float*>(new_device(1));
  EXPECT_CUDA(cudaMemcpy(x, values, sizeof values, cudaMemcpyHostToDevice));
  const float one = 1;
  const float zero = 0;
  EXPECT_EQ(cublasGemmEx(blas, CUBLAS_OP_T, CUBLAS_OP_N, 1, 1, 2, &one, x, type, 2, x, type, 2, &zero, c,
                         CUDA_R_32F, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_SUCCESS);
  float result = 0;
  EXPECT_CUDA(cudaMemcpy(&result, c, sizeof result, cudaMemcpyDeviceToHost));
  return result;
}

TEST_F(Products, OfHalfPrecision) {
  EXPECT_EQ(half_product<__half>(blas_, CUDA_R_16F), 6.25F);
  EXPECT_EQ(half_product<__nv_bfloat16>(blas_, CUDA_R_16BF), 6.25F);
  EXPECT_EQ(half_product<float>(blas_, CUDA_R_32F), 6.25F);
}

TEST_F(Products, OperandsAreBounded) {
  double* x = new_device(5);
  EXPECT_EQ(cublasDgemm(blas_, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one_, x, 4, x, 2, &zero_, x, 2),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasDgemm(blas_, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one_, x, 1, x, 2, &zero_, x, 2),
            CUBLAS_STATUS_INVALID_VALUE);
  std::vector<double> host(4);
  EXPECT_EQ(cublasDgemm(blas_, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one_, x, 2, x, 2, &zero_, host.data(), 2),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(control().violations(), 3);
  configure({});
}

TEST_F(Products, HappenInTheStream) {
  start({{"SCHEDULE", "lazy"}});
  const double* a = matrix({2});
  double* c = matrix({0});
  double alpha = 3;
  EXPECT_EQ(cublasDgemm(blas_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &alpha, a, 1, a, 1, &one_, c, 1),
            CUBLAS_STATUS_SUCCESS);
  alpha = 0;  // was read at the call
  EXPECT_EQ(download(c, 1)[0], 0);
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_EQ(download(c, 1)[0], 12);
}

TEST_F(Products, SpoilTheWorkspace) {
  double* workspace = matrix({1, 2, 3, 4});
  double* c = matrix({0});
  EXPECT_EQ(cublasSetWorkspace(blas_, workspace, 32), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasDsyrk(blas_, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, 1, 1, &one_, c, 1, &zero_, c, 1),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_TRUE(std::isnan(download(workspace, 4)[3]));
}

TEST_F(Products, NeedTheHandlesDevice) {
  start({{"DEVICES", "2"}});
  EXPECT_CUDA(cudaSetDevice(1));
  EXPECT_EQ(cublasSetStream(blas_, nullptr), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(control().violations(), 1);
  configure({});
}

}  // namespace
}  // namespace fake_cuda_test
