// Entry points of libcudart: what nvcc's code calls to register and launch kernels.
#include <cuda_runtime_api.h>
#include <cxxabi.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "kernels.hpp"
#include "ledger.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "runtime.hpp"
#include "streams.hpp"

namespace fake_cuda {

void add_all_twins();

namespace {

struct Twin {
  std::size_t size = 0;  // of the argument
  ClearPadding clear_padding = nullptr;
  Run run = nullptr;
  Count count = nullptr;
};

struct Kernel {
  std::string name;
  bool counted = false;  // cub::DeviceFor::Bulk's, whose first argument is the number of items
  const Twin* twin = nullptr;
};

struct Registry {
  std::map<std::string, Twin> twins;      // by the kernel's name, demangled, without blanks
  std::map<const void*, Kernel> kernels;  // by the host function that stands for it
};

Registry& registry() {
  static auto& instance = *new Registry;
  return instance;
}

// Compilers agree on mangled names up to their abbreviations; demangled and without blanks they are equal.
std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         &std::free);
  std::string result;
  for (const char* c = status == 0 ? text.get() : name; *c != '\0'; ++c) {
    if (*c != ' ') {
      result += *c;
    }
  }
  return result;
}

std::string twin_name(const std::string& shape, const std::string& type) {
  return "voidcollapscope::kernels::" + shape + "<" + type + ">(" + type + ")";
}

// The kernel of cub::DeviceFor::Bulk, whose namespace and policy belong to CUB's version and the
// architectures, by the name of our shape. A CUB whose kernel has another name or other arguments finds no
// twin.
Kernel kernel_of(const std::string& name) {
  static const std::regex bulk(
      "voidcub::(?:CUB_[0-9A-Z_]+::)?detail::for_each::static_kernel<.*>\\(unsignedlong,(.*)\\)");
  std::smatch found;
  if (std::regex_match(name, found, bulk)) {
    return {twin_name("over_items", found[1]), true};
  }
  return {name};
}

// Without "void" and the arguments: over_rows<Op>.
std::string short_name(const std::string& name) {
  const std::size_t begin = name.find("over_");
  const std::size_t end = name.rfind('(');
  return begin == std::string::npos ? name : name.substr(begin, end - begin);
}

const Kernel* find_kernel(const void* function) {
  const auto found = registry().kernels.find(function);
  return found == registry().kernels.end() ? nullptr : &found->second;
}

// The twin is looked up late: the program's own may be added after the kernels.
const Twin* twin_of(Kernel& kernel) {
  if (kernel.twin == nullptr) {
    static const bool once = (add_all_twins(), true);
    static_cast<void>(once);
    const auto found = registry().twins.find(kernel.name);
    if (found == registry().twins.end()) {
      violation("no host twin of kernel %s", kernel.name.c_str());
      return nullptr;
    }
    kernel.twin = &found->second;
  }
  return kernel.twin;
}

bool is_geometry(dim3 grid, dim3 block, std::size_t shared) {
  const auto within = [](unsigned value, unsigned most) { return value >= 1 && value <= most; };
  return within(grid.x, 0x7fffffff) && within(grid.y, 65535) && within(grid.z, 65535) &&
         within(block.x, 1024) && within(block.y, 1024) && within(block.z, 64) &&
         block.x * block.y * block.z <= 1024 && shared <= (48U << 10);
}

// No word of the argument may point into freed memory or another device's.
bool are_pointers_good(const std::byte* op, std::size_t size, int device, const std::string& kernel) {
  for (std::size_t i = 0; i + sizeof(void*) <= size; i += sizeof(void*)) {
    void* pointer = nullptr;
    std::memcpy(&pointer, op + i, sizeof pointer);
    const Allocation* a = allocation_of(pointer);
    if (is_freed(pointer) || (a != nullptr && a->device != device && a->device != pinned)) {
      violation("%s on device %d is given %s", kernel.c_str(), device, describe_address(pointer).c_str());
      return false;
    }
  }
  return true;
}

cudaError_t launch(Kernel* kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared,
                   cudaStream_t handle) {
  if (kernel == nullptr) {
    return cudaErrorInvalidDeviceFunction;
  }
  if (options().no_image) {
    return cudaErrorNoKernelImageForDevice;
  }
  const Twin* twin = twin_of(*kernel);
  Stream* stream = find_stream(handle, "launch");
  if (twin == nullptr) {
    return cudaErrorInvalidDeviceFunction;
  }
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  const std::string name = short_name(kernel->name);
  if (device_of(*stream) != current_device()) {
    violation("%s launched in %s while device %d is current", name.c_str(), name_of(*stream).c_str(),
              current_device());
    return cudaErrorInvalidResourceHandle;
  }
  if (!is_geometry(grid, block, shared)) {
    return cudaErrorInvalidConfiguration;
  }
  // Copied now, as CUDA does.
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> op(twin->size / sizeof(Line) + 1);
  std::memcpy(op.data(), arguments[kernel->counted ? 1 : 0], twin->size);
  twin->clear_padding(op.data());
  if (!are_pointers_good(op.front().bytes, twin->size, device_of(*stream), name)) {
    return cudaErrorIllegalAddress;
  }
  ++ledger().launches[name];
  count("launches");
  if (const Traffic bytes = twin->count(op.data()); bytes.known) {
    count("device_bytes_read", bytes.read);
    count("device_bytes_written", bytes.written);
  } else {
    count("launches_of_unknown_bytes");
  }
  enqueue(*stream, name, [=, run = twin->run] { run(op.data(), {grid.x, grid.y}, {block.x, block.y}); });
  return cudaSuccess;
}

