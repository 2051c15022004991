// What an analysis says on the way.
#pragma once

#include <string>
#include <vector>

#include "collapscope/analysis/analysis.hpp"

namespace collapscope::test {

class Messages final : public Progress {
 public:
  void message(const std::string& line) override { lines.push_back(line); }
  std::vector<std::string> lines;
};

}  // namespace collapscope::test
