// A backend as any other, but for its tiles and segments: also where the CPU goes on, they are those of a GPU
// whose tiles are small. So a few thousand rows fill many of them, and as many bands within a small --memory.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "collapscope/backend/backend.hpp"

namespace collapscope::test {

class SmallTiles final : public Backend {
 public:
  // Of one that outlives this; tiles of `rows` rows at most, and so many of them in a segment: by default
  // more than the ring of a device has slots, so that slots are used again.
  SmallTiles(Backend& whole, std::size_t rows, std::size_t tiles_of_segment = 5)
      : whole_(whole), rows_(rows), tiles_of_segment_(tiles_of_segment) {}

  [[nodiscard]] std::size_t tile_rows(std::size_t features) const override;
  [[nodiscard]] Backend* fallback() override;

  [[nodiscard]] std::string describe() const override { return whole_.describe(); }
  [[nodiscard]] std::size_t threads() const override { return whole_.threads(); }
  [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) override {
    return whole_.make_fold(spec);
  }
  [[nodiscard]] std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) override {
    return whole_.make_look(spec);
  }
  [[nodiscard]] Eigenbasis eigenbasis(const Matrix& symmetric, std::size_t pairs) override {
    return whole_.eigenbasis(symmetric, pairs);
  }
  [[nodiscard]] Eigenbasis spectrum(const Matrix& symmetric, std::size_t written) override {
    return whole_.spectrum(symmetric, written);
  }
  [[nodiscard]] Eigenbasis decompose(const Matrix& symmetric, std::size_t pairs, std::size_t written,
                                     const DeviceSums& known) override {
    return whole_.decompose(symmetric, pairs, written, known);
  }
  [[nodiscard]] std::unique_ptr<HostBuffer> make_host_buffer(std::size_t size) override {
    return whole_.make_host_buffer(size);
  }
  [[nodiscard]] std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) const override;
  [[nodiscard]] bool keeps_rows(std::uint64_t bytes) const override { return whole_.keeps_rows(bytes); }
  [[nodiscard]] bool is_device() const override { return whole_.is_device(); }
  [[nodiscard]] bool works() const override { return whole_.works(); }
  [[nodiscard]] Backend* host() override { return whole_.host(); }
  [[nodiscard]] std::string loss() const override { return whole_.loss(); }
  [[nodiscard]] bool spare_memory() override { return whole_.spare_memory(); }
  [[nodiscard]] Fallbacks take_fallbacks() override { return whole_.take_fallbacks(); }
  [[nodiscard]] std::span<Backend* const> segment_workers(std::size_t features) override {
    return whole_.segment_workers(features);
  }
  [[nodiscard]] std::span<Backend* const> layer_workers(std::size_t most) override {
    return whole_.layer_workers(most);
  }
  [[nodiscard]] std::size_t least_layer_workers() const override { return whole_.least_layer_workers(); }
  [[nodiscard]] std::size_t layer_workers_for(const FoldSpec& layer) const override {
    return whole_.layer_workers_for(layer);
  }
  [[nodiscard]] std::span<Backend* const> turn_workers() override;
  [[nodiscard]] bool takes_turns(const FoldSpec& layer) const override { return whole_.takes_turns(layer); }
  [[nodiscard]] std::unique_ptr<StageMaker> stage_maker() override { return whole_.stage_maker(); }

 private:
  Backend& whole_;
  std::size_t rows_;
  std::size_t tiles_of_segment_;
  [[nodiscard]] SmallTiles* wrapped(Backend& other);

  std::map<Backend*, std::unique_ptr<SmallTiles>> others_;  // by what they are of
  std::vector<Backend*> turn_workers_;
};

}  // namespace collapscope::test
