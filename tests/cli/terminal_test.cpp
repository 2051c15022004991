// Tables and colours, on terminals and elsewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "program.hpp"

namespace collapscope::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string arm_dumps = COLLAPSCOPE_SOURCE_DIR "/examples/arm/dumps";

// Characters of the longest line; terminal escapes have no width.
std::size_t widest(const std::string& text) {
  std::istringstream lines(text);
  std::size_t most = 0;
  for (std::string line; std::getline(lines, line);) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\x1b') {
        i = line.find('m', i);
      } else if ((static_cast<unsigned char>(line[i]) & 0xC0U) != 0x80U) {
        ++width;
      }
    }
    most = std::max(most, width);
  }
  return most;
}

// As daemons and `>&-` leave them. The next file or socket that is opened would take their places.
TEST(ClosedDescriptors, AreNoPlaceToWriteTo) {
  const TempFolder folder;
  const std::string dump = arm_dumps + "/arm_wd0_epoch12000.h5";
  for (const Arguments& arguments : std::vector<Arguments>{{"analyze", dump},
                                                           {"analyze", dump, "-q", "-o", "-"},
                                                           {"analyze", dump, "-q", "-o", "-", "--trust"},
                                                           {"inspect", dump},
                                                           {"metrics"},
                                                           {"--help"},
                                                           {"analyze", "--help"}}) {
    for (const std::vector<int>& closed : std::vector<std::vector<int>>{{1}, {0, 1}}) {
      const Finished finished = expect_status(2, folder, arguments, {.closed = closed});
      EXPECT_THAT(finished.err, HasSubstr("cannot write to standard output")) << arguments.front();
    }
  }
}

TEST(ClosedDescriptors, AreNotMissedWhereTheyAreNotNeeded) {
  const TempFolder folder;
  const Arguments arguments{"analyze", arm_dumps + "/arm_wd0_epoch12000.h5", "-o", "x.json"};
  expect_status(0, folder, arguments);
  const std::string wanted = folder.read("x.json");
  const auto digest = [](const std::string& text) { return text.substr(text.find("\"digest\"")); };
  for (const std::vector<int>& closed :
       std::vector<std::vector<int>>{{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 1, 2}}) {
    std::filesystem::remove(folder.path() / "x.json");
    expect_status(0, folder, arguments, {.closed = closed});
    EXPECT_EQ(digest(folder.read("x.json")), digest(wanted));
  }
}

TEST(Tables, FitTheWidth) {
  const TempFolder folder;
  for (const std::size_t width : {60U, 80U, 100U, 140U}) {
    const std::string table = expect_status(0, folder, {"analyze", arm_dumps + "/arm_wd0_epoch12000.h5"},
                                            {.environment = {{"COLUMNS", std::to_string(width)}}})
                                  .out;
    EXPECT_LE(widest(table), width) << table;
    EXPECT_GE(widest(table), std::min<std::size_t>(width, 100) * 3 / 4) << table;
    EXPECT_THAT(table, HasSubstr("fc6"));
    EXPECT_THAT(table, HasSubstr("deep_nrc1"));
  }
}

TEST(Tables, ShowTheMetricsThatWereAskedFor) {
  const TempFolder folder;
  const auto table = [&](const std::string& metrics, const std::string& width) {
    return expect_status(0, folder, {"analyze", arm_dumps + "/arm_wd0_epoch12000.h5", "--metrics", metrics},
                         {.environment = {{"COLUMNS", width}}})
        .out;
  };
  const std::string evr = table("evr", "200");
  EXPECT_THAT(evr, HasSubstr("  layer  evr[1]  evr[2]  evr[3]"));
  EXPECT_THAT(evr, HasSubstr("evr[10]\n"));
  EXPECT_THAT(table("evr", "40"), HasSubstr("evr[10]\n"));
  const std::string mixed = table("weight_rank,nrc1_centered,model_mae,target_rank", "140");
  EXPECT_THAT(mixed, HasSubstr("target_rank 2, model_mae 0."));
  EXPECT_THAT(mixed, HasSubstr("  layer  nrc1_centered  weight_rank\n"));
  EXPECT_THAT(mixed, Not(HasSubstr("model_r2")));
  const std::string deep = table("deep_*", "300");
  EXPECT_THAT(deep, HasSubstr("deep_nrc1  deep_nrc1_squared  deep_nrc2  deep_nrc2_debiased"));
}

