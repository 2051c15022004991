#include "gpu/driver_start.hpp"

#include <dlfcn.h>

#include <chrono>
#include <system_error>
#include <utility>

#include "gpu/module.hpp"

namespace collapscope::gpu {

namespace {

// Of CUDA's driver API, whose header is not at hand where the program is built without a toolkit.
using CuInit = int(unsigned);
using CuGetCount = int(int*);
using CuGet = int(int*, int);
using CuRetain = int(void**, int);
using CuRelease = int(int);

// The driver takes the loader's lock when it starts, as libraries that are loaded do: side by side, one would
// wait for the other before the context is begun. One that hangs is found by whoever opens the GPU, whose
// calls are watched.
constexpr std::chrono::seconds longest_wait{10};

// Whether the driver has it.
template <class Function>
bool find_call(Function*& call, const char* name) {
  call = reinterpret_cast<Function*>(::dlsym(driver_library(), name));
  return call != nullptr;
}

}  // namespace

DriverStart::DriverStart(std::function<int(int)> choose) : choose_(std::move(choose)) {
  if (!has_driver()) {
    return;
  }
  ignore_arithmetic_of_environment();  // before another thread reads the environment
  std::future<void> is_up = driver_is_up_.get_future();
  try {
    thread_ = std::thread([this] { start(); });
  } catch (const std::system_error&) {
    return;  // it starts when the GPU is opened
  }
  (void)is_up.wait_for(longest_wait);
}

DriverStart::~DriverStart() {
  if (thread_.joinable()) {
    thread_.join();
  }
  if (release_) {
    release_();
  }
}

void DriverStart::start() {
  CuInit* init = nullptr;
  CuGetCount* get_count = nullptr;
  CuGet* get = nullptr;
  CuRetain* retain = nullptr;
  CuRelease* release = nullptr;
  const bool is_up = find_call(init, "cuInit") && init(0) == 0;
  driver_is_up_.set_value();
  int count = 0;
  int device = 0;
  void* context = nullptr;
  if (is_up && find_call(get_count, "cuDeviceGetCount") && find_call(get, "cuDeviceGet") &&
      find_call(retain, "cuDevicePrimaryCtxRetain") && find_call(release, "cuDevicePrimaryCtxRelease_v2") &&
      get_count(&count) == 0 && count > 0 && get(&device, choose_(count)) == 0 &&
      retain(&context, device) == 0) {
    release_ = [=] { (void)release(device); };
  }
}

}  // namespace collapscope::gpu
