// Several ranks as threads of this process: the bits of one, the messages that the model expects.
#include "collapscope/ranks/ranks.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <bit>

#include "cluster/sample_run.hpp"
#include "collapscope/core/error.hpp"
#include "core/pack.hpp"
#include "core/segment_tree.hpp"
#include "core/sums_fields.hpp"

namespace collapscope {
namespace {

// Counts what a rank sends.
class CountingRanks final : public Ranks {
 public:
  CountingRanks(Ranks& ranks, std::atomic<std::uint64_t>& bytes, std::atomic<std::uint64_t>& large)
      : ranks_(ranks), bytes_(bytes), large_(large) {}

  [[nodiscard]] std::size_t rank() const override { return ranks_.rank(); }
  [[nodiscard]] std::size_t size() const override { return ranks_.size(); }
  [[nodiscard]] std::string host() const override { return ranks_.host(); }
  [[nodiscard]] std::size_t on_this_machine() const override { return ranks_.on_this_machine(); }
  [[nodiscard]] std::size_t on_these_cpus() const override { return ranks_.on_these_cpus(); }
  void send(std::size_t to, int tag, std::span<const std::byte> bytes) override {
    bytes_ += bytes.size();
    large_ += bytes.size() > 100000 ? 1 : 0;
    ranks_.send(to, tag, bytes);
  }
  std::vector<std::byte> receive(std::size_t from, int tag) override { return ranks_.receive(from, tag); }
  void tell_progress(std::uint64_t bytes) override { ranks_.tell_progress(bytes); }
  void on_progress(std::function<void(std::uint64_t)> listener) override { ranks_.on_progress(listener); }
  void share_stop(StopRequest* stop) override { ranks_.share_stop(stop); }
  [[noreturn]] void abort(int status, const std::string& message) override {
    ranks_.abort(status, message);
    throw Error(message);
  }

 private:
  Ranks& ranks_;
  std::atomic<std::uint64_t>& bytes_;
  std::atomic<std::uint64_t>& large_;
};

struct Outcome {
  Results results;
  std::uint64_t bytes = 0;  // sent by all
  std::uint64_t large = 0;  // messages of sums
};

Outcome analyzed_by(std::size_t ranks, std::size_t threads, const std::vector<Checkpoint>& checkpoints,
                    const AnalysisOptions& options = {}) {
  Outcome outcome;
  std::atomic<std::uint64_t> bytes = 0;
  std::atomic<std::uint64_t> large = 0;
  on_local_ranks(ranks, [&](Ranks& mine) {
    CountingRanks counting(mine, bytes, large);
    test::Messages messages;
    const auto backend = make_cpu_backend(threads);
    Results found = analyze(checkpoints, *backend, options, {messages, nullptr, nullptr, &counting});
    if (mine.rank() == 0) {
      outcome.results = std::move(found);
    } else {
      EXPECT_TRUE(found.checkpoints.empty());
    }
  });
  outcome.bytes = bytes;
  outcome.large = large;
  return outcome;
}

TEST(Ranks, AnyNumberOfThemGivesTheBitsOfOne) {
  const Results wanted = test::sample_run().analyzed();
  ASSERT_EQ(wanted.checkpoints.size(), 2U);
  ASSERT_EQ(wanted.failures.size(), 1U);
  for (const std::size_t ranks : {1, 2, 3, 4, 7}) {
    for (const std::size_t threads : {1, 3}) {
      SCOPED_TRACE(fmt::format("{} ranks, {} threads", ranks, threads));
      const Outcome outcome = analyzed_by(ranks, threads, test::sample_run().checkpoints());
      test::expect_same(outcome.results, wanted);
      EXPECT_EQ(outcome.results.provenance.ranks, ranks);
    }
  }
}

TEST(Ranks, EveryByteOfTheRowsIsReadOnce) {
  AnalysisOptions options;
  options.metrics = MetricChoice("deep_nrc2");
  const auto& run = test::sample_run();
  const Results wanted = run.analyzed(1, options);
  const Outcome outcome = analyzed_by(3, 1, run.checkpoints(), options);
  test::expect_same(outcome.results, wanted);
  // The damaged layer is read as far as the row that ends it, and by others beyond it.
  const std::uint64_t damaged = 50000 * 140 * sizeof(float);
  EXPECT_GE(outcome.results.provenance.bytes_read + damaged, wanted.provenance.bytes_read);
  EXPECT_LE(outcome.results.provenance.bytes_read, wanted.provenance.bytes_read + damaged);
}

// Of one shared layer: whoever does not own it sends the largest subtrees of its segments, each once.
TEST(Ranks, SendNoMoreThanTheModelSays) {
  const auto& run = test::sample_run();
  std::vector<Checkpoint> one{run.checkpoints().front()};
  AnalysisOptions options;
  options.layers = {"wide"};
  const std::uint64_t d = 150;
  const std::uint64_t n = 2;
  const std::uint64_t sums = sizeof(double) * (d * d + 3 * d * n + n * n + 8 * d);
  for (const std::size_t ranks : {2U, 3U, 4U}) {
    const Outcome outcome = analyzed_by(ranks, 1, one, options);
    const std::uint64_t subtrees = ranks - 1;  // 4 segments of 16,384 rows
    EXPECT_GE(outcome.large, subtrees);
    EXPECT_LE(outcome.large, subtrees + 1);
    EXPECT_LE(outcome.bytes, outcome.large * sums + ranks * 40000) << ranks;
    EXPECT_GE(outcome.bytes, subtrees * d * d * sizeof(double));
  }
}

TEST(Ranks, AnErrorOfOneIsEverybodys) {
  on_local_ranks(4, [](Ranks& ranks) {
    const auto error = common_error(
        ranks, ranks.rank() == 2 ? std::optional<std::string>("no such file") : std::nullopt, {});
    ASSERT_TRUE(error);
    EXPECT_EQ(*error, "[rank 2 on this machine] no such file");
    EXPECT_FALSE(common_error(ranks, std::nullopt, {"same"}));
    const auto differs = common_error(ranks, std::nullopt, {ranks.rank() == 3 ? "GPU" : "CPU"});
    ASSERT_TRUE(differs);
    EXPECT_THAT(*differs, testing::HasSubstr("[rank 3 on this machine] found 'GPU', but rank 0 found 'CPU'"));
  });
}

TEST(Ranks, OtherInputOnOneOfThemIsRefused) {
  const auto& run = test::sample_run();
  EXPECT_THROW(
      on_local_ranks(2,
                     [&](Ranks& ranks) {
                       test::Messages messages;
                       const auto backend = make_cpu_backend(1);
                       std::vector<Checkpoint> checkpoints = run.checkpoints();
                       if (ranks.rank() == 1) {
                         checkpoints.pop_back();
                       }
                       (void)analyze(checkpoints, *backend, {}, {messages, nullptr, nullptr, &ranks});
                     }),
      UsageError);
}

TEST(Ranks, OneThatFailsEndsTheWaitOfOthers) {
  EXPECT_THROW(on_local_ranks(3,
                              [](Ranks& ranks) {
                                if (ranks.rank() == 1) {
                                  throw Error("gone");
                                }
                                (void)ranks.receive(1, 5);
                              }),
               Error);
}

}  // namespace
}  // namespace collapscope
