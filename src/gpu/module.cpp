#include "gpu/module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/core/version.hpp"

namespace collapscope::gpu {

namespace {

// COLLAPSCOPE_GPU_MODULE, or lib/collapscope beside the program's bin, as in the build and the installation.
std::filesystem::path module_path() {
  if (const char* chosen = std::getenv("COLLAPSCOPE_GPU_MODULE")) {
    return chosen;
  }
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const char* folder : {"lib", "lib/x86_64-linux-gnu", "lib64"}) {
    auto path = program.parent_path().parent_path() / folder / "collapscope" / "libcollapscope_cuda.so";
    if (std::filesystem::exists(path, error)) {
      return path;
    }
  }
  return {};
}

template <class Function>
Function find(void* module, const char* name) {
  const auto function = reinterpret_cast<Function>(::dlsym(module, name));
  if (function == nullptr) {
    throw DeviceError(fmt::format("the GPU module has no {}: it belongs to another version", name));
  }
  return function;
}

// What libcublas 13.1 reads.
constexpr std::array arithmetic_variables{
    "CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATE_SINGLE_PRECISION", "CUBLAS_EMULATION_STRATEGY",
    "CUBLAS_FIXEDPOINT_EMULATION_MANTISSA_BIT_COUNT", "NVIDIA_TF32_OVERRIDE"};

struct Ignored {
  std::mutex mutex;
  std::array<bool, arithmetic_variables.size()> was_set{};
};

Ignored& ignored() {
  static Ignored instance;
  return instance;
}

std::atomic<ModuleInterface::Abandoned> ask_abandoned = nullptr;

}  // namespace

void ignore_arithmetic_of_environment() {
  const std::lock_guard lock(ignored().mutex);
  for (std::size_t i = 0; i < arithmetic_variables.size(); ++i) {
    if (std::getenv(arithmetic_variables[i]) != nullptr) {
      ignored().was_set[i] = true;
      ::unsetenv(arithmetic_variables[i]);
    }
  }
}

std::string ignored_arithmetic() {
  std::string text;
  const std::lock_guard lock(ignored().mutex);
  for (std::size_t i = 0; i < arithmetic_variables.size(); ++i) {
    text += ignored().was_set[i] ? fmt::format(", {} ignored", arithmetic_variables[i]) : "";
  }
  return text;
}

void* driver_library() {
  static void* const driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  return driver;
}

bool Module::is_there() {
  std::error_code error;
  return std::filesystem::exists(module_path(), error);
}

Module::Module() {
  const std::filesystem::path path = module_path();
  if (path.empty()) {
    throw DeviceError("this installation has no GPU module: " + build_info().cuda);
  }
  if (!has_driver()) {
    throw DeviceError("no GPU driver (libcuda.so.1) on this machine");
  }
  ignore_arithmetic_of_environment();
  void* module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    throw DeviceError(fmt::format(
        "the GPU module cannot be loaded: {} (LD_LIBRARY_PATH must lead to the CUDA {} libraries)",
        printable(::dlerror()), build_info().cuda));
  }
  const char* version = find<ModuleInterface::Version>(module, ModuleInterface::version_name)();
  if (version != build_info().version) {
    throw DeviceError(fmt::format("the GPU module {} is of version {}, the program of {}",
                                  printable(path.string()), printable(version), build_info().version));
  }
  count_ = find<ModuleInterface::Count>(module, ModuleInterface::count_name);
  open_ = find<ModuleInterface::Open>(module, ModuleInterface::open_name);
  ask_abandoned = find<ModuleInterface::Abandoned>(module, ModuleInterface::abandoned_name);
}

const Module& Module::load() {
  static const Module module;
  return module;
}

bool Module::abandoned() {
  const ModuleInterface::Abandoned ask = ask_abandoned;
  return ask != nullptr && ask();
}

int Module::count() const { return count_(); }

std::unique_ptr<GpuDevice> Module::open(int device) const {
  ignore_arithmetic_of_environment();
  return std::unique_ptr<GpuDevice>(open_(device));
}

}  // namespace collapscope::gpu
