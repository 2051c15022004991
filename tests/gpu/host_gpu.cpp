#include "gpu/host_gpu.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "gpu/device_pairs.hpp"
#include "gpu/gpu_backend.hpp"
#include "linalg/coordinates.hpp"

namespace collapscope::test {

namespace {

// Rows are copied, so that a caller who overwrites them too early, or never settles, is found out.
struct KeptTile {
  std::vector<std::byte> bytes;
  RawTile tile;
  Matrix targets;
};

KeptTile copy_of(const RawTile& tile, MatrixView<const double> targets) {
  KeptTile kept{{tile.bytes.begin(), tile.bytes.end()}, tile, Matrix(targets.rows(), targets.cols())};
  for (std::size_t i = 0; i < targets.rows(); ++i) {
    std::copy_n(targets.row(i).data(), targets.cols(), kept.targets.view().row(i).data());
  }
  return kept;
}

// Works on a tile when it must: at the next `settle`, or at the end.
template <class AnyFold>
class Lazy {
 public:
  explicit Lazy(std::unique_ptr<AnyFold> fold) : fold_(std::move(fold)) {}
  void add(const RawTile& tile, MatrixView<const double> targets) {
    KeptTile waiting = copy_of(tile, targets);
    waiting.bytes.clear();  // the caller's bytes are read later
    waiting_.push_back(std::move(waiting));
  }
  void work() {
    for (const KeptTile& tile : std::exchange(waiting_, {})) {
      fold_->add(tile.tile, tile.targets.view());
    }
  }
  AnyFold& fold() { return *fold_; }

 private:
  std::unique_ptr<AnyFold> fold_;
  std::vector<KeptTile> waiting_;
};

class HostFold final : public MomentFold {
 public:
  HostFold(HostGpuState& state, Backend& cpu, const FoldSpec& spec)
      : state_(state), cpu_(cpu), lazy_(cpu.make_fold(spec)) {}
  void add(const RawTile& tile, MatrixView<const double> targets) override {
    state_.call();
    if (state_.keeps) {
      kept_.push_back(copy_of(tile, targets));
    }
    lazy_.add(tile, targets);
  }
  void settle() override {
    state_.call();
    lazy_.work();
  }
  [[nodiscard]] Moments finish() override {
    state_.call();
    lazy_.work();
    ends_.push_back(kept_.size());
    return lazy_.fold().finish();
  }
  [[nodiscard]] std::optional<std::vector<ResidualSums>> look_again(const LookSpec& spec) override {
    state_.call();
    if (!state_.keeps) {
      return std::nullopt;
    }
    ++state_.looks_again;
    const auto look = cpu_.make_look(spec);
    std::vector<ResidualSums> sums;
    std::size_t number = 0;
    for (const std::size_t end : ends_) {
      for (; number < end; ++number) {
        RawTile tile = kept_[number].tile;
        tile.bytes = kept_[number].bytes;
        look->add(tile, kept_[number].targets.view());
      }
      sums.push_back(look->finish());
    }
    return sums;
  }

 private:
  HostGpuState& state_;
  Backend& cpu_;
  Lazy<MomentFold> lazy_;
  std::vector<KeptTile> kept_;
  std::vector<std::size_t> ends_;  // of the finished segments
};

class HostLook final : public ResidualFold {
 public:
  HostLook(HostGpuState& state, Backend& cpu, const LookSpec& spec)
      : state_(state), lazy_(cpu.make_look(spec)) {}
  void add(const RawTile& tile, MatrixView<const double> targets) override {
    state_.call();
    lazy_.add(tile, targets);
  }
  void settle() override {
    state_.call();
    lazy_.work();
  }
  [[nodiscard]] ResidualSums finish() override {
    state_.call();
    lazy_.work();
    return lazy_.fold().finish();
  }

