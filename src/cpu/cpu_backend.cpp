// The CPU backend: OpenBLAS and LAPACK. Those who stand in for it have a thread each.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "backend/buffer_pool.hpp"
#include "collapscope/backend/backend.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/linalg/blas_kernels.hpp"
#include "core/segment_tree.hpp"
#include "core/threads.hpp"
#include "core/workers.hpp"
#include "cpu/cpu_worker.hpp"
#include "cpu/few_rows_fold.hpp"
#include "cpu/growing_fold.hpp"
#include "cpu/moment_fold.hpp"
#include "cpu/residual_fold.hpp"
#include "cpu/stages.hpp"
#include "cpu/vector_kernels.hpp"
#include "linalg/blas.hpp"
#include "linalg/factored_eigen.hpp"
#include "linalg/leading_eigen.hpp"

namespace collapscope {

namespace {

// From about so many rows on, threads that share out a layer's rows gain as much as those that share out
// layers.
constexpr std::uint64_t least_shared_rows = 50'000;
constexpr std::size_t most_workers = 64;  // threads that OpenBLAS serves at once, with room to spare

Eigenbasis without_negative(Eigenbasis basis) {
  for (double& value : basis.values) {
    value = std::max(value, 0.0);
  }
  return basis;
}

class CpuBackend final : public Backend {
 public:
  // threads: at least 1.
  explicit CpuBackend(std::size_t threads) : threads_(threads), team_(threads) {}

  [[nodiscard]] std::string describe() const override {
    return fmt::format("cpu: {}; folds by {} code", blas_kernels().describe(), kernels_.name);
  }

  [[nodiscard]] std::size_t threads() const override { return threads_; }

  // About 4 MiB of float64: large enough for the product to run at its rate, small enough for the caches.
  [[nodiscard]] std::size_t tile_rows(std::size_t features) const override {
    std::size_t rows = 4096;
    while (rows > 256 && rows * features > (std::size_t{1} << 19U)) {
      rows /= 2;
    }
    return rows;
  }

  [[nodiscard]] std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) const override {
    return collapscope::segment_rows(rows, features);
  }

  [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) override {
    if (spec.precision == Precision::float64_emulated) {
      throw UsageError("--precision float64-emulated: the CPU does not emulate; expected a GPU");
    }
    if (spec.precision == Precision::float64 && spec.keeping == RowKeeping::all) {
      return few_rows_fold(spec);
    }
    if (spec.precision == Precision::float64 && spec.keeping == RowKeeping::while_few) {
      return std::make_unique<cpu::GrowingFold>(
          spec, [this](const FoldSpec& few) { return few_rows_fold(few); },
          [this](const FoldSpec& many) { return many_rows_fold(many); });
    }
    return many_rows_fold(spec);
  }

  [[nodiscard]] std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) override {
    return std::make_unique<cpu::CpuResidualFold>(spec, tile_rows(spec.format.row_length()), kernels_, team_);
  }

  [[nodiscard]] Eigenbasis eigenbasis(const Matrix& symmetric, std::size_t pairs) override {
    return without_negative(linalg::leading_eigen(symmetric, pairs));
  }

  [[nodiscard]] Eigenbasis spectrum(const Matrix& symmetric, std::size_t written) override {
    return without_negative(linalg::factored_eigen(symmetric, written));
  }

  [[nodiscard]] std::unique_ptr<HostBuffer> make_host_buffer(std::size_t size) override {
    return buffers_.make(size);
  }

  // As wide as was measured: 0.91 of the time there. The BLAS shares out by itself.
  [[nodiscard]] std::span<Backend* const> segment_workers(std::size_t features) override {
    constexpr std::size_t widest = 1024;
    return kernels_.panel > 0 && features <= widest ? workers() : std::span<Backend* const>();
  }

  [[nodiscard]] std::span<Backend* const> layer_workers(std::size_t) override {
    return workers().first(std::min(workers().size(), most_workers));
  }

  // All of them: a layer alone has all threads.
  [[nodiscard]] std::size_t least_layer_workers() const override {
    return std::clamp(threads_, std::size_t{2}, most_workers);
  }

  [[nodiscard]] std::size_t layer_workers_for(const FoldSpec& layer) const override {
    return threads_ > 1 && layer.rows < least_shared_rows ? least_layer_workers() : 0;
  }

  [[nodiscard]] std::unique_ptr<StageMaker> stage_maker() override {
    return cpu::make_stage_maker(*this, kernels_, team_);
  }

 private:
  [[nodiscard]] std::unique_ptr<MomentFold> few_rows_fold(const FoldSpec& spec) const {
    return std::make_unique<cpu::FewRowsFold>(spec, tile_rows(spec.format.row_length()), kernels_, team_);
  }

  [[nodiscard]] std::unique_ptr<MomentFold> many_rows_fold(const FoldSpec& spec) const {
    return std::make_unique<cpu::CpuMomentFold>(spec, tile_rows(spec.format.row_length()), kernels_, team_);
  }

  // One for each thread; none where there is one thread.
  [[nodiscard]] std::span<Backend* const> workers() {
    while (threads_ > 1 && workers_.size() < threads_) {
      workers_.push_back(cpu::make_worker(1));
      worker_pointers_.push_back(workers_.back().get());
    }
    return worker_pointers_;
  }

  std::size_t threads_;
  const cpu::VectorKernels& kernels_ = cpu::best_kernels();
  Team team_;
  BufferPool buffers_{make_plain_buffer};          // shared by all folds, one at a time
  std::vector<std::unique_ptr<Backend>> workers_;  // made when first asked for
  std::vector<Backend*> worker_pointers_;
};

}  // namespace

std::unique_ptr<Backend> cpu::make_worker(std::size_t threads) {
  return std::make_unique<CpuBackend>(threads);
}

std::unique_ptr<Backend> make_cpu_backend(std::size_t threads) {
  const std::size_t chosen = linalg::affordable_threads(threads == 0 ? usable_threads() : threads);
  linalg::set_threads(chosen);
  return std::make_unique<CpuBackend>(chosen);
}

}  // namespace collapscope
