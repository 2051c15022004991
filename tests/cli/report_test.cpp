// collapscope report: results in; text, data or a page out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string dumps = COLLAPSCOPE_SOURCE_DIR "/examples/arm/dumps";

class Report : public ::testing::Test {
 protected:
  void SetUp() override { folder_.write("arm.json", arm()); }

  // The results of the example, analysed once.
  static const std::string& arm() {
    static const std::string text = [] {
      const TempFolder folder;
      return expect_status(0, folder, {"analyze", dumps, "-o", "-", "--quiet"}).out;
    }();
    return text;
  }

  // The data of the report.
  [[nodiscard]] Json data(Arguments arguments) const {
    arguments.insert(arguments.begin(), "report");
    arguments.insert(arguments.end(), {"-o", "-"});
    const Finished finished = expect_status(0, folder_, arguments);
    EXPECT_EQ(finished.err, "");
    return Json::parse(finished.out);
  }

  TempFolder folder_;
};

// A results file with one checkpoint whose every text is `name`.
std::string results_named(const std::string& name, const std::string& started = "2026-01-01T00:00:00Z") {
  const Json metrics = {{"deep_nrc1", 0.5}, {"nrc2", nullptr}};
  const Json layer = {{"name", name},
                      {"index", 0},
                      {"kind", name},
                      {"metrics", metrics},
                      {"floors", Json::object()},
                      {"notes", {{"nrc2", name}}}};
  const Json checkpoint = {{"path", name},
                           {"id", ""},
                           {"run", name},
                           {"step", 1},
                           {"task", "regression"},
                           {"samples", 3},
                           {"attributes", {{name, name}}},
                           {"targets", Json::object()},
                           {"layers", {layer}}};
  const Json provenance = {{"version", "1"}, {"commit", "c"},      {"command", name}, {"device", "cpu"},
                           {"threads", 1},   {"started", started}, {"seconds", 1},    {"bytes_read", 1}};
  const Json failure = {{"path", name}, {"object", name}, {"message", name}};
  return Json{{"format", "collapscope-results"},
              {"format_version", 1},
              {"provenance", provenance},
              {"checkpoints", {checkpoint}},
              {"failures", {failure}}}
      .dump();
}

TEST_F(Report, TellsWhatTheExampleShows) {
  const Finished finished = expect_status(0, folder_, {"report", "arm.json"});
  EXPECT_EQ(finished.err, "");
  EXPECT_THAT(finished.out, HasSubstr("3 runs, 12 checkpoints"));
  EXPECT_THAT(finished.out, HasSubstr("arm_wd0: 4 checkpoints, epoch 100 to epoch 12000, weight_decay 0\n"
                                      "  collapsed    nothing: fc6 has deep_nrc1 0.277"));
  EXPECT_THAT(finished.out,
              HasSubstr("arm_wd0.02: 4 checkpoints, epoch 100 to epoch 12000, weight_decay 0.02\n"
                        "  collapsed    from fc4 on, the last 3 of 6 layers\n"
                        "  when         fc4 to fc5 since epoch 4000, fc6 since epoch 1000\n"
                        "  dimension    2 components hold 99 %"));
  EXPECT_THAT(folder_.names(), ElementsAre("arm.json"));
}

TEST_F(Report, GivesTheSameAsData) {
  const Json report = data({"arm.json"});
  EXPECT_EQ(report.at("format"), "collapscope-report");
  EXPECT_EQ(report.at("sources"), Json::array({"arm.json"}));
  ASSERT_EQ(report.at("runs").size(), 3U);
  const Json& none = report["runs"][0];
  const Json& all = report["runs"][2];
  EXPECT_EQ(none.at("name"), "arm_wd0");
  EXPECT_EQ(none.at("collapse").at("last_from_layer"), nullptr);
  EXPECT_EQ(none.at("intrinsic_dimension").at("learned"), 9);
  EXPECT_EQ(all.at("name"), "arm_wd0.02");
  EXPECT_EQ(all.at("collapse").at("last_from_layer"), "fc4");
  EXPECT_EQ(all.at("collapse").at("since_step"), 1000);
  EXPECT_EQ(all.at("collapse").at("layers").at("fc4").at("since_step"), 4000);
  EXPECT_EQ(all.at("intrinsic_dimension"),
            Json::parse(R"({"layer": "fc6", "metric": "feature_dims_99", "learned": 2, "targets_rank": 2})"));
  EXPECT_EQ(report.at("comparison").at("by"), Json::array({"weight_decay"}));
  EXPECT_THAT(report.at("generated").get<std::string>(), ::testing::MatchesRegex("20..-..-..T..:..:..Z"));
}

