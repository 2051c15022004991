// Names of layers in few columns, and no two alike.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace collapscope {

// The columns kept at the beginning, as near to the middle as possible, with which the names, cut in their
// middle to `width`, stay distinct.
[[nodiscard]] std::optional<std::size_t> distinct_head(const std::vector<std::string>& names,
                                                       std::size_t width);

// names: printable. Without the words (up to . / _ -) that all of them begin with, where one is longer than
// `width`; then cut in the middle. Labels of names are distinct as long as their number needs no more room.
class ShortNames {
 public:
  ShortNames(const std::vector<std::string>& names, std::size_t width);
  [[nodiscard]] std::string of(std::string_view name) const;
  // "model.encoder.layers.", what labels do not have; empty: nothing is left out.
  [[nodiscard]] const std::string& left_out() const { return left_out_; }

 private:
  std::size_t width_;
  std::size_t head_;
  std::string left_out_;
};

}  // namespace collapscope
