#include "cpu/levels.hpp"

#include <algorithm>

#include "cpu/vector_table.hpp"

namespace collapscope::test {

namespace {
struct Wide {
  static constexpr std::size_t width = 8;
};
constexpr cpu::VectorKernels wide_kernels = cpu::kernels_with_panels<Wide>("wide");
}  // namespace

std::vector<const cpu::VectorKernels*> all_kernels() {
  std::vector<const cpu::VectorKernels*> all{&wide_kernels};
  for (const cpu::Level level : {cpu::Level::baseline, cpu::Level::avx2, cpu::Level::avx512}) {
    if (const cpu::VectorKernels* kernels = cpu::kernels_of(level)) {
      all.push_back(kernels);
    }
  }
  return all;
}

std::string kernels_name(const testing::TestParamInfo<const cpu::VectorKernels*>& test) {
  std::string name = test.param->name;
  name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
  return name;
}

}  // namespace collapscope::test
