// Plans, the order of checkpoints and joined shards, from indexes alone.
#include <gtest/gtest.h>

#include <algorithm>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

constexpr std::uint64_t mebibyte = 1U << 20U;

LayerIndex layer_of(std::vector<std::uint64_t> shape, Layout layout = Layout::rows) {
  LayerIndex layer;
  layer.name = "fc";
  layer.layout = layout;
  layer.activations.shape = std::move(shape);
  layer.activations.element = {ElementKind::float32, false};
  return layer;
}

LayerPlan planned(const LayerIndex& layer, const AnalysisOptions& options, std::uint64_t memory) {
  static const auto cpu = make_cpu_backend(1);
  return plan_layer({layer}, 3, options, memory, *cpu);
}

TEST(PlanLayer, CountsSamplesRowsAndBytes) {
  const LayerIndex layer = layer_of({1000, 7, 16}, Layout::ntd);
  AnalysisOptions options;
  options.pool = Pool::none;
  const LayerPlan plan = planned(layer, options, 512 * mebibyte);
  EXPECT_EQ(plan.samples, 1000U);
  EXPECT_EQ(plan.rows, 7000U);
  EXPECT_EQ(plan.bytes, 1000U * 7 * 16 * 4);
  EXPECT_EQ(plan.format.row_length(), 16U);
  EXPECT_EQ(planned(layer, {}, 512 * mebibyte).rows, 1000U);  // mean
  const auto cpu = make_cpu_backend(1);
  const LayerPlan joined = plan_layer({layer, layer}, 3, options, 512 * mebibyte, *cpu);
  EXPECT_EQ(joined.samples, 2000U);
  EXPECT_EQ(joined.bytes, 2 * plan.bytes);
}

