// Every metric of reference dumps against the float64 oracle, analyzed in the ways of `suites`. cases.json,
// which tests/reference/make_cases.py writes, names the suites of each case; with --all every case is in
// every suite, and gives the same bits by any number of ranks and threads. Usage: oracle_test CASES_DIR
// [--all] [gtest options]
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/ranks/ranks.hpp"
#include "collapscope/report/report.hpp"
#include "collapscope/results/results_file.hpp"
#include "support/test_backend.hpp"

namespace collapscope {

namespace {

using nlohmann::json;

const std::set<std::string, std::less<>> looser{"nrc3_gamma", "nrc3_gamma_over_lambda_min", "feature_rankme",
                                                "feature_effective_rank"};

// What metrics.md promises.
bool agrees(const std::string& metric, double value, double reference) {
  const double relative = looser.contains(metric) ? 1e-6 : 1e-8;
  return std::abs(value - reference) <= relative * std::abs(reference) + 1e-12;
}

// What docs/metrics.md promises of --precision fast: a metric with a floor is right to it, others to 1e-4;
// shares of the trace and cosines absolutely.
bool agrees_fast(const Metric& metric, double value, double reference) {
  if (metric.floor) {
    return agrees(metric.name, value, reference) ||
           std::abs(std::sqrt(value) - std::sqrt(reference)) <= std::sqrt(*metric.floor);
  }
  const bool absolute = metric.name == "evr" || metric.name.starts_with("deep_nrc3");
  return std::abs(value - reference) <= 1e-4 * std::max(std::abs(reference), absolute ? 1.0 : 0.0) + 1e-12;
}

std::string text_option(const json& options, const char* name) {
  return options.contains(name) && options[name].is_string() ? options[name].get<std::string>()
                                                             : std::string();
}

// What is asked of a case, over what the case itself says.
struct Asked {
  Looks looks = Looks::automatic;
  SpectrumChoice spectrum = SpectrumChoice::automatic;
  MetricChoice metrics;
  Precision precision = Precision::float64;
};

// How a case is analyzed.
class CaseInput {
 public:
  CaseInput(std::filesystem::path folder, json expected, Asked asked)
      : folder_(std::move(folder)), expected_(std::move(expected)), asked_(std::move(asked)) {}

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const json& expected() const { return expected_; }
  [[nodiscard]] const Asked& asked() const { return asked_; }

  [[nodiscard]] IndexOptions indexing() const {
    const json& options = expected_.at("options");
    IndexOptions indexing;
    indexing.naming.activations = text_option(options, "activations");
    indexing.naming.targets = text_option(options, "targets");
    indexing.naming.predictions = text_option(options, "predictions");
    indexing.naming.weight = text_option(options, "weight");
    indexing.naming.transpose_weight = options.value("transpose_weight", false);
    for (const Layout layout : {Layout::ntd, Layout::nchw, Layout::nhwc}) {
      if (text_option(options, "layout") == layout_name(layout)) {
        indexing.naming.layout = layout;
      }
    }
    return indexing;
  }

  [[nodiscard]] AnalysisOptions analysis() const {
    const json& options = expected_.at("options");
    AnalysisOptions analysis;
    analysis.looks = asked_.looks;
    analysis.spectrum = asked_.spectrum;
    analysis.metrics = asked_.metrics;
    analysis.precision = asked_.precision;
    analysis.top = options.at("top");
    analysis.memory = std::uint64_t{1} << 30U;
    if (options.at("signal_dim").is_number()) {
      analysis.signal_dim = options.at("signal_dim").get<std::size_t>();
    }
    if (options.at("ignore_label").is_number()) {
      analysis.ignore_label = options.at("ignore_label").get<std::int64_t>();
    }
    analysis.intrinsic_signal_dim = text_option(options, "signal_dim") == "intrinsic";
    if (const std::string pool = text_option(options, "pool"); !pool.empty()) {
      analysis.pool = parse_pool(pool);
    }
    return analysis;
  }

