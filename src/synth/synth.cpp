#include "collapscope/synth/synth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hdf5/dump_writer.hpp"
#include "synth/common.hpp"
#include "synth/design.hpp"

namespace collapscope {

namespace {

using hdf5::DumpWriter;
using synth::CosineDesign;
using synth::Reflection;

void require_sane(const SynthSpec& spec) {
  require_common(spec);
  require_synth(
      spec.targets >= 1 && spec.features >= spec.targets,
      fmt::format("{} targets need at least as many features, found {}", spec.targets, spec.features));
  require_synth(spec.samples > 2 * (spec.features + 1),
                fmt::format("{} features need more than {} samples, found {}", spec.features,
                            2 * (spec.features + 1), spec.samples));
}

void require_sane_planted(const PlantedSpec& spec) {
  require_sane(spec);
  require_synth(!spec.noise.empty(), "a planted dump needs at least one layer: --noise SHARE[,SHARE...]");
  for (const double share : spec.noise) {
    require_synth(share >= 0 && share < 1, fmt::format("a share of noise is in [0, 1), found {}", share));
    require_synth(share == 0 || spec.features > spec.targets, "noise needs more features than targets");
    // Else some of it is among the leading directions, outside of which deep_nrc1 looks.
    const double most = 1 - static_cast<double>(spec.targets) / static_cast<double>(spec.features);
    require_synth(
        share == 0 || share <= most,
        fmt::format(
            "a share of noise of {} makes a direction of noise stronger than one of the signal; expected "
            "at most {:.3g} with {} features and {} targets",
            share, most, spec.features, spec.targets));
  }
  require_synth(std::isfinite(spec.offset),
                fmt::format("an offset is a finite number, found {}", spec.offset));
  require_held(spec, std::abs(spec.offset) / std::sqrt(static_cast<double>(spec.features)) + 2,
               fmt::format("an offset of {}", spec.offset));
}

// Eigenvalue j of the target covariance.
double target_eigenvalue(std::size_t j) { return 1.0 / static_cast<double>(j + 1); }

std::uint64_t block_rows(const SynthSpec& spec) {
  return std::clamp<std::uint64_t>((std::uint64_t{1} << 21U) / spec.features, 1, spec.samples);
}

void write_head(DumpWriter& file, const SynthSpec& spec, const std::string& model) {
  write_synth_head(file, spec, "regression", model);
  file.create_dataset("/targets", {spec.samples, spec.targets}, ElementKind::float64, {}, false);
}

void create_layer(DumpWriter& file, const SynthSpec& spec, const std::string& layer, std::size_t index) {
  file.create_dataset(layer + "/activations", {spec.samples, spec.features}, spec.element,
                      synth_chunk(spec, spec.samples), spec.storage == SynthStorage::gzip);
  file.create_dataset(layer + "/weight", {spec.targets, spec.features}, ElementKind::float64, {}, false);
  file.set_attribute(layer, "index", static_cast<std::int64_t>(index));
  file.set_attribute(layer, "kind", std::string("linear"));
}

std::string planted_layer(std::size_t number) { return fmt::format("/layers/layer{}", number + 1); }

// Calls visit(first_row, targets) for blocks of targets whose covariance is R diag(mu) R, R the reflection.
template <class Visit>
void for_each_block(const SynthSpec& spec, const CosineDesign& design, const Reflection& turn,
                    Visit&& visit) {
  const std::uint64_t block = block_rows(spec);
  for (std::uint64_t first = 0; first < spec.samples; first += block) {
    Matrix columns(std::min(block, spec.samples - first), spec.targets);
    design.fill(first, 0, columns.view());
    Matrix targets = columns;
    for (std::size_t i = 0; i < targets.rows(); ++i) {
      for (std::size_t j = 0; j < targets.cols(); ++j) {
        targets(i, j) *= std::sqrt(target_eigenvalue(j));
      }
    }
    turn.apply(targets.view());
    visit(first, columns, targets);
  }
}

// Rows embedded in the first coordinates of d, then reflected.
Matrix embedded(const Matrix& rows, std::size_t features, const Reflection& turn) {
  Matrix out(rows.rows(), features);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    std::copy_n(rows.view().row(i).begin(), rows.cols(), out.view().row(i).begin());
  }
  turn.apply(out.view());
  return out;
}

}  // namespace

