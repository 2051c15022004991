// The manual page and the completions: complete, and understood by groff and the shells where they are
// installed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "program.hpp"

namespace collapscope::cli {
namespace {

using testing::HasSubstr;

std::string generated(const TempFolder& folder, const std::string& what) {
  return expect_status(0, folder, {"generate", what}).out;
}

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

// What a shell prints for a script in `folder`.
std::string shell(const TempFolder& folder, const std::string& program, const std::string& script) {
  folder.write("script", script);
  const std::string command = "cd '" + folder.path().string() + "' && " + program + " script >output 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << folder.read("output");
  return folder.read("output");
}

TEST(Generate, ManualPageHasEveryCommand) {
  const TempFolder folder;
  const std::string page = generated(folder, "man");
  for (const char* heading : {".SS analyze", ".SS synth planted", ".SS bench",
                              "\\fB\\-\\-metrics\\fR \\fILIST\\fR", ".SH EXIT STATUS", ".SH ENVIRONMENT"}) {
    EXPECT_THAT(page, HasSubstr(heading));
  }
  if (!is_installed("groff")) {
    GTEST_SKIP() << "groff is not installed";
  }
  folder.write("page", page);
  const std::string shown = shell(folder, "bash", "groff -man -Tascii -P-c page | sed 's/.\\x08//g'");
  EXPECT_THAT(shown, HasSubstr("collapscope analyze [options] DUMP ..."));
  EXPECT_THAT(shown, HasSubstr("only these metrics: names and globs, separated by commas"));
}

TEST(Generate, ManualPageIsCleanForGroffAndMandoc) {
  const TempFolder folder;
  folder.write("page", generated(folder, "man"));
  if (is_installed("groff")) {
    EXPECT_EQ(
        shell(folder, "bash", "for device in utf8 ascii; do groff -ww -man -T$device page >shown; done"), "");
  }
  if (!is_installed("mandoc")) {
    GTEST_SKIP() << "mandoc is not installed";
  }
  EXPECT_EQ(shell(folder, "bash", "mandoc -Tlint page"), "");
}

TEST(Generate, BashCompletes) {
  const TempFolder folder;
  folder.write("completion", generated(folder, "bash"));
  folder.write("dump.h5", "");
  const std::string out = shell(folder, "bash", R"(source ./completion
try() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _collapscope
  echo "[${COMPREPLY[*]}]"
}
try collapscope an
try collapscope analyze --loo
try collapscope analyze --looks ""
try collapscope analyze dump.h5 --metrics nrc3_gamma_
try collapscope analyze du
try collapscope synth pl
try collapscope synth planted --dt
try collapscope devices du
try collapscope analyze dump.h5 --metrics nrc1,nrc3_gamma_
try collapscope analyze dump.h5 --metrics nrc1,deep_nrc1,nc1_q
try collapscope analyze dump.h5 --metrics = nrc1,nrc3_gamma_
try collapscope analyze --looks =
try collapscope analyze --looks = a
try collapscope report --collapsed deep_nrc2_deb
try collapscope analyze --device c
try collapscope inspect --pool fl
)");
  EXPECT_EQ(
      out,
      "[analyze]\n[--looks]\n[1 2 "
      "auto]\n[nrc3_gamma_over_lambda_min]\n[dump.h5]\n[planted]\n[--dtype]\n[]\n"
      "[nrc1,nrc3_gamma_over_lambda_min]\n[nrc1,deep_nrc1,nc1_quotient]\n[nrc1,nrc3_gamma_over_lambda_min]\n"
      "[1 2 auto]\n[auto]\n[deep_nrc2_debiased]\n[cpu cuda cuda:0 cuda:all]\n[flatten]\n");
}

TEST(Generate, FishCompletes) {
  const TempFolder folder;
  const std::string script = generated(folder, "fish");
  EXPECT_THAT(script, HasSubstr("-l metrics"));
  EXPECT_THAT(script, HasSubstr("(__fish_complete_list , __collapscope_metrics)")) << "after a comma, too";
  if (!is_installed("fish")) {
    GTEST_SKIP() << "fish is not installed";
  }
  folder.write("completion", script);
  const std::string out = shell(folder, "HOME=. fish", R"(source completion
complete -C "collapscope an"
complete -C "collapscope analyze --looks "
complete -C "collapscope synth pl"
)");
  EXPECT_THAT(out, HasSubstr("analyze\tmeasure every layer of every checkpoint\n1\t"));
  EXPECT_THAT(out, HasSubstr("\nplanted\t"));
}

TEST(Generate, ZshUnderstandsItsScript) {
  const TempFolder folder;
  const std::string script = generated(folder, "zsh");
  EXPECT_THAT(script, HasSubstr("#compdef collapscope\n"));
  EXPECT_THAT(script, HasSubstr("_collapscope_synth_planted() {"));
  EXPECT_THAT(script, HasSubstr("_sequence compadd - ")) << "after a comma, too";
  EXPECT_THAT(script, HasSubstr("--metrics=[")) << "after an equals sign, too";
  if (!is_installed("zsh")) {
    GTEST_SKIP() << "zsh is not installed";
  }
  folder.write("completion", script);
  EXPECT_EQ(shell(folder, "bash", "zsh -n completion"), "");
}

TEST(Generate, RefusesOthers) {
  const TempFolder folder;
  EXPECT_THAT(expect_status(2, folder, {"generate", "tcsh"}).err, HasSubstr("tcsh"));
}

}  // namespace
}  // namespace collapscope::cli
