// Where in the program calls come from.
#pragma once

#include <string>

namespace fake_cuda {

// What is called, and a number for all return addresses: "cudaMalloc @ 1f3c...". Empty unless FAKE_CUDA_SITES
// asks for it.
std::string site_of(const std::string& what);

}  // namespace fake_cuda
