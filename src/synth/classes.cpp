// Dumps of classifiers with known answers: class means of a known geometry, and noise about them that is
// exactly orthogonal within each class. Rows are made in blocks, each from its number alone.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "collapscope/core/error.hpp"
#include "hdf5/dump_writer.hpp"
#include "synth/common.hpp"
#include "synth/design.hpp"

namespace collapscope {

namespace {

constexpr std::size_t most_logits = 1024;

// Coordinate j of row c of an orthonormal basis of what is orthogonal to 1 in so many dimensions.
double helmert(std::uint64_t c, std::uint64_t j) {
  const double i = static_cast<double>(j + 1);
  return c <= j ? 1 / std::sqrt(i * (i + 1)) : c == j + 1 ? -i / std::sqrt(i * (i + 1)) : 0;
}

// The first half of the classes has `ratio` times as many rows as the second one.
struct Counts {
  explicit Counts(const ClassSpec& spec)
      : classes(spec.classes),
        frequent(spec.imbalance == 1 ? 0 : (spec.classes + 1) / 2),
        ratio(spec.imbalance),
        rare_rows(spec.rows) {}

  [[nodiscard]] std::uint64_t round() const { return frequent * ratio + (classes - frequent); }
  [[nodiscard]] std::uint64_t samples() const { return round() * rare_rows; }
  [[nodiscard]] std::uint64_t rows_of(std::uint64_t c) const {
    return c < frequent ? ratio * rare_rows : rare_rows;
  }

  struct Place {
    std::uint64_t label;
    std::uint64_t number;  // within the class
  };
  // Each round has every rare class once, and every frequent one `ratio` times.
  [[nodiscard]] Place at(std::uint64_t row) const {
    const std::uint64_t turn = row / round();
    const std::uint64_t place = row % round();
    if (place < frequent * ratio) {
      return {place % frequent, turn * ratio + place / frequent};
    }
    return {frequent + (place - frequent * ratio), turn};
  }

  std::uint64_t classes;
  std::uint64_t frequent;
  std::uint64_t ratio;
  std::uint64_t rare_rows;
};

// Where the classes' means and the classifier's rows are, in coordinates in which the covariance between the
// classes is diagonal.
class Geometry {
 public:
  Geometry(const ClassSpec& spec, const Counts& counts)
      : counts_(counts), seli_(spec.geometry == ClassGeometry::seli) {
    const std::uint64_t k = spec.classes;
    is_simplex_ = spec.features + 1 >= k;
    dims_ = is_simplex_ ? k - 1 : spec.features;
    if (!is_simplex_) {
      // A harmonic frame: columns are sqrt(2 / K) times cosines and sines of 2 pi f c / K, f = 1, 1, 2, 2,
      // ...
      values_.assign(dims_, 1);
      return;
    }
    // Eigenvalues of P D P: one within each half of the classes, one between them.
    const double k1 = static_cast<double>(counts.frequent);
    const double k2 = static_cast<double>(k) - k1;
    const double n1 = static_cast<double>(counts.rows_of(0));
    const double n2 = static_cast<double>(counts.rows_of(k - 1));
    for (std::uint64_t j = 0; j < dims_; ++j) {
      const bool within_frequent = j + 1 < counts.frequent;
      const bool between = counts.frequent > 0 && j + 1 == dims_;
      values_.push_back(between ? (k2 * n1 + k1 * n2) / (k1 + k2) : within_frequent ? n1 : n2);
    }
  }

  [[nodiscard]] std::size_t dims() const { return dims_; }
  [[nodiscard]] bool is_simplex() const { return is_simplex_; }

