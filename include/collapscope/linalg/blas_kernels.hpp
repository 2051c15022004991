// Which kernels OpenBLAS runs on this CPU, and whether it has better ones.
//
// OpenBLAS picks its kernels by the CPU's model number; a release older than the CPU takes it for a
// Prescott of 2004 and computes several times slower than it could.
#pragma once

#include <string>
#include <string_view>

namespace collapscope {

// What matters of the CPU for choosing kernels. `intel`: the vendor, for CPUs whose AVX-512 pays.
struct CpuFeatures {
  bool avx = false;
  bool avx2_fma = false;
  bool avx512 = false;
  bool intel = false;
};

struct BlasKernels {
  std::string library;      // "OpenBLAS 0.3.21"
  std::string core;         // OpenBLAS's name of the kernels in use, e.g. "Haswell"
  std::string better;       // the name of better ones, or empty
  std::string misjudged;    // what OpenBLAS had chosen before it was told better, or empty
  bool user_chose = false;  // OPENBLAS_CORETYPE was set by the user

  // "OpenBLAS 0.3.21, SkylakeX kernels (OpenBLAS chose Prescott)"
  [[nodiscard]] std::string describe() const;
};

// The kernels this CPU should run when OpenBLAS runs those of `core`; empty when those are right.
[[nodiscard]] std::string better_kernels(std::string_view core, const CpuFeatures& cpu);

[[nodiscard]] BlasKernels blas_kernels();

// When OpenBLAS misjudges the CPU, starts the running program again with OPENBLAS_CORETYPE set, because
// the choice is made while the library loads. Where the address space is limited (ulimit -v), starts it with
// OPENBLAS_NUM_THREADS=1, because threads that are made then take too much of it. Returns when there is
// nothing to cure, or it cannot be. Only for the start of main().
void cure_blas_kernels(char** argv);

// OpenBLAS's threads stay awake for about a tenth of a second after a call that used them, and after the
// start of the process, taking turns with ours. After this, they end when we are through with them. Only for
// a program in which nobody else calls OpenBLAS.
void own_the_blas();

}  // namespace collapscope
