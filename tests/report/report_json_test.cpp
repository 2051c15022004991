// The data of the page: its shape, and text that stays text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "collapscope/report/report.hpp"
#include "results/sample_results.hpp"
#include "runs/support.hpp"

namespace collapscope {
namespace {

using Json = nlohmann::ordered_json;
using test::checkpoint_of;
using ::testing::HasSubstr;
using ::testing::Not;

Json report_of(const Results& results, const RunReport& report = {}) {
  return Json::parse(report_json(results, report));
}

TEST(ReportJson, SmallDocumentIsAsWrittenDown) {
  CheckpointResult checkpoint = checkpoint_of("r", 4, {false, true});
  checkpoint.attributes = {{"step_unit", "epoch"}, {"weight_decay", 0.5}};
  checkpoint.targets.add({"target_rank", std::int64_t{2}});
  checkpoint.layers[1].index = 7;
  checkpoint.layers[1].metrics.add({"feature_dims_99", std::int64_t{3}});
  Results results = test::results_of({checkpoint});
  results.failures = {{"f.h5", "fc1", "bad"}};
  RunReport report;
  report.generated = "2026-11-21T15:00:00Z";
  report.sources = {"arm.json"};
  report.warnings = {"a warning"};
  Json tree = report_of(results, report);
  tree.erase("version");
  tree.erase("metrics");
  EXPECT_EQ(tree, Json::parse(R"({
    "format": "collapscope-report", "format_version": 1, "title": "Neural collapse: 1 run, 1 checkpoint",
    "generated": "2026-11-21T15:00:00Z", "sources": ["arm.json"], "warnings": ["a warning"],
    "criteria": [{"metric": "deep_nrc1", "comparison": "<", "threshold": 0.05},
                 {"metric": "deep_nrc2", "comparison": ">", "threshold": 0.9},
                 {"metric": "deep_nrc3", "comparison": ">", "threshold": 0.9}],
    "failures": [{"path": "f.h5", "object": "fc1", "message": "bad"}],
    "runs": [{"name": "r", "step_unit": "epoch", "attributes": {"weight_decay": 0.5}, "dead": null,
      "checkpoints": [{"path": "r/4.000000.h5", "id": "", "step": 4, "samples": 100,
        "targets": {"target_rank": 2}, "target_notes": {},
        "layers": [
          {"name": "l1", "index": null, "kind": "linear",
           "metrics": {"deep_nrc1": 0.5, "deep_nrc2": 0.97, "deep_nrc3": 0.99},
           "floors": {"deep_nrc1": 1e-15}, "notes": {}, "collapsed": false},
          {"name": "l2", "index": 7, "kind": "linear",
           "metrics": {"deep_nrc1": 0.001, "deep_nrc2": 0.97, "deep_nrc3": 0.99, "feature_dims_99": 3},
           "floors": {"deep_nrc1": 1e-15}, "notes": {}, "collapsed": true}],
        "collapse": {"from_layer": "l2", "from_position": 1, "layers_collapsed": 1, "layers_unknown": 0,
                     "layers": 2}}],
      "collapse": {"layers": {"l1": {"since_step": null, "since_checkpoint": null, "before": null},
                              "l2": {"since_step": 4, "since_checkpoint": 0, "before": null}},
                   "last_from_layer": "l2", "since_step": 4, "since_checkpoint": 0, "before": null},
      "not_measured": [],
      "intrinsic_dimension": {"layer": "l2", "metric": "feature_dims_99", "learned": 3, "targets_rank": 2},
      "ufm": null}],
    "never_alive": [], "comparison": {"by": [], "groups": [{"values": {}, "runs": ["r"], "dead": [],
      "last": [{"layer": "l1", "position": 0, "metrics": {
                  "deep_nrc1": {"mean": 0.5, "spread": null, "count": 1},
                  "deep_nrc2": {"mean": 0.97, "spread": null, "count": 1},
                  "deep_nrc3": {"mean": 0.99, "spread": null, "count": 1}}},
               {"layer": "l2", "position": 1, "metrics": {
                  "deep_nrc1": {"mean": 0.001, "spread": null, "count": 1},
                  "deep_nrc2": {"mean": 0.97, "spread": null, "count": 1},
                  "deep_nrc3": {"mean": 0.99, "spread": null, "count": 1},
                  "feature_dims_99": {"mean": 3, "spread": null, "count": 1}}}],
      "last_layer": {"layers": ["l2"], "metrics": {
                  "deep_nrc1": {"mean": 0.001, "spread": null, "count": 1},
                  "deep_nrc2": {"mean": 0.97, "spread": null, "count": 1},
                  "deep_nrc3": {"mean": 0.99, "spread": null, "count": 1},
                  "feature_dims_99": {"mean": 3, "spread": null, "count": 1}}},
      "targets": {"target_rank": {"mean": 2, "spread": null, "count": 1}}}]}
  })"));
}

TEST(ReportJson, SaysWhatWasNotMeasured) {
  const Json run =
      report_of(test::results_of({checkpoint_of("r", 1, {true, true}), checkpoint_of("r", 2, {true}),
                                  checkpoint_of("r", 3, {true, true})}))
          .at("runs")
          .at(0);
  EXPECT_EQ(run.at("not_measured"), Json::parse(R"([{"layers": ["l2"], "checkpoints": [1], "of": 3}])"));
  EXPECT_EQ(run.at("collapse").at("layers").at("l1").at("before"), nullptr);
  EXPECT_EQ(run.at("collapse").at("layers").at("l2"),
            Json::parse(R"({"since_step": 3, "since_checkpoint": 2, "before": "not measured"})"));
  EXPECT_EQ(run.at("collapse").at("before"), "not measured");
}

TEST(ReportJson, CountsLayersThatFailed) {
  CheckpointResult checkpoint = checkpoint_of("r", 1, {true, true});
  checkpoint.failed_layers = {{"lost", 1}, {"head", 2}};
  const Json run = report_of(test::results_of({checkpoint})).at("runs").at(0);
  const Json& found = run.at("checkpoints").at(0);
  EXPECT_EQ(found.at("failed_layers"),
            Json::parse(R"([{"name": "lost", "position": 1}, {"name": "head", "position": 2}])"));
  EXPECT_EQ(found.at("collapse"), Json::parse(R"({"from_layer": null, "from_position": null,
      "layers_collapsed": 0, "layers_unknown": 2, "layers": 4})"));
  EXPECT_EQ(run.at("collapse").at("since_step"), nullptr);
}

TEST(ReportJson, DescribesTheMetricsThatOccur) {
  CheckpointResult checkpoint = checkpoint_of("r", 1, {true});
  checkpoint.layers[0].metrics.add({"of_a_later_version", 1.0});
  checkpoint.targets.add({"model_mse", 0.5});
  const Json metrics = report_of(test::results_of({checkpoint})).at("metrics");
  ASSERT_EQ(metrics.size(), 5U);
  EXPECT_EQ(metrics[0].at("name"), "model_mse");
  EXPECT_EQ(metrics[0].at("scope"), "targets");
  EXPECT_EQ(metrics[0].at("range"), Json::parse("[0, null]"));
  EXPECT_EQ(metrics[1].at("name"), "deep_nrc1");
  EXPECT_EQ(metrics[1].at("better"), "low");
  EXPECT_EQ(metrics[1].at("log"), true);
  EXPECT_EQ(metrics[1].at("range"), Json::parse("[0, 1]"));
  EXPECT_EQ(metrics[4], Json::parse(R"({"name": "of_a_later_version", "scope": "layer", "summary": "",
                                        "better": null, "range": null, "log": false})"));
}

TEST(ReportJson, SaysWhichRunsAreDead) {
  Results results = test::results_of({checkpoint_of("a", 1, {true}), checkpoint_of("b", 1, {true})});
  results.failures = {{"b2.h5", "/predictions", "found NaN or Inf, first in row 0", "b", 2}};
  const Json tree = report_of(results);
  EXPECT_EQ(tree.at("runs").at(0).at("dead"), nullptr);
  EXPECT_EQ(tree.at("runs").at(1).at("dead"),
            Json::parse(R"({"since_step": 2, "checkpoints_before": 1, "reason": "NaN or Inf"})"));
  EXPECT_EQ(tree.at("comparison").at("groups").at(0).at("dead"), Json::parse(R"(["b"])"));
  EXPECT_EQ(
      tree.at("comparison").at("groups").at(0).at("last").at(0).at("metrics").at("deep_nrc1").at("count"), 1);
  EXPECT_EQ(tree.at("failures").at(0).at("run"), "b");
  EXPECT_EQ(tree.at("failures").at(0).at("step"), 2);
}

TEST(ReportJson, CriteriaNameTheirTaskWhereThereAreBoth) {
  Results results = test::results_of({checkpoint_of("reg", 1, {true}), checkpoint_of("cls", 1, {true})});
  for (const Json& criterion : report_of(results).at("criteria")) EXPECT_FALSE(criterion.contains("task"));
  results.checkpoints[1].task = "classification";
  results.checkpoints[1].layers[0].metrics.add({"nc1", 0.5});
  const Json tree = report_of(results);
  ASSERT_EQ(tree.at("criteria").size(), 7U);
  EXPECT_EQ(tree.at("criteria").at(2).at("task"), "regression");
  EXPECT_EQ(
      tree.at("criteria").at(3),
      Json::parse(R"({"metric": "nc1", "comparison": "<", "threshold": 0.05, "task": "classification"})"));
  EXPECT_EQ(tree.at("runs").at(0).at("checkpoints").at(0).at("layers").at(0).at("collapsed"), true);
  EXPECT_EQ(tree.at("runs").at(1).at("checkpoints").at(0).at("layers").at(0).at("collapsed"), false);
}

TEST(ReportJson, UnknownIsNeitherTrueNorFalse) {
  const Json tree = report_of(test::results_of({checkpoint_of("", std::nullopt, {true, std::nullopt})}));
  const Json& run = tree.at("runs").at(0);
  const Json& checkpoint = run.at("checkpoints").at(0);
  EXPECT_EQ(checkpoint.at("layers").at(1).at("collapsed"), nullptr);
  EXPECT_EQ(checkpoint.at("collapse").at("from_layer"), nullptr);
  EXPECT_EQ(checkpoint.at("collapse").at("layers_unknown"), 1);
  EXPECT_EQ(checkpoint.at("step"), nullptr);
  EXPECT_EQ(run.at("step_unit"), nullptr);
  EXPECT_EQ(run.at("name"), "/last.h5");
}

TEST(ReportJson, TextStaysTextInAScriptElement) {
  for (const std::string& name : test::hostile_names()) {
    RunReport report;
    report.title = name;
    report.sources = {name};
    const std::string text = report_json(test::results_named(name), report);
    EXPECT_THAT(text, Not(HasSubstr("<"))) << name;
    EXPECT_THAT(text, Not(HasSubstr(">"))) << name;
    EXPECT_THAT(text, Not(HasSubstr("&"))) << name;
    EXPECT_THAT(text, Not(HasSubstr("\n"))) << name;
    EXPECT_FALSE(test::has_raw_controls(text)) << name;
    EXPECT_TRUE(Json::accept(text)) << name;
  }
  const std::string script = "</script><script>alert(1)</script>\xe2\x80\xa9";
  RunReport report;
  report.title = script;
  EXPECT_EQ(report_of(test::results_named("x"), report).at("title"), script);
}

TEST(ReportJson, NumbersReadBackBitForBitAndAreFinite) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 50; ++i) {
    const Results results = test::random_results(random, 3);
    const auto runs = group_runs(results);
    const Json tree = report_of(results);
    for (std::size_t r = 0; r < runs.size(); ++r) {
      for (std::size_t c = 0; c < runs[r].checkpoints.size(); ++c) {
        const CheckpointResult& checkpoint = results.checkpoints[runs[r].checkpoints[c]];
        const Json& written = tree.at("runs").at(r).at("checkpoints").at(c);
        for (std::size_t l = 0; l < checkpoint.layers.size(); ++l) {
          for (const Metric& metric : checkpoint.layers[l].metrics.all()) {
            const Json& value = written.at("layers").at(l).at("metrics").at(metric.name);
            if (metric.number()) {
              EXPECT_EQ(value.get<double>(), *metric.number());
            } else {
              EXPECT_EQ(value.is_null(), !metric.defined());
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace collapscope