TEST_F(Report, CriteriaCanBeChosen) {
  const Json strict = data({"arm.json", "--collapsed", "deep_nrc1<1e-4,deep_nrc3>0.95", "--title", "Strict"});
  EXPECT_EQ(strict["runs"][2].at("collapse").at("last_from_layer"), "fc6") << "deep_nrc1 of fc5 is 1.3e-4";
  EXPECT_EQ(strict.at("criteria").size(), 2U);
  EXPECT_EQ(strict.at("title"), "Strict");
  for (const char* criteria : {"deep_nrc1", "deep_nrc1<x", "no_such<1", "model_mse<1", "evr<1", ""}) {
    SCOPED_TRACE(criteria);
    const Finished finished = expect_status(2, folder_, {"report", "arm.json", "--collapsed", criteria});
    EXPECT_THAT(finished.err, HasSubstr(criteria));
    EXPECT_EQ(finished.out, "");
  }
}

TEST_F(Report, RunsAreComparedByWhatTheUserNames) {
  EXPECT_EQ(data({"arm.json", "--by", "seed,model"}).at("comparison").at("groups").size(), 1U);
  EXPECT_EQ(data({"arm.json", "--by", " seed, model "}).at("comparison").at("by"),
            Json::array({"seed", "model"}));
  EXPECT_THAT(expect_status(2, folder_, {"report", "arm.json", "--by", "wd"}).err, HasSubstr("weight_decay"));
}

TEST_F(Report, TextOrdersDecaysAsNumbers) {
  const std::map<std::string, std::string> decays = {
      {"arm_wd0", "0.1"}, {"arm_wd0.01", "2e-3"}, {"arm_wd0.02", "0.02"}};
  Json results = Json::parse(arm());
  for (Json& checkpoint : results.at("checkpoints")) {
    checkpoint.at("attributes")["weight_decay"] = decays.at(checkpoint.at("run").get<std::string>());
  }
  folder_.write("text.json", results.dump());
  const std::string text = expect_status(0, folder_, {"report", "text.json"}).out;
  EXPECT_LT(text.find("arm_wd0.01: 4 checkpoints"), text.find("arm_wd0.02: 4 checkpoints"));
  EXPECT_LT(text.find("arm_wd0.02: 4 checkpoints"), text.find("arm_wd0: 4 checkpoints"));
  const std::string table = text.substr(text.find("last checkpoints by weight_decay"));
  EXPECT_LT(table.find(" 2e-3 "), table.find(" 0.02 "));
  EXPECT_LT(table.find(" 0.02 "), table.find(" 0.1 "));
}

TEST_F(Report, ResultsOfManyJobsAreOne) {
  for (const char* wd : {"0", "0.01", "0.02"}) {
    for (const char* epoch : {"00100", "01000", "04000", "12000"}) {
      const std::string name = std::string("arm_wd") + wd + "_epoch" + epoch;
      expect_status(0, folder_,
                    {"analyze", dumps + "/" + name + ".h5", "-o", "job_" + name + ".json", "--quiet"});
    }
  }
  Json whole = data({"arm.json"});
  Json jobs = data({"job_*.json"});
  EXPECT_EQ(jobs.at("sources").size(), 12U);
  for (Json* report : {&whole, &jobs}) {
    report->erase("sources");
    report->erase("generated");
    for (Json& run : report->at("runs")) {
      for (Json& checkpoint : run.at("checkpoints")) {
        for (Json& layer : checkpoint.at("layers")) {
          layer.at("metrics").erase("nrc3_final_gamma");  // known only where the last checkpoint is
          layer.at("notes").erase("nrc3_final_gamma");
        }
      }
    }
  }
  EXPECT_TRUE(jobs.at("runs") == whole.at("runs"));
  EXPECT_THAT(expect_status(0, folder_, {"report", "."}).out, HasSubstr("3 runs, 12 checkpoints"));
}

TEST_F(Report, ADumpIsNoResultsAndTheErrorTellsWhatToRun) {
  const std::string dump = dumps + "/arm_wd0_epoch00100.h5";
  EXPECT_THAT(expect_status(2, folder_, {"report", dump}).err,
              HasSubstr("collapscope analyze " + dump + " -o"));
  EXPECT_THAT(expect_status(2, folder_, {"report", dumps}).err, HasSubstr("no .json file"));
}

