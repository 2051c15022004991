// Every metric from eigenvectors as factors, against those from vectors that are written out.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "collapscope/analysis/analysis.hpp"
#include "core/support.hpp"
#include "hdf5/dump_writer.hpp"
#include "linalg/decompose.hpp"
#include "linalg/factored_eigen.hpp"

namespace collapscope {
namespace {

// The CPU, with all vectors or with factors whatever the order.
class WithSpectrum final : public Backend {
 public:
  explicit WithSpectrum(bool by_factors) : by_factors_(by_factors) {}

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
  [[nodiscard]] Eigenbasis spectrum(const Matrix& symmetric, std::size_t written) override {
    ++spectra;
    Eigenbasis basis = by_factors_ ? linalg::eigen_by_factors(symmetric, written).value()
                                   : linalg::symmetric_eigen(symmetric);
    for (double& value : basis.values) {
      value = std::max(value, 0.0);
    }
    return basis;
  }

  int spectra = 0;

 private:
  bool by_factors_;
  std::unique_ptr<Backend> cpu_ = make_cpu_backend(1);
};

struct FactoredLayer {
  const char* name;
  std::size_t rows;
  std::size_t features;
  std::size_t targets;
  double noise;              // standard deviation of what is not signal
  double offset;             // of every feature
  std::size_t constant = 0;  // so many features that are always the same
};

class FactoredMetrics : public ::testing::TestWithParam<FactoredLayer> {
 protected:
  FactoredMetrics() : path_(test::temporary_path("factored.h5")) { write(); }
  ~FactoredMetrics() override { std::filesystem::remove(path_); }

  [[nodiscard]] MetricSet measured(bool by_factors, const AnalysisOptions& options) const {
    WithSpectrum backend(by_factors);
    Progress progress;
    const Results results =
        analyze(arrange_checkpoints(index_dump(path_, {}).checkpoints, false), backend, options, progress);
    EXPECT_TRUE(results.failures.empty());
    EXPECT_EQ(backend.spectra, 1);
    return results.checkpoints.at(0).layers.at(0).metrics;
  }

 private:
  void write() const {
    const FactoredLayer& layer = GetParam();
    test::Random random(11);
    const Matrix targets = test::random_matrix(layer.rows, layer.targets, random);
    const Matrix map = test::random_matrix(layer.targets, layer.features, random);
    Matrix features(layer.rows, layer.features);
    for (std::size_t i = 0; i < layer.rows; ++i) {
      for (std::size_t j = 0; j + layer.constant < layer.features; ++j) {
        features(i, j) = layer.noise * random.normal();
        for (std::size_t t = 0; t < layer.targets; ++t) {
          features(i, j) += targets(i, t) * map(t, j);
        }
      }
      for (std::size_t j = 0; j < layer.features; ++j) {
        features(i, j) += layer.offset * static_cast<double>(1 + j % 3);
      }
    }
    hdf5::DumpWriter file(path_);
    file.set_attribute("/", "format", std::string("collapscope-dump"));
    file.set_attribute("/", "format_version", std::int64_t{1});
    file.set_attribute("/", "task", std::string("regression"));
    const auto add = [&](const std::string& object, const Matrix& values) {
      file.create_dataset(object, {values.rows(), values.cols()}, ElementKind::float64, {}, false);
      file.write_rows(object, 0, values.view());
    };
    add("/targets", targets);
    add("/predictions", test::random_matrix(layer.rows, layer.targets, random));
    add("/layers/one/activations", features);
    add("/layers/one/weight", test::random_matrix(layer.targets, layer.features, random));
    file.finish();
  }

  std::string path_;
};

void expect_alike(const MetricSet& found, const MetricSet& expected) {
  ASSERT_EQ(found.all().size(), expected.all().size());
  for (std::size_t i = 0; i < expected.all().size(); ++i) {
    const Metric& a = found.all()[i];
    const Metric& b = expected.all()[i];
    SCOPED_TRACE(b.name);
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.note, b.note);
    ASSERT_EQ(a.number().has_value(), b.number().has_value());
    const double floor = b.floor.value_or(0);
    if (b.number() && std::max(*a.number(), *b.number()) > floor) {
      const double relative = b.name == "feature_rankme" || b.name == "feature_effective_rank" ? 1e-6 : 1e-8;
      EXPECT_NEAR(*a.number(), *b.number(), relative * std::abs(*b.number()) + 1e-12);
    }
    if (b.floor) {
      EXPECT_NEAR(a.floor.value(), *b.floor, 1e-6 * *b.floor);
    }
  }
}

TEST_P(FactoredMetrics, AreThoseOfAllVectors) {
  for (const Looks looks : {Looks::automatic, Looks::one, Looks::two}) {
    for (const Precision precision : {Precision::float64, Precision::fast}) {
      for (const char* metrics : {"*", "deep_nrc4,linear_mse,deep_nrc1"}) {
        SCOPED_TRACE(testing::Message()
                     << "looks " << int(looks) << ", precision " << int(precision) << ", " << metrics);
        AnalysisOptions options;
        options.looks = looks;
        options.precision = precision;
        options.metrics = MetricChoice(metrics);
        expect_alike(measured(true, options), measured(false, options));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, FactoredMetrics,
                         ::testing::Values(FactoredLayer{"noisy", 900, 40, 3, 0.5, 0.3},
                                           FactoredLayer{"collapsed", 900, 40, 3, 1e-5, 1},
                                           FactoredLayer{"to_rounding", 900, 33, 2, 1e-9, 0.1},
                                           FactoredLayer{"far_from_zero", 700, 34, 2, 0.1, 1e4},
                                           FactoredLayer{"deficient", 700, 66, 3, 0.1, 2, 20},
                                           FactoredLayer{"few_rows", 50, 70, 3, 0.2, 1},
                                           FactoredLayer{"one_feature", 100, 1, 1, 0.2, 1},
                                           FactoredLayer{"two_features", 100, 2, 1, 0.2, 1},
                                           FactoredLayer{"many_targets", 600, 48, 30, 0.1, 0}),
                         [](const auto& layer) { return std::string(layer.param.name); });

}  // namespace
}  // namespace collapscope
