#include "analysis/shared_layer.hpp"

#include <algorithm>
#include <utility>

#include "analysis/layer_passes.hpp"

namespace collapscope {

namespace {

// Kinds of messages of one layer.
enum Kind : int { starts, sums, verdict, residuals, kinds };

// What nobody has: neither the owner nor this rank.
std::vector<SegmentRange> missing(const SegmentRange& segments, const std::vector<Subtree>& owners,
                                  const std::vector<Subtree>& mine) {
  std::vector<SegmentRange> found;
  for (const SegmentRange& range : outside(segments, owners)) {
    const std::vector<SegmentRange> left = outside(range, mine);
    found.insert(found.end(), left.begin(), left.end());
  }
  return found;
}

}  // namespace

SharedLayer::SharedLayer(CheckpointWork& work, std::size_t layer, std::vector<Share> shares,
                         std::size_t number, Ranks& ranks, Worker& whole)
    : work_(work), layer_(layer), shares_(std::move(shares)), number_(number), ranks_(ranks), worker_(whole) {
  while (shares_[place_].rank != ranks_.rank()) {
    ++place_;
  }
}

bool SharedLayer::is_owned() const { return place_ == 0; }

// A rank shares two layers at most, which follow one another.
int SharedLayer::tag(int kind) const { return static_cast<int>(number_ % 4096) * kinds + kind; }

template <class Visit>
void SharedLayer::each_other(const Visit& visit) {
  for (const Share& share : shares_) {
    if (share.rank != ranks_.rank()) {
      visit(share.rank);
    }
  }
}

template <class T>
T SharedLayer::from(std::size_t rank, int kind) {
  return unpacked<T>(ranks_.receive(rank, tag(kind)));
}

template <class T>
void SharedLayer::to(std::size_t rank, int kind, const T& value) {
  ranks_.send(rank, tag(kind), packed(value));
}

PartEnd SharedLayer::attempt(const std::function<void()>& work) {
  PartEnd end;
  try {
    work();
  } catch (const Stopped&) {
    end.was_stopped = true;
    end.failure = work_.current_failure(layer_);
  } catch (const DeviceError&) {
    end.lost_device = true;
    end.failure = work_.current_failure(layer_);
  } catch (const std::exception&) {
    end.failure = work_.current_failure(layer_);
  }
  return end;
}

void SharedLayer::note(const PartEnd& end) {
  if (end.failure && (!end_.failure || (end_.lost_device && !end.lost_device))) {
    end_ = end;
  }
}

// tree: null, nothing could be done.
template <class Value>
void SharedLayer::send_part(const SegmentTree<Value>* tree, int kind) {
  PartEnd end = end_;
  if (is_sound()) {
    end.subtrees = tree->places();
  }
  to(shares_.front().rank, kind, end);
  for (const Subtree& place : end.subtrees) {
    ranks_.send(shares_.front().rank, tag(kind),
                tree->read([&](const auto& subtrees) { return packed(subtrees.at(place)); }));
  }
}

template <class Value>
void SharedLayer::take_parts(SegmentTree<Value>& tree, int kind) {
  each_other([&](std::size_t rank) {
    const PartEnd end = from<PartEnd>(rank, kind);
    note(end);
    for (const Subtree& place : end.subtrees) {
      tree.put(place, from<Value>(rank, kind));
    }
  });
}

void SharedLayer::start() {
  Start start;
  note(attempt([&] {
    access_ = work_.access(layer_, worker_);
    weight_ = weight_facts(read_weight(access_->shards, access_->plan), access_->targets->components(),
                           access_->plan.needs);
    start.folded = access_->sums->moments.places();
    start.looked_at = access_->sums->residuals.places();
  }));
  start.goes_on = goes_on_ = is_sound();
  each_other([&](std::size_t rank) { to(rank, starts, start); });
}

void SharedLayer::fold() {
  if (is_owned()) {
    if (goes_on_) {
      fold_mine();
      take_parts(access_->sums->moments, sums);
      decompose();
    }
    return;
  }
  const Start start = from<Start>(shares_.front().rank, starts);
  goes_on_ = start.goes_on;
  if (!goes_on_) {
    return;
  }
  note(attempt([&] {
    access_ = work_.access(layer_, worker_);
    access_->folded = start.folded;
    access_->looked_at = start.looked_at;
  }));
  if (is_sound()) {
    fold_mine();
  }
  send_part(access_ ? &access_->sums->moments : nullptr, sums);
}

void SharedLayer::fold_mine() {
  note(attempt([&] {
    LayerPasses passes = access_->passes(*worker_.backend);
    passes.fold(access_->targets->components(),
                missing(mine().segments, access_->folded, access_->sums->moments.places()));
  }));
}

// Also tells the others what to look at, or that there is nothing to do.
void SharedLayer::decompose() {
  if (is_sound()) {
    note(attempt([&] { decomposed_ = work_.decompose(*access_, *std::move(weight_), *worker_.backend); }));
  }
  Verdict found;
  if (is_sound() && decomposed_->look) {
    found.look = *decomposed_->look;
  }
  each_other([&](std::size_t rank) { to(rank, verdict, found); });
  look_ = std::move(found.look);
}

void SharedLayer::look() {
  if (!goes_on_) {
    conclude();
    return;
  }
  if (is_owned()) {
    if (look_) {
      look_at_mine();
      take_parts(access_->sums->residuals, residuals);
    }
    conclude();
    return;
  }
  look_ = from<Verdict>(shares_.front().rank, verdict).look;
  if (look_ && access_) {  // the owner has all sums of the first look
    (void)access_->sums->moments.take();
    look_->format = access_->plan.format;
    look_at_mine();
    send_part(&access_->sums->residuals, residuals);
  }
  work_.leave(layer_);
}

void SharedLayer::look_at_mine() {
  note(attempt([&] {
    LayerPasses passes = access_->passes(*worker_.backend);
    passes.look(*look_, missing(mine().segments, access_->looked_at, access_->sums->residuals.places()));
  }));
}

void SharedLayer::conclude() {
  if (!is_owned()) {
    work_.leave(layer_);
  } else if (!is_sound()) {
    if (!is_left_over()) {
      work_.fail(layer_, *end_.failure, end_.was_stopped);
    }
  } else {
    if (look_) {
      decomposed_->summary.residuals = access_->sums->residuals.finish();
    }
    work_.conclude(layer_, decomposed_->summary);
  }
}

}  // namespace collapscope
