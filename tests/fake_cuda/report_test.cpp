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
