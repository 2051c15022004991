// What cuBLAS and cuSOLVER compute with: float64 and float32 as they are. What the environment asks for
// instead is taken out of it before the module is loaded (gpu/module.hpp).
#pragma once

#include <cublas_v2.h>
#include <cusolverDn.h>

#include <string>

namespace collapscope::cuda {

// No TF32, no emulated products. Throw DeviceError.
void use_plain_arithmetic(cublasHandle_t blas);
void use_plain_arithmetic(cusolverDnHandle_t solver);

#if CUBLAS_VERSION >= 130100
// While it lives, products that ask for emulation by themselves have it, with collapscope::emulated_bits;
// others are as before.
class EmulatedArithmetic {
 public:
  explicit EmulatedArithmetic(cublasHandle_t blas);
  ~EmulatedArithmetic();
  EmulatedArithmetic(const EmulatedArithmetic&) = delete;
  EmulatedArithmetic& operator=(const EmulatedArithmetic&) = delete;

 private:
  cublasHandle_t blas_;
};
#endif

// What the handle itself says: "default math".
[[nodiscard]] std::string arithmetic_of(cublasHandle_t blas);

}  // namespace collapscope::cuda
