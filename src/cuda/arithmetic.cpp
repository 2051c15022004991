#include "cuda/arithmetic.hpp"

#include <fmt/format.h>

#include "collapscope/backend/backend.hpp"
#include "cuda/call.hpp"

namespace collapscope::cuda {

void use_plain_arithmetic(cublasHandle_t blas) {
  Call("cublasSetMathMode").check(cublasSetMathMode(blas, CUBLAS_DEFAULT_MATH));
#if CUDART_VERSION >= 13000
  // Of emulated products, and in default math none is. Without this the library would ask the environment.
  Call("cublasSetEmulationStrategy")
      .check(cublasSetEmulationStrategy(blas, CUBLAS_EMULATION_STRATEGY_PERFORMANT));
#endif
}

#if CUBLAS_VERSION >= 130100
EmulatedArithmetic::EmulatedArithmetic(cublasHandle_t blas) : blas_(blas) {
  Call("cublasSetFixedPointEmulationMantissaControl")
      .check(cublasSetFixedPointEmulationMantissaControl(blas, CUDA_EMULATION_MANTISSA_CONTROL_FIXED));
  Call("cublasSetFixedPointEmulationMaxMantissaBitCount")
      .check(cublasSetFixedPointEmulationMaxMantissaBitCount(blas, emulated_bits));
  Call("cublasSetEmulationStrategy").check(cublasSetEmulationStrategy(blas, CUBLAS_EMULATION_STRATEGY_EAGER));
}

EmulatedArithmetic::~EmulatedArithmetic() {
  Call("cublasSetEmulationStrategy")
      .ignore(cublasSetEmulationStrategy(blas_, CUBLAS_EMULATION_STRATEGY_PERFORMANT));
}
#endif

void use_plain_arithmetic([[maybe_unused]] cusolverDnHandle_t solver) {
#if CUDART_VERSION >= 13000
  Call("cusolverDnSetMathMode").check(cusolverDnSetMathMode(solver, CUSOLVER_DEFAULT_MATH));
#endif
}

std::string arithmetic_of(cublasHandle_t blas) {
  cublasMath_t mode = CUBLAS_DEFAULT_MATH;
  Call("cublasGetMathMode").check(cublasGetMathMode(blas, &mode));
  return mode == CUBLAS_DEFAULT_MATH ? "default math" : fmt::format("math mode {}", static_cast<int>(mode));
}

}  // namespace collapscope::cuda