TEST_F(Report, WhatCannotBeReadIsNamedAndTheRestReported) {
  folder_.write("cut.json", arm().substr(0, arm().size() / 2));
  const Finished finished = expect_status(1, folder_, {"report", "cut.json", "arm.json", "missing.json"});
  EXPECT_THAT(finished.err, HasSubstr("cut.json: truncated"));
  EXPECT_THAT(finished.err, HasSubstr("missing.json: cannot be opened"));
  EXPECT_THAT(finished.out, HasSubstr("3 runs, 12 checkpoints"));
  EXPECT_THAT(finished.out, HasSubstr("cut.json")) << "the report itself says that something is missing";
}

TEST_F(Report, NothingReadableLeavesNoFileAndTouchesNone) {
  folder_.write("bad.json", "{}");
  folder_.write("old.html", "old");
  expect_status(2, folder_, {"report", "bad.json", "-o", "old.html", "-o", "new.json"});
  EXPECT_EQ(folder_.read("old.html"), "old");
  EXPECT_THAT(folder_.names(), ElementsAre("arm.json", "bad.json", "old.html"));
}

TEST_F(Report, AWrongNameIsRefusedBeforeAnyWork) {
  for (const char* name : {"x.txt", "x", "x.csv", "missing/x.html", "."}) {
    SCOPED_TRACE(name);
    const Finished finished =
        expect_status(2, folder_, {"report", "none.json", "-o", "good.html", "-o", name});
    EXPECT_THAT(finished.err, HasSubstr(name));
    EXPECT_THAT(finished.err, Not(HasSubstr("none.json")));
  }
  EXPECT_THAT(folder_.names(), ElementsAre("arm.json"));
}

TEST_F(Report, FilesReplaceOldOnesWhole) {
  folder_.write("r.json", "old");
  const Finished finished = expect_status(0, folder_, {"report", "arm.json", "-o", "r.json", "-o", "r.html"});
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(Json::parse(folder_.read("r.json")).at("format"), "collapscope-report");
  EXPECT_THAT(folder_.read("r.html"), HasSubstr("collapscope-report"));
  EXPECT_THAT(folder_.names(), ElementsAre("arm.json", "r.html", "r.json"));
}

TEST_F(Report, ItsOwnDataAreNoResults) {
  expect_status(0, folder_, {"report", "arm.json", "-o", "r.json"});
  EXPECT_THAT(expect_status(2, folder_, {"report", "r.json"}).err,
              HasSubstr("found the text 'collapscope-report'"));
}

TEST_F(Report, OfTwoAnalysesTheNewerCountsWithAWarning) {
  folder_.write("old.json", results_named("x", "2026-01-01T00:00:00Z"));
  std::string newer = results_named("x", "2026-01-02T00:00:00Z");
  newer.replace(newer.find("0.5"), 3, "0.25");
  folder_.write("new.json", newer);
  const Finished finished = expect_status(0, folder_, {"report", "new.json", "old.json", "-o", "-"});
  EXPECT_THAT(finished.err, HasSubstr("warning: x: in several results files; taken from new.json"));
  EXPECT_EQ(Json::parse(finished.out)["runs"][0]["checkpoints"][0]["layers"][0]["metrics"]["deep_nrc1"],
            0.25);
  EXPECT_THAT(Json::parse(finished.out)["warnings"][0].get<std::string>(),
              HasSubstr("x: in several results files; taken from new.json"));
  EXPECT_EQ(Json::parse(finished.out)["warnings"].size(), 1U) << "nothing is left out";
}

TEST_F(Report, SaysWhatIsLeftOutOfResultsOfOtherLayersAndMetrics) {
  Json older = Json::parse(results_named("x", "2026-01-01T00:00:00Z"));
  Json& layers = older["checkpoints"][0]["layers"];
  layers.push_back(layers[0]);
  layers[0]["name"] = "fc1";
  layers[1]["name"] = "fc2";
  layers[1]["metrics"]["evr"] = Json::array({0.5, 0.25});
  folder_.write("old.json", older.dump());
  folder_.write("new.json", results_named("x", "2026-01-02T00:00:00Z"));
  const std::string said =
      "x: of several results files one is taken; this leaves out layers fc1, fc2, and metric evr, which only "
      "others have; analyze all of them together to have all";
  for (const Arguments& files : {Arguments{"new.json", "old.json"}, Arguments{"old.json", "new.json"}}) {
    const Finished finished = expect_status(0, folder_, {"report", files[0], files[1], "-o", "-"});
    EXPECT_THAT(finished.err, HasSubstr("warning: " + said));
    EXPECT_EQ(Json::parse(finished.out)["warnings"].at(0), said);
  }
}