  [[nodiscard]] std::vector<Checkpoint> checkpoints() const {
    std::vector<CheckpointIndex> indexes;
    for (const json& file : expected_.at("files")) {
      DumpIndex index = index_dump(folder_ / file.get<std::string>(), indexing());
      for (const Failure& failure : index.failures) {
        ADD_FAILURE() << failure.path << ": " << failure.object << ": " << failure.message;
      }
      std::move(index.checkpoints.begin(), index.checkpoints.end(), std::back_inserter(indexes));
    }
    return arrange_checkpoints(std::move(indexes), expected_.at("options").value("shards", false));
  }

 private:
  std::filesystem::path folder_;
  json expected_;
  Asked asked_;
};

// The same bits by any number of ranks and threads.
class BitsCase : public testing::Test {
 public:
  explicit BitsCase(CaseInput input) : input_(std::move(input)) {}

  void TestBody() override {
    const std::vector<Checkpoint> checkpoints = input_.checkpoints();
    const std::string wanted = digest_of(checkpoints, 1, 1);
    for (const std::size_t ranks : {1, 2, 3, 4, 7}) {
      for (const std::size_t threads : {1, 2, 3}) {
        EXPECT_EQ(digest_of(checkpoints, ranks, threads), wanted)
            << ranks << " ranks, " << threads << " threads";
      }
    }
  }

 private:
  [[nodiscard]] std::string digest_of(const std::vector<Checkpoint>& checkpoints, std::size_t ranks,
                                      std::size_t threads) const {
    std::string digest;
    on_local_ranks(ranks, [&](Ranks& mine) {
      const auto backend = make_cpu_backend(threads);
      const auto progress = make_quiet_progress();
      const Results results =
          analyze(checkpoints, *backend, input_.analysis(), {*progress, nullptr, nullptr, &mine});
      if (mine.rank() == 0) {
        EXPECT_TRUE(results.failures.empty());
        digest = numbers_digest(results);
      }
    });
    return digest;
  }

  CaseInput input_;
};

class OracleCase : public test::OnBackend {
 public:
  explicit OracleCase(CaseInput input)
      : folder_(input.folder()),
        expected_(input.expected()),
        asked_(input.asked()),
        input_(std::move(input)) {}

  void TestBody() override {
    const std::vector<Checkpoint> checkpoints = input_.checkpoints();
    const auto progress = make_quiet_progress();
    const Results results = analyze(checkpoints, backend(), input_.analysis(), *progress);
    for (const Failure& failure : results.failures) {
      ADD_FAILURE() << failure.path << ": " << failure.object << ": " << failure.message;
    }
    EXPECT_EQ(results.provenance.device, backend().describe()) << "another device took over";
    EXPECT_TRUE(results.provenance.fallbacks == Fallbacks{}) << fallbacks_text(results.provenance.fallbacks);
    compare(results);
  }

 private:
  void compare(const Results& results) const {
    const json& checkpoints = expected_.at("checkpoints");
    ASSERT_EQ(results.checkpoints.size(), checkpoints.size());
    for (std::size_t i = 0; i < checkpoints.size(); ++i) {
      const CheckpointResult& found = results.checkpoints[i];
      const json& wanted = checkpoints[i];
      EXPECT_EQ(found.path, (folder_ / wanted.at("path").get<std::string>()).string());
      EXPECT_EQ(found.id, wanted.at("id").get<std::string>());
      EXPECT_EQ(found.run, wanted.at("run").is_null() ? "" : wanted.at("run").get<std::string>());
      compare_metrics("targets", found.targets, wanted.at("targets"), {});
      compare_depth(found, wanted.at("depth"));
      ASSERT_EQ(found.layers.size(), wanted.at("layers").size());
      for (std::size_t j = 0; j < found.layers.size(); ++j) {
        const json& layer = wanted.at("layers")[j];
        EXPECT_EQ(found.layers[j].name, layer.at("name").get<std::string>());
        std::set<std::string> skip;
        for (const json& name : layer.value("skip", json::array())) {
          skip.insert(name.get<std::string>());
        }
        compare_metrics(found.layers[j].name, found.layers[j].metrics, layer.at("metrics"), skip);
      }
    }
  }

