// The CUDA runtime's error codes, their names and texts.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace fake_cuda {

const char* error_name(cudaError_t error);
const char* error_text(cudaError_t error);
// The code of a name, as cudaErrorLaunchFailure; 0: no such name.
int error_code(const std::string& name);

}  // namespace fake_cuda
