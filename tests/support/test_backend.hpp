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

// That device's backend, with one host thread; its `note` says why a GPU is missing.
[[nodiscard]] ChosenBackend make_test_backend();

// Test suites of this kind are named ...OnBackend: that is how CTest finds them.
class OnBackend : public testing::Test {
 protected:
  void SetUp() override;
  [[nodiscard]] Backend& backend() { return *backend_; }

 private:
  std::unique_ptr<Backend> backend_;
};

}  // namespace collapscope::test
