// What the options of analyze select and how they change the work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Options : public ::testing::Test {
 protected:
  void SetUp() override { make_dumps(folder_, "dump('a.h5', layers=['fc1', 'fc2', 'head'], N=500, d=8)"); }

  // Refused as a usage error that names `told`.
  void expect_refused(const Arguments& options, const std::string& told) {
    Arguments arguments{"analyze", "a.h5", "-o", "x.json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Finished finished = expect_status(2, folder_, arguments);
    EXPECT_THAT(finished.err, HasSubstr(told));
    EXPECT_EQ(finished.out, "");
    EXPECT_FALSE(folder_.has("x.json"));
  }

  TempFolder folder_;
};

TEST_F(Options, LayersSelectByGlob) {
  EXPECT_THAT(layer_names(analyzed(folder_, {"a.h5", "--layers", "fc*"})), ElementsAre("fc1", "fc2"));
  EXPECT_THAT(layer_names(analyzed(folder_, {"a.h5", "--layers", "head", "--layers", "fc[2-9]"})),
              ElementsAre("fc2", "head"));
  expect_refused({"--layers", "nope"}, "--layers");
}

TEST_F(Options, SayOnceWhichLayersThereAre) {
  make_dumps(folder_, "dump('b.h5', layers=['fc1', 'fc2', 'head'])\ndump('c.h5', layers=['conv'])");
  const auto told = [&](int status, Arguments options) {
    options.insert(options.begin(), {"analyze", "a.h5", "b.h5", "c.h5", "-q", "-o", "-"});
    return expect_status(status, folder_, options).err;
  };
  EXPECT_EQ(told(2, {"--layers", "haed"}),
            "--layers: 'haed' fits no layer; did you mean 'head'? a.h5 has fc1, fc2, head\n");
  EXPECT_EQ(told(1, {"--layers", "head", "--layers", "xyz*"}),
            "--layers: 'xyz*' fits no layer; c.h5 has conv\n"
            "--layers: 1 of 3 dumps have none of these layers; c.h5 has conv\n");
  EXPECT_EQ(told(0, {"--layers", "*"}), "");
}

TEST_F(Options, SayWhatWasProbablyMeant) {
  expect_refused(
      {"--metrics", "nrc1,depp_nrc2"},
      "no metric is called 'depp_nrc2'; did you mean 'deep_nrc2'? 'collapscope metrics' lists them all");
  expect_refused({"--metrics", "zzzzzzzz"},
                 "no metric is called 'zzzzzzzz'; 'collapscope metrics' lists them all");
  expect_refused({"--metrix", "nrc1"},
                 "'collapscope analyze' has no option --metrix; did you mean '--metrics'? "
                 "'collapscope analyze --help' lists them");
  expect_refused({"--memroy=2GiB"}, "no option --memroy; did you mean '--memory'?");
  expect_refused({"--zzz"},
                 "'collapscope analyze' has no option --zzz; 'collapscope analyze --help' lists them");
  const std::string error = expect_status(2, folder_, {"analyze", "--top=-1", "--", "a.h5"}).err;
  EXPECT_THAT(error, AllOf(HasSubstr("--top"), Not(HasSubstr("no option"))));
  EXPECT_EQ(expect_status(2, folder_, {"analyse", "a.h5"}).err,
            "collapscope: unknown command 'analyse'; did you mean 'analyze'? 'collapscope --help' lists the "
            "commands\n");
  EXPECT_THAT(expect_status(2, folder_, {"plot", "last_layer"}).err,
              HasSubstr("'plot' is in the Python package: pip install ./ in the checkout, then python -m "
                        "collapscope plot"));
  EXPECT_EQ(
      expect_status(2, folder_, {"synth", "planed"}).err,
      "collapscope: unknown command 'planed'; did you mean 'planted'? 'collapscope synth --help' lists the "
      "commands\n");
  EXPECT_EQ(expect_status(2, folder_, {"help", "analyze"}).err,
            "collapscope: unknown command 'help'; 'collapscope --help' lists the commands\n");
  EXPECT_EQ(expect_status(2, folder_, {"synth", "help", "etf"}).err,
            "collapscope: unknown command 'help'; 'collapscope synth --help' lists the commands\n");
}

TEST_F(Options, ACommandThatIsMissingShowsHelp) {
  EXPECT_EQ(expect_status(2, folder_, {}).err, expect_status(0, folder_, {"--help"}).out);
  EXPECT_EQ(expect_status(2, folder_, {"synth"}).err, expect_status(0, folder_, {"synth", "--help"}).out);
}

