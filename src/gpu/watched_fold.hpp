// Folds and stores of one GPU: when one of them fails, the GPU is lost.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gpu/open_gpu.hpp"

namespace collapscope::gpu {

template <class AnyFold>
class Watched : public AnyFold {
 public:
  Watched(std::unique_ptr<AnyFold> fold, Lost lost) : fold_(std::move(fold)), lost_(std::move(lost)) {}

  void add(const RawTile& tile, MatrixView<const double> targets) override {
    watched(lost_, [&] { fold_->add(tile, targets); });
  }
  void settle() override {
    watched(lost_, [&] { fold_->settle(); });
  }
  [[nodiscard]] decltype(std::declval<AnyFold&>().finish()) finish() override {
    return watched(lost_, [&] { return fold_->finish(); });
  }

 protected:
  [[nodiscard]] AnyFold& fold() { return *fold_; }
  [[nodiscard]] const AnyFold& fold() const { return *fold_; }
  [[nodiscard]] const Lost& lost() const { return lost_; }

 private:
  std::unique_ptr<AnyFold> fold_;
  Lost lost_;
};

class WatchedMomentFold final : public Watched<MomentFold> {
 public:
  using Watched::Watched;
  [[nodiscard]] bool brings_ahead() const override { return fold().brings_ahead(); }
  void bring(const RawTile& tile, MatrixView<const double> targets) override {
    watched(lost(), [&] { fold().bring(tile, targets); });
  }
  void sum_brought() override {
    watched(lost(), [&] { fold().sum_brought(); });
  }
  void close() override {
    watched(lost(), [&] { fold().close(); });
  }
  [[nodiscard]] std::optional<std::vector<ResidualSums>> look_again(const LookSpec& spec) override {
    return watched(lost(), [&] { return fold().look_again(spec); });
  }
  [[nodiscard]] std::shared_ptr<const OnDevice> take_scatter() override { return fold().take_scatter(); }
};

using WatchedResidualFold = Watched<ResidualFold>;

class WatchedRowStore final : public RowStore {
 public:
  WatchedRowStore(std::unique_ptr<RowStore> store, Lost lost)
      : store_(std::move(store)), lost_(std::move(lost)) {}

  void put(std::size_t offset, const RowBytes& rows) override {
    watched(lost_, [&] { store_->put(offset, rows); });
  }
  void settle() override {
    watched(lost_, [&] { store_->settle(); });
  }
  [[nodiscard]] RowBytes rows() const override { return store_->rows(); }

 private:
  std::unique_ptr<RowStore> store_;
  Lost lost_;
};

}  // namespace collapscope::gpu
