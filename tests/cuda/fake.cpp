#include "cuda/fake.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace collapscope::test {

FakeCuda::FakeCuda() {
  // Whoever asks for libraries of these names later gets these.
  const std::string folder = FAKE_CUDA_FOLDER;
  void* runtime = ::dlopen((folder + "/libcudart.so.13").c_str(), RTLD_NOW | RTLD_GLOBAL);
  for (const char* library : {"/libcublas.so.13", "/libcusolver.so.12", "/libcuda.so.1"}) {
    if (::dlopen((folder + library).c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
      throw std::runtime_error(::dlerror());
    }
  }
  ::setenv("COLLAPSCOPE_GPU_MODULE", GPU_MODULE, 0);
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(runtime, name));
  };
  find(reset_, "fake_cuda_reset");
  find(calls_, "fake_cuda_calls");
  find(work_items_, "fake_cuda_work_items");
  find(count_, "fake_cuda_count");
  find(threads_, "fake_cuda_threads");
  find(violations_, "fake_cuda_violations");
  find(leaks_, "fake_cuda_leaks");
  find(call_site_, "fake_cuda_call_site");
  find(item_site_, "fake_cuda_item_site");
  find(injected_, "fake_cuda_injected");
}

std::vector<std::string> FakeCuda::all(Site site) {
  std::vector<std::string> sites;
  for (long n = 1; const char* text = site(n); ++n) {
    sites.emplace_back(text);
  }
  return sites;
}

std::string FakeCuda::injected() const {
  const char* name = injected_();
  return name == nullptr ? "" : name;
}

void FakeCuda::restart(Settings settings) {
  settings.emplace("DEVICES", "3");
  for (const auto& [name, value] : settings_) {
    ::unsetenv(("FAKE_CUDA_" + name).c_str());
  }
  for (const auto& [name, value] : settings) {
    ::setenv(("FAKE_CUDA_" + name).c_str(), value.c_str(), 1);
  }
  settings_ = std::move(settings);
  reset_();
}

}  // namespace collapscope::test
