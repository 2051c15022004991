// A device that hangs on purpose: it says that it is not done, for ever, and blocks who waits for it.
#include <sys/time.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>

#include "support.hpp"

namespace fake_cuda_test {
namespace {

using Hangs = Fake;
using HangsDeathTest = Fake;

constexpr std::size_t bytes = 32;

void set_alarm(double seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = static_cast<time_t>(seconds);
  timer.it_value.tv_usec = static_cast<suseconds_t>((seconds - std::floor(seconds)) * 1e6);
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

// Runs in a child process, which the alarm ends if the call does not return.
template <class Call>
void expect_return(bool returns, const Settings& settings, const Call& call) {
  const auto body = [&] {
    configure(settings);
    double* const x = new_device(4);
    cudaStream_t stream = new_stream();
    EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, stream));
    set_alarm(returns ? 60 : 0.2);
    call(x, stream);
    ::_exit(0);
  };
  if (returns) {
    EXPECT_EXIT(body(), testing::ExitedWithCode(0), "");
  } else {
    EXPECT_EXIT(body(), testing::KilledBySignal(SIGALRM), "");
  }
}

TEST_F(Hangs, WorkBeforeIsDoneAndNothingAfter) {
  for (const char* schedule : {"eager", "lazy", "random", "reverse"}) {
    configure({{"SCHEDULE", schedule}, {"HANG_AT", "3"}});
    double* const x = new_device(4);
    cudaStream_t stream = new_stream();
    cudaEvent_t before = new_event();
    cudaEvent_t after = new_event();
    EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, stream));
    EXPECT_CUDA(cudaEventRecord(before, stream));
    EXPECT_CUDA(cudaMemsetAsync(x, 0, bytes, stream));
    EXPECT_CUDA(cudaEventRecord(after, stream));
    for (int i = 0; i < 100; ++i) {
      (void)cudaEventQuery(before);
      EXPECT_EQ(cudaEventQuery(after), cudaErrorNotReady) << schedule;
      EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady) << schedule;
    }
    EXPECT_CUDA(cudaEventQuery(before));
    EXPECT_CUDA(cudaEventSynchronize(before));
  }
}

TEST_F(HangsDeathTest, CallsThatWaitNeverReturn) {
  const Settings hang{{"HANG_AT", "1"}};
  const auto synchronize = [](double*, cudaStream_t stream) { (void)cudaStreamSynchronize(stream); };
  const auto free = [](double* x, cudaStream_t) { (void)cudaFree(x); };
  const auto copy = [](double* x, cudaStream_t stream) {
    double ordinary[4];
    (void)cudaMemcpyAsync(ordinary, x, bytes, cudaMemcpyDeviceToHost, stream);
  };
  const auto leave = [](double*, cudaStream_t) { std::exit(0); };
  const auto enqueue = [](double* x, cudaStream_t stream) { (void)cudaMemsetAsync(x, 0, bytes, stream); };
  expect_return(true, {}, synchronize);
  expect_return(false, hang, synchronize);
  expect_return(false, hang, free);
  expect_return(false, hang, copy);
  expect_return(false, hang, leave);
  expect_return(true, hang, enqueue);
  expect_return(false, {{"HANG_AT", "4"}, {"HANG_KIND", "calls"}}, enqueue);
  expect_return(true, {{"HANG_AT", "5"}, {"HANG_KIND", "calls"}}, enqueue);
}

}  // namespace
}  // namespace fake_cuda_test
