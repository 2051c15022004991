// The table of kernels of one target. Included once per instruction set.
#pragma once

#include "cpu/vector_floats.hpp"
#include "cpu/vector_products.hpp"
#include "cpu/vector_rows.hpp"

namespace collapscope::cpu {

template <class Target>
constexpr VectorKernels kernels_with_panels(const char* name) {
  return {name,
          Target::width,
          {centre<Target, Stored::float16>, centre<Target, Stored::bfloat16>, centre<Target, Stored::float32>,
           centre<Target, Stored::float64>},
          pack_panels<Target>,
          gram<Target>,
          float_panel<Target>,
          narrow<Target>,
          float_gram<Target>,
          project<Target>,
          outside<Target>,
          rest<Target>,
          whiten<Target>,
          add<Target>};
}

template <class Target>
constexpr VectorKernels kernels_with_blas(const char* name) {
  VectorKernels kernels = kernels_with_panels<Target>(name);
  kernels.panel = 0;
  kernels.pack = pack_rows<Target>;
  kernels.gram = nullptr;
  kernels.whiten = nullptr;
  return kernels;
}

}  // namespace collapscope::cpu
