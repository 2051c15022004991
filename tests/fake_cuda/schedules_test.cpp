// Work of streams happens when the schedule says so; mistakes in ordering change results.
#include <set>

#include "support.hpp"
#include "test_launchers.hpp"

namespace fake_cuda_test {
namespace {

using Schedules = Fake;

constexpr std::size_t bytes = sizeof(double);

// Uploads 1 in a copy stream, doubles it in a compute stream, and brings it back; the result.
double pipeline(bool with_event) {
  double* x = new_device(1);
  double* p = new_pinned(2);
  p[0] = 1;
  cudaStream_t compute = new_stream();
  cudaStream_t copy = new_stream();
  cudaEvent_t there = new_event();
  EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, compute));
  EXPECT_CUDA(cudaStreamSynchronize(compute));
  EXPECT_CUDA(cudaMemcpyAsync(x, p, bytes, cudaMemcpyHostToDevice, copy));
  EXPECT_CUDA(cudaEventRecord(there, copy));
  if (with_event) {
    EXPECT_CUDA(cudaStreamWaitEvent(compute, there, 0));
  }
  EXPECT_CUDA(times(x, 1, 2.0, compute));
  EXPECT_CUDA(cudaMemcpyAsync(p + 1, x, bytes, cudaMemcpyDeviceToHost, compute));
  EXPECT_CUDA(cudaStreamSynchronize(compute));
  return p[1];
}

Settings random(int seed) { return {{"SCHEDULE", "random"}, {"SEED", std::to_string(seed)}}; }

TEST_F(Schedules, AllAgreeOnARightProgram) {
  for (const char* schedule : {"eager", "lazy", "reverse"}) {
    configure({{"SCHEDULE", schedule}});
    EXPECT_EQ(pipeline(true), 2) << schedule;
  }
  for (int seed = 0; seed < 50; ++seed) {
    configure(random(seed));
    EXPECT_EQ(pipeline(true), 2) << seed;
  }
}

TEST_F(Schedules, AMissingEventIsFound) {
  configure({{"SCHEDULE", "lazy"}});
  EXPECT_NE(pipeline(false), 2);
  std::set<double> results;
  for (int seed = 0; seed < 50; ++seed) {
    configure(random(seed));
    results.insert(pipeline(false));
  }
  EXPECT_GT(results.size(), 1U);
}

TEST_F(Schedules, AReusedPinnedBufferIsFound) {
  configure({{"SCHEDULE", "lazy"}});
  double* x = new_device(2);
  double* p = new_pinned(1);
  cudaStream_t stream = new_stream();
  p[0] = 1;
  EXPECT_CUDA(cudaMemcpyAsync(x, p, bytes, cudaMemcpyHostToDevice, stream));
  p[0] = 2;
  EXPECT_CUDA(cudaMemcpyAsync(x + 1, p, bytes, cudaMemcpyHostToDevice, stream));
  EXPECT_CUDA(cudaStreamSynchronize(stream));
  EXPECT_EQ(download(x, 2), (std::vector<double>{2, 2}));
}

TEST_F(Schedules, PageableMemoryIsReadAtTheCall) {
  configure({{"SCHEDULE", "lazy"}});
  double* x = new_device(1);
  double host = 1;
  cudaStream_t stream = new_stream();
  EXPECT_CUDA(cudaMemcpyAsync(x, &host, bytes, cudaMemcpyHostToDevice, stream));
  host = 2;
  EXPECT_CUDA(cudaMemcpyAsync(&host, x, bytes, cudaMemcpyDeviceToHost, stream));
  EXPECT_EQ(host, 1);
}

TEST_F(Schedules, LazyDoesNothingUnasked) {
  configure({{"SCHEDULE", "lazy"}});
  double* x = new_device(1);
  cudaStream_t first = new_stream();
  cudaStream_t second = new_stream();
  EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, first));
  EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, second));
  EXPECT_EQ(control().work_items(), 0);
  EXPECT_CUDA(cudaStreamSynchronize(second));
  EXPECT_EQ(control().work_items(), 1);
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_EQ(control().work_items(), 2);
}

TEST_F(Schedules, PollingMakesProgress) {
  for (const char* schedule : {"lazy", "reverse", "random"}) {
    configure({{"SCHEDULE", schedule}});
    double* x = new_device(1);
    cudaStream_t stream = new_stream();
    cudaEvent_t event = new_event();
    EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, stream));
    EXPECT_CUDA(cudaEventRecord(event, stream));
    while (cudaEventQuery(event) == cudaErrorNotReady) {
    }
    EXPECT_CUDA(cudaStreamQuery(stream));
    static_cast<void>(cudaGetLastError());
  }
}

TEST_F(Schedules, AWaitIsForTheRecordBeforeIt) {
  configure({{"SCHEDULE", "lazy"}});
  double* x = new_device(1);
  cudaStream_t first = new_stream();
  cudaStream_t second = new_stream();
  cudaEvent_t event = new_event();
  EXPECT_CUDA(cudaEventRecord(event, first));
  EXPECT_CUDA(cudaStreamWaitEvent(second, event, 0));
  EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, first));
  EXPECT_CUDA(cudaEventRecord(event, first));
  EXPECT_CUDA(cudaStreamSynchronize(second));
  EXPECT_EQ(control().work_items(), 2);
}

TEST_F(Schedules, TheDefaultStreamWaitsForBlockingStreams) {
  configure({{"SCHEDULE", "lazy"}});
  double* x = new_device(1);
  cudaStream_t blocking = nullptr;
  EXPECT_CUDA(cudaStreamCreate(&blocking));
  EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, blocking));
  EXPECT_EQ(download(x, 1)[0], 0);
}

TEST_F(Schedules, WorkOfADestroyedStreamGoesOn) {
  configure({{"SCHEDULE", "lazy"}});
  double* x = new_device(1);
  cudaStream_t stream = new_stream();
  EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, stream));
  EXPECT_CUDA(cudaStreamDestroy(stream));
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_EQ(download(x, 1)[0], 0);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(control().violations(), 1);
  configure({});
}

TEST_F(Schedules, ManyStreamsThatAreOverChangeNothing) {
  configure({{"SCHEDULE", "lazy"}});
  double* x = new_device(1);
  for (int i = 0; i < 1000; ++i) {
    cudaStream_t stream = new_stream();
    EXPECT_CUDA(cudaMemsetAsync(x, i % 2, bytes, stream));
    EXPECT_CUDA(cudaStreamDestroy(stream));
    if (i % 3 == 0) {
      EXPECT_CUDA(cudaDeviceSynchronize());
    }
  }
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_EQ(control().work_items(), 1000);
  EXPECT_EQ(control().leaks(), 1);
}

}  // namespace
}  // namespace fake_cuda_test
