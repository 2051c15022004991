#include "analysis/work_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>

#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

// How soon a request to stop is noticed.
constexpr std::chrono::milliseconds glance{100};

// Larger subtrees first; what lies in one that is there already says nothing new.
template <class Value>
void put_all(SegmentTree<Value>& tree, std::map<Subtree, Value>&& subtrees) {
  std::vector<Subtree> order;
  for (const auto& [place, value] : subtrees) {
    order.push_back(place);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const Subtree& a, const Subtree& b) { return a.height > b.height; });
  for (const Subtree& place : order) {
    const SegmentRange segments = place.segments();
    if (outside(segments, tree.places()) == std::vector{segments}) {
      tree.put(place, std::move(subtrees.at(place)));
    }
  }
}

}  // namespace

WorkRecord::WorkRecord(StateKeeper* keeper, const StopRequest* stop,
                       std::function<void(const std::string&)> tell)
    : keeper_(keeper), stop_(stop), tell_(std::move(tell)) {
  if (keeper_ == nullptr) {
    return;
  }
  AnalysisState state = keeper_->load([](const LayerPlace& /*place*/) { return false; });
  checkpoints_ = std::move(state.checkpoints);
  for (FinishedLayer& layer : state.finished) {
    if (places_.emplace(layer.place, finished_.size()).second) {
      finished_.push_back(std::move(layer));
    }
  }
}

WorkRecord::~WorkRecord() {
  {
    const std::lock_guard lock(waiting_);
    ends_ = true;
  }
  ended_.notify_all();
  if (saver_.joinable()) {
    saver_.join();
  }
}

void WorkRecord::begin_saving(const StateKeeper::Wants& wants, bool inherits) {
  if (keeper_ == nullptr) {
    return;
  }
  not_saved_ = inherits ? 0 : finished_.size();
  AnalysisState state =
      keeper_->load([&](const LayerPlace& place) { return !places_.contains(place) && wants(place); });
  for (LayerAtWork& layer : state.at_work) {
    std::unique_ptr<LayerSums>& sums = at_work_[layer.facts.place];
    if (sums == nullptr) {
      sums = std::make_unique<LayerSums>();
      sums->facts = layer.facts;
    }
    if (sums->facts == layer.facts) {
      put_all(sums->moments, std::move(layer.moments));
      put_all(sums->residuals, std::move(layer.residuals));
    }
  }
  if (keeper_->interval() > 0) {
    saver_ = std::thread([this] { save_at_intervals(); });
  }
}

void WorkRecord::expect(std::size_t layers) {
  const std::lock_guard lock(mutex_);
  layers_ = layers;
}

std::optional<KnownCheckpoint> WorkRecord::checkpoint(std::size_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = checkpoints_.find(number);
  return found == checkpoints_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<FinishedLayer> WorkRecord::finished(const LayerPlace& place) const {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(place);
  return found == places_.end() ? std::nullopt : std::optional(finished_[found->second]);
}

LayerSums& WorkRecord::begin(const LayerFacts& facts) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<LayerSums>& sums = at_work_[facts.place];
  if (sums == nullptr || sums->facts != facts) {
    sums = std::make_unique<LayerSums>();
    sums->facts = facts;
  }
  return *sums;
}

LayerSums& WorkRecord::begin_again(const LayerFacts& facts) {
  {
    const std::lock_guard lock(mutex_);
    at_work_.erase(facts.place);
  }
  return begin(facts);
}

void WorkRecord::add(std::size_t number, const KnownCheckpoint& checkpoint) {
  if (keeper_ != nullptr) {
    const std::lock_guard lock(mutex_);
    checkpoints_.insert_or_assign(number, checkpoint);
  }
}

void WorkRecord::finish(FinishedLayer layer) {
  {
    const std::lock_guard lock(mutex_);
    at_work_.erase(layer.place);
    if (keeper_ == nullptr) {
      return;
    }
    if (places_.emplace(layer.place, finished_.size()).second) {
      finished_.push_back(std::move(layer));
    }
  }
  advanced();
}

void WorkRecord::drop(const LayerPlace& place) {
  const std::lock_guard lock(mutex_);
  at_work_.erase(place);
}

void WorkRecord::advanced() {
  if (keeper_ != nullptr && keeper_->interval() == 0) {
    save();
  }
}

void WorkRecord::save() {
  if (keeper_ == nullptr) {
    return;
  }
  const std::lock_guard lock(mutex_);
  const StateView state{checkpoints_, std::span(finished_).subspan(not_saved_), layers_,
                        [this](const StateView::Visitor& visit) {
                          for (const auto& entry : at_work_) {
                            const LayerSums* const sums = entry.second.get();
                            sums->moments.read([&](const MomentsOfSubtrees& moments) {
                              sums->residuals.read([&](const ResidualsOfSubtrees& residuals) {
                                visit(sums->facts, moments, residuals);
                              });
                            });
                          }
                        }};
  try {
    keeper_->save(state);
    is_saved_ = true;
  } catch (const std::exception& error) {  // of the disk, or of memory for the file
    is_saved_ = false;
    if (told_.insert(error.what()).second) {
      tell_(fmt::format("{}; no state is saved, and the analysis goes on", error.what()));
    }
  }
}

bool WorkRecord::is_saved() const {
  const std::lock_guard lock(mutex_);
  return is_saved_;
}

void WorkRecord::save_at_intervals() {
  const std::chrono::duration<double> interval(keeper_->interval());
  auto last = std::chrono::steady_clock::now();
  bool stopping = false;
  std::unique_lock lock(waiting_);
  while (!ended_.wait_for(lock, glance, [this] { return ends_; })) {
    const bool stop_now = !stopping && stop_ != nullptr && stop_->wanted();
    if (!stop_now && std::chrono::steady_clock::now() - last < interval) {
      continue;
    }
    stopping = stopping || stop_now;
    lock.unlock();
    save();
    lock.lock();
    last = std::chrono::steady_clock::now();
  }
}

}  // namespace collapscope
