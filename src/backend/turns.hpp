// What workers on one device take in turns, so that one brings rows while the other computes:
//
//   worker 0   | read and sum layer 1 | decompose, look again |             | read, sum layer 3 ...
//   worker 1                          | read layer 2          | sum the rest | decompose, look again |
//
// Two of them reading would halve each other's rate, and two of them computing would make the thousands of
// short kernels of an eigenproblem wait for the long ones of products.
#pragma once

#include <mutex>

namespace collapscope {

struct Turns {
  std::mutex reading;    // of the rows of a first look
  std::mutex computing;  // from the first sum of a layer to the end of its second look; asked for last
};

}  // namespace collapscope
