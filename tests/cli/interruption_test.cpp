// Options of states and parts, and what is said when they do not go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "collapscope/states/states.hpp"
#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Interruption : public ::testing::Test {
 protected:
  void SetUp() override { expect_status(0, folder_, {"synth", "planted", "-o", "p.h5", "--samples", "400"}); }

  Finished expect_usage_error(const Arguments& arguments, const std::string& message) {
    const Finished finished = expect_status(2, folder_, arguments);
    EXPECT_THAT(finished.err, HasSubstr(message));
    EXPECT_FALSE(folder_.has("x.json"));
    return finished;
  }

  TempFolder folder_;
};

TEST_F(Interruption, TimesAreRefusedWhereTheyAreNone) {
  for (const std::string time : {"soon", "", "5d", "-1", "1:x", "nan", "inf"}) {
    expect_usage_error({"analyze", "p.h5", "--save-every", time, "--work", "w", "-o", "x.json"},
                       "--save-every takes a time such as 90, 90s, 30m, 4h or 1:30:00; found '" + time + "'");
  }
  expect_usage_error({"analyze", "p.h5", "--max-time", "3 h", "-o", "x.json"}, "--max-time takes a time");
  for (const std::string time : {"90", "90s", "1.5m", "4h", "1:30:00", "2:30", "9999999h"}) {
    expect_status(0, folder_, {"analyze", "p.h5", "--max-time", time, "-q", "-o", "-"});
  }
}

TEST_F(Interruption, NoTimeLeftKeepsWhatThereIs) {
  const Finished stopped =
      expect_status(75, folder_, {"analyze", "p.h5", "--work", "w", "--max-time", "0", "-o", "x.json"});
  EXPECT_THAT(stopped.err, HasSubstr("stopped by --max-time; what is done is kept in w, and the same command "
                                     "goes on from there"));
  EXPECT_FALSE(folder_.has("x.json"));
  EXPECT_THAT(expect_status(0, folder_, {"status", "w"}).out,
              StartsWith("w: 0 of 3 layers finished, 3 left"));
  expect_status(0, folder_, {"analyze", "p.h5", "--work", "w", "-q", "-o", "x.json"});
  const Finished told = expect_status(0, folder_, {"status", "w"});
  EXPECT_THAT(told.out, StartsWith("w: 3 of 3 layers finished, 0 left\n  run since 20"));
  EXPECT_THAT(told.out, HasSubstr("; 3 since then"));
  expect_status(0, folder_, {"analyze", "p.h5", "-q", "-o", "y.json"});
  EXPECT_EQ(Json::parse(folder_.read("x.json"))["provenance"]["digest"],
            Json::parse(folder_.read("y.json"))["provenance"]["digest"]);
}

TEST_F(Interruption, WithoutAFolderNothingMeasuredIsNothingWritten) {
  const Finished stopped = expect_status(2, folder_, {"analyze", "p.h5", "--max-time", "0", "-o", "x.json"});
  EXPECT_THAT(stopped.err,
              HasSubstr("stopped by --max-time; nothing was measured, so no results are written"));
  EXPECT_THAT(stopped.err, Not(HasSubstr("in the results")));
  EXPECT_FALSE(folder_.has("x.json"));
}

TEST_F(Interruption, AStateOfAnotherAnalysisIsRefused) {
  expect_status(0, folder_, {"analyze", "p.h5", "--work", "w", "-q", "-o", "-"});
  expect_usage_error({"analyze", "p.h5", "--metrics", "nrc*", "--work", "w", "-o", "x.json"},
                     "--work w: holds the state of another analysis (--metrics: '' there, 'nrc*' here)");
  expect_status(0, folder_, {"synth", "planted", "-o", "q.h5", "--samples", "500"});
  expect_usage_error({"analyze", "q.h5", "--work", "w", "-o", "x.json"}, "p.h5");
  const Finished one_more = expect_usage_error({"analyze", "p.h5", "q.h5", "--work", "w", "-o", "x.json"},
                                               "q.h5: nothing there, '");
  EXPECT_EQ(one_more.err.find("q.h5"), one_more.err.rfind("q.h5")) << one_more.err;
  EXPECT_THAT(one_more.err, HasSubstr(", changed 20"));
  EXPECT_THAT(one_more.err, HasSubstr(" UTC' here)"));
}

