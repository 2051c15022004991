#include "collapscope/bench/bench.hpp"

namespace collapscope {

const std::array<StageInfo, 11>& stage_catalogue() {
  static constexpr std::array<StageInfo, 11> catalogue{{
      {"pread", "the file's bytes by plain reads, from the page cache; bytes as stored"},
      {"read", "the same rows through the reader of dumps; bytes as stored"},
      {"decode", "CPU: stored rows to float64, checked, with norms and sums; bytes read and written"},
      {"host-to-device", "GPU: stored rows from pinned memory; bytes as stored"},
      {"convert", "GPU: stored rows to float64 about a shift, checked, with norms; bytes read and written"},
      {"product", "x^T x of float64 rows by the means of the first look; N d (d + 1) operations"},
      {"bare-dsyrk", "x^T x of float64 rows in one library call, where they fit; N d (d + 1) operations"},
      {"first-look", "rows in memory to moments: everything of the first look; N d (d + 1) operations"},
      {"eigen", "the covariance's eigenvalues and vectors as metrics take them, checked; 4/3 d^3 operations"},
      {"second-look", "residuals of all rows outside the subspaces; bytes as stored"},
      {"pipeline", "the whole analysis of the file, every metric; bytes as stored"},
  }};
  return catalogue;
}

}  // namespace collapscope
