// Eight numbers at a time, whatever the instructions: two or four registers where they are shorter.
#pragma once

#include <cstring>

namespace collapscope::linalg {

using Eight __attribute__((vector_size(8 * sizeof(double)))) = double;

[[gnu::always_inline]] inline void load_eight(Eight& to, const double* from) {
  std::memcpy(&to, from, sizeof to);
}

[[gnu::always_inline]] inline void store_eight(double* to, const Eight& from) {
  std::memcpy(to, &from, sizeof from);
}

[[gnu::always_inline]] inline double sum_of_eight(const Eight& a) {
  return ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]));
}

}  // namespace collapscope::linalg
