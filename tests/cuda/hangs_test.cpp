// A GPU that stops to answer: the real program ends all the same, with right numbers from the CPU, or with
// status 75 where a call cannot be taken back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sysexits.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "cli/results.hpp"

namespace collapscope {
namespace {

using cli::Json;
using testing::HasSubstr;
using Settings = std::map<std::string, std::string>;

// body(0) ... body(count - 1), some at once: all that most of them do is wait.
template <class Body>
void side_by_side(long count, const Body& body) {
  constexpr long at_once = 4;
  std::atomic<long> next = 0;
  std::vector<std::thread> threads;
  for (long i = 0; i < std::min(at_once, count); ++i) {
    threads.emplace_back([&] {
      for (long run = next++; run < count && !testing::Test::HasFailure(); run = next++) {
        body(run);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

class Hangs : public ::testing::Test {
 protected:
  void SetUp() override {
    cli::expect_status(0, folder_,
                       {"synth", "planted", "-o", "small.h5", "-N", "3000", "--noise", "0.5,1e-3"});
    cli::expect_status(0, folder_,
                       {"synth", "planted", "-o", "wide.h5", "-N", "1100", "-d", "520", "--noise", "0.1"});
  }

  [[nodiscard]] cli::Finished run(const cli::Arguments& arguments, Settings settings) const {
    settings.merge(Settings{{"LD_LIBRARY_PATH", FAKE_CUDA_FOLDER},
                            {"COLLAPSCOPE_GPU_MODULE", GPU_MODULE},
                            {"COLLAPSCOPE_GPU_TILE", "4096"},
                            {"COLLAPSCOPE_GPU_FROM", "0"},
                            {"COLLAPSCOPE_DEVICE_TIMEOUT", "0.3"},
                            {"FAKE_CUDA_PROTECT", "0"}});
    return cli::run(folder_, arguments, {.environment = settings});
  }

  [[nodiscard]] cli::Finished analyze(const std::string& dump, const Settings& settings,
                                      const std::string& device = "auto",
                                      const std::string& found = "found.json") const {
    std::filesystem::remove(folder_.path() / found);
    return run(
        {"analyze", dump, "--device", device, "--threads", "1", "--memory", "64MiB", "-q", "-o", found},
        settings);
  }

  void expect_found(const Json& wanted, const std::string& found = "found.json") const {
    cli::expect_same_metrics(Json::parse(folder_.read(found)), wanted, 1e-8, 1e-12);
  }

  // How many calls and items of work an analysis has that nothing disturbs.
  [[nodiscard]] Json undisturbed(const std::string& dump, const Settings& settings = {}) const {
    Settings all = settings;
    all["FAKE_CUDA_REPORT"] = (folder_.path() / "report.json").string();
    all["FAKE_CUDA_STRICT"] = "1";
    all["COLLAPSCOPE_DEVICE_TIMEOUT"] = "0";
    const cli::Finished finished = analyze(dump, all);
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(finished.err, "");
    return Json::parse(folder_.read("report.json"));
  }

  // An analysis whose device hangs at `number` of `kind`: true when the CPU has finished it.
  [[nodiscard]] bool goes_on(const std::string& dump, const Json& wanted, Settings settings,
                             const std::string& kind, long number) const {
    SCOPED_TRACE(testing::Message() << dump << ", hang at " << number << " of " << kind);
    settings["FAKE_CUDA_HANG_AT"] = std::to_string(number);
    settings["FAKE_CUDA_HANG_KIND"] = kind;
    const std::string found = "found" + std::to_string(number) + ".json";
    const cli::Finished finished = analyze(dump, settings, "auto", found);
    EXPECT_THAT(finished.err, HasSubstr("COLLAPSCOPE_DEVICE_TIMEOUT")) << finished.status;
    if (finished.status == EX_TEMPFAIL) {
      EXPECT_THAT(finished.err, HasSubstr("has not returned"));
    } else {
      EXPECT_EQ(finished.status, 0) << finished.err;
      EXPECT_THAT(finished.err, HasSubstr("on the CPU"));
    }
    // Whole and right, or not there.
    if (finished.status == 0 || folder_.has(found)) {
      expect_found(wanted, found);
    }
    return finished.status == 0;
  }

  // How many of `runs` hangs, evenly at all of `count`, the CPU goes on from. All or none: but this machine
  // may be so busy that what comes first takes longer than the limit.
  [[nodiscard]] long going_on(const std::string& dump, const Json& wanted, const Settings& settings,
                              const std::string& kind, long count, long runs) const {
    std::atomic<long> gone_on = 0;
    side_by_side(runs, [&](long run) {
      gone_on += goes_on(dump, wanted, settings, kind, 1 + run * count / runs) ? 1 : 0;
    });
    return gone_on;
  }

  [[nodiscard]] Json on_cpu(const std::string& dump) const {
    EXPECT_EQ(analyze(dump, {}, "cpu").status, 0);
    return Json::parse(folder_.read("found.json"));
  }

  cli::TempFolder folder_;
};

TEST_F(Hangs, OfWorkLeaveTheRestToTheCpu) {
  const Json wanted = on_cpu("small.h5");
  for (const char* schedule : {"lazy", "eager", "random"}) {
    const Settings settings{{"FAKE_CUDA_SCHEDULE", schedule}};
    const long items = undisturbed("small.h5", settings).at("work_items");
    ASSERT_GT(items, 100);
    expect_found(wanted);
    EXPECT_GE(going_on("small.h5", wanted, settings, "work", items, 12), 8);
  }
}

TEST_F(Hangs, OfEigensolversLeaveTheRestToTheCpu) {
  const Json wanted = on_cpu("wide.h5");
  const Json report = undisturbed("wide.h5");
  EXPECT_GT(report.at("of_call").value("cusolverDnXsyevd", 0), 0);
  const Settings patient{{"COLLAPSCOPE_DEVICE_TIMEOUT", "3"}};
  EXPECT_GE(going_on("wide.h5", wanted, patient, "work", report.at("work_items"), 6), 4);
}

TEST_F(Hangs, OfCallsEndTheProcess) {
  const Json wanted = on_cpu("small.h5");
  const long calls = undisturbed("small.h5").at("calls");
  ASSERT_GT(calls, 200);
  EXPECT_LE(going_on("small.h5", wanted, {}, "calls", calls, 30), 5);
}

// Nor does the CPU take over from GPUs that were asked for.
TEST_F(Hangs, OfOneGpuAmongOthersEndTheUseOfAll) {
  for (const char* n : {"10", "100"}) {
    const cli::Finished finished =
        analyze("small.h5", {{"FAKE_CUDA_DEVICES", "3"}, {"FAKE_CUDA_HANG_AT", n}}, "cuda:all");
    EXPECT_THAT(finished.status, testing::AnyOf(1, 2)) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("COLLAPSCOPE_DEVICE_TIMEOUT"));
    EXPECT_THAT(finished.err, HasSubstr("; with --device auto the CPU would go on"));
    EXPECT_THAT(finished.err, testing::Not(HasSubstr("goes on on the CPU")));
  }
}

TEST_F(Hangs, LeaveNoTemporaryDumps) {
  // Beyond the ceilings, whose large copies and products take the fake some time.
  const std::vector<std::pair<std::string, std::string>> at{{"work", "300"}, {"calls", "1000"}};
  side_by_side(2, [&](long run) {
    const auto& [kind, number] = at[static_cast<std::size_t>(run)];
    const cli::Finished finished =
        this->run({"bench", "--device", "cuda", "--features", "16", "--types", "float32", "--rows", "5000",
                   "--seconds", "0", "--stages", "first-look,pipeline", "--folder", "."},
                  {{"FAKE_CUDA_MEMORY", "1G"},
                   {"FAKE_CUDA_HANG_AT", number},
                   {"FAKE_CUDA_HANG_KIND", kind},
                   {"COLLAPSCOPE_DEVICE_TIMEOUT", "5"}});
    EXPECT_EQ(finished.status, kind == "calls" ? EX_TEMPFAIL : 2) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("COLLAPSCOPE_DEVICE_TIMEOUT"));
  });
  EXPECT_THAT(folder_.names(), testing::ElementsAre("small.h5", "wide.h5"));
}

TEST_F(Hangs, AreTimedBySeconds) {
  for (const char* limit : {"soon", "-1", "5m", "nan"}) {
    const cli::Finished finished = analyze("small.h5", {{"COLLAPSCOPE_DEVICE_TIMEOUT", limit}});
    EXPECT_EQ(finished.status, 2) << limit;
    EXPECT_THAT(finished.err, HasSubstr("COLLAPSCOPE_DEVICE_TIMEOUT: found '" + std::string(limit) +
                                        "', expected seconds"));
  }
  EXPECT_EQ(analyze("small.h5", {{"COLLAPSCOPE_DEVICE_TIMEOUT", "0"}}).err, "");
}

}  // namespace
}  // namespace collapscope
