#include "results.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <stdexcept>

namespace collapscope::cli {

namespace {

double number(const Json& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  return found != metrics.end() && found->is_number() ? found->get<double>()
                                                      : std::numeric_limits<double>::quiet_NaN();
}

void expect_same(const Json& a, const Json& b, double relative, double absolute, const std::string& what) {
  if (a.is_number() && b.is_number()) {
    const double expected = b.get<double>();
    EXPECT_LE(std::abs(a.get<double>() - expected), relative * std::abs(expected) + absolute)
        << what << ": " << a << " " << b;
  } else if (a.is_structured() && a.type() == b.type() && a.size() == b.size()) {
    for (auto i = a.begin(), j = b.begin(); i != a.end(); ++i, ++j) {
      expect_same(*i, *j, relative, absolute, a.is_object() ? what + " " + i.key() : what);
    }
  } else {
    EXPECT_EQ(a, b) << what;
  }
}

}  // namespace

Json analyzed(const TempFolder& folder, Arguments arguments, int status) {
  arguments.insert(arguments.begin(), "analyze");
  arguments.insert(arguments.end(), {"-o", "-", "--quiet"});
  const Finished finished = expect_status(status, folder, arguments);
  return Json::parse(finished.out);
}

std::vector<std::string> layer_names(const Json& results, std::size_t checkpoint) {
  std::vector<std::string> names;
  for (const Json& layer : results.at("checkpoints").at(checkpoint).at("layers")) {
    names.push_back(layer.at("name"));
  }
  return names;
}

std::vector<std::string> file_names(const Json& results) {
  std::vector<std::string> names;
  for (const Json& checkpoint : results.at("checkpoints")) {
    names.push_back(std::filesystem::path(checkpoint.at("path").get<std::string>()).filename());
  }
  return names;
}

const Json& layer_of(const Json& results, const std::string& name, std::size_t checkpoint) {
  for (const Json& layer : results.at("checkpoints").at(checkpoint).at("layers")) {
    if (layer.at("name") == name) {
      return layer;
    }
  }
  throw std::runtime_error("no layer " + name);
}

double layer_metric(const Json& results, const std::string& layer, const std::string& name,
                    std::size_t checkpoint) {
  return number(layer_of(results, layer, checkpoint).at("metrics"), name);
}

double target_metric(const Json& results, const std::string& name, std::size_t checkpoint) {
  return number(results.at("checkpoints").at(checkpoint).at("targets"), name);
}

void expect_same_metrics(const Json& a, const Json& b, double relative, double absolute) {
  const Json& ours = a.at("checkpoints");
  const Json& theirs = b.at("checkpoints");
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    expect_same(ours[i].at("targets"), theirs[i].at("targets"), relative, absolute, "targets");
    ASSERT_EQ(layer_names(a, i), layer_names(b, i));
    for (const std::string& layer : layer_names(a, i)) {
      expect_same(layer_of(a, layer, i).at("metrics"), layer_of(b, layer, i).at("metrics"), relative,
                  absolute, layer);
    }
  }
}

}  // namespace collapscope::cli
