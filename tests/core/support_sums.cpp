// More references: folds and their comparison, HSIC, residual sums.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/support.hpp"

namespace collapscope::test {

}  // namespace collapscope::test
