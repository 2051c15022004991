// The first look on the CPU where nobody knows how many rows will come: they wait until they are many.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "collapscope/backend/backend.hpp"

namespace collapscope::cpu {

class GrowingFold final : public MomentFold {
 public:
  using MakeFold = std::function<std::unique_ptr<MomentFold>(const FoldSpec&)>;
  // make_few: what takes a segment of few rows, as many as its spec says; make_many: what takes others.
  GrowingFold(const FoldSpec& spec, MakeFold make_few, MakeFold make_many);
  void add(const RawTile& tile, MatrixView<const double> targets) override;
  [[nodiscard]] Moments finish() override;

 private:
  struct Waiting {
    RawTile tile;  // its bytes are `bytes`
    std::vector<std::byte> bytes;
    Matrix targets;
  };

  void pass_on(MomentFold& fold);

  FoldSpec spec_;
  MakeFold make_few_;
  MakeFold make_many_;
  std::unique_ptr<MomentFold> many_;  // made when first needed
  bool is_many_ = false;              // the current segment
  std::vector<Waiting> waiting_;      // its tiles, while it is not
  std::uint64_t rows_ = 0;            // in them
};

}  // namespace collapscope::cpu
