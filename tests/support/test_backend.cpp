#include "support/test_backend.hpp"

#include <cstdlib>
#include <utility>

namespace collapscope::test {

std::string test_device() {
  const char* device = std::getenv("COLLAPSCOPE_TEST_DEVICE");
  return device == nullptr ? "cpu" : device;
}

ChosenBackend make_test_backend() { return make_backend(test_device(), 1); }

void OnBackend::SetUp() {
  ChosenBackend chosen = make_test_backend();
  if (chosen.note.empty()) {
    backend_ = std::move(chosen.backend);
  } else if (std::getenv("COLLAPSCOPE_TEST_DEVICE_REQUIRED") != nullptr) {
    FAIL() << "COLLAPSCOPE_TEST_DEVICE=" << test_device() << ": " << chosen.note;
  } else {
    GTEST_SKIP() << "COLLAPSCOPE_TEST_DEVICE=" << test_device() << ": " << chosen.note;
  }
}

}  // namespace collapscope::test
