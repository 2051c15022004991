// Dumps whose metrics are known beforehand: for tests, demonstrations and benchmarks, of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collapscope/core/element.hpp"

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
// attributes of the layers ("expected_deep_nrc1", "expected_deep_nrc2").
struct PlantedSpec : SynthSpec {
  std::vector<double> noise = {0.5, 0.1, 1e-3};  // share of the variance, one per layer, in [0, 1)
  double offset = 0;                             // of every feature, in units of the features' rms deviation
};

// Writes the dump under a temporary name and renames it. Throws UsageError for impossible specifications,
// Error when the file cannot be written.
void write_ufm(const std::string& path, const UfmSpec& spec);
void write_planted(const std::string& path, const PlantedSpec& spec);

}  // namespace collapscope
