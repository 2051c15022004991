// Table and JSON of a benchmark whose numbers are made up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/timing.hpp"
#include "collapscope/bench/bench.hpp"

namespace collapscope {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

StageResult stage(const std::string& name, double bytes, double flops, std::vector<double> seconds,
                  const StageResult* ceiling = nullptr) {
  return bench::stage_result({name, bytes, flops, "", "", {}}, bench::timing_of(std::move(seconds)), ceiling);
}

BenchReport sample() {
  BenchReport report;
  report.version = "1.2.3";
  report.commit = "abcdef";
  report.command = "collapscope bench";
  report.started = "2026-01-02T03:04:05Z";
  report.device = "cpu: a library";
  report.threads = 2;
  report.machine = {{"cpu", "A CPU \x1b[31m"}, {"cpus", std::int64_t{2}}};
  report.device_facts = {{"clock_mhz", 1980.5}};
  report.libraries = {{"hdf5", "1.10"}};
  report.ceilings = {stage("memcpy", 2e9, 0, {0.1}), stage("dsyrk", 0, 4e9, {0.1})};
  report.ceilings[0].detail = "256 MiB";
  report.ceilings[1].detail = "order 2048";
  ShapeResult shape;
  shape.type = "float32";
  shape.unit_roundoff = 0x1p-24;
  shape.rows = 1000;
  shape.features = 250;
  shape.targets = 3;
  shape.stored_bytes = 1000000;
  shape.stages = {stage("pread", 1e6, 0, {1e-4}),
                  stage("product", 0, 2e8, {0.01, 0.02, 0.03}, &report.ceilings[1]),
                  stage("eigen", 0, 1e6, {5e-6, 5e-6}), stage("pipeline", 1e6, 0, {0.0303, 0.0303})};
  shape.floor_seconds = 0.0202;
  shape.floor_parts = {"pread", "product"};
  shape.covariance_error = 2.1e-16;
  shape.covariance_rows = 1000;
  shape.planted_error = 3e-9;
  shape.planted_rows = 4096;
  shape.notes = {"a note"};
  report.shapes = {shape};
  return report;
}

TEST(BenchTable, HeadNamesMachineAndCeilings) {
  const std::string head = bench_head(sample());
  EXPECT_THAT(head,
              HasSubstr("collapscope 1.2.3 (abcdef), 2026-01-02T03:04:05Z; A CPU \\x1b[31m; 2 threads\n"));
  EXPECT_THAT(head, HasSubstr("cpu: a library\n"));
  EXPECT_THAT(head, HasSubstr("ceilings: memcpy 20.0 GB/s (256 MiB), dsyrk 40.0 GFLOP/s (order 2048)\n"));
}

TEST(BenchTable, BlockHasARowPerStage) {
  const std::string block = bench_block(sample().shapes[0]);
  EXPECT_THAT(block, HasSubstr("float32, 1000 x 250, 3 targets: 977 KiB stored\n"));
  EXPECT_THAT(block, HasSubstr("  product         20.0 ms   15.0-25.0   50.0 MB/s  10.0 GFLOP/s  "
                               "dsyrk 40.0 GFLOP/s          25 %\n"));
  EXPECT_THAT(block, HasSubstr("  pread            100 us     one run   10.0 GB/s"));
  EXPECT_THAT(block, HasSubstr("5.00 us"));
  EXPECT_THAT(block, HasSubstr("  pipeline: 1.50 x the floor, 20.2 ms = pread + product\n"));
  EXPECT_THAT(block,
              HasSubstr("covariance 2.1e-16 (to long double), deep_nrc1 3.0e-09 (planted, as float32)"));
  EXPECT_THAT(block, HasSubstr("note: a note"));
  std::istringstream lines(block);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    EXPECT_TRUE(line.empty() || line.back() != ' ') << line;
  }
}

TEST(BenchTable, BlockOfAFailure) {
  ShapeResult shape;
  shape.type = "float16";
  shape.failure = "no room";
  EXPECT_THAT(bench_block(shape), HasSubstr("failed: no room\n"));
  EXPECT_THAT(bench_block(shape), Not(HasSubstr("median")));
}

TEST(BenchTable, OverlappingFloorIsTheLongest) {
  ShapeResult shape = sample().shapes[0];
  shape.floor_overlaps = true;
  EXPECT_THAT(bench_block(shape), HasSubstr("20.2 ms = the longest of pread, product\n"));
}

TEST(BenchJson, HasEverything) {
  const Json json = Json::parse(bench_json(sample()));
  EXPECT_EQ(json.at("format"), "collapscope-bench");
  EXPECT_EQ(json.at("format_version"), 1);
  EXPECT_EQ(json.at("provenance").at("command"), "collapscope bench");
  EXPECT_EQ(json.at("machine").at("cpus"), 2);
  EXPECT_EQ(json.at("device").at("clock_mhz"), 1980.5);
  EXPECT_EQ(json.at("device").at("threads"), 2);
  EXPECT_EQ(json.at("libraries").at("hdf5"), "1.10");
  EXPECT_EQ(json.at("ceilings").at(1).at("rate"), 4e10);
  EXPECT_EQ(json.at("ceilings").at(1).at("unit"), "flop/s");
  const Json& shape = json.at("shapes").at(0);
  EXPECT_EQ(shape.at("stored_bytes"), 1000000);
  const Json& product = shape.at("stages").at(1);
  EXPECT_EQ(product.at("name"), "product");
  EXPECT_EQ(product.at("seconds").at("runs"), 3);
  EXPECT_EQ(product.at("seconds").at("median"), 0.02);
  EXPECT_EQ(product.at("ceiling"), "dsyrk");
  EXPECT_DOUBLE_EQ(product.at("of_ceiling"), 0.25);
  EXPECT_DOUBLE_EQ(product.at("stored_rate"), 5e7);
  EXPECT_EQ(shape.at("stages").at(0).at("ceiling"), nullptr);
  EXPECT_DOUBLE_EQ(shape.at("floor").at("pipeline_over_floor"), 1.5);
  EXPECT_EQ(shape.at("accuracy").at("covariance_error"), 2.1e-16);
  EXPECT_EQ(shape.at("notes"), Json({"a note"}));
  EXPECT_EQ(shape.at("failure"), nullptr);
}

TEST(BenchJson, IsValidForWhatCouldNotBeMeasured) {
  BenchReport report = sample();
  ShapeResult& shape = report.shapes[0];
  shape.failure = "no room";
  shape.floor_seconds.reset();
  shape.covariance_error.reset();
  shape.planted_error = std::numeric_limits<double>::quiet_NaN();
  shape.stages = {stage("pread", 1e6, 0, {0})};  // too short for the clock
  const Json read = Json::parse(bench_json(report)).at("shapes").at(0);
  EXPECT_EQ(read.at("failure"), "no room");
  EXPECT_EQ(read.at("floor"), nullptr);
  EXPECT_EQ(read.at("accuracy").at("covariance_error"), nullptr);
  EXPECT_EQ(read.at("accuracy").at("planted_deep_nrc1_error"), nullptr);
  EXPECT_EQ(read.at("stages").at(0).at("rate"), nullptr);
  EXPECT_THAT(bench_block(shape), Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace collapscope
