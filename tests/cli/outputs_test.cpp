// Where results go, and what is left behind when there are none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Outputs : public ::testing::Test {
 protected:
  void SetUp() override {
    expect_status(0, folder_, {"synth", "planted", "-o", "p.h5", "--run", "r", "--step", "5"});
  }

  TempFolder folder_;
};

std::ptrdiff_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

TEST_F(Outputs, JsonAndCsvTogetherSayTheSame) {
  const Finished finished = expect_status(0, folder_, {"analyze", "p.h5", "-o", "x.json", "-o", "x.csv"});
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(finished.err, "");
  EXPECT_THAT(folder_.names(), ElementsAre("p.h5", "x.csv", "x.json"));
  const Json results = Json::parse(folder_.read("x.json"));
  const std::string csv = folder_.read("x.csv");
  EXPECT_THAT(csv, StartsWith("path,run,step,layer,index,metric,value"));
  const std::string cell = "p.h5,r,5,layer2,1,deep_nrc2,";
  const std::size_t at = csv.find(cell);
  ASSERT_NE(at, std::string::npos) << csv.substr(0, 400);
  EXPECT_EQ(std::strtod(csv.c_str() + at + cell.size(), nullptr),
            layer_metric(results, "layer2", "deep_nrc2"));
  EXPECT_THAT(csv, HasSubstr("layer1,0,evr[1],"));
}

TEST_F(Outputs, JsonOnStandardOutputIsTheFile) {
  const Finished finished = expect_status(0, folder_, {"analyze", "p.h5", "-o", "-", "-o", "x.json"});
  EXPECT_EQ(finished.err, "");
  EXPECT_EQ(finished.out, folder_.read("x.json"));
  EXPECT_EQ(Json::parse(finished.out).at("format"), "collapscope-results");
}

TEST_F(Outputs, NumbersReadBackBitForBit) {
  const std::string text = expect_status(0, folder_, {"analyze", "p.h5", "-o", "-"}).out;
  const std::string name = "\"deep_nrc2_debiased\": ";
  const std::size_t at = text.find(name) + name.size();
  const std::string written = text.substr(at, text.find_first_of(",\n", at) - at);
  const double value = layer_metric(Json::parse(text), "layer1", "deep_nrc2_debiased");
  EXPECT_EQ(std::strtod(written.c_str(), nullptr), value);
  EXPECT_GE(std::count_if(written.begin(), written.end(), [](char c) { return c >= '0' && c <= '9'; }), 17);
}

TEST_F(Outputs, ProvenanceTellsHowTheNumbersCameAbout) {
  const Json results = analyzed(folder_, {"p.h5", "--threads", "2", "--layers", "layer[12]"});
  const Json& provenance = results.at("provenance");
  EXPECT_EQ(results.at("format_version"), 1);
  EXPECT_THAT(provenance.at("version").get<std::string>(), Not(""));
  EXPECT_THAT(provenance.at("commit").get<std::string>(), Not(""));
  EXPECT_EQ(provenance.at("command"),
            COLLAPSCOPE_PROGRAM " analyze p.h5 --threads 2 --layers 'layer[12]' -o - --quiet");
  EXPECT_THAT(provenance.at("device").get<std::string>(), HasSubstr("cpu"));
  EXPECT_EQ(provenance.at("precision"), "float64");
  EXPECT_EQ(provenance.at("threads"), 2);
  EXPECT_THAT(provenance.at("started").get<std::string>(), ::testing::MatchesRegex("20..-..-..T..:..:..Z"));
  EXPECT_GT(provenance.at("seconds").get<double>(), 0);
  EXPECT_GE(provenance.at("bytes_read").get<int>(), 2 * 1000 * 16 * 8);
  EXPECT_EQ(results.at("failures"), Json::array());
  const Json& checkpoint = results.at("checkpoints").at(0);
  EXPECT_EQ(checkpoint.at("run"), "r");
  EXPECT_EQ(checkpoint.at("step"), 5);
  EXPECT_EQ(checkpoint.at("attributes").at("dataset"), "synthetic");
  EXPECT_EQ(checkpoint.at("samples"), 1000);
}