TEST_F(Options, HelpFitsATerminal) {
  const std::vector<Arguments> commands{
      {},          {"analyze"}, {"inspect"},      {"report"},           {"merge"},
      {"status"},  {"synth"},   {"synth", "ufm"}, {"synth", "planted"}, {"bench"},
      {"metrics"}, {"devices"}, {"generate"}};
  for (Arguments arguments : commands) {
    arguments.emplace_back("--help");
    std::istringstream help(expect_status(0, folder_, arguments).out);
    for (std::string line; std::getline(help, line);) {
      EXPECT_LE(line.size(), 100U) << line;
    }
  }
}

TEST_F(Options, MetricsSelectByNameAndGlob) {
  const Json results = analyzed(folder_, {"a.h5", "--metrics", "nrc1,deep_nrc2*,target_rank"});
  for (const std::string& name : layer_names(results)) {
    std::vector<std::string> names;
    for (const auto& metric : layer_of(results, name).at("metrics").items()) {
      names.push_back(metric.key());
    }
    EXPECT_THAT(names, ElementsAre("deep_nrc2", "deep_nrc2_debiased", "deep_nrc2_published",
                                   "deep_nrc2_signal", "nrc1"));
  }
  EXPECT_EQ(results.at("checkpoints").at(0).at("targets"), Json({{"target_rank", 2}}));
  const Json all = analyzed(folder_, {"a.h5"});
  for (const char* name : {"deep_nrc2", "nrc1"}) {
    EXPECT_NEAR(layer_metric(results, "fc1", name), layer_metric(all, "fc1", name), 1e-12);
  }
  expect_refused({"--metrics", "nrc1,nope"}, "'nope'");
  expect_refused({"--metrics", "zzz*"}, "'zzz*'");
}

TEST_F(Options, SignalDimensionIsAsAsked) {
  EXPECT_EQ(layer_metric(analyzed(folder_, {"a.h5"}), "fc1", "signal_dim"), 2);
  const Json wide = analyzed(folder_, {"a.h5", "--signal-dim", "5"});
  EXPECT_EQ(layer_metric(wide, "fc1", "signal_dim"), 5);
  EXPECT_LT(layer_metric(wide, "fc1", "deep_nrc1"),
            layer_metric(analyzed(folder_, {"a.h5"}), "fc1", "deep_nrc1"));
  make_dumps(folder_,
             "def flat(f):\n"
             "    f['targets'][:, 1] = 2 * f['targets'][:, 0]\n"
             "dump('flat.h5', edit=flat)");
  EXPECT_EQ(layer_metric(analyzed(folder_, {"flat.h5"}), "fc1", "signal_dim"), 2);
  EXPECT_EQ(layer_metric(analyzed(folder_, {"flat.h5", "--signal-dim", "intrinsic"}), "fc1", "signal_dim"),
            1);
  for (const char* bad : {"0", "garbage", "-1", "2x", "1.5", "99999999999999999999"}) {
    expect_refused({"--signal-dim", bad}, std::string("'") + bad + "'");
  }
}

TEST_F(Options, TopBoundsTheRatios) {
  const auto ratios = [](const Json& results) {
    return layer_of(results, "fc1").at("metrics").at("evr").size();
  };
  EXPECT_EQ(ratios(analyzed(folder_, {"a.h5", "--top", "3"})), 3U);
  EXPECT_EQ(ratios(analyzed(folder_, {"a.h5", "--top", "100"})), 8U);
  EXPECT_EQ(ratios(analyzed(folder_, {"a.h5"})), 8U);
  expect_refused({"--top", "many"}, "--top");
}

TEST_F(Options, PoolMakesSamplesOfSequences) {
  make_dumps(folder_,
             "x = normal(50, 12).reshape(50, 4, 3)\n"
             "def sequence(f):\n"
             "    f['layers/s/activations'] = x\n"
             "def row(values):\n"
             "    def edit(f):\n"
             "        f['layers/s/activations'] = values\n"
             "    return edit\n"
             "dump('s.h5', layers=[], N=50, edit=sequence)\n"
             "for name, values in dict(mean=x.mean(1), max=x.max(1), first=x[:, 0], last=x[:, -1],\n"
             "                         flatten=x.reshape(50, 12)).items():\n"
             "    dump(name + '.h5', layers=[], N=50, edit=row(values))\n");
  for (const std::string pool : {"mean", "max", "first", "last", "flatten"}) {
    SCOPED_TRACE(pool);
    expect_same_metrics(analyzed(folder_, {"s.h5", "--pool", pool}), analyzed(folder_, {pool + ".h5"}), 1e-10,
                        1e-12);
  }
  EXPECT_EQ(layer_metric(analyzed(folder_, {"s.h5", "--pool", "none"}), "s", "samples"), 200);
  expect_same_metrics(analyzed(folder_, {"s.h5"}), analyzed(folder_, {"mean.h5"}), 1e-10, 1e-12);
  expect_refused({"--pool", "frob"}, "'frob'");
}

