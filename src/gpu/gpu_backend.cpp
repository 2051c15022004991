#include "gpu/gpu_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "collapscope/core/error.hpp"
#include "cpu/cpu_worker.hpp"
#include "gpu/module.hpp"
#include "gpu/watched_fold.hpp"
#include "linalg/decompose.hpp"
#include "linalg/leading_eigen.hpp"

namespace collapscope::gpu {

namespace {

// Below this order a GPU's decomposition takes longer than the CPU's: dozens of launches per column block.
constexpr std::size_t least_order = 512;

// Of a layer for one worker beside others, as float64: a few hundredths of a second of a bus's time.
constexpr std::uint64_t largest_beside = std::uint64_t{1} << 30U;

// Workers of a device: as many as threads of the host are there for its layers' decompositions, and two at
// least, so that the device has work meanwhile. Each has streams, handles and a workspace of its own, and
// page-locked buffers within its share of --memory: from about so many on the bus and the device should be
// what is waited for. Chosen, not measured.
constexpr std::size_t most_of_device = 8;

// More device memory than measuring the layer takes at once: rows as stored, some tiles of them as float64
// and what they are projected on, sums in slices, a decomposition with its workspace.
double device_bytes(const FoldSpec& spec) {
  const double rows = static_cast<double>(spec.rows);
  const double d = static_cast<double>(spec.format.row_length());
  const double stored = rows / static_cast<double>(spec.format.rows_per_sample()) *
                        static_cast<double>(spec.format.sample_bytes());
  return 3 * stored + 6 * sizeof(double) * rows * (d + static_cast<double>(spec.targets) + 4) +
         16 * sizeof(double) * d * d + 0x1p28;
}

// "cuda:1 NVIDIA H200, ..." without the number.
std::string kind_of(const GpuDevice& device) {
  const std::string text = device.describe();
  return text.substr(std::min(text.find(' '), text.size()));
}

bool is_right(const Matrix& symmetric, std::size_t pairs, Eigenbasis& basis) {
  return basis.size() == pairs && (pairs == symmetric.rows() ? linalg::passes_check(symmetric, basis)
                                                             : linalg::complete_leading(symmetric, basis));
}

}  // namespace

GpuBackend::GpuBackend(Devices devices, std::shared_ptr<Backend> cpu, Opener open_again,
                       LastResort last_resort)
    : cpu_(std::move(cpu)),
      devices_(std::move(devices)),
      open_again_(std::move(open_again)),
      last_resort_(last_resort) {}

std::string GpuBackend::describe() const {
  std::string text;
  for (const OpenGpu& gpu : devices_) {
    text += (text.empty() ? "" : " + ") + gpu.device->describe();
  }
  return fmt::format("{}{}; eigenbases of order < {} on {}", text, ignored_arithmetic(), least_order,
                     cpu_->describe());
}

std::size_t GpuBackend::tile_rows(std::size_t features) const { return first().tile_rows(features); }

std::uint64_t GpuBackend::segment_rows(std::uint64_t rows, std::size_t features) const {
  return first().segment_rows(rows, features);
}

std::unique_ptr<MomentFold> GpuBackend::make_fold(const FoldSpec& spec) {
  const Lost& lost = devices_.front().lost;
  return std::make_unique<WatchedMomentFold>(watched(lost, [&] { return first().make_fold(spec); }), lost);
}

std::unique_ptr<ResidualFold> GpuBackend::make_look(const LookSpec& spec) {
  const Lost& lost = devices_.front().lost;
  return std::make_unique<WatchedResidualFold>(watched(lost, [&] { return first().make_look(spec); }), lost);
}

std::unique_ptr<RowStore> GpuBackend::make_row_store(std::size_t size) {
  const Lost& lost = devices_.front().lost;
  auto store = watched(lost, [&] { return first().make_row_store(size); });
  if (store == nullptr) {
    return make_plain_store(size);
  }
  return std::make_unique<WatchedRowStore>(std::move(store), lost);
}

Eigenbasis GpuBackend::eigenbasis(const Matrix& symmetric, std::size_t pairs) {
  pairs = std::min(pairs, symmetric.rows());
  if (symmetric.rows() >= least_order && symmetric.rows() == symmetric.cols() && pairs > 0 &&
      linalg::all_finite(symmetric)) {
    try {
      auto basis = watched(devices_.front().lost, [&] { return first().decompose(symmetric, pairs); });
      if (basis && is_right(symmetric, pairs, *basis)) {
        for (double& value : basis->values) {
          value = std::max(value, 0.0);
        }
        return std::move(*basis);
      }
      compute_on_cpu(basis ? "the GPU's answer failed its check" : "the GPU gave no answer", true);
    } catch (const DeviceMemoryError& error) {
      compute_on_cpu(error.what(), false);
    }
  }
  return cpu_->eigenbasis(symmetric, pairs);
}

Eigenbasis GpuBackend::spectrum(const Matrix& symmetric, std::size_t written) {
  return symmetric.rows() < least_order ? cpu_->spectrum(symmetric, written)
                                        : eigenbasis(symmetric, symmetric.rows());
}

void GpuBackend::compute_on_cpu(const std::string& reason, bool is_rejection) {
  fallbacks_.add(Fallback{"eigenbasis", "cpu", reason});
  fallbacks_.rejected_eigenbases += is_rejection ? 1 : 0;
}

Fallbacks GpuBackend::take_fallbacks() { return std::exchange(fallbacks_, {}); }

bool GpuBackend::keeps_rows(std::uint64_t bytes) const {
  const std::uint64_t share = bytes / devices_.size() + 1;
  return std::all_of(devices_.begin(), devices_.end(),
                     [&](const OpenGpu& gpu) { return gpu.device->keeps_rows(share); });
}

bool GpuBackend::works() const {
  return std::none_of(devices_.begin(), devices_.end(),
                      [](const OpenGpu& gpu) { return gpu.lost->has_happened(); });
}

std::string GpuBackend::loss() const {
  for (const OpenGpu& gpu : devices_) {
    if (gpu.lost->has_happened()) {
      return gpu.lost->reason();
    }
  }
  return {};
}

bool GpuBackend::spare_memory() {
  bool spares = false;
  for (const OpenGpu& gpu : devices_) {
    spares = watched(gpu.lost, [&] { return gpu.device->spare_memory(); }) || spares;
  }
  return spares;
}

Backend* GpuBackend::fallback() {
  if (!rest_) {
    Devices left;
    std::copy_if(devices_.begin(), devices_.end(), std::back_inserter(left),
                 [](const OpenGpu& gpu) { return !gpu.lost->has_happened(); });
    const bool lacks_memory = left.size() == devices_.size();
    if (left.empty() && !Module::abandoned()) {
      left = another();
    }
    if (left.empty() || lacks_memory || Module::abandoned()) {
      return last_resort_ == LastResort::cpu ? cpu_.get() : nullptr;
    }
    rest_ = std::make_unique<GpuBackend>(std::move(left), cpu_, Opener{}, last_resort_);
    rest_->be_worker_among(siblings_, open_again_);
  }
  return rest_.get();
}

std::size_t GpuBackend::least_layer_workers() const { return std::max<std::size_t>(2, devices_.size()); }

void GpuBackend::be_worker_among(std::vector<Lost> siblings, Opener open_again) {
  if (!siblings.empty()) {
    siblings_ = std::move(siblings);
    open_again_ = std::move(open_again);
    layer_workers_.emplace();  // it has none of its own
  }
}

GpuBackend::Devices GpuBackend::another() const {
  Devices found;
  for (std::size_t device = 0; device < siblings_.size() && found.empty(); ++device) {
    if (siblings_[device]->has_happened()) {
      continue;
    }
    try {
      found.emplace_back(open_again_(device), siblings_[device]);
    } catch (const DeviceError&) {
      // Whether it still works, those who have it will see.
    }
  }
  return found;
}

std::size_t GpuBackend::workers_of_device() const {
  return open_again_ ? std::clamp(cpu_->threads() / devices_.size(), std::size_t{2}, most_of_device) : 1;
}

// So many layers at once leave a device memory to spare: the sizes of tiles, and with them the last digits,
// never depend on what goes on beside.
std::size_t GpuBackend::layer_workers_for(const FoldSpec& layer) const {
  const double bytes = device_bytes(layer);
  if (static_cast<double>(layer.rows) * static_cast<double>(layer.format.row_length()) * sizeof(double) >
          static_cast<double>(largest_beside) ||
      bytes >= 0x1p58) {
    return 0;
  }
  const auto have_room = [&](std::size_t layers) {
    return std::all_of(devices_.begin(), devices_.end(), [&](const OpenGpu& gpu) {
      return gpu.device->keeps_rows(layers * static_cast<std::uint64_t>(bytes));
    });
  };
  if (!have_room(2)) {
    return 0;
  }
  std::size_t each = workers_of_device();
  while (each > 2 && !have_room(each)) {
    --each;
  }
  return each * devices_.size();
}

std::span<Backend* const> GpuBackend::segment_workers(std::size_t /*features*/) {
  if (devices_.size() == 1) {
    return {};
  }
  if (!segment_workers_) {
    segment_workers_ = workers_on(devices_);
  }
  return segment_workers_->pointers;
}

std::span<Backend* const> GpuBackend::layer_workers(std::size_t most) {
  if (!layer_workers_) {
    const Devices opened = opened_again(most);
    layer_workers_ = opened.size() > 1 ? workers_on(opened) : Workers();
  }
  return layer_workers_->pointers;
}

// One for each, which share the host's threads.
GpuBackend::Workers GpuBackend::workers_on(const Devices& opened) const {
  Workers workers;
  const std::size_t threads = std::max<std::size_t>(1, cpu_->threads() / opened.size());
  std::vector<Lost> siblings;
  for (const OpenGpu& gpu : devices_) {
    siblings.push_back(gpu.lost);
  }
  for (const OpenGpu& gpu : opened) {
    auto worker =
        std::make_unique<GpuBackend>(Devices{gpu}, cpu::make_worker(threads), Opener{}, last_resort_);
    if (last_resort_ == LastResort::none && open_again_) {
      worker->be_worker_among(siblings, open_again_);
    }
    workers.pointers.push_back(worker.get());
    workers.owned.push_back(std::move(worker));
  }
  return workers;
}

// Each device once, then each again and again, so that few layers are on as many devices as there are. None
// where they differ: whichever device a layer comes to, its digits are the same.
GpuBackend::Devices GpuBackend::opened_again(std::size_t most) const {
  const bool alike = std::all_of(devices_.begin(), devices_.end(), [&](const OpenGpu& gpu) {
    return kind_of(*gpu.device) == kind_of(first());
  });
  if (!alike) {
    return {};
  }
  Devices opened = devices_;
  const std::size_t each = std::min(workers_of_device(), most / devices_.size());
  try {
    while (opened.size() < each * devices_.size()) {
      const std::size_t device = opened.size() % devices_.size();
      opened.emplace_back(open_again_(device), devices_[device].lost);
    }
  } catch (const DeviceError&) {
    // It goes on with those that are open; whether they still work will be seen.
  }
  return opened;
}

}  // namespace collapscope::gpu
