// What is done of an analysis, kept for another run that goes on from there.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "analysis/layer_sums.hpp"
#include "collapscope/core/stop.hpp"

namespace collapscope {

// Used by all tasks of an analysis, from any thread.
class WorkRecord {
 public:
  // keeper: null, and nothing is kept. What is finished is taken from it. tell: a line that a save has
  // failed; the analysis goes on.
  WorkRecord(StateKeeper* keeper, const StopRequest* stop, std::function<void(const std::string&)> tell);
  ~WorkRecord();
  WorkRecord(const WorkRecord&) = delete;
  WorkRecord& operator=(const WorkRecord&) = delete;
  WorkRecord(WorkRecord&&) = delete;
  WorkRecord& operator=(WorkRecord&&) = delete;

  // Takes from the keeper the sums of layers that are wanted here. From now on a thread saves at its
  // interval, and when somebody asks to stop. Without `inherits` only what this process has finished is
  // saved.
  void begin_saving(const StateKeeper::Wants& wants, bool inherits);

  [[nodiscard]] bool keeps() const { return keeper_ != nullptr; }
  // Throws Stopped.
  void check() {
    if (stop_ != nullptr && stop_->wanted()) {
      was_stopped_ = true;
      stop_->check();
    }
  }
  // Whether that has kept anything from being done.
  [[nodiscard]] bool was_stopped() const { return was_stopped_; }

  // How many layers the analysis has.
  void expect(std::size_t layers);
  // What is known of these already.
  [[nodiscard]] std::optional<KnownCheckpoint> checkpoint(std::size_t number) const;
  [[nodiscard]] std::optional<FinishedLayer> finished(const LayerPlace& place) const;
  // The sums of a layer at work, until it is finished or begun again. What was kept of another kind is
  // dropped.
  [[nodiscard]] LayerSums& begin(const LayerFacts& facts);
  // Empty sums.
  [[nodiscard]] LayerSums& begin_again(const LayerFacts& facts);

  void add(std::size_t number, const KnownCheckpoint& checkpoint);
  void finish(FinishedLayer layer);
  // Nothing of it is done here any more.
  void drop(const LayerPlace& place);
  // A segment has been put into sums.
  void advanced();
  // Saves now. Where that fails a line tells why, once for each reason: a state is for another run, and this
  // one needs none.
  void save();
  // Whether the last save has worked.
  [[nodiscard]] bool is_saved() const;

 private:
  void save_at_intervals();

  StateKeeper* keeper_;
  const StopRequest* stop_;
  std::function<void(const std::string&)> tell_;
  std::atomic<bool> was_stopped_ = false;
  mutable std::mutex mutex_;  // of what follows
  std::size_t layers_ = 0;
  std::map<std::size_t, KnownCheckpoint> checkpoints_;
  std::vector<FinishedLayer> finished_;
  std::size_t not_saved_ = 0;  // of these, the first ones
  bool is_saved_ = false;
  std::set<std::string> told_;                // why saves have failed
  std::map<LayerPlace, std::size_t> places_;  // of finished layers
  std::map<LayerPlace, std::unique_ptr<LayerSums>> at_work_;
  std::mutex waiting_;
  std::condition_variable ended_;
  bool ends_ = false;
  std::thread saver_;
};

}  // namespace collapscope