 private:
  HostGpuState& state_;
  Lazy<ResidualFold> lazy_;
};

// What it says of a matrix, true or not.
class HostPairs final : public gpu::DevicePairs {
 public:
  HostPairs(HostGpuState& state, Matrix symmetric, Eigenbasis basis, std::size_t written)
      : state_(state), symmetric_(std::move(symmetric)), basis_(std::move(basis)) {
    const std::size_t rows = std::min(written, basis_.vectors.rows());
    written_ = Matrix(rows, basis_.vectors.cols());
    std::copy_n(basis_.vectors.data(), written_.values().size(), written_.data());
  }
  [[nodiscard]] Matrix coordinates(const Matrix& rows) const override {
    state_.call();
    return linalg::coordinates(basis_, rows);
  }
  [[nodiscard]] Matrix combinations(const Matrix& coordinates) const override {
    state_.call();
    return linalg::combinations(basis_, coordinates);
  }
  [[nodiscard]] std::optional<Matrix> brought_home() const override {
    state_.call();
    return basis_.vectors;
  }
  [[nodiscard]] const std::vector<double>& values() const override { return basis_.values; }
  [[nodiscard]] const Matrix& written() const override { return written_; }
  [[nodiscard]] double norm() const override { return linalg::operator_of(symmetric_).norm; }
  void subtract_product(const Matrix& x, Matrix& y) const override {
    state_.call();
    linalg::operator_of(symmetric_).subtract_product(x, y);
  }
  [[nodiscard]] linalg::EigenRest rest() override {
    state_.call();
    return linalg::rest_of(symmetric_, basis_);
  }
  void forget_matrix() override { symmetric_ = {}; }

 private:
  HostGpuState& state_;
  Matrix symmetric_;
  Eigenbasis basis_;
  Matrix written_;
};

class HostGpu final : public gpu::GpuDevice {
 public:
  explicit HostGpu(HostGpuState& state) : state_(state), cpu_(make_cpu_backend(1)) {}
  [[nodiscard]] std::string describe() const override { return state_.description; }
  [[nodiscard]] std::size_t tile_rows(std::size_t features) const override {
    return cpu_->tile_rows(features) / 4;
  }
  [[nodiscard]] std::uint64_t segment_rows(std::uint64_t, std::size_t features) const override {
    return tile_rows(features);
  }
  [[nodiscard]] bool keeps_rows(std::uint64_t bytes) const override {
    return state_.keeps && bytes <= state_.most_kept;
  }
  [[nodiscard]] bool spare_memory() override { return state_.spares > 0 && state_.spares-- > 0; }
  [[nodiscard]] std::unique_ptr<HostBuffer> make_host_buffer(std::size_t size) override {
    state_.call();
    return make_plain_buffer(size);
  }
  [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) override {
    state_.call();
    return std::make_unique<HostFold>(state_, *cpu_, spec);
  }
  [[nodiscard]] std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) override {
    state_.call();
    return std::make_unique<HostLook>(state_, *cpu_, spec);
  }
  [[nodiscard]] std::shared_ptr<gpu::DevicePairs> decompose(const gpu::SymmetricInput& input,
                                                            std::size_t pairs, std::size_t written) override {
    state_.call();
    ++state_.decompositions;
    Matrix symmetric(input.order, input.order);
    input.put(0, symmetric.values());
    auto basis = state_.falsify(cpu_->eigenbasis(symmetric, pairs));
    return basis ? std::make_shared<HostPairs>(state_, std::move(symmetric), *std::move(basis), written)
                 : nullptr;
  }

 private:
  HostGpuState& state_;
  std::unique_ptr<Backend> cpu_;
};

}  // namespace

void HostGpuState::call() {
  was_called = true;
  for (int tries = 0; waits_for != nullptr && !waits_for->was_called && tries < 10'000; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const std::lock_guard lock(mutex_);
  calls_when_lost += lost ? 1 : 0;
  if (++calls != fails_at) {
    return;
  }
  if (out_of_memory) {
    throw DeviceMemoryError("the device's memory is full");
  }
  lost = true;
  throw DeviceError("the device is on fire");
}

std::unique_ptr<gpu::GpuDevice> make_host_gpu(HostGpuState& state) {
  return std::make_unique<HostGpu>(state);
}

std::unique_ptr<Backend> make_host_gpus(std::size_t count, HostGpuState& state) {
  gpu::GpuBackend::Devices devices;
  for (std::size_t i = 0; i < count; ++i) {
    devices.push_back(make_host_gpu(state));
  }
  return std::make_unique<gpu::GpuBackend>(std::move(devices), make_cpu_backend(1));
}

}  // namespace collapscope::test
