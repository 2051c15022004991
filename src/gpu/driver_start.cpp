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

// A driver that hangs is found by whoever opens the GPU, whose calls are watched.
constexpr std::chrono::seconds longest_wait{5};

// Whether the driver has it.
template <class Function>
bool find_call(Function*& call, const char* name) {
  call = reinterpret_cast<Function*>(::dlsym(driver_library(), name));
  return call != nullptr;
}

}  // namespace

struct DriverStart::State {
  std::function<int(int)> choose;
  std::promise<void> driver_is_up;
  std::promise<void> done;
  std::function<void()> release;
};

// The driver takes the loader's lock when it starts, as whoever loads libraries does, and whoever looks for a
// symbol: all of that comes before the libraries, so that the context waits for none of them.
DriverStart::DriverStart(std::function<int(int)> choose) {
  if (!has_driver()) {
    return;
  }
  ignore_arithmetic_of_environment();  // before another thread reads the environment
  state_ = std::make_shared<State>();
  state_->choose = std::move(choose);
  done_ = state_->done.get_future();
  const std::future<void> is_up = state_->driver_is_up.get_future();
  try {
    thread_ = std::thread([state = state_] {
      start(*state);
      state->done.set_value();
    });
  } catch (const std::system_error&) {
    return;  // it starts when the GPU is opened
  }
  (void)is_up.wait_for(longest_wait);
}

DriverStart::~DriverStart() {
  if (!thread_.joinable()) {
    return;
  }
  if (done_.wait_for(longest_wait) != std::future_status::ready) {
    thread_.detach();
    return;
  }
  thread_.join();
  if (state_->release) {
    state_->release();
  }
}

void DriverStart::start(State& state) {
  CuInit* init = nullptr;
  CuGetCount* get_count = nullptr;
  CuGet* get = nullptr;
  CuRetain* retain = nullptr;
  CuRelease* release = nullptr;
  const bool has_calls = find_call(init, "cuInit") && find_call(get_count, "cuDeviceGetCount") &&
                         find_call(get, "cuDeviceGet") && find_call(retain, "cuDevicePrimaryCtxRetain") &&
                         find_call(release, "cuDevicePrimaryCtxRelease_v2");
  const bool is_up = has_calls && init(0) == 0;
  state.driver_is_up.set_value();
  int count = 0;
  int device = 0;
  void* context = nullptr;
  if (is_up && get_count(&count) == 0 && count > 0 && get(&device, state.choose(count)) == 0 &&
      retain(&context, device) == 0) {
    state.release = [=] { (void)release(device); };
  }
}

}  // namespace collapscope::gpu
