// What can be asked of a benchmark, and what a backend makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collapscope/bench/bench.hpp"
#include "collapscope/core/error.hpp"
#include "support/test_backend.hpp"

namespace collapscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// The CPU's stages, without its ceilings: large products, which take a second.
class NoCeilings final : public StageMaker {
 public:
  explicit NoCeilings(Backend& cpu) : maker_(cpu.stage_maker()) {}
  [[nodiscard]] std::vector<Fact> facts() const override { return maker_->facts(); }
  [[nodiscard]] std::vector<Stage> ceilings() override { return {}; }
  [[nodiscard]] StageSet stages(const StageSpec& spec) override { return maker_->stages(spec); }

 private:
  std::unique_ptr<StageMaker> maker_;
};

class Quick : public Backend {
 public:
  [[nodiscard]] std::string describe() const override { return cpu_->describe(); }
  [[nodiscard]] std::size_t threads() const override { return cpu_->threads(); }
  [[nodiscard]] std::size_t tile_rows(std::size_t features) const override {
    return cpu_->tile_rows(features);
  }
  [[nodiscard]] std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) const override {
    return cpu_->segment_rows(rows, features);
  }
  [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) override {
    return cpu_->make_fold(spec);
  }
  [[nodiscard]] std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) override {
    return cpu_->make_look(spec);
  }
  [[nodiscard]] Eigenbasis eigenbasis(const Matrix& symmetric, std::size_t pairs) override {
    return cpu_->eigenbasis(symmetric, pairs);
  }
  [[nodiscard]] std::unique_ptr<StageMaker> stage_maker() override {
    return std::make_unique<NoCeilings>(*cpu_);
  }

 private:
  std::unique_ptr<Backend> cpu_ = make_cpu_backend(1);
};

BenchReport run(const BenchOptions& options) {
  Quick backend;
  return run_bench(backend, options, "as typed", [](const BenchReport&) {});
}

BenchOptions small() {
  BenchOptions options;
  options.rows = 200;
  options.features = {8};
  options.types = {ElementKind::float32};
  options.repeat = 1;
  options.seconds = 0;
  return options;
}

std::vector<std::string> names(const std::vector<StageResult>& stages) {
  std::vector<std::string> all;
  for (const StageResult& stage : stages) {
    all.push_back(stage.name);
  }
  return all;
}

TEST(BenchRows, AreAboutAsManyBytesButNotTooMuchWork) {
  EXPECT_EQ(default_bench_rows(512, ElementKind::float32), 131072U);
  EXPECT_EQ(default_bench_rows(512, ElementKind::float64), 65536U);
  EXPECT_EQ(default_bench_rows(64, ElementKind::int8), 1048576U);
  EXPECT_EQ(default_bench_rows(2048, ElementKind::float16), 32768U);
  EXPECT_GE(default_bench_rows(65536, ElementKind::float16), 131072U);
}

TEST(Bench, RefusesWhatMakesNoSense) {
  const auto refused = [](const auto& change, const std::string& told) {
    BenchOptions options = small();
    change(options);
    EXPECT_THAT([&] { (void)run(options); }, ThrowsMessage<UsageError>(HasSubstr(told)));
  };
  refused([](BenchOptions& o) { o.stages = {"read", "nope"}; }, "unknown stage 'nope': expected pread, read");
  refused([](BenchOptions& o) { o.targets = 9; }, "9 targets need at least as many features, found 8");
  refused([](BenchOptions& o) { o.rows = 2; }, "too few rows: 2");
  refused([](BenchOptions& o) { o.features = {}; }, "no shape");
  refused([](BenchOptions& o) { o.repeat = 0; }, "a run at least");
}

TEST(Bench, MeasuresEverythingThatTheCpuHas) {
  const auto backend = make_cpu_backend(1);
  const BenchReport report = run_bench(*backend, small(), "as typed", [](const BenchReport&) {});
  EXPECT_EQ(report.command, "as typed");
  EXPECT_EQ(report.threads, 1U);
  EXPECT_THAT(names(report.ceilings), ElementsAre("memcpy", "dgemm", "dsyrk"));
  ASSERT_EQ(report.shapes.size(), 1U);
  const ShapeResult& shape = report.shapes[0];
  EXPECT_EQ(shape.failure, "");
  EXPECT_EQ(shape.stored_bytes, 200U * 8 * 4);
  EXPECT_THAT(names(shape.stages), ElementsAre("pread", "read", "decode", "product", "bare-dsyrk",
                                               "first-look", "eigen", "second-look", "pipeline"));
  EXPECT_EQ(shape.find("product")->flops, 200.0 * 8 * 9);
  EXPECT_EQ(shape.find("decode")->bytes, 200.0 * 8 * (4 + 8));
  EXPECT_EQ(shape.find("second-look")->flops, 4.0 * 200 * 8 * (3 + 3 + 3));
  EXPECT_EQ(shape.find("read")->ceiling, "pread");
  for (const StageResult& stage : shape.stages) {
    EXPECT_GT(stage.time.median, 0) << stage.name;
    EXPECT_EQ(stage.time.runs, 1U) << stage.name;
  }
  EXPECT_THAT(shape.floor_parts, ElementsAre("pread", "bare-dsyrk"));
  EXPECT_DOUBLE_EQ(*shape.floor_seconds,
                   shape.find("pread")->time.median + shape.find("bare-dsyrk")->time.median);
}