  // Where no layer's value lies at its floor, of which the oracle knows nothing.
  void compare_depth(const CheckpointResult& found, const json& wanted) const {
    if (asked_.precision == Precision::fast) {
      return;
    }
    json flat;
    for (const auto& [metric, law] : wanted.items()) {
      const bool is_at_floor = std::ranges::any_of(found.layers, [&name = metric](const LayerResult& layer) {
        const Metric* const value = layer.metrics.find(name);
        return value != nullptr && value->below_floor();
      });
      if (is_at_floor) {
        continue;
      }
      for (const auto& [part, reference] : law.items()) {
        flat[metric + "_depth_" + part] = reference;
      }
    }
    compare_metrics("depth", found.depth, flat, {});
  }

  void compare_metrics(const std::string& where, const MetricSet& found, const json& wanted,
                       const std::set<std::string>& skip) const {
    for (const auto& [name, reference] : wanted.items()) {
      static const std::set<std::string, std::less<>> of_second_look{"nrc1_centered", "nc1_unit",
                                                                     "nc4_disagreement", "ncc_accuracy"};
      if (skip.contains(name) || (asked_.looks == Looks::one && of_second_look.contains(name))) {
        continue;
      }
      if (!asked_.metrics.shows(name)) {
        EXPECT_EQ(found.find(name), nullptr) << where << " has " << name;
        continue;
      }
      const Metric* metric = found.find(name);
      ASSERT_NE(metric, nullptr) << where << " lacks " << name;
      if (reference.is_null()) {
        EXPECT_FALSE(metric->defined())
            << where << " " << name << " is " << shown(*metric) << ", not undefined";
        EXPECT_FALSE(metric->note.empty()) << where << " " << name << " is undefined without a reason";
      } else if (!left_undefined(*metric)) {
        EXPECT_TRUE(same(*metric, reference))
            << where << " " << name << " is " << shown(*metric) << ", expected " << reference.dump()
            << "; note '" << metric->note << "'";
      }
    }
  }

  static std::string shown(const Metric& metric) {
    if (const auto* list = std::get_if<std::vector<double>>(&metric.value)) {
      return fmt::format("[{}]", fmt::join(*list, ", "));
    }
    const auto number = metric.number();
    return number ? fmt::format("{:.17g}", *number) : "undefined";
  }

  // Float32 products cannot tell, and say so.
  [[nodiscard]] bool left_undefined(const Metric& metric) const {
    static const std::set<std::string, std::less<>> may_be{"feature_rankme", "deep_nrc2_debiased",
                                                           "linear_excess", "target_cca",
                                                           "feature_participation_ratio_debiased"};
    const bool is_noted = metric.note == "not in fast precision" || metric.note == "ill-conditioned subspace";
    return asked_.precision == Precision::fast && is_noted &&
           (metric.defined() ? true : may_be.contains(metric.name));
  }

  [[nodiscard]] bool close(const Metric& metric, double value, double reference) const {
    return asked_.precision == Precision::fast ? agrees_fast(metric, value, reference)
                                               : agrees(metric.name, value, reference);
  }

  [[nodiscard]] bool same(const Metric& metric, const json& reference) const {
    if (const auto* list = std::get_if<std::vector<double>>(&metric.value)) {
      if (!reference.is_array() || reference.size() != list->size()) {
        return false;
      }
      for (std::size_t i = 0; i < list->size(); ++i) {
        if (!close(metric, (*list)[i], reference[i].get<double>())) {
          return false;
        }
      }
      return true;
    }
    const auto number = metric.number();
    return number && reference.is_number() && close(metric, *number, reference.get<double>());
  }

