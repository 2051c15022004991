// Dumps whose metrics are known beforehand: for tests, demonstrations and benchmarks, of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collapscope/core/element.hpp"
#include "collapscope/core/stop.hpp"

namespace collapscope {

enum class SynthStorage : unsigned char { contiguous, chunked, gzip };

// What all synthetic dumps have. Rows are made in blocks: memory does not grow with `samples`.
struct SynthSpec {
  std::uint64_t samples = 1000;                // N > 2 (d + 1)
  std::size_t features = 16;                   // d
  std::size_t targets = 3;                     // n
  ElementKind element = ElementKind::float64;  // of the activations; a float type
  SynthStorage storage = SynthStorage::contiguous;
  std::vector<std::uint64_t> chunk;  // [rows, features]; default: some rows, all features
  std::string run;
  double step = 0;
};

// The global minimum of the unconstrained feature model ([A], theorem 4.1) for targets with eigenvalues
// mu_j = 1 / j: one layer "head" with NRC1 = NRC2 = 0, NRC3 = 0 at gamma = c = lambda_w lambda_h.
struct UfmSpec : SynthSpec {
  double lambda_w = 0.1;
  double lambda_h = 0.1;
};

// Layers "layer1", "layer2", ... whose features are an exact linear image of the targets' directions plus
// noise that is exactly orthogonal to it: deep_nrc1 of layer j is noise[j]. The expected values are
// attributes of the layers ("expected_deep_nrc1", "expected_deep_nrc2"), unless coarse_layers names them.
struct PlantedSpec : SynthSpec {
  std::vector<double> noise = {0.5, 0.1, 1e-3};  // share of the variance, one per layer, in [0, 1)
  double offset = 0;                             // of every feature, in units of the features' rms deviation
};

enum class ClassGeometry : unsigned char {
  etf,   // a simplex where there is room for it, K <= d + 1; else a harmonic tight frame
  seli,  // what SELI predicts for the numbers of rows; K <= d + 1
};

// A classifier of K classes in layers "layer1", "layer2", ..., with noise that is exactly uncorrelated within
// each class, so that nc1 of layer j is nc1[j]. `samples` and `targets` do not count. The weight's row c is
// class c's own mean, or SELI's; up to 1024 classes there are logits. Expected values are attributes of the
// layers: expected_nc1, expected_within_variance, expected_nc2_etf, expected_nc3_self_duality,
// expected_nc2_seli.
struct ClassSpec : SynthSpec {
  std::uint64_t classes = 10;
  std::uint64_t rows = 100;     // of each class; of the rarer ones
  std::uint64_t imbalance = 1;  // the first half of the classes has so many times as many
  std::vector<double> nc1 = {1, 0.1, 1e-3};
  ClassGeometry geometry = ClassGeometry::etf;
};

// A line for each layer whose rows the stored type rounds by more than a hundredth of what was asked for.
// Such a layer gets no attribute with the value that it then does not have. Throws UsageError for impossible
// specifications.
[[nodiscard]] std::vector<std::string> coarse_layers(const PlantedSpec& spec);
[[nodiscard]] std::vector<std::string> coarse_layers(const ClassSpec& spec);

// Writes the dump under a temporary name and renames it. Throws UsageError for impossible specifications,
// Error when the file cannot be written, and Stopped when `stop` asks for it; then nothing is left of it.
void write_ufm(const std::string& path, const UfmSpec& spec, const StopRequest* stop = nullptr);
void write_planted(const std::string& path, const PlantedSpec& spec, const StopRequest* stop = nullptr);
void write_classes(const std::string& path, const ClassSpec& spec, const StopRequest* stop = nullptr);

}  // namespace collapscope
