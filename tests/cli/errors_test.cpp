// Bad usage and bad input: a clear message, the right status, nothing left behind, no crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Errors : public ::testing::Test {
 protected:
  // `analyze ARGUMENTS -o x.json -o x.csv` does nothing, and says why in words that hold all of `told`.
  void expect_nothing_done(Arguments arguments, const std::vector<std::string>& told) {
    arguments.insert(arguments.begin(), "analyze");
    arguments.insert(arguments.end(), {"-o", "x.json", "-o", "x.csv"});
    const Finished finished = expect_status(2, folder_, arguments);
    EXPECT_EQ(finished.out, "");
    for (const std::string& words : told) {
      EXPECT_THAT(finished.err, HasSubstr(words));
    }
    EXPECT_FALSE(folder_.has("x.json"));
    EXPECT_FALSE(folder_.has("x.csv"));
  }

  TempFolder folder_;
};

TEST_F(Errors, UsageIsExplained) {
  for (const Arguments& arguments : {Arguments{},
                                     {"frobnicate"},
                                     {"analyze"},
                                     {"inspect"},
                                     {"synth"},
                                     {"synth", "ufm"},
                                     {"analyze", "a.h5", "--frob"},
                                     {"metrics", "extra"}}) {
    const Finished finished = expect_status(2, folder_, arguments);
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, HasSubstr("--help")) << ::testing::PrintToString(arguments);
  }
}

TEST_F(Errors, FilesThatAreNoDumps) {
  make_dumps(folder_,
             "dump('good.h5', N=500)\n"
             "whole = open('good.h5', 'rb').read()\n"
             "open('half.h5', 'wb').write(whole[:len(whole) // 2])\n"
             "open('head.h5', 'wb').write(whole[:100])\n"
             "open('empty.h5', 'wb').close()\n"
             "h5py.File('bare.h5', 'w').close()\n"
             "dump('future.h5', edit=lambda f: f.attrs.modify('format_version', 2))\n"
             "dump('layerless.h5', layers=[])\n"
             "def short(f):\n"
             "    del f['targets']\n"
             "    f['targets'] = normal(59, 2)\n"
             "dump('short.h5', edit=short)\n");
  folder_.write("text.h5", "hello");
  expect_nothing_done({"missing.h5"}, {"missing.h5", "cannot be found"});
  expect_nothing_done({"text.h5"}, {"text.h5", "not an HDF5 file"});
  expect_nothing_done({"empty.h5"}, {"empty.h5"});
  expect_nothing_done({"half.h5"}, {"half.h5", "truncated"});
  expect_nothing_done({"head.h5"}, {"head.h5"});
  expect_nothing_done({"bare.h5"}, {"bare.h5"});
  expect_nothing_done({"future.h5"}, {"future.h5", "2", "1"});
  expect_nothing_done({"layerless.h5"}, {"layerless.h5"});
  expect_nothing_done({"short.h5"}, {"short.h5", "59", "60"});
}

TEST_F(Errors, OneBadFileDoesNotStopTheOthers) {
  make_dumps(folder_, "dump('good.h5')");
  folder_.write("bad.h5", "hello");
  const Finished finished = expect_status(
      1, folder_, {"analyze", "bad.h5", "good.h5", "missing.h5", "-o", "x.json", "-o", "x.csv"});
  EXPECT_THAT(finished.err, HasSubstr("bad.h5"));
  EXPECT_THAT(finished.err, HasSubstr("missing.h5"));
  const Json results = Json::parse(folder_.read("x.json"));
  EXPECT_THAT(file_names(results), ElementsAre("good.h5"));
  EXPECT_THAT(layer_names(results), ElementsAre("fc1", "fc2"));
  ASSERT_EQ(results.at("failures").size(), 2U);
  EXPECT_EQ(results.at("failures").at(0).at("path"), "bad.h5");
  EXPECT_EQ(results.at("failures").at(1).at("path"), "missing.h5");
  EXPECT_THAT(folder_.read("x.csv"), HasSubstr("good.h5"));
}

TEST_F(Errors, AllBadIsNothingDone) {
  folder_.write("a.h5", "hello");
  folder_.write("b.h5", "world");
  expect_nothing_done({"a.h5", "b.h5"}, {"a.h5", "b.h5"});
}

