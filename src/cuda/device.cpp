#include "cuda/device.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <utility>

#include "launchers.hpp"

namespace collapscope::cuda {

namespace {

// What NVIDIA recommends for Hopper; fixed, so that cuBLAS chooses the same algorithms every time.
constexpr std::size_t blas_workspace_bytes = std::size_t{32} << 20U;

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

// "580.65.06", of the kernel's module; empty: it does not say.
std::string driver_release() {
  std::string release;
  std::ifstream("/sys/module/nvidia/version") >> release;
  return release;
}

}  // namespace

Device::Device(int number) : number_(number) {
  select();
  std::size_t total = 0;
  check(cudaMemGetInfo(&free_at_start_, &total), "cudaMemGetInfo");
  check(kernels::probe(), "loading the kernels");
  copy_ = make_stream();
  compute_ = make_stream();
  blas_workspace_ = DeviceBuffer<std::byte>(blas_workspace_bytes);
  cublasHandle_t blas = nullptr;
  check(cublasCreate(&blas), "cublasCreate");
  blas_.reset(blas);
  check(cublasSetStream(blas, compute()), "cublasSetStream");
  check(cublasSetWorkspace(blas, blas_workspace_.data(), blas_workspace_.bytes()), "cublasSetWorkspace");
  check(cublasSetMathMode(blas, CUBLAS_DEFAULT_MATH), "cublasSetMathMode");
  check(cublasSetAtomicsMode(blas, CUBLAS_ATOMICS_NOT_ALLOWED), "cublasSetAtomicsMode");
  cusolverDnHandle_t solver = nullptr;
  check(cusolverDnCreate(&solver), "cusolverDnCreate");
  solver_.reset(solver);
  check(cusolverDnSetStream(solver, compute()), "cusolverDnSetStream");
  check(cusolverDnSetDeterministicMode(solver, CUSOLVER_DETERMINISTIC_RESULTS),
        "cusolverDnSetDeterministicMode");
  cusolverDnParams_t params = nullptr;
  check(cusolverDnCreateParams(&params), "cusolverDnCreateParams");
  solver_params_.reset(params);
  description_ = describe();
}

void Device::select() const { check(cudaSetDevice(number_), "cudaSetDevice"); }

Device::Identity Device::identity() const {
  Identity who;
  check(cudaGetDeviceProperties(&who.properties, number_), "cudaGetDeviceProperties");
  check(cudaDriverGetVersion(&who.driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&who.runtime), "cudaRuntimeGetVersion");
  check(cublasGetVersion(blas_.get(), &who.blas), "cublasGetVersion");
  check(cusolverGetVersion(&who.solver), "cusolverGetVersion");
  return who;
}

std::string Device::describe() const {
  const Identity who = identity();
  return fmt::format(
      "cuda:{} {}, {:.0f} GiB, sm_{}{}; driver {}, runtime {}, cuBLAS {} (default math), cuSOLVER {}",
      number_, who.properties.name, static_cast<double>(who.properties.totalGlobalMem) / 0x1p30,
      who.properties.major, who.properties.minor, version_text(who.driver), version_text(who.runtime),
      who.blas, who.solver);
}

std::vector<Fact> Device::facts() const {
  const Identity who = identity();
  const cudaDeviceProp& properties = who.properties;
  std::vector<Fact> facts{{"card", std::string(properties.name)},
                          {"number", std::int64_t{number_}},
                          {"compute_capability", fmt::format("{}.{}", properties.major, properties.minor)},
                          {"memory_bytes", static_cast<std::int64_t>(properties.totalGlobalMem)},
                          {"multiprocessors", std::int64_t{properties.multiProcessorCount}},
                          {"driver", driver_release()},
                          {"driver_cuda", version_text(who.driver)},
                          {"runtime", version_text(who.runtime)},
                          {"toolkit", version_text(CUDART_VERSION)},
                          {"cublas", std::int64_t{who.blas}},
                          {"cusolver", std::int64_t{who.solver}}};
  constexpr std::array<std::pair<const char*, cudaDeviceAttr>, 4> attributes{
      {{"clock_khz", cudaDevAttrClockRate},
       {"memory_clock_khz", cudaDevAttrMemoryClockRate},
       {"memory_bus_bits", cudaDevAttrGlobalMemoryBusWidth},
       {"ecc", cudaDevAttrEccEnabled}}};
  for (const auto& [name, attribute] : attributes) {
    int value = 0;
    if (cudaDeviceGetAttribute(&value, attribute, number_) == cudaSuccess) {
      facts.push_back({name, std::int64_t{value}});
    } else {
      (void)cudaGetLastError();  // not every card tells everything
    }
  }
  return facts;
}

void Device::drain() const noexcept {
  if (cudaSetDevice(number_) == cudaSuccess) {
    (void)cudaStreamSynchronize(copy_.get());
    (void)cudaStreamSynchronize(compute_.get());
  }
}

}  // namespace collapscope::cuda
