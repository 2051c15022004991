// The HTML page of a report: names and data cannot break out, and the policy names exactly what is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/report/report.hpp"

namespace collapscope {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json sample() { return {{"format", "collapscope-report"}, {"title", "A run"}, {"runs", json::array()}}; }

// What stands between the first `open` at or after `from` and the next `close`.
std::string between(const std::string& text, std::string_view open, std::string_view close,
                    std::size_t from = 0) {
  const std::size_t begin = text.find(open, from);
  EXPECT_NE(begin, std::string::npos) << open;
  if (begin == std::string::npos) return {};
  const std::size_t start = begin + open.size();
  return text.substr(start, text.find(close, start) - start);
}

std::size_t occurrences(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// 'sha256-...' of a text as coreutils compute it, not as the build did.
std::string policy_hash(const std::string& text) {
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "collapscope_page_part";
  std::ofstream(file, std::ios::binary) << text;
  const std::string command =
      "sha256sum < '" + file.string() + "' | cut -c1-64 | tr a-f A-F | basenc -d --base16 -i | base64 -w0";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 128> buffer{};
  const std::size_t size = fread(buffer.data(), 1, buffer.size(), pipe.get());
  std::filesystem::remove(file);
  return "'sha256-" + std::string(buffer.data(), size) + "'";
}

#if HAS_CHARTJS

TEST(Page, HoldsTitleAndData) {
  const std::string page = report_page(sample().dump());
  EXPECT_THAT(page, HasSubstr("<title>A run</title>"));
  EXPECT_THAT(page, HasSubstr("<h1 id=\"title\">A run</h1>"));
  EXPECT_EQ(json::parse(between(page, "id=\"data\">", "</script>")), sample());
  EXPECT_THAT(page, Not(HasSubstr("@TITLE@")));
  EXPECT_THAT(page, Not(HasSubstr("@DATA@")));
}

TEST(Page, AUsualTitleWhereThereIsNone) {
  EXPECT_THAT(report_page("{}"), HasSubstr("<title>collapscope report</title>"));
  EXPECT_THAT(report_page(R"({"title": null})"), HasSubstr("<title>collapscope report</title>"));
}

TEST(Page, OnlyTheTopLevelTitleCounts) {
  const std::string page =
      report_page(R"({"runs": [{"title": "wrong"}], "x": {"title": "wrong"}, "title": "right"})");
  EXPECT_THAT(page, HasSubstr("<title>right</title>"));
}

TEST(Page, NamesCannotEndAnElement) {
  const std::string hostile =
      "</title></script><script>alert(1)</script><!--<img src=x onerror=alert(1)>&\"'";
  json data = sample();
  data["title"] = hostile;
  data["runs"] = {{{"name", hostile}}};
  const std::string clean = report_page(sample().dump());
  const std::string page = report_page(data.dump());
  for (const char* markup : {"<script", "</script", "<img", "</title", "<!--"}) {
    EXPECT_EQ(occurrences(page, markup), occurrences(clean, markup)) << markup;
  }
  EXPECT_EQ(json::parse(between(page, "id=\"data\">", "</script>")), data);
  EXPECT_THAT(page, HasSubstr("<title>&lt;/title&gt;&lt;/script&gt;"));
}

// Scripts would round them.
TEST(Page, LargeIntegersAreText) {
  const std::string kept =
      R"([9007199254740991,-9007199254740991,1e300,9007199254740993.0,-0.5,"a \" 9007199254740993 \\",true,null,12])";
  const std::string page = report_page(
      R"({"kept":)" + kept + R"(,"labels":[9007199254740992,9223372036854775807,-9007199254740993],"x":1})");
  EXPECT_EQ(between(page, "id=\"data\">", "</script>"),
            R"({"kept":)" + kept +
                R"(,"labels":["9007199254740992","9223372036854775807","-9007199254740993"],"x":1})");
}

TEST(Page, PolicyAllowsWhatIsThereAndNothingElse) {
  const std::string page = report_page(sample().dump());
  const std::string policy = between(page, "Content-Security-Policy\" content=\"", "\"");
  const std::string style = between(page, "<style>", "</style>");
  std::vector<std::string> scripts;
  for (std::size_t at = page.find("<script>"); at != std::string::npos; at = page.find("<script>", at + 1)) {
    scripts.push_back(between(page, "<script>", "</script>", at));
  }
  ASSERT_EQ(scripts.size(), 2U);
  EXPECT_THAT(scripts[0], HasSubstr("Chart.js v"));
  EXPECT_THAT(scripts[0], HasSubstr("Released under the MIT License"));
  EXPECT_EQ(policy, "default-src 'none'; script-src " + policy_hash(scripts[0]) + " " +
                        policy_hash(scripts[1]) + "; style-src " + policy_hash(style) +
                        "; img-src data:; base-uri 'none'; form-action 'none'");
}

TEST(Page, LoadsNothing) {
  const std::string page = report_page(sample().dump());
  for (const char* loads :
       {" src=", "<link", "@import", "url(", "<iframe", "<object", "sourceMappingURL", "fetch("}) {
    EXPECT_THAT(page, Not(HasSubstr(loads))) << loads;
  }
  // Addresses: the two papers, which only a person's click opens, and comments and names within Chart.js.
  for (std::size_t at = page.find("href=\"http"); at != std::string::npos;
       at = page.find("href=\"http", at + 1)) {
    EXPECT_EQ(page.substr(at, 27), "href=\"https://arxiv.org/abs");
    EXPECT_THAT(between(page, "\" ", ">", at), HasSubstr("rel=\"noopener noreferrer\""));
  }
}

TEST(Page, RefusesWhatIsNotAJsonObject) {
  EXPECT_THROW(static_cast<void>(report_page("")), Error);
  EXPECT_THROW(static_cast<void>(report_page("[1]")), Error);
  EXPECT_THROW(static_cast<void>(report_page("{\"title\": \"a\"")), Error);
  EXPECT_THROW(static_cast<void>(report_page("{} <script>")), Error);
}

#else

TEST(Page, WithoutChartJsSaysWhatToInstall) {
  try {
    static_cast<void>(report_page(sample().dump()));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("libjs-chart.js"));
  }
}

#endif

}  // namespace
}  // namespace collapscope