TEST_F(Options, ThreadsDoNotChangeTheNumbers) {
  expect_status(0, folder_,
                {"synth", "planted", "-o", "p.h5", "-N", "30000", "-d", "40", "--dtype", "float32"});
  const Json one = analyzed(folder_, {"p.h5", "--threads", "1"});
  EXPECT_EQ(one.at("provenance").at("threads"), 1);
  const Json two = analyzed(folder_, {"p.h5", "--threads", "2"});
  expect_same_metrics(two, one, 0, 0);
  EXPECT_EQ(two.at("provenance").at("digest"), one.at("provenance").at("digest"));
  expect_refused({"--threads", "few"}, "--threads");
}

// So many rows that threads take segments of them side by side.
TEST_F(Options, WorkersDoNotChangeTheNumbers) {
  for (const std::string storage : {"contiguous", "chunked", "gzip"}) {
    SCOPED_TRACE(storage);
    expect_status(0, folder_,
                  {"synth", "planted", "-o", "p.h5", "-N", "70000", "-d", "12", "--dtype", "float32",
                   "--storage", storage});
    const Json one = analyzed(folder_, {"p.h5", "--threads", "1"});
    for (const std::string threads : {"2", "3"}) {
      expect_same_metrics(analyzed(folder_, {"p.h5", "--threads", threads}), one, 0, 0);
    }
    expect_same_metrics(analyzed(folder_, {"p.h5", "--threads", "2", "--memory", "6M"}), one, 0, 0);
  }
}

TEST_F(Options, LanesFindTheFirstNaN) {
  make_dumps(folder_,
             "def both(f):\n"
             "    for row in (69000, 33000):\n"
             "        spoil('layers/fc/activations', row)(f)\n"
             "dump('n.h5', layers=['fc'], N=70000, d=3, edit=both)\n");
  const Finished refused = run(folder_, {"analyze", "n.h5", "--threads", "2"});
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.err, HasSubstr("first in row 33000"));
}

TEST_F(Options, MemoryDoesNotChangeTheNumbers) {
  expect_status(0, folder_,
                {"synth", "planted", "-o", "p.h5", "-N", "30000", "-d", "40", "--storage", "gzip"});
  expect_same_metrics(analyzed(folder_, {"p.h5", "--memory", "11M"}),
                      analyzed(folder_, {"p.h5", "--memory", "1G"}), 0, 0);
}

TEST_F(Options, OneLookAgreesWithTwo) {
  Json one = analyzed(folder_, {"a.h5", "--looks", "1"});
  Json two = analyzed(folder_, {"a.h5", "--looks", "2"});
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(one["checkpoints"][0]["layers"][i]["metrics"]["nrc1_centered"], nullptr);
    EXPECT_TRUE(one["checkpoints"][0]["layers"][i]["notes"].contains("nrc1_centered"));
    EXPECT_TRUE(two["checkpoints"][0]["layers"][i]["metrics"]["nrc1_centered"].is_number());
    one["checkpoints"][0]["layers"][i]["metrics"].erase("nrc1_centered");
    two["checkpoints"][0]["layers"][i]["metrics"].erase("nrc1_centered");
  }
  expect_same_metrics(one, two, 1e-10, 1e-13);
  expect_refused({"--looks", "3"}, "--looks");
}