// Sums without pairs would lose digits of a distance to a simplex that can be 0.
TEST(PlanLayer, PairsOfClassesWhereTheyAreFewOrMayFormASimplex) {
  const auto cpu = make_cpu_backend(1);
  AnalysisOptions options;
  options.metrics = MetricChoice("nc2_etf");
  const auto pairs = [&](std::uint64_t features, std::size_t classes) {
    return plan_layer({layer_of({10'000, features})}, 0, options, 4096 * mebibyte, *cpu, classes).class_pairs;
  };
  EXPECT_TRUE(pairs(16, 2048));
  EXPECT_FALSE(pairs(16, 2049));
  EXPECT_TRUE(pairs(2999, 3000));
  EXPECT_FALSE(pairs(2998, 3000));
}

// Class sums, those of the rows of norm 1, and the classifier as it is stored.
TEST(PlanLayer, AQuarterOfAMillionClassesFitOneAndAHalfGibibytes) {
  const auto cpu = make_cpu_backend(2);
  AnalysisOptions options;
  options.metrics = MetricChoice("nc*");
  constexpr std::size_t classes = 250'000;
  const auto least = [&](ElementKind kind) {
    LayerIndex layer = layer_of({10 * classes, 256});
    layer.weight = DatasetIndex{};
    layer.weight->object = "/layers/fc/weight";
    layer.weight->shape = {classes, 256};
    layer.weight->element = {kind, false};
    return plan_layer({layer}, 0, options, 4096 * mebibyte, *cpu, classes).least_memory;
  };
  constexpr std::uint64_t table = classes * 256 * sizeof(double);
  EXPECT_GT(least(ElementKind::float32), 2 * table + table / 2);
  EXPECT_LT(least(ElementKind::float32), 1320 * mebibyte);
  EXPECT_EQ(least(ElementKind::float16), least(ElementKind::float32));
  EXPECT_EQ(least(ElementKind::float64), least(ElementKind::float32) + table / 2);
}

TEST(PlanLayer, WorkersForManyNarrowRows) {
  const auto cpu = make_cpu_backend(2);
  if (cpu->segment_workers(64).empty()) {
    GTEST_SKIP() << "no kernels of our own for this processor";
  }
  const auto workers = [&](const LayerIndex& layer, std::uint64_t memory = 512 * mebibyte) {
    const LayerPlan plan = plan_layer({layer}, 3, {}, memory, *cpu);
    EXPECT_LE(plan.memory, memory);
    EXPECT_GT(plan.segment_samples, 0U);
    EXPECT_TRUE(plan.workers == 1 ||
                (plan.worker_band_samples > 0 && plan.segment_samples % plan.worker_band_samples == 0));
    return plan.workers_read ? plan.workers : 1;
  };
  EXPECT_EQ(workers(layer_of({1'000'000, 64})), 2U);
  EXPECT_EQ(workers(layer_of({1'000'000, 64}), 11 * mebibyte), 1U) << "no room for two";
  EXPECT_EQ(workers(layer_of({40'000, 64})), 1U) << "too few segments";
  EXPECT_EQ(workers(layer_of({1'000'000, 4096}), 4096 * mebibyte), 1U) << "too wide";
  LayerIndex columns = layer_of({1'000'000, 64});
  columns.activations.chunk = {1000, 8};
  EXPECT_EQ(workers(columns), 2U);
  columns.activations.chunk = {1'000'000, 8};
  EXPECT_EQ(workers(columns), 1U) << "every worker would read every chunk";
}

TEST(PlanLayer, RespectsTheBudgetOrSaysSo) {
  for (const std::uint64_t rows : {100U, 100000U, 50000000U}) {
    for (const std::uint64_t d : {2U, 512U, 3000U}) {
      for (const std::uint64_t chunk : {0U, 1000U, 1000000U}) {
        bool fitted = false;
        for (std::uint64_t memory = 1024; memory < (std::uint64_t{1} << 36U); memory = memory * 5 / 4) {
          SCOPED_TRACE(testing::Message() << rows << " x " << d << ", chunks of " << chunk << ", " << memory);
          LayerIndex layer = layer_of({rows, d});
          if (chunk > 0) {
            layer.activations.chunk = {chunk, d};
            layer.activations.filters = {"deflate"};
          }
          try {
            const LayerPlan plan = planned(layer, {}, memory);
            fitted = true;
            EXPECT_LE(plan.memory, memory);
            EXPECT_GE(plan.band_samples, 1U);
            EXPECT_TRUE(!plan.keeps_bytes || plan.bytes <= memory);
          } catch (const UsageError& error) {
            EXPECT_FALSE(fitted) << "more memory must not be worse";
            EXPECT_NE(std::string(error.what()).find("--memory"), std::string::npos);
          }
        }
        EXPECT_TRUE(fitted);
      }
    }
  }
  EXPECT_THROW((void)planned(layer_of({1000, 100000}), {}, 512 * mebibyte), UsageError);
}

std::string refusal(const LayerIndex& layer, std::size_t targets, const AnalysisOptions& options,
                    std::uint64_t memory) {
  const auto cpu = make_cpu_backend(1);
  try {
    (void)plan_layer({layer}, targets, options, memory, *cpu);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

std::string targets_refusal(std::vector<std::uint64_t> shape, std::uint64_t memory) {
  Checkpoint checkpoint{{CheckpointIndex()}};
  DatasetIndex& targets = checkpoint.shards.front().targets;
  targets.file = "a.h5";
  targets.object = "/targets";
  targets.shape = std::move(shape);
  try {
    require_targets_fit(checkpoint, memory);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(PlanLayer, CountsTheMatricesOfTheTargets) {
  EXPECT_EQ(targets_refusal({4, 12'000}, 256 * mebibyte),
            "a.h5: /targets: needs 8.6 GiB for the matrices and chunks of targets of shape [4, 12000]; the "
            "budget is 256 MiB (--memory)");
  EXPECT_EQ(targets_refusal({1'000'000, 500}, 256 * mebibyte), "");
  EXPECT_EQ(targets_refusal({1'000'000}, mebibyte), "");
  const LayerIndex layer = layer_of({1000, 4});
  EXPECT_NE(refusal(layer, 12'000, {}, 256 * mebibyte).find("4 x 4 matrices, those of 12000 targets"),
            std::string::npos)
      << refusal(layer, 12'000, {}, 256 * mebibyte);
  EXPECT_EQ(refusal(layer, 500, {}, 256 * mebibyte), "");
}

TEST(PlanLayer, TilesOfPooledRowsAreSmall) {
  const LayerIndex layer = layer_of({20'000, 64, 32}, Layout::ntd);
  const LayerPlan plan = planned(layer, {}, 32 * mebibyte);
  EXPECT_LE(plan.memory, 32 * mebibyte);
  EXPECT_EQ(plan.tile_rows, planned(layer, {}, 4096 * mebibyte).tile_rows);  // which bits depend on
  AnalysisOptions every_position;
  every_position.pool = Pool::none;
  EXPECT_EQ(planned(layer, every_position, 32 * mebibyte).tile_rows, make_cpu_backend(1)->tile_rows(32));
  EXPECT_NE(
      refusal(layer, 3, {}, 8 * mebibyte).find("most of it for two tiles of 1024 samples of shape [64, 32]"),
      std::string::npos)
      << refusal(layer, 3, {}, 8 * mebibyte);
}

// Of a band of short rows the targets are most.
TEST(PlanLayer, CountsTargetsThatAreNotKept) {
  const auto cpu = make_cpu_backend(1);
  const LayerPlan few = plan_layer({layer_of({10'000'000, 4})}, 2, {}, 256 * mebibyte, *cpu);
  const LayerPlan many = plan_layer({layer_of({10'000'000, 4})}, 200, {}, 256 * mebibyte, *cpu);
  EXPECT_GT(few.band_samples, 4 * many.band_samples);
  EXPECT_LE(many.band_samples * 200 * 8 * 2, 256 * mebibyte);
  EXPECT_LE(many.memory, 256 * mebibyte);
}

TEST(PlanLayer, CountsTheWeight) {
  LayerIndex layer = layer_of({1000, 4});
  layer.weight = DatasetIndex();
  layer.weight->object = "/layers/fc/weight";
  layer.weight->shape = {10'000'000, 4};
  layer.weight->element = {ElementKind::float32, false};
  EXPECT_EQ(
      refusal(layer, 3, {}, 256 * mebibyte),
      "needs 642 MiB to decompose its weight /layers/fc/weight of shape [10000000, 4]; the budget is 256 "
      "MiB (--memory; --metrics can leave out those of the weight)");
  EXPECT_EQ(refusal(layer, 3, {}, 1024 * mebibyte), "");
  AnalysisOptions without;
  without.metrics = MetricChoice("deep_nrc1");
  EXPECT_EQ(refusal(layer, 3, without, 256 * mebibyte), "");
  const LayerPlan plan = planned(layer, {}, 1024 * mebibyte);
  EXPECT_GE(plan.memory, 2U * 40'000'000 * 8);
  EXPECT_GE(plan.least_memory, 2U * 40'000'000 * 8);
}

TEST(PlanLayer, CountsWhatEachThreadTakesForTheNearestClassMean) {
  const auto least = [](std::size_t threads, const char* metric) {
    AnalysisOptions options;
    options.metrics = MetricChoice(metric);
    const auto cpu = make_cpu_backend(threads);
    return plan_layer({layer_of({100'000, 64})}, 1, options, 4096 * mebibyte, *cpu, 1000).least_memory;
  };
  EXPECT_EQ(least(2, "nc2_etf"), least(16, "nc2_etf"));
  // Float32 numbers of all class means and of W, and blocks of packed rows.
  EXPECT_GE(least(16, "ncc_accuracy"), least(2, "ncc_accuracy") + 14 * 2 * (1000 * 64 * 4));
  EXPECT_LE(least(16, "ncc_accuracy"), least(2, "ncc_accuracy") + 14 * 5 * mebibyte / 2);
}

TEST(PlanLayer, CountsChunksThatAreInflatedWhole) {
  LayerIndex layer = layer_of({10'000'000, 16});
  layer.activations.chunk = {10'000'000, 1};
  EXPECT_EQ(refusal(layer, 3, {}, 128 * mebibyte), "");  // 38 MiB as they are
  layer.activations.filters = {"shuffle", "deflate"};
  EXPECT_EQ(refusal(layer, 3, {}, 128 * mebibyte),
            "needs 173 MiB, most of it to read its chunks of shape [10000000, 1]; the budget is 128 MiB "
            "(--memory; h5repack can store them anew)");
  const LayerPlan plan = planned(layer, {}, 256 * mebibyte);
  EXPECT_GE(plan.buffer_bytes, 4U * 40'000'000);
  EXPECT_LE(plan.memory, 256 * mebibyte);
}

TEST(PlanLayer, TheLeastMemoryIsEnough) {
  for (const std::uint64_t chunk : {0U, 1U, 1000U, 1000000U}) {
    SCOPED_TRACE(chunk);
    LayerIndex layer = layer_of({1000000, 512});
    if (chunk > 0) {
      layer.activations.chunk = {chunk, 512};
    }
    std::uint64_t too_little = 1;
    std::uint64_t enough = 1024 * mebibyte;
    while (enough - too_little > 1) {
      const std::uint64_t middle = too_little + (enough - too_little) / 2;
      try {
        (void)planned(layer, {}, middle);
        enough = middle;
      } catch (const UsageError&) {
        too_little = middle;
      }
    }
    EXPECT_LE(planned(layer, {}, enough).memory, enough);
  }
}

TEST(PlanLayer, SparesTheSecondLookWhereMomentsMayDo) {
  LayerIndex plain = layer_of({100000, 512});
  LayerIndex packed = plain;
  packed.activations.chunk = {1000, 512};
  packed.activations.filters = {{"deflate"}};
  const auto plan_of = [](const LayerIndex& layer, const char* metrics, Precision precision) {
    AnalysisOptions options;
    options.metrics = MetricChoice(metrics);
    options.precision = precision;
    return planned(layer, options, 512 * mebibyte);
  };
  for (const char* metrics : {"deep_nrc1", "deep_nrc*", "linear_mse", "linear_share", "linear_excess,evr"}) {
    const LayerPlan plan = plan_of(plain, metrics, Precision::float64);
    EXPECT_TRUE(plan.looks == 2 && plan.spares_look) << metrics;
    EXPECT_FALSE(plan.normalized_scatter) << metrics;
    EXPECT_FALSE(plan_of(plain, metrics, Precision::fast).spares_look) << metrics;
  }
  for (const char* metrics : {"", "nrc1_centered", "nrc1_unnormalized", "nrc2_unnormalized,deep_nrc1"}) {
    EXPECT_FALSE(plan_of(packed, metrics, Precision::float64).spares_look) << metrics;
  }
  // A product more, where reading again is dearer.
  EXPECT_FALSE(plan_of(plain, "nrc1", Precision::float64).spares_look);
  packed.activations.shape[1] = packed.activations.chunk[1] = 16;
  const LayerPlan carries = plan_of(packed, "nrc1", Precision::float64);
  EXPECT_TRUE(carries.spares_look && carries.normalized_scatter);
}

TEST(PlanLayer, BandsAreWholeTiles) {
  const auto cpu = make_cpu_backend(1);
  for (const std::uint64_t positions : {1U, 3U, 100U, 10000U}) {
    AnalysisOptions options;
    options.pool = Pool::none;
    const LayerPlan plan = planned(layer_of({100000, positions, 24}, Layout::ntd), options, 256 * mebibyte);
    const std::uint64_t tile = std::max<std::uint64_t>(1, cpu->tile_rows(24) / positions);
    EXPECT_EQ(plan.band_samples % tile, 0U) << positions;  // so that sums do not depend on the memory
  }
}

TEST(PlanLayer, LooksAsAsked) {
  const LayerIndex layer = layer_of({10000, 64});
  const auto looks = [&](Looks wanted, const char* metrics) {
    AnalysisOptions options;
    options.looks = wanted;
    options.metrics = MetricChoice(metrics);
    return planned(layer, options, 512 * mebibyte);
  };
  EXPECT_EQ(looks(Looks::two, "").looks, 2);
  EXPECT_FALSE(looks(Looks::two, "").normalized_scatter);
  EXPECT_EQ(looks(Looks::one, "").looks, 1);
  EXPECT_TRUE(looks(Looks::one, "").normalized_scatter);
  EXPECT_FALSE(looks(Looks::one, "deep_nrc2").normalized_scatter);
  EXPECT_EQ(looks(Looks::automatic, "").looks, 2);  // nrc1_centered is wanted
  EXPECT_EQ(looks(Looks::automatic, "deep_nrc2,evr").looks, 1);
  EXPECT_EQ(looks(Looks::automatic, "nrc1_centered").looks, 2);
  for (const Looks wanted : {Looks::automatic, Looks::one, Looks::two}) {
    EXPECT_FALSE(looks(wanted, "").reason.empty());
  }
}

LayerNeeds needed(std::uint64_t d, const char* metrics, SpectrumChoice spectrum = SpectrumChoice::automatic,
                  Looks looks = Looks::automatic) {
  AnalysisOptions options;
  options.metrics = MetricChoice(metrics);
  options.spectrum = spectrum;
  options.looks = looks;
  return planned(layer_of({10000, d}), options, std::uint64_t{1} << 36U).needs;
}

TEST(LayerNeeds, AllMetricsTakeEverything) {
  for (const std::uint64_t d : {1U, 2U, 64U, 4096U}) {
    const LayerNeeds needs = needed(d, "");
    EXPECT_EQ(needs.pairs, d);
    EXPECT_TRUE(needs.uncentred && needs.affine && needs.published && needs.weight && needs.weight_spectrum &&
                needs.weight_residuals);
    EXPECT_EQ(needs.variance_share, 0);
    EXPECT_NE(needs.reason.find("all eigenpairs"), std::string::npos);
  }
}

TEST(LayerNeeds, PairsOfWhatIsWanted) {
  struct Case {
    const char* metrics;
    std::size_t pairs;
  };
  // Three targets, and as many dimensions of signal.
  for (const auto& [metrics, pairs] : {Case{"evr", 10},
                                       Case{"nrc1", 4},
                                       Case{"nrc2", 4},
                                       Case{"deep_nrc1*", 4},
                                       Case{"nrc1,evr", 10},
                                       Case{"deep_nrc3", 4},
                                       Case{"deep_nrc2", 0},
                                       Case{"deep_nrc2_debiased,nrc3*,weight_*,samples", 0},
                                       Case{"feature_participation_ratio", 0},
                                       Case{"feature_stable_rank", 1},
                                       Case{"deep_nrc4", 4},
                                       Case{"feature_rankme", 0},
                                       Case{"model_mse", 0},
                                       Case{"feature_dims_90", 10},
                                       Case{"linear_mse", 4096},
                                       Case{"linear_excess", 4096},
                                       Case{"linear_share", 4096},
                                       Case{"target_cca", 4096},
                                       Case{"feature_participation_ratio_debiased", 0},
                                       Case{"feature_effective_rank", 4096},
                                       Case{"deep_*", 4},
                                       Case{"feature_*", 4096}}) {
    EXPECT_EQ(needed(4096, metrics).pairs, pairs) << metrics;
  }
  EXPECT_EQ(needed(64, "nrc1").pairs, 64U);  // all are as quick
  EXPECT_EQ(needed(64, "deep_nrc2").pairs, 0U);
  EXPECT_EQ(needed(2, "nrc1").pairs, 2U);
  EXPECT_EQ(needed(4096, "feature_dims_95,feature_dims_90").variance_share, 0.95);
}

TEST(LayerNeeds, RemaindersOfOneLookTakeAllPairs) {
  const auto one_look = [](const char* metrics) {
    return needed(4096, metrics, SpectrumChoice::automatic, Looks::one).pairs;
  };
  for (const char* metrics : {"nrc1_unnormalized", "nrc2_unnormalized"}) {
    EXPECT_EQ(one_look(metrics), 4096U) << metrics;
  }
  EXPECT_EQ(one_look("nrc1,deep_nrc1,deep_nrc1_squared"), 4U);
}

TEST(LayerNeeds, MapsAndWeightsOnlyWhereWanted) {
  const LayerNeeds few = needed(4096, "nrc1,evr");
  EXPECT_FALSE(few.uncentred || few.affine || few.published || few.weight || few.weight_residuals);
  EXPECT_TRUE(needed(4096, "feature_rankme").uncentred);
  EXPECT_FALSE(needed(4096, "feature_rankme").published);
  EXPECT_TRUE(needed(4096, "deep_nrc4").uncentred);
  EXPECT_TRUE(needed(4096, "deep_nrc4").published);
  EXPECT_FALSE(needed(4096, "linear_mse").uncentred);
  EXPECT_TRUE(needed(4096, "linear_excess").affine);
  EXPECT_TRUE(needed(4096, "linear_share").affine);
  EXPECT_TRUE(needed(4096, "target_cca").canonical);
  EXPECT_FALSE(needed(4096, "target_cca").affine);
  EXPECT_TRUE(needed(4096, "weight_condition").weight);
  EXPECT_TRUE(needed(4096, "linear_share_depth_pearson").affine);
  EXPECT_EQ(needed(4096, "weight_condition").no_balance, "not compared");
  EXPECT_EQ(needed(4096, "weight_balancedness").no_balance, "");
  EXPECT_TRUE(needed(4096, "weight_balancedness_relative").weight);
  EXPECT_TRUE(needed(4096, "nrc3_final_gamma").weight);
  EXPECT_FALSE(needed(4096, "nrc3_final_gamma").weight_residuals);
  EXPECT_TRUE(needed(4096, "nrc2").weight_residuals);
}

TEST(LayerNeeds, FewRowsHaveFewEigenvalues) {
  const auto reason = [](std::uint64_t rows, std::uint64_t d, Precision precision = Precision::float64) {
    AnalysisOptions options;
    options.precision = precision;
    return planned(layer_of({rows, d}), options, std::uint64_t{1} << 36U).needs.reason;
  };
  const char* few = "100 rows 100 hold all that are not 0";
  EXPECT_NE(reason(100, 4096).find(few), std::string::npos) << reason(100, 4096);
  EXPECT_NE(reason(100, 404).find(few), std::string::npos) << reason(100, 404);
  EXPECT_EQ(reason(100, 399).find("rows"), std::string::npos);
  EXPECT_EQ(reason(5, 255).find("rows"), std::string::npos);
  EXPECT_EQ(reason(100, 4096, Precision::fast).find("rows"), std::string::npos);
}

TEST(LayerNeeds, SpectrumAsAsked) {
  EXPECT_EQ(needed(4096, "nrc1", SpectrumChoice::full).pairs, 4096U);
  const LayerNeeds leading = needed(4096, "", SpectrumChoice::leading);
  EXPECT_EQ(leading.pairs, 10U);
  EXPECT_FALSE(leading.uncentred || leading.affine || leading.published);
  EXPECT_EQ(leading.variance_share, 0);
  EXPECT_EQ(needed(64, "nrc1", SpectrumChoice::leading).pairs, 4U);
  EXPECT_TRUE(needed(5, "", SpectrumChoice::leading).uncentred);  // ten of five are all
  for (const char* metrics : {"", "nrc1", "deep_nrc2", "feature_dims_90"}) {
    for (const SpectrumChoice choice :
         {SpectrumChoice::automatic, SpectrumChoice::full, SpectrumChoice::leading}) {
      EXPECT_FALSE(needed(4096, metrics, choice).reason.empty());
    }
  }
}

TEST(PlanLayer, KeepsBytesForASecondLookOnly) {
  AnalysisOptions options;
  options.looks = Looks::two;
  const LayerIndex small = layer_of({10000, 64});
  EXPECT_TRUE(planned(small, options, 512 * mebibyte).keeps_bytes);
  options.looks = Looks::one;
  EXPECT_FALSE(planned(small, options, 512 * mebibyte).keeps_bytes);
  options.looks = Looks::two;
  LayerIndex large = layer_of({1000000, 64});                          // 244 MiB
  EXPECT_FALSE(planned(large, options, 4096 * mebibyte).keeps_bytes);  // plain bytes: the page cache has them
  large.activations.filters = {"deflate"};
  EXPECT_TRUE(planned(large, options, 4096 * mebibyte).keeps_bytes);  // inflated bytes are dear
  EXPECT_FALSE(planned(large, options, 128 * mebibyte).keeps_bytes);
}

TEST(DefaultMemory, IsSomething) { EXPECT_GT(default_memory(), mebibyte); }

CheckpointIndex checkpoint(std::string path, std::string run, std::optional<double> step,
                           std::string id = {}) {
  CheckpointIndex index;
  index.path = std::move(path);
  index.run = std::move(run);
  index.step = step;
  index.id = std::move(id);
  index.layers.push_back(layer_of({10, 4}));
  return index;
}

std::string order(const std::vector<Checkpoint>& checkpoints) {
  std::string text;
  for (const Checkpoint& checkpoint : checkpoints) {
    text += text.empty() ? "" : " ";
    for (const CheckpointIndex& shard : checkpoint.shards) {
      text += shard.path;
    }
  }
  return text;
}

TEST(ArrangeCheckpoints, RunsAsTheyAppearAndStepsInOrder) {
  EXPECT_EQ(
      order(arrange_checkpoints({checkpoint("a", "r", 30), checkpoint("b", "s", 2), checkpoint("c", "r", 4),
                                 checkpoint("d", "", 1), checkpoint("e", "s", 1), checkpoint("f", "r", 200),
                                 checkpoint("g", "", 0), checkpoint("h", "r", std::nullopt)},
                                false)),
      "c a f h e b d g");
  EXPECT_TRUE(arrange_checkpoints({}, true).empty());
}

TEST(ArrangeCheckpoints, GroupsOfOneFileAreARun) {
  EXPECT_EQ(
      order(arrange_checkpoints(
          {checkpoint("a", "", 2, "x"), checkpoint("b", "", 1, "x"), checkpoint("a", "", 1, "y")}, false)),
      "a a b");
}

TEST(ArrangeCheckpoints, JoinsShardsOfEqualRunStepAndId) {
  std::vector<CheckpointIndex> indexes{checkpoint("a", "r", 2), checkpoint("b", "r", 1),
                                       checkpoint("c", "r", 2), checkpoint("d", "q", 2),
                                       checkpoint("e", "r", 2, "x")};
  EXPECT_EQ(order(arrange_checkpoints(indexes, true)), "b ac e d");
  EXPECT_EQ(order(arrange_checkpoints(indexes, false)), "b a c e d");
}

TEST(LayerShards, AreFoundWhereverTheyAreGuessed) {
  Checkpoint joined{{checkpoint("a", "r", 1), checkpoint("b", "r", 1)}};
  for (CheckpointIndex& part : joined.shards) {
    part.layers.push_back(layer_of({20, 6}));
    part.layers.back().name = "other";
  }
  std::swap(joined.shards[1].layers[0], joined.shards[1].layers[1]);
  for (const std::size_t guess : {0U, 1U, 7U}) {
    const std::vector<LayerIndex> shards = layer_shards(joined, "other", guess);
    ASSERT_EQ(shards.size(), 2U);
    EXPECT_EQ(shards[0].activations.shape[1], 6U);
    EXPECT_EQ(shards[1].activations.shape[1], 6U);
  }
}

TEST(LayerShards, MustFitOneAnother) {
  Checkpoint joined{{checkpoint("a", "r", 1), checkpoint("b", "r", 1)}};
  EXPECT_EQ(layer_shards(joined, "fc").size(), 2U);
  EXPECT_THROW((void)layer_shards(joined, "other"), InputError);
  LayerIndex& second = joined.shards[1].layers[0];
  second.activations.shape = {99, 4};  // other samples are what shards are for
  EXPECT_EQ(layer_shards(joined, "fc").size(), 2U);
  second.activations.shape = {10, 5};
  EXPECT_THROW((void)layer_shards(joined, "fc"), InputError);
  second.activations.shape = {10, 4};
  second.activations.element = {ElementKind::float64, false};
  EXPECT_THROW((void)layer_shards(joined, "fc"), InputError);
}

}  // namespace
}  // namespace collapscope
