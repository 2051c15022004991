// Numbers side by side: eight, whatever the instructions (two or four registers where they are shorter), or
// as many as a loop is written for.
#pragma once

#include <cstddef>
#include <cstring>

namespace collapscope::linalg {

using Eight __attribute__((vector_size(8 * sizeof(double)))) = double;
using Four __attribute__((vector_size(4 * sizeof(double)))) = double;

// For templates, which drop the attributes of their arguments.
struct EightLanes {
  using Numbers = Eight;
  static constexpr std::size_t count = 8;
};
struct FourLanes {
  using Numbers = Four;
  static constexpr std::size_t count = 4;
};

[[gnu::always_inline]] inline void load(Eight& to, const double* from) { std::memcpy(&to, from, sizeof to); }
[[gnu::always_inline]] inline void load(Four& to, const double* from) { std::memcpy(&to, from, sizeof to); }
[[gnu::always_inline]] inline void store(double* to, const Eight& from) {
  std::memcpy(to, &from, sizeof from);
}
[[gnu::always_inline]] inline void store(double* to, const Four& from) {
  std::memcpy(to, &from, sizeof from);
}

[[gnu::always_inline]] inline double sum_of(const Eight& a) {
  return ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]));
}
[[gnu::always_inline]] inline double sum_of(const Four& a) { return (a[0] + a[1]) + (a[2] + a[3]); }

}  // namespace collapscope::linalg