TEST_F(Report, HostileNamesAreText) {
  for (const std::string name : {"</script><script>alert(1)</script>", "\x1b[31mred\x1b]0;title\x07",
                                 "=cmd|' /C calc'!A0", "<img src=x onerror=alert(1)>",
                                 "\xe2\x80\xa8\xe2\x80\xae", "__proto__", "constructor", "]]>", "<!--"}) {
    SCOPED_TRACE(name);
    folder_.write("x.json", results_named(name));
    const Finished text = expect_status(0, folder_, {"report", "x.json", "--title", name});
    EXPECT_THAT(text.out, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text.out, Not(HasSubstr("\xe2\x80\xae")));
    expect_status(0, folder_, {"report", "x.json", "-o", "r.json", "-o", "r.html", "--title", name});
    const std::string json = folder_.read("r.json");
    for (const char* bytes : {"<", ">", "&", "\x1b", "\xe2\x80\xa8"})
      EXPECT_THAT(json, Not(HasSubstr(bytes)));
    EXPECT_EQ(Json::parse(json)["runs"][0]["checkpoints"][0]["layers"][0]["name"], name);
    const std::string page = folder_.read("r.html");
    EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
    EXPECT_THAT(page, Not(HasSubstr("<img src=x")));
    EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  }
}

// From the dumps to the report.
TEST_F(Report, TellsTheDeadFromTheCollapsed) {
  make_dumps(folder_, R"(
def constant(value):
    def edit(f):
        for layer in f["layers"].values():
            layer["activations"][...] = value
    return edit
for step in (1, 2, 3):
    late = step > 1
    dump(f"nan_{step}.h5", run="nan", step=step, weight_decay=0.1, edit=constant(np.nan) if late else None)
    dump(f"bias_{step}.h5", run="bias", step=step, weight_decay=0.1, edit=constant(3.7) if late else None)
    dump(f"fine_{step}.h5", run="fine", step=step, weight_decay=0.1)
)");
  expect_status(1, folder_,
                {"analyze", "nan_1.h5", "nan_2.h5", "nan_3.h5", "bias_1.h5", "bias_2.h5", "bias_3.h5",
                 "fine_1.h5", "fine_2.h5", "fine_3.h5", "-q", "-o", "r.json"});
  const Json results = Json::parse(folder_.read("r.json"));
  ASSERT_EQ(results.at("failures").size(), 4U);
  EXPECT_EQ(results.at("failures").at(0).at("run"), "nan");
  EXPECT_EQ(results.at("failures").at(0).at("step"), 2);
  const Json tree = data({"r.json"});
  std::map<std::string, Json> deaths;
  for (const Json& run : tree.at("runs")) deaths[run.at("name")] = run.at("dead");
  EXPECT_EQ(deaths.at("fine"), nullptr);
  EXPECT_EQ(deaths.at("nan"),
            Json::parse(R"({"since_step": 2, "checkpoints_before": 1, "reason": "NaN or Inf"})"));
  EXPECT_EQ(deaths.at("bias").at("since_step"), 2);
  EXPECT_EQ(tree.at("comparison").at("groups").at(0).at("dead").size(), 2U);
  const std::string text = expect_status(0, folder_, {"report", "r.json"}).out;
  EXPECT_THAT(text, HasSubstr("  collapsed    dead since step 2 (NaN or Inf)"));
  EXPECT_THAT(text, HasSubstr("  collapsed    dead since step 2 (the last layer's features do not vary)"));
  EXPECT_THAT(text, HasSubstr("1 + 2 dead"));
}

TEST_F(Report, KnowsWhichSamplesHadNaN) {
  make_dumps(folder_, R"(
def nan(f):
    f["layers/fc2/activations"][...] = np.nan
for split in ("train", "test"):
    for step in (1, 2, 3):
        dump(f"{split}_{step}.h5", run="w", step=step, split=split, edit=nan if split == "test" and step == 3 else None)
)");
  expect_status(1, folder_,
                {"analyze", "train_1.h5", "train_2.h5", "train_3.h5", "test_1.h5", "test_2.h5", "test_3.h5",
                 "-q", "-o", "r.json"});
  EXPECT_EQ(Json::parse(folder_.read("r.json")).at("failures").at(0).at("split"), "test");
  const Json tree = data({"r.json"});
  EXPECT_EQ(tree.at("failures").at(0).at("split"), "test");
  for (const Json& run : tree.at("runs")) {
    EXPECT_EQ(run.at("dead").is_null(), run.at("name") == "w (train)") << run.at("name");
  }
}