TEST_F(Errors, NanInALayerNamesItsFirstRow) {
  make_dumps(folder_,
             "def edit(f):\n"
             "    f['layers/fc2/activations'][47, 1] = np.inf\n"
             "    f['layers/fc2/activations'][31, 3] = np.nan\n"
             "dump('a.h5', edit=edit)");
  const Finished finished = expect_status(1, folder_, {"analyze", "a.h5", "-o", "x.json"});
  EXPECT_THAT(finished.err, HasSubstr("a.h5"));
  EXPECT_THAT(finished.err, HasSubstr("fc2"));
  EXPECT_THAT(finished.err, HasSubstr("row 31;"));
  const Json results = Json::parse(folder_.read("x.json"));
  EXPECT_THAT(layer_names(results), ElementsAre("fc1"));
  ASSERT_EQ(results.at("failures").size(), 1U);
  EXPECT_THAT(results.at("failures").at(0).at("object").get<std::string>(), HasSubstr("fc2"));
  EXPECT_THAT(results.at("failures").at(0).at("message").get<std::string>(), HasSubstr("row 31;"));
}

// However it comes to lack a result: its neighbours are no neighbours, and nothing is claimed beyond it.
TEST_F(Errors, ALayerWithoutResultHasItsPlace) {
  make_dumps(folder_,
             "layers = ['a', 'b', 'c', 'd', 'e']\n"
             "def short(f):\n"
             "    rows = f['layers/b/activations'][:59]\n"
             "    del f['layers/b/activations']\n"
             "    f['layers/b/activations'] = rows\n"
             "def lost(f):\n"
             "    del f['layers/b/activations']\n"
             "dump('nan.h5', layers, n=5, edit=spoil('layers/b/activations', 7))\n"
             "dump('short.h5', layers, n=5, edit=short)\n"
             "dump('lost.h5', layers, n=5, edit=lost)\n"
             "dump('whole.h5', layers, n=5)\n");
  const auto checkpoint = [&](int status, const Arguments& arguments) {
    Arguments all{"analyze", "-q", "-o", "x.json"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    expect_status(status, folder_, all);
    return Json::parse(folder_.read("x.json")).at("checkpoints").at(0);
  };
  const Json whole = checkpoint(0, {"whole.h5"});
  EXPECT_FALSE(whole.contains("failed_layers"));
  EXPECT_TRUE(whole.at("layers").at(0).at("metrics").at("weight_balancedness").is_number());
  const Json expected = checkpoint(1, {"nan.h5"});
  EXPECT_NE(expected.at("depth"), whole.at("depth"));
  const Json b = Json::parse(R"([{"name": "b", "position": 1}])");
  EXPECT_EQ(expected.at("failed_layers"), b);
  for (const char* file : {"short.h5", "lost.h5"}) {
    const Json found = checkpoint(1, {file});
    EXPECT_EQ(found.at("failed_layers"), b) << file;
    EXPECT_EQ(found.at("depth"), expected.at("depth")) << file;
    EXPECT_TRUE(found.at("layers").at(0).at("metrics").at("weight_balancedness").is_null());
    EXPECT_EQ(found.at("layers").at(0).at("notes").at("weight_balancedness"),
              "the next layer failed, or --layers leaves it out");
    EXPECT_TRUE(found.at("layers").at(1).at("metrics").at("weight_balancedness").is_number());
  }
  const Json chosen = checkpoint(0, {"whole.h5", "--layers", "[acde]"});
  EXPECT_NE(chosen.at("depth"), expected.at("depth")) << "what --layers leaves out has no place";
  EXPECT_FALSE(chosen.contains("failed_layers"));
  EXPECT_TRUE(chosen.at("layers").at(0).at("metrics").at("weight_balancedness").is_null());
  EXPECT_EQ(checkpoint(0, {"whole.h5", "--layers", "[abcd]"})
                .at("layers")
                .at(3)
                .at("notes")
                .at("weight_balancedness"),
            "the next layer failed, or --layers leaves it out");

  make_dumps(folder_,
             "layers = ['a', 'b', 'c', 'd', 'e']\n"
             "dump('s0.h5', layers, n=5, edit=lambda f: f.__delitem__('layers/b'))\n"
             "dump('s1.h5', layers, n=5)\n");
  for (const auto& [first, second] : {std::pair("s0.h5", "s1.h5"), std::pair("s1.h5", "s0.h5")}) {
    const Json shards = checkpoint(1, {"--shards", first, second});
    EXPECT_EQ(shards.at("failed_layers"), b) << first;
    EXPECT_TRUE(shards.at("layers").at(0).at("metrics").at("weight_balancedness").is_null()) << first;
  }

  expect_status(1, folder_, {"analyze", "-q", "short.h5", "-o", "x.json"});
  EXPECT_THAT(expect_status(0, folder_, {"report", "x.json", "--collapsed", "deep_nrc1<2"}).out,
              HasSubstr("from c on, the last 3 of 5 layers; above unknown: b failed\n"));
}

TEST_F(Errors, NanElsewhere) {
  make_dumps(folder_,
             "dump('targets.h5', edit=spoil('targets', 7))\n"
             "dump('weight.h5', layers=['fc1'], edit=spoil('layers/fc1/weight', 1))\n"
             "def edit(f):\n"
             "    f['predictions'] = normal(60, 2)\n"
             "    f['predictions'][11, 0] = -np.inf\n"
             "dump('predictions.h5', edit=edit)\n");
  expect_nothing_done({"targets.h5"}, {"targets.h5", "/targets", "row 7;"});
  expect_nothing_done({"weight.h5"}, {"weight.h5", "fc1/weight", "row 1;"});
  // Predictions cost what needs them only (unsound_test.cpp).
  EXPECT_THAT(expect_status(1, folder_, {"analyze", "predictions.h5"}).err,
              AllOf(HasSubstr("predictions.h5"), HasSubstr("/predictions"), HasSubstr("row 11;")));
  // So they do for who goes on from a state in which all is done.
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_THAT(
        expect_status(1, folder_, {"analyze", "predictions.h5", "--work", "w", "-q", "-o", "r.json"}).err,
        AllOf(HasSubstr("/predictions"), HasSubstr("row 11;")));
    EXPECT_THAT(folder_.read("r.json"), HasSubstr("\"object\": \"/predictions\""));
  }
}

