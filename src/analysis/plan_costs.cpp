#include "analysis/plan_costs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analysis/needs.hpp"

namespace collapscope {

double operations_of(std::uint64_t rows, std::size_t features) {
  const double n = static_cast<double>(rows);
  const double d = static_cast<double>(features);
  // Factors of the rows and what comes of them, or the products and all eigenpairs.
  return are_few_rows(rows, features) ? 8 * n * n * d + 10 * n * n * n : n * d * d + 10 * d * d * d;
}

void choose_rows(LayerPlan& plan, std::size_t signal_dim, const AnalysisOptions& options) {
  const std::size_t d = plan.format.row_length();
  plan.few_rows = options.precision == Precision::float64 &&
                  are_few_rows(std::max<std::uint64_t>(plan.rows, std::min(d, signal_dim) + 1), d);
}

void choose_looks(LayerPlan& plan, std::size_t targets, const AnalysisOptions& options, bool dear) {
  constexpr std::array<std::string_view, 10> remainders{
      "nrc1",      "nrc1_unnormalized", "nrc1_centered", "nrc2",         "nrc2_unnormalized",
      "deep_nrc1", "deep_nrc4",         "linear_mse",    "linear_share", "linear_excess"};
  // Not worth moments of their own.
  constexpr std::array<std::string_view, 2> unnormalized{"nrc1_unnormalized", "nrc2_unnormalized"};
  constexpr std::array<std::string_view, 2> normalized{"nrc1", "nrc2"};
  const bool wants_normalized = wants_any(options.metrics, normalized);
  const double rows = static_cast<double>(plan.rows);
  const double d = static_cast<double>(plan.format.row_length());
  const double projected = static_cast<double>(options.signal_dim.value_or(targets) + 2 * targets);
  const double again = static_cast<double>(plan.bytes) / (dear ? dear_read_rate : plain_read_rate) +
                       4 * rows * d * projected / product_rate;
  const double carried = wants_normalized && !plan.few_rows ? rows * d * d / product_rate : 0;

  const auto decide = [&](int looks, std::string reason) {
    plan.looks = looks;
    plan.normalized_scatter = looks == 1 && wants_normalized;
    plan.reason = std::move(reason);
  };
  // One look, and another where the remainders turn out so small that a difference has too few digits.
  const auto decide_by_size = [&](std::string reason) {
    decide(2, std::move(reason));
    plan.spares_look = true;
    plan.normalized_scatter = wants_normalized;
  };
  const bool moments_may_do = options.precision == Precision::float64 &&
                              !wants_any(options.metrics, unnormalized) &&
                              (!wants_normalized || again > 2 * carried);
  if (options.looks == Looks::one) {
    decide(1, "one look, as asked");
  } else if (options.looks == Looks::two) {
    decide(2, "two looks, as asked");
  } else if (!wants_any(options.metrics, remainders)) {
    decide(1, "one look: no metric needs the rows again");
  } else if (options.metrics.wants("nrc1_centered")) {
    decide(2, "two looks: nrc1_centered needs the basis first");
  } else if (!moments_may_do) {
    decide(2, "two looks: residuals without cancellation");
  } else if (wants_normalized) {
    decide_by_size(
        fmt::format("one look, two where remainders are small: reading again costs about "
                    "{:.2g} s, a second product {:.2g} s",
                    again, carried));
  } else {
    decide_by_size("one look, two where remainders are small");
  }
}

void choose_looks_of_classes(LayerPlan& plan, const AnalysisOptions& options) {
  constexpr std::array<std::string_view, 3> of_rows{"ncc_accuracy", "nc4_disagreement", "nc1_unit"};
  constexpr std::array<std::string_view, 6> remainders{"within_variance", "nc1",      "nc1_trace",
                                                       "nc1_quotient",    "nc1_cdnv", "deep_nrc1"};
  constexpr std::array<std::string_view, 3> of_pairs{"nc1_cdnv", "nc2_max_angle", "nc2_weight_max_angle"};
  constexpr std::array<std::string_view, 2> of_seli{"nc2_seli", "nc2_weight_seli"};
  constexpr std::uint64_t few_classes = 2048;
  constexpr std::uint64_t most_seli_classes = 8192;
  // A simplex needs K - 1 dimensions. Where it fits, sums without pairs would take as much, and lose digits.
  const bool may_be_simplex = plan.classes <= plan.format.row_length() + 1;
  plan.class_pairs = plan.classes <= few_classes || may_be_simplex || wants_any(options.metrics, of_pairs) ||
                     (plan.classes <= most_seli_classes && wants_any(options.metrics, of_seli));
  if (options.looks == Looks::one) {
    plan.looks = 1;
    plan.reason = "one look, as asked";
  } else if (options.looks == Looks::two) {
    plan.looks = 2;
    plan.reason = "two looks, as asked";
  } else if (wants_any(options.metrics, of_rows)) {
    plan.looks = 2;
    plan.reason = "two looks: the nearest class mean needs the means first";
  } else if (options.per_class || wants_any(options.metrics, remainders)) {
    plan.looks = 2;
    plan.spares_look = true;
    plan.reason = "one look, two where the variance within classes is small";
  } else {
    plan.looks = 1;
    plan.reason = "one look: no metric needs the rows again";
  }
  plan.unit_classes = plan.looks == 2 && options.metrics.wants("nc1_unit");
}

}  // namespace collapscope