TEST_F(Report, JudgesEachTaskByItsCriteria) {
  expect_status(0, folder_, {"synth", "planted", "--run", "reg", "-o", "reg.h5", "-N", "300"});
  expect_status(0, folder_, {"synth", "classes", "--run", "cls", "-o", "cls.h5", "--nc1", "1,0.5,0.1"});
  expect_status(0, folder_, {"analyze", "reg.h5", "cls.h5", "--device", "cpu", "-q", "-o", "both.json"});
  const Json tree = data({"both.json"});
  EXPECT_EQ(tree.at("criteria").size(), 7U);
  std::map<std::string, Json> last;
  for (const Json& run : tree.at("runs")) last[run.at("name")] = run.at("collapse").at("last_from_layer");
  EXPECT_EQ(last.at("reg"), "layer3");
  EXPECT_EQ(last.at("cls"), nullptr) << "nc1 is 0.1; deep_nrc1 and the others would say that it is collapsed";
  EXPECT_EQ(data({"both.json", "--collapsed", "deep_nrc1<0.9"}).at("criteria").size(), 1U);
}

TEST_F(Report, NothingIsCutInAPipe) {
  const std::string base =
      "model.vision_tower.encoder.transformer.resblocks.11.attention.projection.output.dense";
  make_dumps(folder_, "for run in 'ab':\n    dump(f'{run}.h5', layers=['" + base + ".a', '" + base +
                          ".b'], run=run)\n");
  const std::string table = expect_status(0, folder_, {"analyze", "a.h5", "-q"}).out;
  for (const char* whole : {".a", ".b"}) EXPECT_THAT(table, HasSubstr("  " + base + whole + " "));
  EXPECT_THAT(table, Not(HasSubstr("left out")));
  const std::string narrow =
      expect_status(0, folder_, {"analyze", "a.h5", "-q"}, {.environment = {{"COLUMNS", "60"}}}).out;
  EXPECT_THAT(narrow, Not(HasSubstr(base)));
  EXPECT_THAT(narrow, HasSubstr("left out"));
  expect_status(0, folder_, {"analyze", "a.h5", "b.h5", "-q", "-o", "r.json"});
  const std::string text = expect_status(0, folder_, {"report", "r.json"}).out;
  const std::string comparison = text.substr(text.find("last checkpoints"));
  EXPECT_THAT(comparison, HasSubstr("  " + base + ".b  "));
  EXPECT_THAT(comparison, Not(HasSubstr("too narrow")));
  EXPECT_THAT(expect_status(2, folder_, {"report", "r.json", "--group-by", "colour"}).err,
              HasSubstr("no run has an attribute 'colour'"));
}

TEST_F(Report, NoCheckpointIsNothingToReport) {
  Json empty = Json::parse(arm());
  empty["checkpoints"] = Json::array();
  folder_.write("empty.json", empty.dump());
  EXPECT_THAT(expect_status(2, folder_, {"report", "empty.json"}).err, HasSubstr("no checkpoint"));
}

TEST_F(Report, AnalyzeSaysWhereCollapseBegins) {
  const std::string table = expect_status(0, folder_, {"analyze", dumps, "--quiet"}).out;
  EXPECT_THAT(table,
              HasSubstr("\nwhere collapse begins (deep_nrc1 < 0.05, deep_nrc2 > 0.9, deep_nrc3 > 0.9):\n"));
  EXPECT_THAT(table, HasSubstr("\n  arm_wd0.02, epoch 12000: from fc4 on, the last 3 of 6 layers (fc4"));
  EXPECT_THAT(table, HasSubstr("\n  arm_wd0, epoch 12000: nothing: fc6 has"));
  const std::string some =
      expect_status(0, folder_, {"analyze", dumps, "--quiet", "--metrics", "deep_nrc1"}).out;
  EXPECT_THAT(some, Not(HasSubstr("where collapse begins")));
}

}  // namespace
}  // namespace collapscope::cli
