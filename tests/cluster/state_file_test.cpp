// States as files: whole, or refused.
#include "states/state_file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "collapscope/core/error.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

class StateFile : public ::testing::Test {
 protected:
  StateFile() : path_(test::temporary_path("state.h5")) {
    test::Random random(1);
    const auto moments = [&](std::size_t rows) {
      return test::naive_moments(test::random_matrix(rows, 4, random), test::random_matrix(rows, 2, random));
    };
    state_.checkpoints[3].result.path = "a.h5";
    state_.checkpoints[3].result.samples = 9;
    state_.checkpoints[3].result.targets.add({"target_dim", std::int64_t{2}});
    state_.checkpoints[2].result.path = "z.h5";
    state_.checkpoints[3].model_failure = Failure{"a.h5", "/predictions", "found NaN", "night", 7};
    FinishedLayer finished{
        {3, 5}, {"fc", 1, "Linear", {}}, Nrc3Inputs{"fc", Matrix(2, 2), Matrix(2, 2), 0.25}};
    finished.result.metrics.add({"nrc1", 0.1 + 0.2, 1e-30, ""});
    finished.result.metrics.add({"nrc2", std::monostate{}, std::nullopt, "no weight"});
    finished.nrc3->gram(0, 1) = 7;
    state_.finished.push_back(finished);
    LayerAtWork work;
    work.facts = {{3, 6}, "a.h5: fc2", 11, 100, "cpu"};
    work.moments.emplace(Subtree{0, 2}, moments(5));
    work.moments.emplace(Subtree{8, 0}, moments(6));
    ResidualSums residuals;
    residuals.count = 3;
    residuals.signal.centred = 1.5;
    residuals.published = 1e-300;
    work.residuals.emplace(Subtree{4, 1}, residuals);
    state_.at_work.push_back(work);
    head_.identity = {{"version", "1"}, {"--metrics", "nrc*"}};
    head_.started = "2026-01-01T00:00:00Z";
    head_.saved = "2026-01-01T00:01:00Z";
    head_.number = 4;
    write_state(path_, head_, view());
  }
  ~StateFile() override { std::filesystem::remove(path_); }

  [[nodiscard]] StateView view() const {
    return {state_.checkpoints, state_.finished, 20, [this](const StateView::Visitor& visit) {
              for (const LayerAtWork& layer : state_.at_work) {
                visit(layer.facts, layer.moments, layer.residuals);
              }
            }};
  }
  [[nodiscard]] std::string bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void overwrite(const std::string& content) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  }
  static bool all(const LayerPlace& /*place*/) { return true; }

  std::string path_;
  AnalysisState state_;
  StateHead head_;
};

TEST_F(StateFile, ComesBackToTheBit) {
  const AnalysisState back = read_state(path_, all);
  ASSERT_EQ(back.finished.size(), 1U);
  EXPECT_EQ(back.finished[0].place, (LayerPlace{3, 5}));
  EXPECT_EQ(back.finished[0].result.metrics, state_.finished[0].result.metrics);
  ASSERT_TRUE(back.finished[0].nrc3);
  EXPECT_EQ(back.finished[0].nrc3->gram, state_.finished[0].nrc3->gram);
  EXPECT_EQ(back.finished[0].nrc3->lambda_min, 0.25);
  ASSERT_TRUE(back.checkpoints.contains(3));
  EXPECT_EQ(back.checkpoints.at(3).result.targets, state_.checkpoints.at(3).result.targets);
  EXPECT_FALSE(back.checkpoints.at(2).model_failure);
  const auto failure = back.checkpoints.at(3).model_failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->path, "a.h5");
  EXPECT_EQ(failure->object, "/predictions");
  EXPECT_EQ(failure->message, "found NaN");
  EXPECT_EQ(failure->run, "night");
  EXPECT_EQ(failure->step, 7);
  ASSERT_EQ(back.at_work.size(), 1U);
  const LayerAtWork& found = back.at_work[0];
  const LayerAtWork& wanted = state_.at_work[0];
  EXPECT_EQ(found.facts, wanted.facts);
  ASSERT_EQ(found.moments.size(), 2U);
  for (const auto& [place, moments] : wanted.moments) {
    EXPECT_TRUE(test::same(found.moments.at(place), moments));
  }
  ASSERT_TRUE(found.residuals.contains({4, 1}));
  EXPECT_EQ(found.residuals.at({4, 1}).published, 1e-300);
  EXPECT_EQ(found.residuals.at({4, 1}).signal.centred, 1.5);
}