  // Row c of the orthonormal columns.
  void fill(std::uint64_t c, std::span<double> to) const {
    const std::uint64_t k = counts_.classes;
    const std::uint64_t k1 = counts_.frequent;
    if (!is_simplex_) {
      const double unit = 2 * std::numbers::pi / static_cast<double>(k);
      for (std::size_t j = 0; j < dims_; ++j) {
        const double angle = unit * static_cast<double>((j / 2 + 1) * c % k);
        to[j] = std::sqrt(2 / static_cast<double>(k)) * (j % 2 == 0 ? std::cos(angle) : std::sin(angle));
      }
    } else if (k1 == 0) {
      for (std::size_t j = 0; j < dims_; ++j) {
        to[j] = helmert(c, j);
      }
    } else {  // within the frequent half, within the rare one, between them
      const std::uint64_t k2 = k - k1;
      const double length = std::sqrt(static_cast<double>(k1 * k2 * k));
      for (std::size_t j = 0; j + 1 < dims_; ++j) {
        const bool here = j + 1 < k1;
        to[j] = here == (c < k1) ? helmert(here ? c : c - k1, here ? j : j - (k1 - 1)) : 0;
      }
      to[dims_ - 1] = static_cast<double>(c < k1 ? k2 : k1) * (c < k1 ? 1 : -1) / length;
    }
  }
  // What its column j is multiplied by: of the means, of the classifier's rows.
  [[nodiscard]] double of_means(std::size_t j) const { return seli_ ? std::pow(values_[j], -0.25) : 1; }
  [[nodiscard]] double of_weight(std::size_t j) const { return seli_ ? std::pow(values_[j], 0.25) : 1; }

  // | G/|G| - (I - 11^T/K)/sqrt(K-1) |_F of the Gram matrix with these eigenvalues, which has the same
  // eigenvectors.
  [[nodiscard]] double etf_distance() const {
    double square = 0;
    for (std::size_t j = 0; j < dims_; ++j) {
      square += std::pow(of_means(j), 4);
    }
    const double simplex = 1 / std::sqrt(static_cast<double>(counts_.classes - 1));
    double distance = static_cast<double>(counts_.classes - 1 - dims_) * simplex * simplex;
    for (std::size_t j = 0; j < dims_; ++j) {
      distance += std::pow(of_means(j) * of_means(j) / std::sqrt(square) - simplex, 2);
    }
    return std::sqrt(distance);
  }
  // | W/|W| - M/|M| |_F
  [[nodiscard]] double self_duality() const {
    double means = 0;
    double weights = 0;
    for (std::size_t j = 0; j < dims_; ++j) {
      means += of_means(j) * of_means(j);
      weights += of_weight(j) * of_weight(j);
    }
    double distance = 0;
    for (std::size_t j = 0; j < dims_; ++j) {
      distance += std::pow(of_weight(j) / std::sqrt(weights) - of_means(j) / std::sqrt(means), 2);
    }
    return std::sqrt(distance);
  }

 private:
  const Counts& counts_;
  bool seli_;
  bool is_simplex_ = true;
  std::size_t dims_ = 0;
  std::vector<double> values_;
};

// Without noise all rows of a class are rounded alike.
bool is_coarse_layer(const ClassSpec& spec, std::size_t layer) {
  return spec.nc1[layer] > 0 && is_coarse(rounding_share(spec, 0), spec.nc1[layer]);
}

void require_classes(const ClassSpec& spec, const Counts& counts) {
  require_common(spec);
  require_synth(spec.classes >= 2, fmt::format("at least 2 classes are needed, found {}", spec.classes));
  require_synth(spec.rows >= 1 && spec.imbalance >= 1,
                "each class needs a row, and an imbalance is at least 1");
  const std::uint64_t most = std::uint64_t{1} << 40;
  require_synth(spec.rows <= most / spec.imbalance / spec.classes,
                "more than 2^40 samples: fewer rows of each class are needed");
  require_synth(!spec.nc1.empty(), "at least one layer is needed: --nc1 VALUE[,VALUE...]");
  for (const double nc1 : spec.nc1) {
    require_synth(std::isfinite(nc1) && nc1 >= 0, fmt::format("nc1 is 0 or more, found {}", nc1));
    require_held(spec, 2 * std::sqrt(nc1) + 2, fmt::format("nc1 = {}", nc1));
    require_synth(nc1 == 0 || counts.rare_rows >= 3,
                  fmt::format("noise needs 3 rows of each class, found {}", counts.rare_rows));
  }
  const bool simplex = spec.features + 1 >= spec.classes;
  require_synth(spec.features >= 1, "at least one feature is needed");
  require_synth(simplex || spec.geometry == ClassGeometry::etf,
                fmt::format("the geometry of SELI for {} classes needs {} features, found {}", spec.classes,
                            spec.classes - 1, spec.features));
}

std::uint64_t rows_at_once(const ClassSpec& spec) {
  const std::uint64_t wide =
      std::max<std::uint64_t>(spec.features, spec.classes <= most_logits ? spec.classes : 1);
  return std::max<std::uint64_t>(1, (std::uint64_t{1} << 20U) / wide);
}

class ClassWriter {
 public:
  ClassWriter(const std::string& path, const ClassSpec& spec, const StopRequest* stop)
      : spec_(spec), counts_(spec), geometry_(spec, counts_), turn_(spec.features), file_(path, stop) {}

