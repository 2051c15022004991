// Preloaded before OpenBLAS: says "Prescott" unless the user has chosen the kernels.
#include <dlfcn.h>

#include <cstdlib>

extern "C" char* openblas_get_corename() {
  static char prescott[] = "Prescott";
  if (std::getenv("OPENBLAS_CORETYPE") == nullptr) {
    return prescott;
  }
  using Function = char* (*)();
  const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "openblas_get_corename"));
  return real == nullptr ? prescott : real();
}
