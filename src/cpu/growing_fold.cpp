#include "cpu/growing_fold.hpp"

#include <algorithm>
#include <utility>

namespace collapscope::cpu {

GrowingFold::GrowingFold(const FoldSpec& spec, MakeFold make_few, MakeFold make_many)
    : spec_(spec), make_few_(std::move(make_few)), make_many_(std::move(make_many)) {}

void GrowingFold::pass_on(MomentFold& fold) {
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    RawTile tile = waiting.tile;
    tile.bytes = waiting.bytes;
    fold.add(tile, waiting.targets.view());
  }
  rows_ = 0;
}

void GrowingFold::add(const RawTile& tile, MatrixView<const double> targets) {
  if (!is_many_ && are_few_rows(rows_ + tile.rows, spec_.format.row_length())) {
    Waiting& waiting = waiting_.emplace_back();
    waiting.tile = tile;
    waiting.bytes.assign(tile.bytes.begin(), tile.bytes.end());
    waiting.targets = Matrix(targets.rows(), targets.cols());
    for (std::size_t i = 0; i < targets.rows(); ++i) {
      std::ranges::copy(targets.row(i), waiting.targets.view().row(i).begin());
    }
    rows_ += tile.rows;
    return;
  }
  if (many_ == nullptr) {
    many_ = make_many_(spec_);
  }
  is_many_ = true;
  pass_on(*many_);
  many_->add(tile, targets);
}

Moments GrowingFold::finish() {
  if (std::exchange(is_many_, false)) {
    return many_->finish();
  }
  if (rows_ == 0) {
    return {};
  }
  FoldSpec few = spec_;
  few.rows = rows_;
  const std::unique_ptr<MomentFold> fold = make_few_(few);
  pass_on(*fold);
  return fold->finish();
}

}  // namespace collapscope::cpu