TEST_F(StateFile, SaysWhatItIs) {
  const StateHead head = read_state_head(path_);
  EXPECT_EQ(head.identity, head_.identity);
  EXPECT_EQ(head.number, 4U);
  EXPECT_EQ(head.layers, 20U);
  EXPECT_THAT(head.finished, testing::ElementsAre(LayerPlace{3, 5}));
  EXPECT_THAT(head.work, testing::ElementsAre("a.h5: fc2: 5 of 11 segments folded, 2 looked at again"));
  EXPECT_THAT(bytes(), testing::StartsWith("collapscope state 2\nchecksum "));
}

TEST_F(StateFile, SumsThatNobodyWantsStayThere) {
  EXPECT_TRUE(read_state(path_, [](const LayerPlace&) { return false; }).at_work.empty());
}

TEST_F(StateFile, AnyBitThatHasChangedIsNoticed) {
  const std::string sound = bytes();
  for (std::size_t at = 0; at < sound.size(); at += at < 64 ? 1 : 97) {
    std::string damaged = sound;
    damaged[at] = static_cast<char>(damaged[at] ^ (1U << (at % 8)));
    overwrite(damaged);
    EXPECT_THROW((void)read_state_head(path_), InputError) << at;
  }
}

TEST_F(StateFile, AFileThatIsCutIsNoticed) {
  const std::string sound = bytes();
  for (std::size_t size = 0; size < sound.size(); size += size < 600 ? 37 : 501) {
    overwrite(sound.substr(0, size));
    EXPECT_THROW((void)read_state(path_, all), InputError) << size;
  }
  overwrite(sound + "x");
  EXPECT_THROW((void)read_state(path_, all), InputError);
}

TEST_F(StateFile, AnotherKindOfFileIsCalledWhatItIs) {
  overwrite(std::string(1000, 'x'));
  EXPECT_THAT([&] { (void)read_state_head(path_); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("expected 'collapscope state 2'")));
}

TEST_F(StateFile, AnUnfinishedOneLeavesTheOldOne) {
  const std::string before = bytes();
  StateView broken = view();
  broken.each_at_work = [](const StateView::Visitor&) { throw Error("stop"); };
  EXPECT_THROW(write_state(path_, head_, broken), Error);
  EXPECT_EQ(bytes(), before);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".writing"));
}

TEST(IdentityDifference, NamesWhatDiffers) {
  EXPECT_EQ(difference({{"a", "1"}}, {{"a", "1"}}), "");
  EXPECT_EQ(difference({{"a", "1"}, {"b", "2"}}, {{"a", "3"}, {"c", "4"}}),
            "a: '1' there, '3' here; b: '2' there, nothing here; c: nothing there, '4' here");
  EXPECT_EQ(difference({{"checkpoint 0", "a"}}, {{"checkpoint 0", "b"}}),
            "checkpoint 0: 'a' there, 'b' here");
  EXPECT_EQ(difference({{"checkpoint 0", "a"}}, {{"checkpoint 0", "b"}, {"/b.h5", "9 bytes"}}),
            "/b.h5: nothing there, '9 bytes' here");
  Identity many;
  for (int i = 0; i < 9; ++i) {
    many.emplace_back(fmt::format("k{}", i), "");
  }
  EXPECT_THAT(difference(many, {}), testing::EndsWith("; and 6 more"));
}

}  // namespace
}  // namespace collapscope
