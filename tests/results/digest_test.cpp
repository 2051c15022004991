// The digest of results changes with every number, and with nothing else.
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "collapscope/results/results_file.hpp"
#include "results/sample_results.hpp"

namespace collapscope {
namespace {

double& number_of(Results& results) {
  return std::get<double>(results.checkpoints[0].layers[0].metrics.all()[1].value);
}

Results with_numbers() {
  LayerResult layer;
  layer.name = "fc1";
  layer.metrics.add({"features", std::int64_t{8}});
  layer.metrics.add({"nrc1", 0.1, 1e-15});
  layer.metrics.add({"evr", std::vector<double>{0.5, 0.25}});
  layer.metrics.add({"nrc3", std::monostate{}, std::nullopt, "no weight"});
  return test::results_with(std::move(layer));
}

TEST(Digest, ChangesWithEveryNumber) {
  const std::vector<std::function<void(Results&)>> changes{
      [](Results&) {},
      [](Results& r) { number_of(r) = std::nextafter(0.1, 1.0); },
      [](Results& r) { number_of(r) = -0.1; },
      [](Results& r) { r.checkpoints[0].layers[0].metrics.all()[1].floor = 2e-15; },
      [](Results& r) { r.checkpoints[0].layers[0].metrics.all()[1].floor.reset(); },
      [](Results& r) { r.checkpoints[0].layers[0].metrics.all()[1].name = "nrc2"; },
      [](Results& r) { r.checkpoints[0].layers[0].metrics.all()[0].value = std::int64_t{9}; },
      [](Results& r) { r.checkpoints[0].layers[0].metrics.all()[0].value = 8.0; },
      [](Results& r) {
        r.checkpoints[0].layers[0].metrics.all()[2].value = std::vector<double>{0.25, 0.5};
      },
      [](Results& r) { r.checkpoints[0].layers[0].metrics.all()[3].value = 0.0; },
      [](Results& r) { r.checkpoints[0].layers[0].name = "fc2"; },
      [](Results& r) { r.checkpoints[0].samples += 1; },
      [](Results& r) { r.checkpoints[0].step = 12.5; },
      [](Results& r) { r.checkpoints[0].run += "x"; },
      [](Results& r) {
        r.checkpoints[0].targets.add({"model_mse", 0.5});
      },
      [](Results& r) {
        r.checkpoints[0].depth.add({"deep_nrc1_depth_slope", 0.5});
      },
      [](Results& r) { r.checkpoints.push_back(r.checkpoints[0]); },
      [](Results& r) { r.checkpoints.clear(); }};
  std::set<std::string> digests;
  for (const auto& change : changes) {
    Results results = with_numbers();
    change(results);
    digests.insert(numbers_digest(results));
  }
  EXPECT_EQ(digests.size(), changes.size());
}

TEST(Digest, DoesNotChangeWithWhereAndHow) {
  const std::string digest = numbers_digest(with_numbers());
  Results results = with_numbers();
  results.provenance.threads = 64;
  results.provenance.device = "another";
  results.checkpoints[0].path = "elsewhere.h5";
  results.checkpoints[0].layers[0].metrics.all()[3].note = "another reason";
  EXPECT_EQ(numbers_digest(results), digest);
}

TEST(Digest, SurvivesWritingAndReading) {
  for (const Results& results : {test::small_results(), test::training_results(2, 3, 2)}) {
    const std::string text = results_json(results);
    EXPECT_NE(text.find("\"digest\": \"" + numbers_digest(results) + "\""), std::string::npos);
    EXPECT_EQ(numbers_digest(parse_results(text, "a.json")), numbers_digest(results));
  }
}

// FNV-1a of no checkpoint at all is its start value.
TEST(Digest, OfNothingIsTheKnownStart) { EXPECT_EQ(numbers_digest({}), "cbf29ce484222325"); }

}  // namespace
}  // namespace collapscope
