// Names of layers in few columns, and no two alike.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace collapscope {

// The columns kept at the beginning, as near to the middle as possible, with which the names, cut in their
// middle to `width`, stay distinct.
[[nodiscard]] std::optional<std::size_t> distinct_head(const std::vector<std::string>& names,
                                                       std::size_t width);

// names: printable. Where one is longer than `width`, labels lack the words (up to . / _ -) that all begin
// with; then words of paths become their first letters, from the left, but for the last one and those with
// digits; then the middle is cut, where labels stay distinct; else they begin with their places. As on the
// report's page.
class ShortNames {
 public:
  ShortNames(std::vector<std::string> names, std::size_t width);
  // Of a name that is none of them, itself.
  [[nodiscard]] std::string of(const std::string& name) const;
  // "model.encoder.layers.", what labels do not have; empty: nothing is left out.
  [[nodiscard]] const std::string& left_out() const { return left_out_; }

 private:
  std::map<std::string, std::string> labels_;
  std::string left_out_;
};

}  // namespace collapscope