TEST_F(Errors, WrongTypesAndShapes) {
  make_dumps(folder_,
             "def with_layer(values):\n"
             "    def edit(f):\n"
             "        f['layers/fc1/activations'] = values\n"
             "    return edit\n"
             "dump('short.h5', layers=[], edit=with_layer(normal(50, 5)))\n"
             "dump('text.h5', layers=[], edit=with_layer(np.full((60, 5), b'abc')))\n"
             "dump('scalar.h5', layers=[], edit=with_layer(3.0))\n"
             "dump('deep.h5', layers=[], edit=with_layer(np.zeros((60, 2, 2, 2, 2, 2))))\n"
             "dump('featureless.h5', layers=[], edit=with_layer(np.zeros((60, 0))))\n"
             "dump('empty.h5', N=0)\n"
             "def heavy(f):\n"
             "    f['layers/fc1/weight'] = normal(2, 9)\n"
             "    f['layers/fc1/activations'] = normal(60, 5)\n"
             "dump('heavy.h5', layers=[], edit=heavy)\n");
  expect_nothing_done({"short.h5"}, {"short.h5", "fc1", "[50, 5]", "60"});
  expect_nothing_done({"text.h5"}, {"text.h5", "fc1/activations"});
  expect_nothing_done({"scalar.h5"}, {"scalar.h5", "/layers/fc1", "activations", "[]"});
  expect_nothing_done({"deep.h5"}, {"deep.h5", "/layers/fc1", "activations", "[60, 2, 2, 2, 2, 2]"});
  expect_nothing_done({"featureless.h5"}, {"featureless.h5", "fc1/activations", "[60, 0]"});
  expect_nothing_done({"empty.h5"}, {"empty.h5"});
  expect_nothing_done({"heavy.h5"}, {"heavy.h5", "fc1/weight", "[2, 9]", "5"});
}

TEST_F(Errors, DevicesThatDoNotExist) {
  make_dumps(folder_, "dump('a.h5')");
  for (const char* device : {"nonsense", "CPU", "cuda:x", "cuda:", "cuda:-1", "cudaall", ""}) {
    expect_nothing_done({"a.h5", "--device", device}, {"'" + std::string(device) + "'", "cuda:all"});
  }
  expect_status(0, folder_, {"analyze", "a.h5", "--device", "cpu"});
}