TEST_F(Interruption, StatusSaysWhatIsNoFolderOfStates) {
  expect_usage_error({"status", "p.h5"}, "is no folder");
  expect_usage_error({"status", "."}, "holds no states");
}

TEST_F(Interruption, PartsAreNamedAndWrittenRight) {
  for (const std::string part : {"0/2", "3/2", "1", "1/", "/2", "a/b", "1/2/3", "-1/2"}) {
    expect_usage_error({"analyze", "p.h5", "--part", part, "-o", "x.h5"}, "--part takes I/N");
  }
  const Finished json = expect_usage_error({"analyze", "p.h5", "--part", "1/2", "-o", "x.json"},
                                           "-o x.json: expected a name that ends in .h5");
  EXPECT_THAT(json.err, Not(HasSubstr("JSON")));
  expect_usage_error({"analyze", "p.h5", "--part", "1/2"}, "--part writes one file: -o FILE.h5");
  expect_usage_error({"analyze", "p.h5", "--part", "1/2", "-o", "a.h5", "--work", "w"}, "without --work");
}

// Who runs again what ended with 75 would do so for ever.
TEST_F(Interruption, APartThatIsStoppedKeepsNothingAndSaysSo) {
  const Finished stopped =
      expect_status(2, folder_, {"analyze", "p.h5", "--part", "1/1", "--max-time", "0", "-o", "x.h5"});
  EXPECT_THAT(stopped.err, HasSubstr("stopped by --max-time; no part is written, and nothing is kept: the "
                                     "same command begins again"));
  EXPECT_THAT(folder_.names(), ::testing::ElementsAre("p.h5"));
}

TEST_F(Interruption, MergeRefusesWhatIsNoPart) {
  expect_status(0, folder_, {"analyze", "p.h5", "--part", "1/2", "-q", "-o", "one.h5"});
  expect_usage_error({"merge", "one.h5", "-o", "x.json"}, "is one of 2 parts; missing: 2");
  expect_usage_error({"merge", "p.h5", "-o", "x.json"}, "expected 'collapscope part 6'");
  expect_usage_error({"merge", "nothere.h5", "-o", "x.json"}, "nothere.h5");
  expect_status(0, folder_, {"analyze", "p.h5", "--part", "2/2", "-q", "-o", "two.h5"});
  expect_usage_error({"merge", "one.h5", "two.h5", "--dumps", "elsewhere", "-o", "x.json"},
                     "--dumps elsewhere:");
  expect_status(0, folder_, {"merge", "two.h5", "one.h5", "--dumps", ".", "-q", "-o", "x.json"});
}

TEST_F(Interruption, APartWithALayerThatFailsIsNotWhole) {
  make_dumps(folder_, R"(
def not_finite(f):
    f["layers/fc1/activations"][5] = np.nan
dump("nan.h5", edit=not_finite)
)");
  const Finished part =
      expect_status(1, folder_, {"analyze", "nan.h5", "--part", "1/1", "-q", "-o", "nan_part.h5"});
  EXPECT_THAT(part.err, HasSubstr("found NaN"));
  expect_status(1, folder_, {"merge", "nan_part.h5", "-q", "-o", "y.json"});
}