  void write() {
    write_synth_head(file_, spec_, "classification",
                     spec_.geometry == ClassGeometry::seli ? "SELI"
                     : geometry_.is_simplex()              ? "simplex ETF"
                                                           : "tight frame");
    file_.create_dataset("/targets", {counts_.samples()}, ElementKind::int64, {}, false);
    file_.set_attribute("/", "expected_class_imbalance", static_cast<double>(spec_.imbalance));
    if (has_logits()) {
      file_.create_dataset("/predictions", {counts_.samples(), spec_.classes}, ElementKind::float32, {},
                           false);
    }
    for (std::size_t layer = 0; layer < spec_.nc1.size(); ++layer) {
      create_layer(layer);
    }
    file_.require_room();
    for (std::size_t layer = 0; layer < spec_.nc1.size(); ++layer) {
      write_weight(layer);
    }
    const std::uint64_t block = rows_at_once(spec_);
    for (std::uint64_t first = 0; first < counts_.samples(); first += block) {
      write_rows(first, std::min(block, counts_.samples() - first));
    }
    file_.finish();
  }

 private:
  [[nodiscard]] bool has_logits() const { return spec_.classes <= most_logits; }
  [[nodiscard]] static std::string name_of(std::size_t layer) {
    return fmt::format("/layers/layer{}", layer + 1);
  }

  // In how many coordinates there is noise.
  [[nodiscard]] std::size_t noisy() const {
    return std::min<std::size_t>(geometry_.dims(), static_cast<std::size_t>((counts_.rare_rows - 1) / 2));
  }
  // nc1 = tr(Sigma_W Sigma_B^+) / K, where Sigma_B is diagonal with of_means^2 / K.
  [[nodiscard]] double sigma(double nc1) const {
    double inverse = 0;
    for (std::size_t j = 0; j < noisy(); ++j) {
      inverse += 1 / (geometry_.of_means(j) * geometry_.of_means(j));
    }
    return nc1 == 0 ? 0 : std::sqrt(nc1 / inverse);
  }

  void create_layer(std::size_t layer) {
    const std::string name = name_of(layer);
    file_.create_dataset(name + "/activations", {counts_.samples(), spec_.features}, spec_.element,
                         synth_chunk(spec_, counts_.samples()), spec_.storage == SynthStorage::gzip);
    file_.create_dataset(name + "/weight", {spec_.classes, spec_.features}, ElementKind::float64, {}, false);
    file_.set_attribute(name, "index", static_cast<std::int64_t>(layer));
    file_.set_attribute(name, "kind", std::string("linear"));
    const double noise = sigma(spec_.nc1[layer]);
    if (!is_coarse_layer(spec_, layer)) {
      file_.set_attribute(name, "expected_nc1", spec_.nc1[layer]);
      file_.set_attribute(name, "expected_within_variance", noise * noise * static_cast<double>(noisy()));
    }
    file_.set_attribute(name, "expected_nc2_etf", geometry_.etf_distance());
    file_.set_attribute(name, "expected_nc3_self_duality", geometry_.self_duality());
    if (spec_.geometry == ClassGeometry::seli) {
      file_.set_attribute(name, "expected_nc2_seli", 0.0);
      file_.set_attribute(name, "expected_nc2_weight_seli", 0.0);
    }
  }