// A GPU that was asked for is not replaced; what is missing is said.
TEST_F(Errors, WithoutAGpuOnlyAutoTakesTheCpu) {
  if (expect_status(0, folder_, {"devices"}).out.find("gpu: cuda:0") != std::string::npos) {
    GTEST_SKIP() << "a GPU computes here";
  }
  make_dumps(folder_, "dump('a.h5')");
  for (const char* device : {"cuda", "cuda:0", "cuda:7", "cuda:all"}) {
    for (const char* command : {"analyze", "inspect"}) {
      const Finished outcome = expect_status(2, folder_, {command, "a.h5", "--device", device});
      EXPECT_EQ(outcome.out, "");
      EXPECT_THAT(outcome.err, ::testing::StartsWith("collapscope: --device " + std::string(device) + ": "));
      EXPECT_THAT(outcome.err, ::testing::HasSubstr("; --device auto would take the CPU"));
      EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
    }
  }
  const std::string expected = expect_status(0, folder_, {"analyze", "a.h5", "--device", "cpu"}).out;
  const Finished automatic = expect_status(0, folder_, {"analyze", "a.h5", "--device", "auto", "-q"});
  EXPECT_EQ(automatic.out, expected);
  EXPECT_EQ(automatic.err, "");
}

TEST_F(Errors, MemorySizesThatMakeNoSense) {
  make_dumps(folder_, "dump('a.h5')");
  for (const char* size : {"nonsense", "-5", "1X", "1.2.3G", "99999999999999999999G", "nan", "inf"}) {
    expect_nothing_done({"a.h5", "--memory", size}, {"'" + std::string(size) + "' is not a size"});
  }
  expect_nothing_done({"a.h5", "--memory", "1K"}, {"targets", "needs", "1.0 KiB", "--memory"});
}

TEST_F(Errors, ALayerTooWideDoesNotStopTheOthers) {
  make_dumps(folder_,
             "def wide(f):\n"
             "    f['layers/wide/activations'] = normal(60, 60000).astype('f4')\n"
             "dump('a.h5', edit=wide)");
  const Finished finished = expect_status(1, folder_, {"analyze", "a.h5", "--memory", "32M", "-o", "x.json"});
  EXPECT_THAT(finished.err, HasSubstr("wide"));
  EXPECT_THAT(finished.err, HasSubstr("60 x 60000 matrices"));
  EXPECT_THAT(finished.err, HasSubstr("--memory"));
  const Json results = Json::parse(folder_.read("x.json"));
  EXPECT_THAT(layer_names(results), ElementsAre("fc1", "fc2"));
  EXPECT_EQ(results.at("failures").at(0).at("object"), "wide");
}

TEST_F(Errors, AbsurdShapesAllocateNothing) {
  make_dumps(folder_,
             "with h5py.File('a.h5', 'w') as f:\n"
             "    f.attrs['format'] = 'collapscope-dump'; f.attrs['format_version'] = 1\n"
             "    f.create_dataset('targets', (1 << 60, 2), 'f8', chunks=(1024, 2))\n"
             "    f.create_dataset('layers/a/activations', (1 << 60, 5), 'f8', chunks=(1024, 5))\n"
             "def broad(f):\n"
             "    f.create_dataset('layers/b/activations', (60, 1 << 40), 'f4', chunks=(1, 1024))\n"
             "dump('b.h5', layers=[], edit=broad)\n");
  for (const std::string name : {"a", "b"}) {
    const Finished finished = run(folder_, {"analyze", name + ".h5", "-o", "x.json"});
    EXPECT_EQ(finished.status, 2) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(name + ".h5"));
    EXPECT_LT(finished.peak_memory, std::uint64_t{512} << 20U);
    EXPECT_FALSE(folder_.has("x.json"));
  }
}

TEST_F(Errors, SynthRefusesImpossibleDumps) {
  for (const Arguments& options : {Arguments{"ufm", "-n", "17"},
                                   {"ufm", "-N", "20"},
                                   {"ufm", "-n", "0"},
                                   {"ufm", "--lambda-w", "9"},
                                   {"ufm", "--lambda-h", "0"},
                                   {"planted", "--noise", "1"},
                                   {"planted", "--noise", "-0.1"},
                                   {"planted", "--noise", "nan"},
                                   {"planted", "--noise", ""},
                                   {"planted", "--step", "nan"},
                                   {"planted", "--step", "inf"},
                                   {"ufm", "--step", "-inf"},
                                   {"ufm", "--step", ""},
                                   {"etf", "--step", "nan"},
                                   {"etf", "--nc1", ""},
                                   {"classes", "--nc1", ""},
                                   {"planted", "-d", "3", "-n", "3"},
                                   {"planted", "--dtype", "int8"},
                                   {"planted", "--storage", "tape"},
                                   {"planted", "--offset", "nan"},
                                   {"planted", "--offset", "-inf"},
                                   {"planted", "--offset", "1e6", "--dtype", "float16"},
                                   {"classes", "--nc1", "1e12", "--dtype", "float16"},
                                   {"ufm", "-N", "-1"},
                                   {"etf", "-K", "-1"},
                                   {"planted", "--chunk", "10", "4"},
                                   {"planted", "--storage", "gzip", "--chunk", "-1", "4"},
                                   {"planted", "--storage", "chunked", "--chunk", "0", "4"}}) {
    Arguments arguments{"synth"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"-o", "s.h5"});
    EXPECT_FALSE(expect_status(2, folder_, arguments).err.empty());
    EXPECT_THAT(folder_.names(), ElementsAre()) << ::testing::PrintToString(options);
  }
  EXPECT_THAT(expect_status(2, folder_, {"synth", "ufm", "-o", "missing/s.h5"}).err,
              HasSubstr("missing/s.h5"));
}