// As analyze: a dump that cannot be opened is no dump that is not there.
TEST_F(Interruption, MergeTellsOfWhatCouldNotBeOpened) {
  make_dumps(folder_, R"(
dump("short.h5", N=4000)
with open("short.h5", "rb+") as f:
    f.truncate(50000)
def longer(f):
    del f["layers/fc1/activations"]
    f["layers/fc1/activations"] = np.zeros((7, 8), np.float32)
dump("odd.h5", edit=longer)
)");
  const Arguments dumps{"p.h5", "short.h5", "odd.h5"};
  const auto with = [&](Arguments arguments, const Arguments& more) {
    arguments.insert(arguments.begin() + 1, dumps.begin(), dumps.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  expect_status(1, folder_, with({"analyze"}, {"-q", "-o", "whole.json"}));
  for (const std::string part : {"1", "2"}) {
    expect_status(1, folder_, with({"analyze"}, {"-q", "--part", part + "/2", "-o", part + ".h5"}));
  }
  const Finished merged =
      expect_status(1, folder_, {"merge", "1.h5", "2.h5", "--dumps", "same", "-q", "-o", "merged.json"});
  EXPECT_THAT(merged.err, AllOf(HasSubstr("short.h5: "), HasSubstr("odd.h5: /layers/fc1")));
  const auto failures = [&](const char* file) {
    Json found = Json::parse(folder_.read(file)).at("failures");
    std::sort(found.begin(), found.end(), [](const Json& a, const Json& b) { return a.dump() < b.dump(); });
    return found;
  };
  EXPECT_EQ(failures("merged.json"), failures("whole.json"));
  EXPECT_GE(failures("whole.json").size(), 2U);
}

// As where a dump was still being written when the first part began.
TEST_F(Interruption, MergeTellsOfWhatOnePartAloneCouldNotOpen) {
  std::ofstream(folder_.path() / "odd.h5") << "no dump";
  expect_status(0, folder_, {"analyze", "p.h5", "-q", "--part", "1/2", "-o", "1.h5"});
  expect_status(1, folder_, {"analyze", "p.h5", "odd.h5", "-q", "--part", "2/2", "-o", "2.h5"});
  EXPECT_THAT(expect_status(1, folder_, {"merge", "1.h5", "2.h5", "-q", "-o", "x.json"}).err,
              HasSubstr("odd.h5: "));
  EXPECT_EQ(Json::parse(folder_.read("x.json")).at("failures").size(), 1U);
}

TEST_F(Interruption, MergeKeepsTheOptions) {
  const auto options = [&](const char* file) {
    return Json::parse(folder_.read(file)).at("provenance").at("options");
  };
  expect_status(0, folder_,
                {"analyze", "p.h5", "--layers", "layer*", "--top", "3", "-q", "-o", "whole.json"});
  expect_status(0, folder_,
                {"analyze", "p.h5", "--layers", "layer*", "--top", "3", "-q", "--part", "1/1", "-o", "1.h5"});
  expect_status(0, folder_, {"merge", "1.h5", "--dumps", "same", "-q", "-o", "merged.json"});
  EXPECT_EQ(options("merged.json"), options("whole.json"));
  EXPECT_EQ(options("whole.json").at("layers"), "layer*");
  EXPECT_EQ(options("whole.json").at("top"), "3");
  EXPECT_FALSE(options("whole.json").contains("pool"));
}

TEST_F(Interruption, MergeRefusesPartsOfAnotherBuild) {
  for (const std::size_t part : {1U, 2U}) {
    const std::string path = (folder_.path() / (std::to_string(part) + ".h5")).string();
    const auto file = make_part_file(path, {{"version", "9.0 of later"}}, {part, 2});
    file->put_input({std::byte{1}});  // which this build cannot read
    file->finish();
  }
  expect_usage_error({"merge", "1.h5", "2.h5", "-q", "-o", "x.json"},
                     "1.h5: was written by collapscope 9.0 of later; this is ");
}

TEST_F(Interruption, MergeTellsOfPartsFromOtherMachines) {
  const auto device = [&](const char* file) {
    return Json::parse(folder_.read(file)).at("provenance").at("device").get<std::string>();
  };
  const Arguments merge{"merge", "1.h5", "2.h5", "--dumps", "same", "-q", "-o", "x.json"};
  const auto part = [&](const std::string& number, const Surroundings& where) {
    expect_status(0, folder_, {"analyze", "p.h5", "--part", number + "/2", "-q", "-o", number + ".h5"},
                  where);
  };
  const Surroundings other{.environment = {{"OPENBLAS_CORETYPE", "Prescott"}}};
  part("1", other);
  part("2", {});
  EXPECT_THAT(expect_status(0, folder_, merge).err, HasSubstr("last digits may be others"));
  EXPECT_THAT(device("x.json"), AllOf(HasSubstr("; parts folded on "), HasSubstr("Prescott")));
  part("1", {});
  EXPECT_EQ(expect_status(0, folder_, merge).err, "");
  EXPECT_THAT(device("x.json"), Not(HasSubstr("parts folded")));
}

TEST_F(Interruption, MergeSaysThatDumpsAreAway) {
  expect_status(0, folder_, {"analyze", "p.h5", "--part", "1/1", "-q", "-o", "one.h5"});
  std::filesystem::rename(folder_.path() / "p.h5", folder_.path() / "away.h5");
  const Finished same = expect_usage_error({"merge", "one.h5", "--dumps", "same", "-q", "-o", "x.json"},
                                           "p.h5: cannot be found; --dumps FOLDER says where it lies now");
  EXPECT_THAT(same.err, Not(HasSubstr("bytes")));
  expect_usage_error({"merge", "one.h5", "--dumps", ".", "-q", "-o", "x.json"},
                     "p.h5: cannot be found, nor deeper in that folder");
}

// Of several runs the checkpoints have the same names.
TEST_F(Interruption, MergeFindsDumpsInTheFoldersOfTheirRuns) {
  make_dumps(folder_, R"(
import os
for run in ("q/run1", "q/run2"):
    os.makedirs(run)
    dump(run + "/e.h5", N=4000)
    with h5py.File(run + "/e.h5", "a") as f:
        f.attrs["run"] = run
        f["targets"][0] += len(os.listdir("q"))
)");
  for (const char* part : {"1", "2"}) {
    expect_status(0, folder_,
                  {"analyze", "q/run1", "q/run2", "--part", std::string(part) + "/2", "-q", "-o",
                   std::string(part) + ".h5"});
  }
  const auto digest = [&](const std::string& dumps) {
    return Json::parse(expect_status(0, folder_, {"merge", "1.h5", "2.h5", "-q", "-o", "-", "--dumps", dumps})
                           .out)["provenance"]["digest"];
  };
  const Json same = digest("same");
  std::filesystem::create_directory(folder_.path() / "there");
  std::filesystem::rename(folder_.path() / "q", folder_.path() / "there/q");
  EXPECT_EQ(digest("there/q"), same);
  std::filesystem::rename(folder_.path() / "there/q/run2/e.h5", folder_.path() / "there/q/e.h5");
  EXPECT_EQ(digest("there/q"), same);  // one in the folder itself
  expect_usage_error({"merge", "1.h5", "2.h5", "-q", "-o", "x.json", "--dumps", "there/q/run2"},
                     "e.h5: cannot be found");
}

TEST_F(Interruption, StatesAndPartsBesideTheDumpsAreNoDumps) {
  const Arguments with_work{"analyze", ".", "--work", ".", "--save-every", "0", "-q", "-o", "x.json"};
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(expect_status(0, folder_, with_work).err, "");
  }
  for (const char* part : {"1", "2"}) {
    EXPECT_EQ(expect_status(0, folder_,
                            {"analyze", "*.h5", "-q", "--part", std::string(part) + "/2", "-o",
                             "part_" + std::string(part) + ".h5"})
                  .err,
              "");
  }
  expect_status(0, folder_, {"merge", "part_1.h5", "part_2.h5", "--dumps", "same", "-q", "-o", "y.json"});
  std::filesystem::remove(folder_.path() / "x.json");
  expect_usage_error({"analyze", "part_1.h5", "-q", "-o", "x.json"},
                     "part_1.h5: is a part of an analysis, for 'collapscope merge'; expected a dump");
  expect_usage_error({"analyze", "state-0000-a.h5", "-q", "-o", "x.json"},
                     "is a state of --work; expected a dump");
  expect_usage_error({"analyze", "part_*.h5", "-q", "-o", "x.json"}, "no file matches but states of --work");
}

// Dumps of another run have the same name and size.
TEST_F(Interruption, MergeRefusesDumpsThatAreOthers) {
  make_dumps(folder_, R"(
import os
os.makedirs("there"); os.makedirs("other")
dump("there/a.h5", N=4000)
dump("other/a.h5", N=4000)
with h5py.File("other/a.h5", "a") as f:
    f["targets"][...] = f["targets"][:][::-1]
)");
  for (const char* part : {"1/2", "2/2"}) {
    expect_status(0, folder_,
                  {"analyze", "there/a.h5", "--part", part, "-q", "-o", std::string(1, part[0]) + ".h5"});
  }
  const Arguments merge{"merge", "1.h5", "2.h5", "-q", "-o", "x.json", "--dumps"};
  const auto into = [&](const char* folder) {
    Arguments all = merge;
    all.emplace_back(folder);
    return all;
  };
  expect_usage_error(into("other"), "other/a.h5: is not what was folded");
  expect_status(0, folder_, into("there"));
}

}  // namespace
}  // namespace collapscope::cli
