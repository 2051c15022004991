// Which calls of a program are made to fail. Most of them come from the same places, again and again.
#pragma once

#include <string>
#include <vector>

namespace collapscope::test {

// "cudaMalloc" of "cudaMalloc @ 1f3c...".
[[nodiscard]] std::string name_of_site(const std::string& site);

// Whether COLLAPSCOPE_TEST_ALL=1 asks for the whole product of everything with everything.
[[nodiscard]] bool wants_all();

// Numbers, from 1, of calls that come from `sites`: of each place the middle one and, with `ends`, the first
// and the last one. wants_all(): all of them.
[[nodiscard]] std::vector<long> some_of_every_site(const std::vector<std::string>& sites, bool ends = true);

// "312 of 845 calls, from all of 120 places, of 31 functions"; a complaint if a place or a function is left
// out.
void expect_every_site(const std::vector<std::string>& sites, const std::vector<long>& numbers,
                       const std::string& what);

}  // namespace collapscope::test
