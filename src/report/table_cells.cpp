// Numbers as a person reads them.
#include "report/table_cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace collapscope {
std::string short_number(double value) {
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (!std::isfinite(value)) return "-";
  if (size < 1e-3 || size >= 99999.5) return fmt::format("{:.1e}", value);
  const std::string digits = fmt::format("{:.2e}", size);
  const int exponent = std::atoi(digits.c_str() + digits.find('e') + 1);
  return fmt::format("{:.{}f}", value, std::max(2 - exponent, 0));
}

std::string short_floor(double floor) {
  std::string digits = fmt::format("{:.0e}", floor);
  double rounded = std::strtod(digits.c_str(), nullptr);
  if (rounded < floor) {  // the next digit up; 9 becomes 10
    digits = digits[0] == '9' ? "10" + digits.substr(1) : static_cast<char>(digits[0] + 1) + digits.substr(1);
    rounded = std::strtod(digits.c_str(), nullptr);
  }
  return rounded >= 1e-3 && rounded < 1e5 ? fmt::format("{:.{}f}", rounded,
                                                        rounded < 0.01  ? 3
                                                        : rounded < 0.1 ? 2
                                                        : rounded < 1   ? 1
                                                                        : 0)
                                          : fmt::format("{:.0e}", rounded);
}

Cell cell_of(const Metric* metric, const Column& column) {
  Cell cell;
  if (metric == nullptr) return cell;
  if (column.entry > 0) {
    const auto* list = std::get_if<std::vector<double>>(&metric->value);
    if (list == nullptr || list->size() < column.entry) return cell;
    cell.text = short_number((*list)[column.entry - 1]);
  } else if (!metric->number()) {
    return cell;
  } else if (const auto* count = std::get_if<std::int64_t>(&metric->value)) {
    cell.text = fmt::to_string(*count);
  } else if (metric->below_floor() && std::isfinite(*metric->floor) && *metric->floor > 0) {
    cell.text = "< " + short_floor(*metric->floor);  // all that is known of the value is that it is smaller
  } else {
    cell.text = short_number(*metric->number());
  }
  cell.marked = !metric->note.empty();
  return cell;
}

bool meets_criteria(const LayerResult& layer, std::string_view metric, const Criteria& criteria) {
  bool asked = false;
  for (const Criterion& criterion : criteria) {
    if (criterion.metric != metric) continue;
    if (meets(layer, criterion) != true) return false;
    asked = true;
  }
  return asked;
}

}  // namespace collapscope
