// A digest of all numbers of results: FNV-1a (Fowler, Noll, Vo), 64 bits.
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "collapscope/results/results_file.hpp"
#include "core/utf8.hpp"

namespace collapscope {

namespace {

class Digest {
 public:
  void add(std::uint64_t number) {
    for (int byte = 0; byte < 8; ++byte) {
      state_ = (state_ ^ (number >> (8 * byte) & 0xffU)) * 0x100000001b3U;
    }
  }
  void add(double number) { add(std::bit_cast<std::uint64_t>(number)); }
  // As JSON has it.
  void add(std::string_view name) {
    const std::string text = utf8_text(name);
    add(std::uint64_t{text.size()});
    for (const char c : text) {
      add(std::uint64_t{static_cast<unsigned char>(c)});
    }
  }
  void add(const std::vector<double>& list) {
    add(std::uint64_t{list.size()});
    for (const double number : list) {
      add(number);
    }
  }
  void add(std::int64_t number) { add(static_cast<std::uint64_t>(number)); }
  void add(std::monostate /*undefined*/) {}
  void add(const std::optional<double>& number) {
    add(std::uint64_t{number.has_value()});
    add(number.value_or(0));
  }
  void add(const MetricSet& metrics) {
    add(std::uint64_t{metrics.all().size()});
    for (const Metric& metric : metrics.all()) {
      add(metric.name);
      add(std::uint64_t{metric.value.index()});
      std::visit([this](const auto& value) { add(value); }, metric.value);
      add(metric.floor);
    }
  }

  void add(const ClassColumn& column) {
    add(std::uint64_t{column.size()});
    for (const std::optional<double>& number : column) {
      add(number);
    }
  }
  void add(const LayerClasses& classes) {
    for (const std::uint64_t rows : classes.rows) {
      add(rows);
    }
    for (const std::optional<std::int64_t>& label : classes.nearest) {
      add(std::uint64_t{label.has_value()});
      add(label.value_or(0));
    }
    each_class_column(classes, [this](const char* /*name*/, const ClassColumn& column) { add(column); });
  }
  void add(const CheckpointClasses& classes) {
    for (std::size_t c = 0; c < classes.labels.size(); ++c) {
      add(classes.labels[c]);
      add(classes.samples[c]);
    }
    add(classes.model_accuracy);
  }

  [[nodiscard]] std::string text() const { return fmt::format("{:016x}", state_); }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

}  // namespace

std::string numbers_digest(const Results& results) {
  Digest digest;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    digest.add(checkpoint.id);
    digest.add(checkpoint.run);
    digest.add(checkpoint.step);
    digest.add(checkpoint.samples);
    digest.add(checkpoint.targets);
    if (!checkpoint.depth.all().empty()) {
      digest.add(checkpoint.depth);
    }
    digest.add(std::uint64_t{checkpoint.layers.size()});
    for (const LayerResult& layer : checkpoint.layers) {
      digest.add(layer.name);
      digest.add(layer.metrics);
      if (layer.classes) {
        digest.add(*layer.classes);
      }
    }
    if (checkpoint.classes) {
      digest.add(*checkpoint.classes);
    }
  }
  return digest.text();
}

}  // namespace collapscope
