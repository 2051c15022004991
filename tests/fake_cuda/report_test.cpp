// What is said at the exit of a process: leaks, counts, the exit status.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support.hpp"
#include "test_launchers.hpp"

namespace fake_cuda_test {
namespace {

using ReportDeathTest = Fake;
using Report = Fake;

// Counts since the last call of `begin_counts`.
std::map<std::string, long> counts_before;

void begin_counts() {
  for (const char* name :
       {"launches", "launches_of_unknown_bytes", "products", "device_bytes_read", "device_bytes_written"}) {
    counts_before[name] = control().count(name);
  }
}

long count_since(const std::string& name) { return control().count(name.c_str()) - counts_before[name]; }

// Runs in a child process, which leaves as programs do.
template <class Body>
void leave(const Settings& settings, Body&& body) {
  configure(settings);
  body();
  std::exit(0);
}

TEST_F(Report, LeaksAreCounted) {
  configure({{"SCHEDULE", "eager"}});
  double* x = new_device(4);
  double* p = new_pinned(4);
  cudaStream_t stream = new_stream();
  cudaEvent_t event = new_event();
  cublasHandle_t blas = nullptr;
  EXPECT_EQ(cublasCreate(&blas), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(control().leaks(), 5);
  EXPECT_CUDA(cudaFree(x));
  EXPECT_CUDA(cudaFreeHost(p));
  EXPECT_CUDA(cudaStreamDestroy(stream));
  EXPECT_CUDA(cudaEventDestroy(event));
  EXPECT_EQ(cublasDestroy(blas), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(control().leaks(), 0);
}

TEST_F(Report, CallsAndItemsTellWhereTheyCameFrom) {
  configure({{"SCHEDULE", "lazy"}, {"SITES", "1"}});
  const auto fill_twice = [](double* x) {
    for (int i = 0; i < 2; ++i) {
      EXPECT_CUDA(cudaMemsetAsync(x, 0, 32, nullptr));
    }
  };
  double* x = new_device(4);
  fill_twice(x);
  EXPECT_CUDA(cudaMemsetAsync(x, 0, 32, nullptr));
  EXPECT_CUDA(cudaDeviceSynchronize());
  const std::string loop = control().call_site(2);
  EXPECT_EQ(loop.find("cudaMemsetAsync @ "), 0U) << loop;
  EXPECT_EQ(control().call_site(3), loop);
  EXPECT_NE(control().call_site(4), loop);
  EXPECT_EQ(control().call_site(6), nullptr);
  EXPECT_EQ(control().item_site(1), std::string(control().item_site(2)));
  EXPECT_NE(control().item_site(1), std::string(control().item_site(3)));
  EXPECT_EQ(control().item_site(4), nullptr);
  EXPECT_EQ(control().injected(), nullptr);
  configure({{"FAIL_AT", "1"}});
  EXPECT_EQ(control().call_site(1), nullptr);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorUnknown);
  EXPECT_STREQ(control().injected(), "cudaDeviceSynchronize");
}

TEST_F(Report, CopiesAndFillsAreCountedByKindAndBytes) {
  double* x = new_device(8);
  double* pinned = new_pinned(8);
  std::vector<double> pageable(8);
  EXPECT_CUDA(cudaMemcpyAsync(x, pinned, 64, cudaMemcpyHostToDevice, nullptr));
  EXPECT_CUDA(cudaMemcpyAsync(x, pageable.data(), 32, cudaMemcpyHostToDevice, nullptr));
  EXPECT_CUDA(cudaMemcpyAsync(pinned, x, 16, cudaMemcpyDeviceToHost, nullptr));
  EXPECT_CUDA(cudaMemcpyAsync(pageable.data(), x, 8, cudaMemcpyDeviceToHost, nullptr));
  EXPECT_CUDA(cudaMemcpyAsync(x, x + 4, 24, cudaMemcpyDeviceToDevice, nullptr));
  EXPECT_CUDA(cudaMemsetAsync(x, 0, 40, nullptr));
  for (const auto& [way, bytes] : std::map<std::string, long>{{"pinned_to_device", 64},
                                                              {"pageable_to_device", 32},
                                                              {"device_to_pinned", 16},
                                                              {"device_to_pageable", 8},
                                                              {"device_to_device", 24}}) {
    EXPECT_EQ(control().count(("copies_" + way).c_str()), 1) << way;
    EXPECT_EQ(control().count(("bytes_" + way).c_str()), bytes) << way;
  }
  EXPECT_EQ(control().count("fills"), 1);
  EXPECT_EQ(control().count("device_bytes_read"), 16 + 8 + 24);
  EXPECT_EQ(control().count("device_bytes_written"), 64 + 32 + 24 + 40);
  EXPECT_EQ(control().count("cudaMalloc"), 1);
  EXPECT_EQ(control().count("cudaMemcpyAsync"), 5);
  EXPECT_EQ(control().count("nothing"), 0);
  EXPECT_CUDA(cudaFree(x));
  EXPECT_CUDA(cudaFreeHost(pinned));
}

TEST_F(Report, BytesOfKernelsAndProductsAreCountedOnce) {
  double* x = new_device(12);  // 4 rows of 3
  double* sums = new_device(9);
  EXPECT_CUDA(cudaMemset(x, 0, 96));
  begin_counts();
  EXPECT_CUDA(sum_rows(x, sums, 4, 3, nullptr));
  EXPECT_EQ(count_since("launches"), 1);
  EXPECT_EQ(count_since("device_bytes_read"), 12 * 8);
  EXPECT_EQ(count_since("device_bytes_written"), 4 * 8);
  EXPECT_EQ(count_since("launches_of_unknown_bytes"), 0);
  EXPECT_CUDA(times(x, 12, 2.0, nullptr));
  EXPECT_EQ(count_since("launches_of_unknown_bytes"), 1);

  cublasHandle_t blas = nullptr;
  EXPECT_EQ(cublasCreate(&blas), CUBLAS_STATUS_SUCCESS);
  const double one = 1;
  for (const double beta : {0.0, 1.0}) {
    begin_counts();
    EXPECT_EQ(cublasDsyrk(blas, CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, 3, 4, &one, x, 3, &beta, sums, 3),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(count_since("products"), 1);
    EXPECT_EQ(count_since("device_bytes_read"), 96 + (beta == 0 ? 0 : 36));  // half of C
    EXPECT_EQ(count_since("device_bytes_written"), 36);
    begin_counts();
    EXPECT_EQ(cublasDgemm(blas, CUBLAS_OP_N, CUBLAS_OP_T, 3, 3, 4, &one, x, 3, x, 3, &beta, sums, 3),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(count_since("device_bytes_read"), 96 + (beta == 0 ? 0 : 72)) << "x with itself is read once";
    EXPECT_EQ(count_since("device_bytes_written"), 72);
  }
  EXPECT_EQ(cublasDestroy(blas), CUBLAS_STATUS_SUCCESS);
  EXPECT_CUDA(cudaFree(x));
  EXPECT_CUDA(cudaFree(sums));
}

TEST_F(Report, WaitsOfTheHostAreForWhatIsNotDone) {
  configure({{"SCHEDULE", "lazy"}});
  double* x = new_device(4);
  double* pinned = new_pinned(4);
  cudaStream_t stream = new_stream();
  auto expect_waits = [before = 0L](long more) mutable {
    EXPECT_EQ(control().count("host_waits"), before += more);
  };
  const auto fill = [&] { EXPECT_CUDA(cudaMemsetAsync(x, 0, 32, stream)); };
  const auto ask_until_done = [&] {
    while (cudaStreamQuery(stream) == cudaErrorNotReady) {
    }
  };
  ask_until_done();
  expect_waits(0);
  fill();
  fill();
  ask_until_done();
  expect_waits(1);
  ask_until_done();
  expect_waits(0);
  fill();
  EXPECT_CUDA(cudaStreamSynchronize(stream));
  expect_waits(1);
  fill();
  std::vector<double> pageable(4);
  EXPECT_CUDA(cudaMemcpyAsync(pinned, x, 32, cudaMemcpyDeviceToHost, stream));
  expect_waits(0);
  EXPECT_CUDA(cudaMemcpyAsync(pageable.data(), x, 32, cudaMemcpyDeviceToHost, stream));
  expect_waits(1);
  EXPECT_CUDA(cudaFreeHost(pinned));
  fill();
  EXPECT_CUDA(cudaFree(x));
  expect_waits(1);
  EXPECT_CUDA(cudaStreamDestroy(stream));
}

TEST_F(ReportDeathTest, LeaksAreNamedAtExit) {
  EXPECT_EXIT(leave({}, [] { new_device(4); }), testing::ExitedWithCode(0),
              "leaked at exit: device 0 allocation 1 of 32 bytes");
}

TEST_F(ReportDeathTest, StrictExitStatus) {
  EXPECT_EXIT(leave({{"STRICT", "1"}}, [] { new_device(4); }), testing::ExitedWithCode(97), "leaked at exit");
  EXPECT_EXIT(leave({{"STRICT", "1"}}, [] { static_cast<void>(cudaFree(&environ)); }),
              testing::ExitedWithCode(97), "free of");
  EXPECT_EXIT(leave({{"STRICT", "1"}}, [] { static_cast<void>(cudaFree(new_device(4))); }),
              testing::ExitedWithCode(0), "");
}

TEST_F(ReportDeathTest, CountsAreWrittenAsJson) {
  const auto path =
      std::filesystem::temp_directory_path() / ("fake_cuda_report_" + std::to_string(::getpid()));
  const auto work = [] {
    double* x = new_device(4);
    upload(x, {1, 2, 3, 4});
    static_cast<void>(times(x, 4, 2.0, nullptr));
    static_cast<void>(download(x, 2));
  };
  EXPECT_EXIT(leave({{"REPORT", path.string()}}, work), testing::ExitedWithCode(0), "");
  std::ifstream file(path);
  const nlohmann::json report = nlohmann::json::parse(file);
  EXPECT_EQ(report["calls"], 4);
  EXPECT_EQ(report["leaks"].size(), 1U);
  EXPECT_EQ(report["violations"].size(), 0U);
  EXPECT_EQ(report["launches"]["over_columns<fake_cuda_test::Times<double>>"], 1);
  EXPECT_EQ(report["bytes_copied"]["host_to_device"], 32);
  EXPECT_EQ(report["bytes_copied"]["device_to_host"], 16);
  EXPECT_EQ(report["peak_device_bytes"], 256);
  std::filesystem::remove(path);
}

TEST_F(ReportDeathTest, UnknownSettingsAreRefused) {
  EXPECT_EXIT(configure({{"SCHEDULE", "lasy"}}), testing::ExitedWithCode(98), "FAKE_CUDA_SCHEDULE=lasy");
}

}  // namespace
}  // namespace fake_cuda_test
