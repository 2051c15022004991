#include "support.hpp"

#include <dlfcn.h>

#include <cstdlib>

#include "kernels.hpp"
#include "test_kernels.hpp"

extern char** environ;

namespace fake_cuda_test {

namespace {

template <class Function>
void find(const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
}

void clear_environment() {
  std::vector<std::string> names;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (text.starts_with("FAKE_CUDA_")) {
      names.push_back(text.substr(0, text.find('=')));
    }
  }
  for (const std::string& name : names) {
    ::unsetenv(name.c_str());
  }
}

}  // namespace

void add_twins() {
  fake_cuda::AddTwins visit{};
  find("fake_cuda_add_twin", visit.add);
  visit.items<Counted>();
  visit.columns<Times<double>>();
  visit.columns<Times<float>>();
  visit.rows<SumRows>();
  visit.columns<Number>();
}

const Control& control() {
  static const Control found = [] {
    Control c;
    find("fake_cuda_reset", c.reset);
    find("fake_cuda_calls", c.calls);
    find("fake_cuda_work_items", c.work_items);
    find("fake_cuda_count", c.count);
    find("fake_cuda_violations", c.violations);
    find("fake_cuda_leaks", c.leaks);
    find("fake_cuda_call_site", c.call_site);
    find("fake_cuda_item_site", c.item_site);
    find("fake_cuda_injected", c.injected);
    return c;
  }();
  return found;
}

void configure(const Settings& settings) {
  clear_environment();
  for (const auto& [name, value] : settings) {
    ::setenv(("FAKE_CUDA_" + name).c_str(), value.c_str(), 1);
  }
  control().reset();
}

void Fake::SetUp() {
  if (control().reset == nullptr) {
    GTEST_SKIP() << "these are the real CUDA libraries";
  }
  add_twins();
  configure({{"SCHEDULE", "eager"}});
}

void Fake::TearDown() {
  if (control().reset != nullptr) {
    EXPECT_EQ(control().violations(), 0);
    configure({});
  }
}

cudaStream_t new_stream() {
  cudaStream_t stream = nullptr;
  EXPECT_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

cudaEvent_t new_event() {
  cudaEvent_t event = nullptr;
  EXPECT_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return event;
}

double* new_device(std::size_t count) {
  void* pointer = nullptr;
  EXPECT_CUDA(cudaMalloc(&pointer, count * sizeof(double)));
  return static_cast<double*>(pointer);
}

double* new_pinned(std::size_t count) {
  void* pointer = nullptr;
  EXPECT_CUDA(cudaMallocHost(&pointer, count * sizeof(double)));
  return static_cast<double*>(pointer);
}

void upload(double* to, const std::vector<double>& from) {
  EXPECT_CUDA(cudaMemcpy(to, from.data(), from.size() * sizeof(double), cudaMemcpyHostToDevice));
}

std::vector<double> download(const double* from, std::size_t count) {
  std::vector<double> to(count);
  EXPECT_CUDA(cudaMemcpy(to.data(), from, count * sizeof(double), cudaMemcpyDeviceToHost));
  return to;
}

}  // namespace fake_cuda_test