  std::filesystem::path folder_;
  json expected_;
  Asked asked_;
  CaseInput input_;
};

std::string test_name(std::string name) {
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

// A way to analyze a case, of which the same values are expected. Their names are those of cover.py.
struct Suite {
  const char* name;
  Asked asked;
};

std::vector<Suite> suites() {
  // The leading eigenpairs give the same, whatever the order of the matrix: k + 1 of them, and ten.
  constexpr const char* of_the_signal =
      "nrc*,deep_nrc1*,deep_nrc2*,deep_nrc3*,weight_*,feature_stable_rank*,feature_participation_ratio,"
      "samples";
  return {
      {"Oracle", {}},
      {"OracleOneLook", {Looks::one, {}, {}, {}}},
      {"OracleFast", {{}, {}, {}, Precision::fast}},
      {"OracleFastOneLook", {Looks::one, {}, {}, Precision::fast}},
      // A second look only where the moments' remainders are small.
      {"OracleAsNeeded", {{}, {}, MetricChoice("deep_nrc*,linear*"), {}}},
      {"OracleNormalizedAsNeeded", {{}, {}, MetricChoice("nrc1,nrc2,deep_nrc1"), {}}},
      {"OracleClassesAsNeeded",
       {{}, {}, MetricChoice("within_variance,nc1,nc1_trace,nc1_quotient,nc1_cdnv,deep_nrc1"), {}}},
      {"OracleSignalPairs", {Looks::automatic, SpectrumChoice::leading, MetricChoice(of_the_signal)}},
      {"OracleTenPairs",
       {Looks::automatic, SpectrumChoice::leading, MetricChoice("evr,nrc1,total_variance")}},
  };
}

// That cases.json and this program know the same suites.
class Suites : public testing::Test {
 public:
  explicit Suites(std::set<std::string> of_cases) : of_cases_(std::move(of_cases)) {}

  void TestBody() override {
    std::set<std::string> ours;
    for (const Suite& suite : suites()) {
      ours.insert(suite.name);
    }
    EXPECT_EQ(of_cases_, ours);
  }

 private:
  std::set<std::string> of_cases_;
};

// `list` names which of a case's lists of suites counts. bits: every case by many ranks and threads, too.
void register_cases(const std::filesystem::path& folder, const char* list, bool bits) {
  std::ifstream file(folder / "cases.json");
  if (!file) {
    throw Error("no cases.json in " + folder.string() + "; run tests/reference/make_cases.py");
  }
  std::set<std::string> of_cases;
  for (const json& expected : json::parse(file)) {
    const std::set<std::string> of_case = expected.at(list);
    of_cases.insert(of_case.begin(), of_case.end());
    for (const Suite& suite : suites()) {
      if (of_case.contains(suite.name)) {
        testing::RegisterTest(
            suite.name, test_name(expected.at("name")).c_str(), nullptr, nullptr, __FILE__, __LINE__,
            [=]() -> OracleCase* { return new OracleCase(CaseInput(folder, expected, suite.asked)); });
      }
    }
    if (bits) {
      testing::RegisterTest("Bits", test_name(expected.at("name")).c_str(), nullptr, nullptr, __FILE__,
                            __LINE__,
                            [=]() -> BitsCase* { return new BitsCase(CaseInput(folder, expected, {})); });
    }
  }
  testing::RegisterTest("OracleSuites", "AreThoseOfTheCases", nullptr, nullptr, __FILE__, __LINE__,
                        [=]() -> Suites* { return new Suites(of_cases); });
}

}  // namespace

}  // namespace collapscope

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const bool all = argc == 3 && std::string_view(argv[2]) == "--all";
  if (argc != (all ? 3 : 2)) {
    fmt::print(stderr, "usage: oracle_test CASES_DIR [--all] [gtest options]\n");
    return 2;
  }
  collapscope::register_cases(argv[1], all ? "all_suites" : "suites", all);
  return RUN_ALL_TESTS();
}