struct Configuration {
  dim3 grid;
  dim3 block;
  std::size_t shared;
  cudaStream_t stream;
};
thread_local std::vector<Configuration> configurations;

}  // namespace

}  // namespace fake_cuda

using namespace fake_cuda;

extern "C" {

void fake_cuda_add_twin(const char* shape, const std::type_info& op, std::size_t op_size, ClearPadding clear,
                        Run run, Count count) {
  const std::lock_guard lock(mutex());
  const std::string type = demangled(op.name());
  registry().twins[twin_name(shape, type)] = {op_size, clear, run, count};
}

void** __cudaRegisterFatBinary(void* /*image*/) {
  static void* handle = nullptr;
  return &handle;
}

void __cudaRegisterFatBinaryEnd(void** /*handle*/) {}

void __cudaUnregisterFatBinary(void** /*handle*/) {}

char __cudaInitModule(void** /*handle*/) { return 1; }

void __cudaRegisterFunction(void** /*handle*/, const char* host, char* /*device*/, const char* name,
                            int /*thread_limit*/, uint3* /*tid*/, uint3* /*bid*/, dim3* /*block*/,
                            dim3* /*grid*/, int* /*warp_size*/) {
  const std::lock_guard lock(mutex());
  registry().kernels[host] = kernel_of(demangled(name));
}

void __cudaRegisterVar(void** /*handle*/, char* /*host*/, char* /*device*/, const char* name, int /*ext*/,
                       std::size_t size, int /*constant*/, int /*global*/) {
  const std::lock_guard lock(mutex());
  if (size > 1) {  // CUB's headers have empty ones
    violation("device variable %s has no home here", name);
  }
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared, CUstream_st* stream) {
  configurations.push_back({grid, block, shared, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared, void* stream) {
  const Configuration configuration = configurations.back();
  configurations.pop_back();
  *grid = configuration.grid;
  *block = configuration.block;
  *shared = configuration.shared;
  *static_cast<cudaStream_t*>(stream) = configuration.stream;
  return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  const std::lock_guard lock(mutex());
  const Kernel* found = find_kernel(function);
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<Kernel*>(found));
  return found == nullptr ? cudaErrorInvalidDeviceFunction : cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments,
                               std::size_t shared, cudaStream_t stream) {
  return api("cudaLaunchKernel", cudaErrorLaunchOutOfResources, [&] {
    return launch(reinterpret_cast<Kernel*>(kernel), grid, block, arguments, shared, stream);
  });
}

}  // extern "C"

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                             std::size_t shared, cudaStream_t stream) {
  return api("cudaLaunchKernel", cudaErrorLaunchOutOfResources, [&] {
    return launch(const_cast<Kernel*>(find_kernel(function)), grid, block, arguments, shared, stream);
  });
}

// CUB calls it in code that only an unoptimized build keeps.
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function, void** arguments) {
  return api("cudaLaunchKernelExC", cudaErrorLaunchOutOfResources, [&] {
    return launch(const_cast<Kernel*>(find_kernel(function)), config->gridDim, config->blockDim, arguments,
                  config->dynamicSmemBytes, config->stream);
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return api("cudaFuncGetAttributes", cudaErrorUnknown, [&] {
    if (find_kernel(function) == nullptr) {
      return cudaErrorInvalidDeviceFunction;
    }
    if (options().no_image) {
      return cudaErrorNoKernelImageForDevice;
    }
    *attributes = {};
    attributes->maxThreadsPerBlock = 1024;
    attributes->numRegs = 32;
    attributes->binaryVersion = options().capability;
    attributes->ptxVersion = options().capability;
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads,
                                                          std::size_t /*shared*/) {
  return api("cudaOccupancyMaxActiveBlocksPerMultiprocessor", cudaErrorUnknown, [&] {
    if (find_kernel(function) == nullptr || threads < 1 || threads > 1024) {
      return cudaErrorInvalidValue;
    }
    *blocks = 2048 / threads;
    return cudaSuccess;
  });
}
