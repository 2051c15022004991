// A GPU that was asked for is used, or the program says that it cannot be; with auto the CPU takes over, and
// says so. The real program on the fake runtime.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/results.hpp"

namespace collapscope {
namespace {

using cli::Json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class DeviceChoice : public ::testing::Test {
 protected:
  using Environment = std::map<std::string, std::string>;

  void SetUp() override {
    cli::expect_status(0, folder_,
                       {"synth", "planted", "-o", "a.h5", "-N", "3000", "--noise", "0.5,0.1,1e-3"});
    EXPECT_EQ(analyze("cpu", {}).status, 0);
    on_cpu_ = found();
  }

  [[nodiscard]] cli::Finished run(const cli::Arguments& arguments, Environment environment) const {
    environment.merge(Environment{{"LD_LIBRARY_PATH", FAKE_CUDA_FOLDER},
                                  {"COLLAPSCOPE_GPU_MODULE", GPU_MODULE},
                                  {"COLLAPSCOPE_GPU_TILE", "4096"},
                                  {"COLLAPSCOPE_GPU_FROM", "0"},
                                  {"FAKE_CUDA_PROTECT", "0"}});
    return cli::run(folder_, arguments, {.environment = environment});
  }

  [[nodiscard]] cli::Finished analyze(const std::string& device, const Environment& environment,
                                      const std::string& dump = "a.h5") const {
    std::filesystem::remove(folder_.path() / "found.json");
    return run({"analyze", dump, "--device", device, "--threads", "1", "-q", "-o", "found.json"},
               environment);
  }

  [[nodiscard]] Json found() const { return Json::parse(folder_.read("found.json")); }

  // The number of work items of an analysis that nothing disturbs.
  [[nodiscard]] long work_items() const {
    EXPECT_EQ(analyze("cuda", {{"FAKE_CUDA_REPORT", (folder_.path() / "report.json").string()}}).err, "");
    return Json::parse(folder_.read("report.json")).at("work_items");
  }

  [[nodiscard]] static Environment lost_at(long item) {
    return {{"FAKE_CUDA_FAIL_AT", std::to_string(item)}, {"FAKE_CUDA_FAIL_KIND", "sticky"}};
  }

  [[nodiscard]] static std::string last_line(const std::string& text) {
    const std::size_t begin = text.rfind('\n', text.size() - 2);
    return begin == std::string::npos ? text : text.substr(begin + 1);
  }

  cli::TempFolder folder_;
  Json on_cpu_;
};

TEST_F(DeviceChoice, WithoutAGpuIsAnErrorThatSaysWhatIsMissing) {
  const std::vector<std::pair<Environment, std::string>> cases{
      {{{"FAKE_CUDA_DEVICES", "0"}}, "cudaErrorNoDevice"},
      {{{"FAKE_CUDA_DRIVER", "old"}}, "cudaErrorInsufficientDriver"},
      {{{"FAKE_CUDA_NO_IMAGE", "1"}}, "cudaErrorNoKernelImageForDevice"},
      {{{"COLLAPSCOPE_GPU_MODULE", "/none.so"}}, "the GPU module cannot be loaded"},
      {{{"FAKE_CUDA_MEMORY", "1M"}}, "out of memory"},
  };
  for (const auto& [environment, words] : cases) {
    for (const char* device : {"cuda", "cuda:0", "cuda:all"}) {
      const std::vector<cli::Arguments> commands{
          {"analyze", "a.h5", "--device", device, "-o", "found.json"},
          {"inspect", "a.h5", "--device", device},
          {"bench", "--device", device, "--rows", "100", "--features", "8"}};
      for (const cli::Arguments& command : commands) {
        SCOPED_TRACE(testing::Message() << words << ": " << command[0] << " " << device);
        std::filesystem::remove(folder_.path() / "found.json");
        const cli::Finished finished = run(command, environment);
        EXPECT_EQ(finished.status, 2);
        EXPECT_EQ(finished.out, "");
        EXPECT_THAT(finished.err, StartsWith("collapscope: --device " + std::string(device) + ": "));
        EXPECT_THAT(finished.err, HasSubstr(words));
        EXPECT_THAT(finished.err, HasSubstr("; --device auto would take the CPU\n"));
        EXPECT_FALSE(folder_.has("found.json"));
      }
    }
  }
}

TEST_F(DeviceChoice, ThatFallsBackSaysSoInTheResultsAndInTheLastLine) {
  const cli::Finished finished = analyze("auto", {{"FAKE_CUDA_DEVICES", "0"}});
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.err, StartsWith("no GPU is used: "));
  EXPECT_THAT(last_line(finished.err), StartsWith("done instead of the GPU: everything by the CPU"));
  const Json fallbacks = found().at("provenance").at("fallbacks");
  ASSERT_EQ(fallbacks.size(), 1U);
  EXPECT_EQ(fallbacks[0].at("work"), "analysis");
  EXPECT_THAT(fallbacks[0].at("reason").get<std::string>(), HasSubstr("cudaErrorNoDevice"));
  cli::expect_same_metrics(found(), on_cpu_, 1e-8, 1e-12);
}

// What was measured before stays; the CPU replaces nothing.
TEST_F(DeviceChoice, WhoseGpuIsLostKeepsWhatItHas) {
  const long items = work_items();
  ASSERT_GT(items, 100);
  std::size_t kept = 0;
  std::size_t nothing = 0;
  for (long item = 1; item < items; item += items / 9) {
    SCOPED_TRACE(item);
    const cli::Finished finished = analyze("cuda", lost_at(item));
    EXPECT_THAT(finished.err, HasSubstr("; with --device auto the CPU would go on"));
    EXPECT_THAT(finished.err, Not(HasSubstr("goes on on the CPU")));
    if (finished.status == 2) {
      EXPECT_FALSE(folder_.has("found.json"));
      ++nothing;
      continue;
    }
    EXPECT_EQ(finished.status, 1);
    const Json results = found();
    const Json& layers = results.at("checkpoints").at(0).at("layers");
    const Json& failures = results.at("failures");
    EXPECT_EQ(layers.size() + failures.size(), 3U);
    EXPECT_EQ(results.at("provenance").at("fallbacks"), Json::array());
    EXPECT_THAT(results.at("provenance").at("device").get<std::string>(), Not(HasSubstr("in part")));
    for (const Json& failure : failures) {
      EXPECT_THAT(failure.at("message").get<std::string>(), HasSubstr("cudaErrorIllegalAddress"));
    }
    if (failures.size() == 2) {
      EXPECT_THAT(failures.at(1).at("message").get<std::string>(),
                  StartsWith("not measured, because the GPU was lost: "));
    }
    kept += layers.size();
  }
  EXPECT_GT(nothing, 0U);
  EXPECT_GT(kept, 3U);
}

TEST_F(DeviceChoice, OfAutoWhoseGpuIsLostCountsTheLayersOfTheCpu) {
  const long items = work_items();
  std::size_t all = 0;
  for (long item = 1; item < items; item += items / 4) {
    SCOPED_TRACE(item);
    const cli::Finished finished = analyze("auto", lost_at(item));
    EXPECT_EQ(finished.status, 0);
    cli::expect_same_metrics(found(), on_cpu_, 1e-8, 1e-12);
    const Json fallbacks = found().at("provenance").at("fallbacks");
    ASSERT_EQ(fallbacks.size(), 1U);
    EXPECT_EQ(fallbacks[0].at("work"), "layer");
    EXPECT_EQ(fallbacks[0].at("to"), "cpu");
    EXPECT_THAT(fallbacks[0].at("reason").get<std::string>(), HasSubstr("cudaErrorIllegalAddress"));
    const std::size_t layers = fallbacks[0].at("count");
    EXPECT_THAT(
        last_line(finished.err),
        StartsWith(layers == 1 ? "done instead of the GPU: 1 layer by the CPU"
                               : "done instead of the GPU: " + std::to_string(layers) + " layers by"));
    all += layers;
  }
  EXPECT_GT(all, 4U);
  EXPECT_LT(all, 12U);
}

TEST_F(DeviceChoice, RejectedEigenbasesAreCounted) {
  cli::expect_status(0, folder_,
                     {"synth", "planted", "-o", "wide.h5", "-N", "1100", "-d", "520", "--noise", "0.1"});
  cli::Finished finished = analyze("cuda", {}, "wide.h5");
  EXPECT_EQ(finished.err, "");
  EXPECT_EQ(found().at("provenance").at("rejected_eigenbases"), 0);
  EXPECT_EQ(found().at("provenance").at("fallbacks"), Json::array());
  finished = analyze("cuda", {{"FAKE_CUDA_EIGEN", "nonorthogonal"}}, "wide.h5");
  EXPECT_EQ(finished.status, 0);
  const Json provenance = found().at("provenance");
  EXPECT_GE(provenance.at("rejected_eigenbases"), 1);
  EXPECT_EQ(provenance.at("fallbacks").at(0).at("work"), "eigenbasis");
  EXPECT_THAT(finished.err, HasSubstr("wide.h5: layer1: the GPU's answer failed its check"));
  EXPECT_THAT(last_line(finished.err), HasSubstr(" of a GPU rejected"));
}

TEST_F(DeviceChoice, OfAutoTakesTheCpuForLittleWork) {
  const auto device_of = [&](const std::string& device, const Environment& environment) {
    EXPECT_EQ(analyze(device, environment).err, "");
    EXPECT_EQ(found().at("provenance").at("fallbacks"), Json::array());
    return found().at("provenance").at("device").get<std::string>();
  };
  const auto inspected = [&](const std::string& device, const Environment& environment) {
    return run({"inspect", "a.h5", "--device", device, "--threads", "1"}, environment).out;
  };
  const Environment as_usual{{"COLLAPSCOPE_GPU_FROM", ""}};
  EXPECT_THAT(device_of("auto", as_usual), StartsWith("cpu: "));
  EXPECT_THAT(
      inspected("auto", as_usual),
      testing::ContainsRegex("\ndevice: cpu: .*about .* s of work; from 2 s on \\(COLLAPSCOPE_GPU_FROM"));
  EXPECT_THAT(device_of("auto", {}), StartsWith("cuda:0 "));
  EXPECT_THAT(inspected("auto", {}), HasSubstr("\ndevice: cuda:0 Fake GPU"));
  EXPECT_THAT(device_of("cuda", as_usual), StartsWith("cuda:0 "));
  EXPECT_THAT(inspected("cuda", as_usual), HasSubstr("\ndevice: cuda:0 Fake GPU"));
  EXPECT_THAT(inspected("cpu", {}), HasSubstr("(as asked)\n"));
  for (const char* from : {"soon", "-1", "2s", "nan"}) {
    const cli::Finished finished = analyze("auto", {{"COLLAPSCOPE_GPU_FROM", from}});
    EXPECT_EQ(finished.status, 2) << from;
    EXPECT_THAT(finished.err, HasSubstr("COLLAPSCOPE_GPU_FROM: found '" + std::string(from) + "'"));
  }
}

}  // namespace
}  // namespace collapscope
