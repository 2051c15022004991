// The fake, configured afresh for every test of this suite.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace fake_cuda_test {

struct Control {
  void (*reset)() = nullptr;
  long (*calls)() = nullptr;
  long (*work_items)() = nullptr;
  long (*count)(const char*) = nullptr;
  long (*violations)() = nullptr;
  long (*leaks)() = nullptr;
  const char* (*call_site)(long) = nullptr;
  const char* (*item_site)(long) = nullptr;
  const char* (*injected)() = nullptr;
};

// Found by dlsym, as any test would. All null with the real library.
const Control& control();

using Settings = std::map<std::string, std::string>;

// Sets FAKE_CUDA_* to just these, and starts afresh.
void configure(const Settings& settings);

// The host twins of test_kernels.hpp.
void add_twins();

class Fake : public testing::Test {
 protected:
  // With the real libraries there is nothing to test. Eager unless the test says otherwise.
  void SetUp() override;
  // A test that wants violations or leaks counts them itself and forgets them.
  void TearDown() override;
};

#define EXPECT_CUDA(call) EXPECT_EQ(call, cudaSuccess)

cudaStream_t new_stream();
cudaEvent_t new_event();
double* new_device(std::size_t count);
double* new_pinned(std::size_t count);

void upload(double* to, const std::vector<double>& from);
std::vector<double> download(const double* from, std::size_t count);

}  // namespace fake_cuda_test