TEST(Tables, LongNamesAndFailuresFitToo) {
  const TempFolder folder;
  make_dumps(
      folder,
      "name = 'model.' + 'layers.' * 20 + 'mlp'\n"
      "dump('long' * 30 + '.h5', layers=[name, 'fc1'])\n"
      "dump('bad.h5', layers=['ok', 'x' * 150], edit=spoil('layers/' + 'x' * 150 + '/activations', 1))");
  const Finished finished = expect_status(1, folder, {"analyze", "."}, {.environment = {{"COLUMNS", "80"}}});
  EXPECT_LE(widest(finished.out), 80U) << finished.out;
  EXPECT_THAT(finished.out, HasSubstr("mlp"));
}

TEST(Tables, BadWidthsDoNotMatter) {
  const TempFolder folder;
  const Arguments arguments{"analyze", arm_dumps + "/arm_wd0_epoch12000.h5"};
  const std::string usual = expect_status(0, folder, arguments).out;
  for (const char* width : {"", "0", "-3", "many"}) {
    EXPECT_EQ(expect_status(0, folder, arguments, {.environment = {{"COLUMNS", width}}}).out, usual) << width;
  }
}

TEST(Terminals, ShowColoursAndTheTerminalsWidth) {
  const TempFolder folder;
  const std::string shown =
      expect_status(0, folder, {"analyze", arm_dumps + "/arm_wd0.02_epoch12000.h5", "--quiet"},
                    {.environment = {{"TERM", "xterm"}, {"COLUMNS", "200"}}, .terminal_width = 72})
          .out;
  EXPECT_THAT(shown, HasSubstr("\x1b[32m"));
  EXPECT_LE(widest(shown), 72U) << shown;
}

TEST(Terminals, GreenLayersAreThoseThatTheLinesBelowCallCollapsed) {
  const TempFolder folder;
  const std::string shown = expect_status(0, folder,
                                          {"analyze", arm_dumps + "/arm_wd0.02_epoch12000.h5",
                                           arm_dumps + "/arm_wd0.02_epoch00100.h5", "--quiet"},
                                          {.environment = {{"TERM", "xterm"}}, .terminal_width = 100})
                                .out;
  EXPECT_THAT(shown, HasSubstr("epoch 12000: from fc4 on, the last 3 of 6 layers"));
  for (const std::string layer : {"fc1", "fc2", "fc3"})
    EXPECT_THAT(shown, Not(HasSubstr("\x1b[32m" + layer)));
  for (const std::string layer : {"fc4", "fc5", "fc6"}) {
    EXPECT_THAT(shown, HasSubstr("\x1b[32m" + layer + "\x1b[0m"));
  }
}

TEST(Terminals, ShowNoColoursWhenNotWanted) {
  const TempFolder folder;
  for (const auto& [name, value] : {std::pair{"NO_COLOR", "1"}, {"TERM", "dumb"}}) {
    const std::string shown =
        expect_status(0, folder, {"analyze", arm_dumps + "/arm_wd0.02_epoch12000.h5", "--quiet"},
                      {.environment = {{name, value}}, .terminal_width = 80})
            .out;
    EXPECT_THAT(shown, Not(HasSubstr("\x1b"))) << name;
    EXPECT_THAT(shown, HasSubstr("fc6"));
  }
}

TEST(Terminals, ShowProgressUnlessQuiet) {
  const TempFolder folder;
  Arguments arguments{"analyze", arm_dumps + "/arm_wd0.02_epoch12000.h5"};
  const Surroundings terminal{.environment = {{"TERM", "xterm"}}, .terminal_width = 80};
  EXPECT_THAT(expect_status(0, folder, arguments, terminal).out, HasSubstr(" % ["));
  arguments.emplace_back("--quiet");
  EXPECT_THAT(expect_status(0, folder, arguments, terminal).out, Not(HasSubstr(" % [")));
}

TEST(Terminals, NamesCannotSteerThem) {
  const TempFolder folder;
  make_dumps(folder, "dump('a.h5', layers=['\\x1b[31mred\\x07'], model='\\x1b]0;title\\x07')");
  const std::string both =
      expect_status(0, folder, {"analyze", "a.h5"}).out + expect_status(0, folder, {"inspect", "a.h5"}).out;
  EXPECT_THAT(both, Not(HasSubstr("\x1b")));
  EXPECT_THAT(both, Not(HasSubstr("\x07")));
  EXPECT_THAT(both, HasSubstr("red"));
}

}  // namespace
}  // namespace collapscope::cli
