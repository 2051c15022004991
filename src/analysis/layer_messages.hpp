// What ranks that share a layer send to one another.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "collapscope/dump/dump.hpp"
#include "collapscope/ranks/ranks.hpp"
#include "core/pack.hpp"
#include "core/sums_fields.hpp"
#include "dump/dump_fields.hpp"

namespace collapscope {

// How a rank's part of a layer ended.
struct PartEnd {
  std::optional<Failure> failure;
  bool was_stopped = false;
  bool lost_device = false;         // the layer may be measured elsewhere
  std::vector<Subtree> subtrees{};  // that follow, one message each
};

// What a sharing rank must know before it begins.
struct Start {
  bool goes_on = true;            // false: the owner cannot measure the layer
  std::vector<Subtree> folded{};  // the owner has their sums already
  std::vector<Subtree> looked_at{};
};

// What becomes of the second look.
struct Verdict {
  std::optional<LookSpec> look;  // without format and rows, which everybody knows
};

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, PartEnd>
void each_field(T& end, const Visit& visit) {
  visit("failure", end.failure);
  visit("was_stopped", end.was_stopped);
  visit("lost_device", end.lost_device);
  visit("subtrees", end.subtrees);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Start>
void each_field(T& start, const Visit& visit) {
  visit("goes_on", start.goes_on);
  visit("folded", start.folded);
  visit("looked_at", start.looked_at);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, WhitenedScatter>
void each_field(T& scatter, const Visit& visit) {
  visit("apart", scatter.apart);
  visit("weights", scatter.weights);
  visit("inverse", scatter.inverse);
  visit("inverse_by_rows", scatter.inverse_by_rows);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, ClassLook>
void each_field(T& look, const Visit& visit) {
  visit("means", look.means);
  visit("nearest", look.nearest);
  visit("whitening", look.whitening);
  visit("whitening_by_rows", look.whitening_by_rows);
  visit("unit_means", look.unit_means);
  visit("unit_whitening", look.unit_whitening);
  visit("scatter", look.scatter);
  visit("unit_scatter", look.unit_scatter);
  visit("weight", look.weight);
  visit("bias", look.bias);
  visit("weight_rows", look.weight_rows);
  visit("settled_within", look.settled_within);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, LookSpec>
void each_field(T& look, const Visit& visit) {
  visit("feature_mean", look.feature_mean);
  visit("target_mean", look.target_mean);
  visit("feature_rms", look.feature_rms);
  visit("signal", look.signal);
  visit("weight", look.weight);
  visit("weight_is_complement", look.weight_is_complement);
  visit("affine", look.affine);
  visit("published", look.published);
  visit("classes", look.classes);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Verdict>
void each_field(T& verdict, const Visit& visit) { visit("look", verdict.look); }

}  // namespace collapscope