// Empty shell variables, sizes of nothing, words too many.
TEST_F(Errors, OptionsThatMeanNothingAreRefused) {
  make_dumps(folder_, "dump('a.h5')");
  std::filesystem::create_symlink("loop.json", folder_.path() / "loop.json");
  struct Case {
    Arguments arguments;
    std::string words;
  };
  std::vector<Case> cases{
      {{"analyze", "a.h5", "--memory", "0"}, "--memory takes a size above 0"},
      {{"inspect", "a.h5", "--memory", "0GiB"}, "--memory takes a size above 0"},
      {{"merge", "a.h5", "--memory", "0"}, "begins with"},
      {{"analyze", "a.h5", "-o", "-", "-o", "-"}, "-o -: given more than once"},
      {{"merge", "a.h5", "-o", "-", "-o", "-"}, "-o -: given more than once"},
      {{"report", "a.json", "-o", "-", "-o", "-"}, "-o -: given more than once"},
      {{"analyze", "a.h5", "-o", "loop.json"}, "loop.json: cannot write: Too many levels of symbolic links"},
      {{"bench", "--rows", "100", "-o", "loop.json"}, "Too many levels of symbolic links"},
      {{"report", "loop.json"}, "loop.json: cannot be opened: Too many levels"},
      {{"analyze", "a.h5", "--max-time", "1:2:3:4"}, "--max-time takes a time"},
      {{"merge", "a.h5", "--threads", "99999999"}, "not in range 1 to 4096"},
      {{"merge", "nope.h5"}, "nope.h5: cannot be found"},
      {{"merge", "nope*.h5"}, "nope*.h5: no file matches"},
      {{"merge", "."}, ".: no .h5 file in this folder that is a part"},
      {{"metrics", "x"}, "'collapscope metrics' takes no 'x'"},
      {{"devices", "x"}, "'collapscope devices' takes no 'x'"},
      {{"synth", "ufm", "-o", "-"}, "-o -: a dump is a file"}};
  for (const char* option : {"--metrics", "--memory", "--pool", "--signal-dim", "--ignore-label", "--weights",
                             "--layout", "--activations", "--max-time", "--part", "--work"}) {
    cases.push_back({{"analyze", "a.h5", option, ""}, std::string(option) + ": found ''"});
  }
  for (const Case& one : cases) {
    EXPECT_THAT(expect_status(2, folder_, one.arguments).err, HasSubstr(one.words));
  }
  EXPECT_FALSE(folder_.has("-"));
}

// What a coarse type makes of planted noise is not what was planted.
TEST_F(Errors, SynthSaysWhatATypeCannotHold) {
  const Finished coarse = expect_status(
      0, folder_, {"synth", "planted", "--offset", "1e4", "--dtype", "float16", "-o", "coarse.h5"});
  EXPECT_THAT(coarse.err, HasSubstr("layer3: rounding to float16 at an offset of 10000"));
  EXPECT_EQ(expect_status(0, folder_, {"synth", "planted", "--dtype", "float16", "-o", "fine.h5"}).err, "");
  EXPECT_THAT(
      expect_status(0, folder_, {"synth", "classes", "--nc1", "1e-7", "--dtype", "float16", "-o", "c.h5"})
          .err,
      HasSubstr("layer1: rounding to float16"));
  make_dumps(
      folder_,
      "def expected(name, value):\n"
      "    with h5py.File(name) as f:\n"
      "        return value in f['layers/layer1'].attrs\n"
      "assert expected('fine.h5', 'expected_deep_nrc1') and expected('fine.h5', 'expected_deep_nrc2')\n"
      "assert not expected('coarse.h5', 'expected_deep_nrc1')\n"
      "assert not expected('coarse.h5', 'expected_deep_nrc2')\n"
      "assert not expected('c.h5', 'expected_nc1')\n");
}

}  // namespace
}  // namespace collapscope::cli