TEST(Bench, IsRight) {
  BenchOptions options = small();
  options.types = {ElementKind::float16, ElementKind::float64, ElementKind::uint8};
  options.stages = {"first-look", "pipeline"};
  for (const ShapeResult& shape : run(options).shapes) {
    SCOPED_TRACE(shape.type);
    EXPECT_EQ(shape.covariance_rows, 200U);
    EXPECT_LT(*shape.covariance_error, 1e-14);
    EXPECT_EQ(shape.planted_error.has_value(), shape.unit_roundoff > 0);
    if (shape.planted_error) {
      EXPECT_LT(*shape.planted_error, 1e-12 + 100 * shape.unit_roundoff * shape.unit_roundoff);
    }
  }
}

TEST(Bench, MeasuresOnlyWhatIsWanted) {
  BenchOptions options = small();
  options.stages = {"eigen", "read", "convert"};
  const ShapeResult shape = run(options).shapes.at(0);
  EXPECT_THAT(names(shape.stages), ElementsAre("pread", "read", "eigen"));
  EXPECT_FALSE(shape.floor_seconds.has_value());
  EXPECT_FALSE(shape.covariance_error.has_value());
  options.stages = {"pipeline"};
  EXPECT_THAT(names(run(options).shapes.at(0).stages), ElementsAre("pread", "bare-dsyrk", "pipeline"));
}

TEST(Bench, PlantsNothingWhereThereIsNoRoom) {
  BenchOptions options = small();
  options.types = {ElementKind::float32};
  options.features = {8, 4};
  options.targets = 4;  // no noise can be planted where there is no other direction
  const BenchReport report = run(options);
  EXPECT_TRUE(report.shapes.at(0).planted_error.has_value());
  EXPECT_FALSE(report.shapes.at(1).planted_error.has_value());
  EXPECT_EQ(report.shapes.at(1).failure, "");
}

using BenchOnBackend = test::OnBackend;

TEST_F(BenchOnBackend, MeasuresEveryStageAndIsRight) {
  BenchOptions options = small();
  options.types = {ElementKind::float16, ElementKind::int16};
  options.features = {9};
  options.rows = 3000;
  const BenchReport report = run_bench(backend(), options, "", [](const BenchReport&) {});
  EXPECT_FALSE(report.device_facts.empty());
  EXPECT_GE(report.ceilings.size(), 3U);
  for (const StageResult& ceiling : report.ceilings) {
    EXPECT_GT(ceiling.rate(), 0) << ceiling.name;
  }
  for (const ShapeResult& shape : report.shapes) {
    SCOPED_TRACE(shape.type);
    EXPECT_EQ(shape.failure, "");
    EXPECT_TRUE(shape.notes.empty());
    EXPECT_GE(shape.stages.size(), 9U);
    for (const StageResult& stage : shape.stages) {
      EXPECT_GE(stage.time.median, 0) << stage.name;
      EXPECT_TRUE(stage.ceiling_rate > 0 || stage.name == "pread" || stage.name == "pipeline") << stage.name;
    }
    EXPECT_TRUE(shape.floor_seconds.has_value());
    EXPECT_LT(*shape.covariance_error, 1e-14);
  }
  EXPECT_LT(*report.shapes[0].planted_error, 1e-5);
}

// A backend that has nothing of its own to time.
class Bare final : public Quick {
 public:
  [[nodiscard]] std::string describe() const override { return "bare"; }
  [[nodiscard]] std::unique_ptr<StageMaker> stage_maker() override { return nullptr; }
};

TEST(Bench, NeedsABackendWithStages) {
  Bare bare;
  EXPECT_THAT([&] { (void)run_bench(bare, small(), "", [](const BenchReport&) {}); },
              ThrowsMessage<UsageError>(HasSubstr("nothing to measure on bare")));
}

TEST(Bench, GoesOnAfterAShapeForWhichThereIsNoRoom) {
  class Full final : public Quick {
   public:
    [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec& /*spec*/) override {
      throw DeviceMemoryError("no room");
    }
  } full;
  BenchOptions options = small();
  options.stages = {"read", "first-look"};
  options.features = {8, 9};
  std::size_t told = 0;
  const BenchReport report = run_bench(
      full, options, "", [&](const BenchReport& so_far) { EXPECT_EQ(so_far.shapes.size(), told++); });
  EXPECT_EQ(told, 3U);
  for (const ShapeResult& shape : report.shapes) {
    EXPECT_EQ(shape.failure, "no room");
    EXPECT_THAT(names(shape.stages), ElementsAre("pread", "read"));
  }
}

}  // namespace
}  // namespace collapscope
