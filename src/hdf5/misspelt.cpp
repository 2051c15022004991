#include "hdf5/misspelt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "hdf5/walk.hpp"

namespace collapscope::hdf5 {

namespace {

struct OtherName {
  std::string_view part;
  std::string_view name;
};

constexpr std::array<OtherName, 19> other_names{{{"activations", "acts"},
                                                 {"activations", "act"},
                                                 {"weight", "kernel"},
                                                 {"weight", "w"},
                                                 {"bias", "biases"},
                                                 {"bias", "b"},
                                                 {"predictions", "preds"},
                                                 {"predictions", "pred"},
                                                 {"predictions", "predicted"},
                                                 {"predictions", "logits"},
                                                 {"predictions", "outputs"},
                                                 {"predictions", "output"},
                                                 {"predictions", "yhat"},
                                                 {"predictions", "y_hat"},
                                                 {"predictions", "ypred"},
                                                 {"predictions", "y_pred"},
                                                 {"step", "epoch"},
                                                 {"step", "iteration"},
                                                 {"step", "global_step"}}};

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// Whether they differ by one letter, or by two neighbours that changed places.
bool is_one_slip(std::string_view a, std::string_view b) {
  const auto [in_a, in_b] = std::ranges::mismatch(a, b);
  const std::string_view rest_a(in_a, a.end());
  const std::string_view rest_b(in_b, b.end());
  if (rest_a.size() < rest_b.size()) {
    return rest_b.substr(1) == rest_a;
  }
  if (rest_a.size() > rest_b.size()) {
    return rest_a.substr(1) == rest_b;
  }
  return rest_a.empty() || rest_a.substr(1) == rest_b.substr(1) ||
         (rest_a.size() > 1 && rest_a[0] == rest_b[1] && rest_a[1] == rest_b[0] &&
          rest_a.substr(2) == rest_b.substr(2));
}

}  // namespace

bool may_be_meant(std::string_view name, std::string_view part) {
  const std::string lower = in_lower_case(name);
  return is_one_slip(lower, part) || std::ranges::any_of(other_names, [&](const OtherName& other) {
           return other.part == part && other.name == lower;
         });
}

void remark_on_misspelt(FileSet& files, const Object& group, std::string_view part,
                        std::vector<Failure>& remarks) {
  try {
    const Place place = files.place(group);
    for (const std::string& name : link_names(group, place)) {
      if (may_be_meant(name, part) && is_dataset(files.get(group, name, "a dataset"))) {
        remarks.push_back(
            {place.file, place.object,
             fmt::format("found no dataset '{0}', but '{1}'; did you mean '{0}'?", part, printable(name))});
        return;
      }
    }
  } catch (const InputError&) {
    // What cannot be looked at is no hint.
  }
}

void report_strays(FileSet& files, const Object& layers, const std::vector<std::string>& strays,
                   const std::vector<std::string>& globs, IndexProblems& problems) {
  std::string first;
  std::size_t others = 0;
  for (const std::string& path : strays) {
    const std::size_t slash = path.rfind('/');
    const std::string group = slash == std::string::npos ? "" : path.substr(0, slash);
    const std::string name = path.substr(slash + 1);
    if (!is_wanted(group.empty() ? name : group, globs)) {
      continue;
    }
    if (!group.empty() && may_be_meant(name, "activations")) {
      const Place place = files.place(layers, group);
      problems.failures.push_back(
          {place.file, place.object,
           fmt::format("found a dataset '{}'; did you mean 'activations'? Without it this is no layer",
                       printable(name))});
    } else if (others++ == 0) {
      first = path;
    }
  }
  if (others > 0) {
    const Place place = files.place(layers, first);
    problems.remarks.push_back(
        {place.file, place.object,
         fmt::format("belongs to no layer{}: a layer is a group below /layers with a dataset 'activations'",
                     others > 1 ? fmt::format(", as {} more datasets do not", others - 1) : "")});
  }
}

}  // namespace collapscope::hdf5