  void write_weight(std::size_t layer) {
    const std::uint64_t block = rows_at_once(spec_);
    for (std::uint64_t first = 0; first < spec_.classes; first += block) {
      Matrix rows(std::min(block, spec_.classes - first), spec_.features);
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        geometry_.fill(first + i, rows.view().row(i));
        for (std::size_t j = 0; j < geometry_.dims(); ++j) {
          rows(i, j) *= geometry_.of_weight(j);
        }
      }
      turn_.apply(rows.view());
      file_.write_rows(name_of(layer) + "/weight", first, rows.view());
    }
  }

  void write_rows(std::uint64_t first, std::uint64_t count) {
    Matrix labels(count, 1);
    Matrix means(count, spec_.features);  // before they are turned
    Matrix noise(count, std::max<std::size_t>(noisy(), 1));
    const bool noises = std::ranges::any_of(spec_.nc1, [](double nc1) { return nc1 > 0; });
    for (std::size_t i = 0; i < count; ++i) {
      const Counts::Place place = counts_.at(first + i);
      labels(i, 0) = static_cast<double>(place.label);
      geometry_.fill(place.label, means.view().row(i));
      for (std::size_t j = 0; j < geometry_.dims(); ++j) {
        means(i, j) *= geometry_.of_means(j);
      }
      if (noises) {
        synth::CosineDesign(counts_.rows_of(place.label))
            .fill(place.number, 0, noise.view().middle_rows(i, 1));
      }
    }
    file_.write_rows("/targets", first, labels.view());
    for (std::size_t layer = 0; layer < spec_.nc1.size(); ++layer) {
      Matrix rows = means;
      const double scale = sigma(spec_.nc1[layer]);
      for (std::size_t i = 0; scale > 0 && i < count; ++i) {
        for (std::size_t j = 0; j < noisy(); ++j) {
          rows(i, j) += scale * noise(i, j);
        }
      }
      if (has_logits() && layer + 1 == spec_.nc1.size()) {
        write_logits(first, rows);
      }
      turn_.apply(rows.view());
      file_.write_rows(name_of(layer) + "/activations", first, rows.view());
    }
  }

  // W h of the last layer.
  void write_logits(std::uint64_t first, const Matrix& rows) {
    Matrix weight(spec_.classes, spec_.features);
    for (std::size_t c = 0; c < spec_.classes; ++c) {
      geometry_.fill(c, weight.view().row(c));
      for (std::size_t j = 0; j < geometry_.dims(); ++j) {
        weight(c, j) *= geometry_.of_weight(j);
      }
    }
    Matrix logits(rows.rows(), spec_.classes);
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      for (std::size_t c = 0; c < spec_.classes; ++c) {
        double sum = 0;
        for (std::size_t j = 0; j < geometry_.dims(); ++j) {
          sum += rows(i, j) * weight(c, j);
        }
        logits(i, c) = sum;
      }
    }
    file_.write_rows("/predictions", first, logits.view());
  }

  const ClassSpec& spec_;
  Counts counts_;
  Geometry geometry_;
  synth::Reflection turn_;
  hdf5::DumpWriter file_;
};

}  // namespace

std::vector<std::string> coarse_layers(const ClassSpec& spec) {
  require_classes(spec, Counts(spec));
  std::vector<std::string> lines;
  for (std::size_t layer = 0; layer < spec.nc1.size(); ++layer) {
    if (is_coarse_layer(spec, layer)) {
      lines.push_back(
          fmt::format("layer{}: rounding to {} adds some {:.2g} to an nc1 of {}: expected_nc1 and "
                      "expected_within_variance are left out",
                      layer + 1, ElementType{spec.element}.name(), rounding_share(spec, 0), spec.nc1[layer]));
    }
  }
  return lines;
}

void write_classes(const std::string& path, const ClassSpec& spec, const StopRequest* stop) {
  require_synth(!path.empty(), "a dump needs a file name");
  require_classes(spec, Counts(spec));
  ClassWriter(path, spec, stop).write();
}

}  // namespace collapscope
