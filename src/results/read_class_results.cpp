#include "results/read_class_results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>

#include "collapscope/core/error.hpp"

namespace collapscope {
namespace {

// A column of each of so many classes; null: none of it is defined.
template <class Column, class Read>
void read_class_column(const JsonPlace& place, Column& column, std::size_t count, const Read& read) {
  if (place.is_null()) return;
  place.each_element([&](const JsonPlace& element) { column.push_back(read(element)); });
  if (column.size() != count) {
    throw InputError(*place.file, place.where(),
                     fmt::format("found {} entries, expected {}", column.size(), count));
  }
}

std::optional<double> maybe_number(const JsonPlace& place) {
  return place.is_null() ? std::nullopt : std::optional(place.number("a number or null"));
}

std::optional<double> maybe_cosine(const JsonPlace& place) {
  constexpr double rounding = 1e-6;
  const auto cosine = maybe_number(place);
  if (cosine && !(std::abs(*cosine) <= 1 + rounding)) place.refuse("a cosine, from -1 to 1");
  return cosine;
}

}  // namespace

CheckpointClasses classes_of_checkpoint(const JsonPlace& place) {
  CheckpointClasses classes;
  place.need_member("labels", [&](const JsonPlace& labels) {
    labels.each_element([&](const JsonPlace& label) {
      const std::int64_t found = label.get<std::int64_t>("a label, an integer");
      if (!classes.labels.empty() && found <= classes.labels.back()) {
        label.refuse(
            fmt::format("labels in ascending order, each once: one above {}", classes.labels.back()));
      }
      classes.labels.push_back(found);
    });
  });
  const std::size_t count = classes.labels.size();
  place.need_member("names", [&](const JsonPlace& names) {
    read_class_column(names, classes.names, count, [](const JsonPlace& name) { return name.take_text(); });
  });
  place.need_member("samples", [&](const JsonPlace& samples) {
    read_class_column(samples, classes.samples, count,
                      [](const JsonPlace& sample) { return sample.count(); });
  });
  place.need_member("model_accuracy", [&](const JsonPlace& column) {
    read_class_column(column, classes.model_accuracy, count, maybe_number);
  });
  return classes;
}

LayerClasses classes_of_layer(const JsonPlace& place) {
  LayerClasses classes;
  place.need_member("rows", [&](const JsonPlace& rows) {
    rows.each_element([&](const JsonPlace& row) { classes.rows.push_back(row.count()); });
  });
  const std::size_t count = classes.rows.size();
  place.need_member("nearest", [&](const JsonPlace& nearest) {
    read_class_column(nearest, classes.nearest, count, [](const JsonPlace& label) {
      return label.is_null() ? std::nullopt
                             : std::optional(label.get<std::int64_t>("a label, an integer, or null"));
    });
  });
  each_class_column(classes, [&](const char* name, ClassColumn& column) {
    const std::size_t entries = &column == &classes.cosines ? count * (count - 1) / 2 : count;
    const bool has_cosines = &column == &classes.cosines || &column == &classes.nearest_cosine ||
                             &column == &classes.weight_cosine;
    place.need_member(name, [&](const JsonPlace& found) {
      read_class_column(found, column, entries, has_cosines ? maybe_cosine : maybe_number);
    });
  });
  place.need_member("notes", [&](const JsonPlace& notes) {
    notes.each_member([&](const JsonPlace& note) { classes.notes.emplace_back(note.key, note.take_text()); });
  });
  return classes;
}

void require_labels(const JsonPlace& place, const std::vector<std::int64_t>& labels) {
  place.need_member("nearest", [&](const JsonPlace& nearest) {
    if (nearest.is_null()) return;
    nearest.each_element([&](const JsonPlace& entry) {
      if (entry.is_null()) return;
      const auto label = entry.get<std::int64_t>("a label");
      const bool known = std::ranges::binary_search(labels, label);
      if (!known || label == labels[entry.index]) {
        entry.refuse(fmt::format("the label of another class than {}", labels[entry.index]));
      }
    });
  });
}

}  // namespace collapscope
