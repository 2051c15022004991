// Class means that are the same but for rounding, such as those of two classes whose features all vanished.
#pragma once

#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope {

// Gives rows that lie no further apart than their roundings allow the same bits. Which of them is nearest is
// then a tie, and their distance is 0. roundings [rows]: how far each may be from where it should be.
void unite_equal_rows(Matrix& rows, const std::vector<double>& roundings);

}  // namespace collapscope
