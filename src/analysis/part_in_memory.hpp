// A part of an analysis that is the whole of one checkpoint, in memory.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "collapscope/analysis/parts.hpp"

namespace collapscope {

class PartInMemory final : public PartSource, public PartSink {
 public:
  void put_input(const PartBytes& input) override { input_ = input; }
  void put_checkpoint(std::size_t /*number*/, const PartBytes& targets) override { targets_ = targets; }
  void put_layer(const LayerOfPart& layer) override { layers_.push_back(layer); }

  [[nodiscard]] std::vector<PartBytes> inputs() override { return {input_}; }
  [[nodiscard]] std::optional<PartBytes> checkpoint(std::size_t /*number*/) override { return targets_; }
  [[nodiscard]] std::vector<LayerOfPart> layer(const LayerPlace& place) override {
    LayerOfPart found = layers_.at(place.layer);
    found.moments.clear();
    return {std::move(found)};
  }
  void each_moments(const LayerPlace& place,
                    const std::function<void(const Subtree&, Moments)>& visit) override {
    for (const auto& [subtree, moments] : layers_.at(place.layer).moments) {
      visit(subtree, moments);
    }
  }

 private:
  PartBytes input_;
  PartBytes targets_;
  std::vector<LayerOfPart> layers_;
};

}  // namespace collapscope