TEST_F(Outputs, TheTableIsTheDefault) {
  const Finished finished = expect_status(0, folder_, {"analyze", "p.h5"});
  EXPECT_EQ(finished.err, "");
  EXPECT_THAT(finished.out, HasSubstr("deep_nrc1"));
  for (const char* layer : {"layer1", "layer2", "layer3"}) {
    EXPECT_THAT(finished.out, HasSubstr(layer));
  }
  EXPECT_THAT(finished.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(folder_.names(), ElementsAre("p.h5"));
}

TEST_F(Outputs, ProblemsGoToStandardError) {
  folder_.write("bad.h5", "text");
  const Finished finished = expect_status(1, folder_, {"analyze", "p.h5", "bad.h5", "-o", "-", "--quiet"});
  EXPECT_THAT(finished.err, HasSubstr("bad.h5"));
  EXPECT_EQ(lines(finished.err), 1) << finished.err;
  EXPECT_EQ(Json::parse(finished.out).at("failures").size(), 1U);
}

TEST_F(Outputs, AWrongNameIsRefusedBeforeAnyWork) {
  for (const char* name : {"x.txt", "x", "x.h5", "missing/x.json", ".", "p.h5/x.json"}) {
    SCOPED_TRACE(name);
    const Finished finished =
        expect_status(2, folder_, {"analyze", "no-such-dump.h5", "-o", "good.json", "-o", name});
    EXPECT_THAT(finished.err, HasSubstr(name));
    EXPECT_THAT(finished.err, Not(HasSubstr("no-such-dump")));
    EXPECT_EQ(finished.out, "");
  }
  EXPECT_THAT(folder_.names(), ElementsAre("p.h5"));
}

TEST_F(Outputs, AMissingFolderIsSaidBeforeAnyWork) {
  for (const Arguments& arguments :
       {Arguments{"analyze", "a.h5", "-o", "none/x.json"}, {"synth", "ufm", "-o", "none/x.h5"}}) {
    const Finished finished = expect_status(2, folder_, arguments);
    EXPECT_THAT(finished.err, HasSubstr("-o none/x."));
    EXPECT_THAT(finished.err, HasSubstr("cannot write into "));
  }
}

TEST_F(Outputs, AFolderIsNoOutput) {
  std::filesystem::create_directory(folder_.path() / "d.json");
  EXPECT_THAT(expect_status(2, folder_, {"analyze", "p.h5", "-o", "d.json"}).err, HasSubstr("d.json"));
}

TEST_F(Outputs, NothingAnalysedLeavesNoFileAndTouchesNone) {
  folder_.write("bad.h5", "text");
  folder_.write("old.json", "old");
  const Finished finished = expect_status(
      2, folder_, {"analyze", "bad.h5", "-o", "old.json", "-o", "new.json", "-o", "new.csv", "-o", "-"});
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(folder_.read("old.json"), "old");
  EXPECT_THAT(folder_.names(), ElementsAre("bad.h5", "old.json", "p.h5"));
}

TEST_F(Outputs, NothingReadableLeavesNoFileAndTouchesNone) {
  make_dumps(folder_, "dump('nan.h5', layers=['fc1'], edit=spoil('layers/fc1/activations', 3))");
  folder_.write("old.csv", "old");
  expect_status(2, folder_, {"analyze", "nan.h5", "-o", "old.csv", "-o", "new.json"});
  EXPECT_EQ(folder_.read("old.csv"), "old");
  EXPECT_FALSE(folder_.has("new.json"));
}

TEST_F(Outputs, ResultsReplaceAnOldFile) {
  folder_.write("x.json", "old");
  expect_status(0, folder_, {"analyze", "p.h5", "-o", "x.json"});
  EXPECT_EQ(layer_names(Json::parse(folder_.read("x.json"))).size(), 3U);
  EXPECT_THAT(folder_.names(), ElementsAre("p.h5", "x.json"));
}

TEST_F(Outputs, AFullDeviceIsAnError) {
  for (const Arguments& arguments : {Arguments{"analyze", "p.h5"}, {"analyze", "p.h5", "-o", "-"}}) {
    const Finished finished = expect_status(2, folder_, arguments, {.out_to = "/dev/full"});
    EXPECT_THAT(finished.err, HasSubstr("standard output"));
  }
}

TEST_F(Outputs, ThatAreInputsAreRefused) {
  const std::string dump = folder_.read("p.h5");
  folder_.write("in.json", dump);
  for (const char* output : {"in.json", "./in.json"}) {
    const Finished finished = expect_status(2, folder_, {"analyze", "in.json", "-o", output});
    EXPECT_THAT(finished.err, HasSubstr("is the input in.json; expected another file"));
  }
  EXPECT_EQ(folder_.read("in.json"), dump);
  expect_status(0, folder_, {"analyze", "p.h5", "-q", "-o", "r.json"});
  const std::string results = folder_.read("r.json");
  EXPECT_THAT(expect_status(2, folder_, {"report", "r.json", "-o", "r.json"}).err, HasSubstr("is the input"));
  EXPECT_EQ(folder_.read("r.json"), results);
}

TEST_F(Outputs, ThatFailDoNotCostTheOthers) {
  std::filesystem::create_symlink("/dev/full", folder_.path() / "full.json");
  for (const Arguments& outputs :
       {Arguments{"-o", "full.json", "-o", "x.json"}, {"-o", "x.json", "-o", "full.json"}}) {
    Arguments arguments{"analyze", "p.h5", "-q"};
    arguments.insert(arguments.end(), outputs.begin(), outputs.end());
    const Finished finished = expect_status(1, folder_, arguments);
    EXPECT_THAT(finished.err, HasSubstr("full.json: cannot write: No space left on device"));
    EXPECT_EQ(Json::parse(folder_.read("x.json")).at("failures"), Json::array());
    std::filesystem::remove(folder_.path() / "x.json");
  }
  expect_status(2, folder_, {"analyze", "p.h5", "-q", "-o", "full.json"});
}

// What is left by a run that was killed while it wrote.
TEST_F(Outputs, LitterIsRemovedByTheNextRun) {
  folder_.write("q.h5.writing", "a dump that was begun");
  expect_status(0, folder_, {"synth", "planted", "-o", "q.h5"});
  EXPECT_THAT(folder_.names(), ElementsAre("p.h5", "q.h5"));
}

TEST_F(Outputs, NobodyMayHearOfProblems) {
  folder_.write("bad.h5", "no dump");
  folder_.write("bad.json", "no results");
  for (const Arguments& arguments :
       {Arguments{"analyze", "bad.h5"}, {"inspect", "bad.h5"}, {"report", "bad.json"}, {"no-command"}}) {
    expect_status(2, folder_, arguments, {.errors_to = "/dev/full"});
  }
  expect_status(2, folder_, {"--help"}, {.out_to = "/dev/full"});
}

}  // namespace
}  // namespace collapscope::cli
