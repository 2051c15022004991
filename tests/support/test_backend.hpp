// The backend that tests of any Backend run on: COLLAPSCOPE_TEST_DEVICE names it as --device does (default:
// cpu). CTest runs these tests once more with cuda. Without a GPU that works they are skipped with the
// reason, or fail when COLLAPSCOPE_TEST_DEVICE_REQUIRED is set.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "collapscope/backend/backend.hpp"
#include "collapscope/gpu/gpu.hpp"

namespace collapscope::test {

// COLLAPSCOPE_TEST_DEVICE, or "cpu".
[[nodiscard]] std::string test_device();

// That device's backend, with one host thread. Throws DeviceError: there is no GPU that works.
[[nodiscard]] std::unique_ptr<Backend> make_test_backend();

// Test suites of this kind are named ...OnBackend: that is how CTest finds them.
// All of a process share one. What it had done elsewhere is a failure of the test.
class OnBackend : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  [[nodiscard]] Backend& backend() { return *backend_; }

 private:
  Backend* backend_ = nullptr;
};

}  // namespace collapscope::test
