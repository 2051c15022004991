// The kernels under test.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cpu/vector_kernels.hpp"

namespace collapscope::test {

// All levels that this CPU can run, and the bodies of AVX-512, 8 numbers wide, for any CPU.
[[nodiscard]] std::vector<const cpu::VectorKernels*> all_kernels();
// For the names of tests over them.
[[nodiscard]] std::string kernels_name(const testing::TestParamInfo<const cpu::VectorKernels*>& test);

}  // namespace collapscope::test