void write_ufm(const std::string& path, const UfmSpec& spec, const StopRequest* stop) {
  require_sane(spec);
  const double c = spec.lambda_w * spec.lambda_h;
  const double smallest = target_eigenvalue(spec.targets - 1);
  require_synth(spec.lambda_w > 0 && spec.lambda_h > 0, "lambda_w and lambda_h must be positive");
  require_synth(
      c < smallest,
      fmt::format("c = lambda_w lambda_h = {:.3g} must be below the smallest target eigenvalue {:.3g}", c,
                  smallest));
  require_synth(!path.empty(), "a dump needs a file name");
  const CosineDesign design(spec.samples);
  const Reflection turn_targets(spec.targets);
  const Reflection turn_features(spec.features);
  DumpWriter file(path, stop);
  write_head(file, spec, "unconstrained feature model");
  file.set_attribute("/", "lambda_w", spec.lambda_w);
  file.set_attribute("/", "lambda_h", spec.lambda_h);
  file.create_dataset("/predictions", {spec.samples, spec.targets}, ElementKind::float64, {}, false);
  create_layer(file, spec, "/layers/head", 0);
  file.require_room();

  // In the targets' eigenbasis everything is diagonal: with a_j = sqrt(mu_j) - sqrt(c), the weight's row j is
  // (lambda_h / lambda_w)^(1/4) sqrt(a_j) along its direction, the feature (lambda_w / lambda_h)^(1/4)
  // sqrt(a_j) z_j for the whitened target z_j, and the residual -sqrt(c) z_j.
  const double ratio = std::sqrt(std::sqrt(spec.lambda_h / spec.lambda_w));
  std::vector<double> root(spec.targets);
  Matrix weight(spec.targets, spec.targets);
  for (std::size_t j = 0; j < spec.targets; ++j) {
    root[j] = std::sqrt(std::sqrt(target_eigenvalue(j)) - std::sqrt(c));
    weight(j, j) = ratio * root[j];
  }
  // W = R_y diag R_h: turn the rows' coordinates, then the rows among themselves (R_y is symmetric).
  turn_targets.apply(weight.view());
  for (std::size_t i = 0; i < weight.rows(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      std::swap(weight(i, j), weight(j, i));
    }
  }
  file.write_rows("/layers/head/weight", 0, embedded(weight, spec.features, turn_features).view());
  file.create_dataset("/layers/head/bias", {spec.targets}, ElementKind::float64, {}, false);
  file.write_rows("/layers/head/bias", 0, Matrix(spec.targets, 1).view());

  for_each_block(spec, design, turn_targets,
                 [&](std::uint64_t first, const Matrix& columns, const Matrix& targets) {
                   Matrix features = columns;
                   Matrix predictions = columns;
                   for (std::size_t i = 0; i < columns.rows(); ++i) {
                     for (std::size_t j = 0; j < spec.targets; ++j) {
                       features(i, j) *= root[j] / ratio;
                       predictions(i, j) *= root[j] * root[j];
                     }
                   }
                   turn_targets.apply(predictions.view());
                   file.write_rows("/targets", first, targets.view());
                   file.write_rows("/predictions", first, predictions.view());
                   file.write_rows("/layers/head/activations", first,
                                   embedded(features, spec.features, turn_features).view());
                 });
  file.finish();
}

