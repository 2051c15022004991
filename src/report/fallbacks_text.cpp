// The line on work that a GPU did not do.
#include <fmt/format.h>

#include "collapscope/report/report.hpp"

namespace collapscope {
namespace {

// "2 layers", or "" for none.
std::string count_of(std::uint64_t count, std::string_view one, std::string_view more) {
  return count == 0 ? "" : fmt::format("{} {}", count, count == 1 ? one : more);
}

}  // namespace

std::string fallbacks_text(const Fallbacks& fallbacks) {
  std::vector<std::string> parts;
  const auto add = [&](const std::string& work, const std::string& place) {
    if (!work.empty()) parts.push_back(fmt::format("{} by {}", work, place));
  };
  if (fallbacks.count("analysis", "cpu") > 0) add("everything", "the CPU");
  add(count_of(fallbacks.count("layer", "cpu"), "layer", "layers"), "the CPU");
  add(count_of(fallbacks.count("layer", "gpu"), "layer", "layers"), "another GPU");
  add(count_of(fallbacks.count("eigenbasis", "cpu"), "eigenbasis", "eigenbases"), "the CPU");
  if (parts.empty()) return {};
  const std::string rejected =
      fallbacks.rejected_eigenbases == 0
          ? ""
          : fmt::format("; {} of a GPU rejected",
                        count_of(fallbacks.rejected_eigenbases, "eigenbasis", "eigenbases"));
  return fmt::format("done instead of the GPU: {}{} (provenance.fallbacks of the results says why)",
                     fmt::join(parts, ", "), rejected);
}

}  // namespace collapscope
