// With FAKE_CUDA_RACES=1 a missing order is reported even where the result is right.

#include "support.hpp"
#include "test_launchers.hpp"

namespace fake_cuda_test {
namespace {

constexpr std::size_t count = 1024;  // numbers, two pages
constexpr std::size_t bytes = count * sizeof(double);

class Races : public Fake {
 protected:
  void SetUp() override {
    Fake::SetUp();
    if (!IsSkipped()) {
      start("eager");
    }
  }
  void start(const char* schedule) {
    configure({{"SCHEDULE", schedule}, {"RACES", "1"}});
    x_ = new_device(2 * count);
    p_ = new_pinned(2 * count);
    copy_ = new_stream();
    compute_ = new_stream();
    event_ = new_event();
  }
  void upload_and_double(bool with_event) {
    EXPECT_CUDA(cudaMemcpyAsync(x_, p_, bytes, cudaMemcpyHostToDevice, copy_));
    EXPECT_CUDA(cudaEventRecord(event_, copy_));
    if (with_event) {
      EXPECT_CUDA(cudaStreamWaitEvent(compute_, event_, 0));
    }
    EXPECT_CUDA(times(x_, count, 2.0, compute_));
  }
  // Of the races expected.
  void expect_reported(long races) {
    EXPECT_EQ(control().violations(), races);
    configure({});
  }

  double* x_ = nullptr;
  double* p_ = nullptr;
  cudaStream_t copy_ = nullptr;
  cudaStream_t compute_ = nullptr;
  cudaEvent_t event_ = nullptr;
};

TEST_F(Races, NoneWhereEventsOrderTheStreams) {
  for (const char* schedule : {"eager", "lazy", "random", "reverse"}) {
    start(schedule);
    for (int round = 0; round < 3; ++round) {
      upload_and_double(true);
      EXPECT_CUDA(cudaMemcpyAsync(p_ + count, x_, bytes, cudaMemcpyDeviceToHost, compute_));
      EXPECT_CUDA(cudaStreamSynchronize(compute_));
      p_[0] = p_[count] + 1;
    }
    EXPECT_EQ(control().violations(), 0) << schedule;
  }
}

TEST_F(Races, OfAKernelWithACopy) {
  upload_and_double(false);
  expect_reported(1);
}

TEST_F(Races, OfTheNextCopyWithAKernel) {
  upload_and_double(true);
  EXPECT_CUDA(cudaMemcpyAsync(x_, p_, bytes, cudaMemcpyHostToDevice, copy_));
  expect_reported(1);
}

TEST_F(Races, NotOfReaders) {
  upload_and_double(true);
  EXPECT_CUDA(cudaStreamSynchronize(compute_));
  double* sums = new_device(2 * count);
  EXPECT_CUDA(sum_rows(x_, sums, 1, count, compute_));
  EXPECT_CUDA(cudaMemcpyAsync(p_, x_, bytes, cudaMemcpyDeviceToHost, copy_));
  EXPECT_EQ(control().violations(), 0);
}

TEST_F(Races, NotOfDifferentPages) {
  EXPECT_CUDA(cudaMemsetAsync(x_, 0, 2 * bytes, compute_));
  EXPECT_CUDA(cudaStreamSynchronize(compute_));
  EXPECT_CUDA(times(x_, count, 2.0, compute_));
  EXPECT_CUDA(times(x_ + count, count, 2.0, copy_));
  EXPECT_CUDA(cudaMemsetAsync(x_ + count, 0, bytes, copy_));
  EXPECT_EQ(control().violations(), 0);
}

TEST_F(Races, NotOfNeighboursInAPage) {
  EXPECT_CUDA(cudaMemsetAsync(x_, 0, bytes, compute_));
  EXPECT_CUDA(times(x_, count / 2 + 10, 2.0, compute_));
  EXPECT_CUDA(cudaMemcpyAsync(x_ + count / 2 + 10, p_, bytes, cudaMemcpyHostToDevice, copy_));
  EXPECT_EQ(control().violations(), 1);  // the memset has all of that page
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_CUDA(times(x_, count / 2 + 10, 2.0, compute_));
  EXPECT_CUDA(cudaMemcpyAsync(x_ + count / 2 + 10, p_, bytes, cudaMemcpyHostToDevice, copy_));
  expect_reported(1);
}

TEST_F(Races, OfSmallAllocations) {
  double* small = new_device(10);
  EXPECT_CUDA(cudaMemsetAsync(small, 0, 10 * sizeof(double), copy_));
  EXPECT_CUDA(times(small, 10, 2.0, compute_));
  expect_reported(1);
}

TEST_F(Races, NotWhereTheHostHasWaited) {
  upload_and_double(true);
  EXPECT_CUDA(cudaEventRecord(event_, compute_));
  EXPECT_CUDA(cudaEventSynchronize(event_));
  EXPECT_CUDA(cudaMemsetAsync(x_, 0, bytes, copy_));
  EXPECT_EQ(control().violations(), 0);
}

TEST_F(Races, OfProducts) {
  cublasHandle_t blas = nullptr;
  EXPECT_EQ(cublasCreate(&blas), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetStream(blas, compute_), CUBLAS_STATUS_SUCCESS);
  const double one = 1;
  const double zero = 0;
  double* c = new_device(16);
  EXPECT_CUDA(cudaMemsetAsync(x_, 0, bytes, copy_));
  EXPECT_EQ(cublasDsyrk(blas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, 4, 4, &one, x_, 4, &zero, c, 4),
            CUBLAS_STATUS_SUCCESS);
  expect_reported(1);
}

TEST_F(Races, OfTheHostWritingWhatACopyReads) {
  for (const char* schedule : {"eager", "lazy"}) {
    start(schedule);
    p_[0] = 1;
    EXPECT_CUDA(cudaMemcpyAsync(x_, p_, bytes, cudaMemcpyHostToDevice, copy_));
    EXPECT_EQ(p_[0], 1);  // may be read
    p_[0] = 2;
    EXPECT_EQ(control().violations(), 1) << schedule;
  }
  configure({});
}

TEST_F(Races, OfTheHostReadingWhatACopyWrites) {
  EXPECT_CUDA(cudaMemsetAsync(x_, 0, bytes, copy_));
  EXPECT_CUDA(cudaMemcpyAsync(p_, x_, bytes, cudaMemcpyDeviceToHost, copy_));
  EXPECT_EQ(static_cast<volatile double*>(p_)[0], 0);
  expect_reported(1);
}

TEST_F(Races, NotOfTheHostBesideACopy) {
  EXPECT_CUDA(cudaMemcpyAsync(x_, p_, bytes, cudaMemcpyHostToDevice, copy_));
  p_[count] = 1;
  EXPECT_CUDA(cudaMemcpyAsync(x_ + count, p_ + count, bytes, cudaMemcpyHostToDevice, copy_));
  EXPECT_CUDA(cudaStreamSynchronize(copy_));
  p_[0] = p_[count] = 2;
  EXPECT_EQ(control().violations(), 0);
}

}  // namespace
}  // namespace fake_cuda_test
