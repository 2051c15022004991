// A layer whose segments several ranks take. The owner, who has the first ones, puts the sums together,
// decomposes, and tells the others what to look at again:
//
//   owner    start ->                fold | <- sums | decompose | look spec -> |     ... look | <- residuals
//   | measure others   <- start | fold | sums ->                          <- look spec | look | residuals ->
//
// A rank first folds what it shares, then measures its whole layers, then looks again, so that nobody waits
// for a rank that waits.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/checkpoint_work.hpp"
#include "analysis/divide.hpp"
#include "analysis/layer_messages.hpp"

namespace collapscope {

class SharedLayer {
 public:
  // number: of this layer among all that are shared. whole: the backend and all memory.
  SharedLayer(CheckpointWork& work, std::size_t layer, std::vector<Share> shares, std::size_t number,
              Ranks& ranks, Worker& whole);

  [[nodiscard]] bool is_owned() const;

  // In this order, `start` by the owner only. None throws but for messages that cannot be sent; what fails is
  // the layer's failure.
  void start();
  void fold();
  void look();
  // A device was lost on the way: the owner measures the layer as a whole.
  [[nodiscard]] bool is_left_over() const { return end_.failure && end_.lost_device; }
  [[nodiscard]] CheckpointWork& work() const { return work_; }
  [[nodiscard]] std::size_t layer() const { return layer_; }

 private:
  [[nodiscard]] const Share& mine() const { return shares_[place_]; }
  [[nodiscard]] int tag(int kind) const;
  template <class Visit>
  void each_other(const Visit& visit);
  template <class T>
  [[nodiscard]] T from(std::size_t rank, int kind);
  template <class T>
  void to(std::size_t rank, int kind, const T& value);
  // What `work` throws becomes the end of this rank's part.
  [[nodiscard]] PartEnd attempt(const std::function<void()>& work);
  template <class Value>
  void send_part(const SegmentTree<Value>* tree, int kind);
  template <class Value>
  void take_parts(SegmentTree<Value>& tree, int kind);
  void note(const PartEnd& end);
  [[nodiscard]] bool is_sound() const { return !end_.failure; }

  void fold_mine();
  void decompose();
  void look_at_mine();
  void conclude();

  CheckpointWork& work_;
  std::size_t layer_;
  std::vector<Share> shares_;
  std::size_t place_ = 0;
  std::size_t number_;
  Ranks& ranks_;
  Worker& worker_;
  bool goes_on_ = true;
  PartEnd end_;  // the first that went wrong, lost devices last
  std::optional<LayerAccess> access_;
  std::optional<WeightFacts> weight_;
  std::optional<DecomposedLayer> decomposed_;
  std::optional<LookSpec> look_;
};

}  // namespace collapscope
