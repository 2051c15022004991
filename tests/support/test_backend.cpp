#include "support/test_backend.hpp"

#include <cstdlib>
#include <optional>
#include <utility>

#include "collapscope/core/error.hpp"

namespace collapscope::test {

namespace {

// The backend of all tests of this process, and why there is none.
struct Shared {
  std::unique_ptr<Backend> backend;
  std::string missing;
};

// Opening a GPU takes longer than most tests. It is closed before the process ends, while its libraries work.
class SharedBackend final : public testing::Environment {
 public:
  const Shared& get() {
    if (!shared_ || (shared_->backend && !shared_->backend->works())) {
      shared_.emplace();
      try {
        shared_->backend = make_test_backend();
      } catch (const DeviceError& error) {
        shared_->missing = error.what();
      }
    }
    return *shared_;
  }
  void TearDown() override { shared_.reset(); }

 private:
  std::optional<Shared> shared_;
};

// Owned by GoogleTest, which calls TearDown after the last test.
SharedBackend& shared_backend() {
  static auto* const environment = new SharedBackend;
  return *environment;
}

[[maybe_unused]] const testing::Environment* const registered =
    testing::AddGlobalTestEnvironment(&shared_backend());

}  // namespace

std::string test_device() {
  const char* device = std::getenv("COLLAPSCOPE_TEST_DEVICE");
  return device == nullptr ? "cpu" : device;
}

std::unique_ptr<Backend> make_test_backend() { return make_backend(test_device(), 1).backend; }

void OnBackend::SetUp() {
  const Shared& shared = shared_backend().get();
  backend_ = shared.backend.get();
  if (backend_ != nullptr) {
    (void)backend_->take_fallbacks();
  } else if (std::getenv("COLLAPSCOPE_TEST_DEVICE_REQUIRED") != nullptr) {
    FAIL() << "COLLAPSCOPE_TEST_DEVICE=" << test_device() << ": no GPU: " << shared.missing;
  } else {
    GTEST_SKIP() << "COLLAPSCOPE_TEST_DEVICE=" << test_device() << ": no GPU: " << shared.missing;
  }
}

void OnBackend::TearDown() {
  if (backend_ != nullptr) {
    for (const Fallback& fallback : backend_->take_fallbacks().all) {
      ADD_FAILURE() << "the CPU computed the " << fallback.work << ": " << fallback.reason;
    }
  }
}

}  // namespace collapscope::test