std::vector<std::string> coarse_layers(const PlantedSpec& spec) {
  require_sane_planted(spec);
  const double rounding = rounding_share(spec, spec.offset);
  std::vector<std::string> lines;
  for (std::size_t layer = 0; layer < spec.noise.size(); ++layer) {
    if (is_coarse(rounding, spec.noise[layer])) {
      lines.push_back(
          fmt::format("layer{}: rounding to {}{} adds some {:.2g} of the variance to a share of noise of {}: "
                      "expected_deep_nrc1 is left out",
                      layer + 1, ElementType{spec.element}.name(),
                      spec.offset == 0 ? "" : fmt::format(" at an offset of {}", spec.offset), rounding,
                      spec.noise[layer]));
    }
  }
  return lines;
}

void write_planted(const std::string& path, const PlantedSpec& spec, const StopRequest* stop) {
  require_sane_planted(spec);
  require_synth(!path.empty(), "a dump needs a file name");
  const CosineDesign design(spec.samples);
  const Reflection turn_targets(spec.targets);
  const Reflection turn_features(spec.features);
  const std::size_t rest = spec.features - spec.targets;
  DumpWriter file(path, stop);
  write_head(file, spec, "planted");
  for (std::size_t layer = 0; layer < spec.noise.size(); ++layer) {
    create_layer(file, spec, planted_layer(layer), layer);
  }
  file.require_room();
  Matrix weight(spec.targets, spec.targets);
  for (std::size_t j = 0; j < spec.targets; ++j) {
    weight(j, j) = 1;
  }
  for (std::size_t layer = 0; layer < spec.noise.size(); ++layer) {
    const std::string name = planted_layer(layer);
    file.write_rows(name + "/weight", 0, embedded(weight, spec.features, turn_features).view());
    // Signal directions have variance s = (1 - noise) / n each, which meets eigenvalues mu_j of the targets.
    const double signal = (1 - spec.noise[layer]) / static_cast<double>(spec.targets);
    const double noise = rest == 0 ? 0 : spec.noise[layer] / static_cast<double>(rest);
    double mu = 0;
    double mu_squares = 0;
    for (std::size_t j = 0; j < spec.targets; ++j) {
      mu += target_eigenvalue(j);
      mu_squares += target_eigenvalue(j) * target_eigenvalue(j);
    }
    const double squares =
        static_cast<double>(spec.targets) * signal * signal + static_cast<double>(rest) * noise * noise;
    const double rounding = rounding_share(spec, spec.offset);
    if (!is_coarse(rounding, spec.noise[layer])) {
      file.set_attribute(name, "expected_deep_nrc1", spec.noise[layer]);
    }
    if (!is_coarse(rounding, 1)) {
      file.set_attribute(name, "expected_deep_nrc2", signal * mu / std::sqrt(squares * mu_squares));
    }
  }
  const double offset = spec.offset / std::sqrt(static_cast<double>(spec.features));
  for_each_block(
      spec, design, turn_targets, [&](std::uint64_t first, const Matrix& /*columns*/, const Matrix& targets) {
        file.write_rows("/targets", first, targets.view());
        Matrix basis(targets.rows(), spec.features);
        design.fill(first, 0, basis.view());
        for (std::size_t layer = 0; layer < spec.noise.size(); ++layer) {
          const double signal = std::sqrt((1 - spec.noise[layer]) / static_cast<double>(spec.targets));
          const double noise = rest == 0 ? 0 : std::sqrt(spec.noise[layer] / static_cast<double>(rest));
          Matrix rows = basis;
          for (std::size_t i = 0; i < rows.rows(); ++i) {
            for (std::size_t j = 0; j < rows.cols(); ++j) {
              rows(i, j) *= j < spec.targets ? signal : noise;
            }
          }
          turn_features.apply(rows.view());
          for (double& value : rows.values()) {
            value += offset;
          }
          file.write_rows(planted_layer(layer) + "/activations", first, rows.view());
        }
      });
  file.finish();
}

}  // namespace collapscope