TEST_F(Options, PrecisionIsAsAskedAndTold) {
  const Json exact = analyzed(folder_, {"a.h5", "--precision", "float64"});
  const Json fast = analyzed(folder_, {"a.h5", "--precision", "fast"});
  expect_same_metrics(exact, analyzed(folder_, {"a.h5"}), 0, 0);
  EXPECT_EQ(exact.at("provenance").at("precision"), "float64");
  EXPECT_EQ(fast.at("provenance").at("precision"), "fast");
  for (const std::string& name : layer_names(fast)) {
    const Json& layer = layer_of(fast, name);
    EXPECT_GT(layer.at("floors").at("deep_nrc1"), layer_of(exact, name).at("floors").at("deep_nrc1"));
    EXPECT_EQ(layer.at("metrics").at("feature_rankme"), nullptr);
    EXPECT_EQ(layer.at("notes").at("feature_rankme"), "not in fast precision");
    EXPECT_NE(layer.at("metrics").at("deep_nrc2"), layer_of(exact, name).at("metrics").at("deep_nrc2"));
    EXPECT_NEAR(layer_metric(fast, name, "deep_nrc2"), layer_metric(exact, name, "deep_nrc2"), 1e-5);
  }
  EXPECT_THAT(expect_status(0, folder_, {"inspect", "a.h5", "--precision", "fast"}).out,
              HasSubstr("precision: fast"));
  EXPECT_THAT(expect_status(0, folder_, {"inspect", "a.h5"}).out, HasSubstr("precision: float64"));
  EXPECT_THAT(expect_status(0, folder_, {"analyze", "a.h5", "--precision", "fast"}).out,
              ::testing::StartsWith("precision: fast"));
  expect_refused({"--precision", "double"}, "--precision");
  EXPECT_THAT(
      expect_status(2, folder_, {"analyze", "a.h5", "--precision", "float64-emulated", "--device", "cpu"})
          .err,
      HasSubstr("expected a GPU, whose cuBLAS emulates"));
}

TEST_F(Options, FastPrecisionDoesNotDependOnThreads) {
  expect_status(0, folder_,
                {"synth", "planted", "-o", "p.h5", "-N", "30000", "-d", "40", "--dtype", "float32"});
  const Json one = analyzed(folder_, {"p.h5", "--precision", "fast", "--threads", "1"});
  const Json two = analyzed(folder_, {"p.h5", "--precision", "fast", "--threads", "2"});
  // Eigenvectors are LAPACK's, whose digits depend on threads.
  expect_same_metrics(two, one, 1e-9, 1e-12);
}

TEST_F(Options, FastPrecisionRefusesWhatFloat32CannotHold) {
  make_dumps(folder_,
             "dump('b.h5', layers=['fc1'], N=500, d=8,\n"
             "     edit=lambda f: f['layers/fc1/activations'].__setitem__((300, 2), 1e30))");
  const Finished finished =
      expect_status(2, folder_, {"analyze", "b.h5", "--precision", "fast", "--device", "cpu"});
  EXPECT_THAT(finished.err, HasSubstr("fc1"));
  EXPECT_THAT(finished.err, HasSubstr("--precision float64"));
  expect_status(0, folder_, {"analyze", "b.h5"});
}

TEST_F(Options, TheLeadingSpectrumAgreesWithAllOfIt) {
  // Noise: ten pairs hold nowhere near 90 % of the variance. Collapsed: three do.
  make_dumps(folder_,
             "def collapse(f):\n"
             "    x = normal(700, 3, 5) @ normal(3, 300, 6) + 1e-4 * f['layers/noise/activations'][...]\n"
             "    f['layers/collapsed/activations'] = x\n"
             "    f['layers/collapsed/weight'] = normal(2, 300, 7)\n"
             "dump('b.h5', layers=['noise'], N=700, d=300, edit=collapse)");
  for (const char* metrics :
       {"nrc*,deep_nrc1*,deep_nrc2*,deep_nrc3*,evr,feature_stable_rank*,feature_participation_ratio,weight_*",
        "feature_dims_*", "deep_nrc4", "deep_nrc2,total_variance", "feature_rankme", "feature_stable_rank"}) {
    SCOPED_TRACE(metrics);
    const Json all = analyzed(folder_, {"b.h5", "--metrics", metrics, "--spectrum", "full"});
    expect_same_metrics(analyzed(folder_, {"b.h5", "--metrics", metrics}), all, 1e-9, 1e-12);
  }
  const std::string told =
      expect_status(0, folder_, {"inspect", "b.h5", "--metrics", "nrc1", "--layers", "noise"}).out;
  EXPECT_THAT(told, HasSubstr("3 of 300 eigenpairs"));
  const Json leading = analyzed(folder_, {"b.h5", "--spectrum", "leading"});
  for (const Json& layer : leading["checkpoints"][0]["layers"]) {
    EXPECT_TRUE(layer["metrics"]["nrc1"].is_number());
    for (const char* name : {"linear_mse", "deep_nrc4", "feature_effective_rank", "feature_rankme"}) {
      EXPECT_EQ(layer["metrics"][name], nullptr) << name;
      EXPECT_EQ(layer["notes"][name], "needs more eigenpairs") << name;
    }
  }
  expect_refused({"--spectrum", "half"}, "--spectrum");
}

}  // namespace
}  // namespace collapscope::cli
