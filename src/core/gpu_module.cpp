#include <dlfcn.h>

#include <array>
#include <filesystem>
#include <string>
#include <system_error>

#include "collapscope/gpu.hpp"
#include "collapscope/text.hpp"
#include "collapscope/version.hpp"

namespace collapscope {

namespace {

// lib/collapscope beside the program's bin, as in the build and the installation.
std::filesystem::path module_path() {
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

}  // namespace

std::string describe_gpus() {
  const std::filesystem::path path = module_path();
  if (path.empty()) {
    return build_info().cuda;
  }
  void* module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    return std::string("the GPU module cannot be loaded: ") + printable(::dlerror());
  }
  using Describe = void (*)(char*, std::size_t);
  const auto describe = reinterpret_cast<Describe>(::dlsym(module, "collapscope_cuda_describe"));
  std::array<char, 4096> text{};
  if (describe != nullptr) {
    describe(text.data(), text.size());
  }
  return text[0] == '\0' ? "the GPU module does not answer" : std::string(text.data());
}

}  // namespace collapscope
