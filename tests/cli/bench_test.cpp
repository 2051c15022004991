// collapscope bench, on shapes that take no time. What is measured is there; how long it took is not looked
// at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Bench : public ::testing::Test {
 protected:
  // `bench` of 2000 x 16, its dumps in the folder.
  [[nodiscard]] static Arguments small(const Arguments& more) {
    Arguments all{"bench", "--device", "cpu", "--rows",   "2000", "--features",
                  "16",    "--repeat", "2",   "--folder", "."};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  void expect_refused(const Arguments& more, const std::string& told) {
    const Finished finished = expect_status(2, folder_, small(more));
    EXPECT_THAT(finished.err, HasSubstr(told));
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(folder_.names(), IsEmpty());
  }

  TempFolder folder_;
};

TEST_F(Bench, WritesATableAndJson) {
  const Finished finished =
      expect_status(0, folder_, small({"--types", "float32,int16", "-o", "b.json", "--threads", "1"}));
  EXPECT_EQ(finished.err, "");
  for (const char* word : {"cpu: OpenBLAS", "1 thread\n", "ceilings: memcpy", "float32, 2000 x 16, 3 targets",
                           "int16, 2000 x 16", "stage", "reached", "decode", "second-look", "x the floor",
                           "to long double", "planted, as float32"}) {
    EXPECT_THAT(finished.out, HasSubstr(word));
  }
  EXPECT_THAT(folder_.names(), ElementsAre("b.json"));
  const Json json = Json::parse(folder_.read("b.json"));
  EXPECT_EQ(json.at("format"), "collapscope-bench");
  EXPECT_THAT(json.at("provenance").at("command").get<std::string>(),
              HasSubstr("bench --device cpu --rows 2000"));
  for (const char* fact : {"cpu", "cpus", "memory_bytes", "system"}) {
    EXPECT_TRUE(json.at("machine").contains(fact)) << fact;
  }
  EXPECT_TRUE(json.at("libraries").at("blas").is_string());
  EXPECT_EQ(json.at("device").at("threads"), 1);
  ASSERT_EQ(json.at("shapes").size(), 2U);
  for (const Json& shape : json.at("shapes")) {
    EXPECT_EQ(shape.at("rows"), 2000);
    EXPECT_EQ(shape.at("failure"), nullptr);
    EXPECT_THAT(shape.at("notes"), IsEmpty());
    EXPECT_EQ(shape.at("stages").size(), 9U);
    for (const Json& stage : shape.at("stages")) {
      EXPECT_TRUE(stage.at("seconds").at("median").is_number());
      EXPECT_GE(stage.at("seconds").at("runs").get<int>(), 1);
      EXPECT_TRUE(stage.at("rate").is_number());
    }
    EXPECT_TRUE(shape.at("floor").at("pipeline_over_floor").is_number());
    EXPECT_LT(shape.at("accuracy").at("covariance_error").get<double>(), 1e-14);
  }
}

TEST_F(Bench, WritesJsonToStandardOutput) {
  const Finished finished =
      expect_status(0, folder_, small({"--types", "bfloat16", "--stages", "product,eigen", "-o", "-"}));
  const Json json = Json::parse(finished.out);
  EXPECT_EQ(json.at("shapes").at(0).at("type"), "bfloat16");
  ASSERT_EQ(json.at("shapes").at(0).at("stages").size(), 2U);
  EXPECT_EQ(json.at("shapes").at(0).at("stages").at(1).at("name"), "eigen");
  EXPECT_EQ(json.at("shapes").at(0).at("floor"), nullptr);
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_F(Bench, RefusesBadOptions) {
  expect_refused({"--stages", "read,frob"}, "unknown stage 'frob'");
  expect_refused({"--types", "float8"}, "--types");
  expect_refused({"--targets", "17"}, "17 targets");
  expect_refused({"--features", "0"}, "--features");
  expect_refused({"--features", "16,x"}, "--features");
  expect_refused({"--repeat", "0"}, "--repeat");
  expect_refused({"--rows", "1"}, "--rows");
  expect_refused({"--seconds", "-1"}, "--seconds");
  expect_refused({"-o", "x.csv"}, "ends in .json, or -");
  expect_refused({"-o", "none/x.json"}, "cannot write into");
  EXPECT_THAT(expect_status(2, folder_, {"bench", "--device", "tpu"}).err, HasSubstr("unknown device 'tpu'"));
  const Finished finished = expect_status(2, folder_, {"bench", "--folder", "none"});
  EXPECT_THAT(finished.err, HasSubstr("--folder"));
}

TEST_F(Bench, HelpSaysWhatIsCounted) {
  const std::string help = expect_status(0, folder_, {"bench", "--help"}).out;
  for (const char* word : {"--device", "--threads", "--rows", "--features", "--types", "--targets",
                           "--stages", "--repeat", "--seconds", "--folder", "--output",
                           "Stages:", "host-to-device", "N d (d + 1)", "bytes as stored", "Examples:"}) {
    EXPECT_THAT(help, HasSubstr(word));
  }
}

}  // namespace
}  // namespace collapscope::cli
