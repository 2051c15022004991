#include "gpu/gpu_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/vector_math.hpp"
#include "cpu/cpu_worker.hpp"
#include "gpu/device_pairs.hpp"
#include "gpu/module.hpp"
#include "gpu/watched_fold.hpp"
#include "linalg/blas.hpp"
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
// page-locked buffers within its share of --memory. On an H200 beside 16 cores twelve were quickest: 600
// layers of 4000 x 128 took 0.54 s with four, 0.40 with eight, 0.38 with twelve and 0.41 with sixteen.
constexpr std::size_t most_of_device = 12;

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

// The same of a layer of many tiles whose rows are kept. Of these the sums of its rows are a few.
double device_bytes_in_turns(const FoldSpec& spec, std::size_t tile_rows) {
  FoldSpec tile = spec;
  tile.rows = std::min<std::uint64_t>(spec.rows, tile_rows);
  const double sample = static_cast<double>(spec.format.sample_bytes());
  const double targets = sizeof(double) * static_cast<double>(std::max<std::size_t>(spec.targets, 2));
  const double rows = static_cast<double>(spec.rows);
  return device_bytes(tile) + rows * (sample / static_cast<double>(spec.format.rows_per_sample()) + targets) +
         4 * sizeof(double) * static_cast<double>(spec.classes) *
             static_cast<double>(spec.format.row_length());
}

// Bytes of rows as stored from which a layer takes turns. Chosen; measured from a GB on.
constexpr const char* turns_variable = "COLLAPSCOPE_GPU_TURNS_FROM";
constexpr std::uint64_t usual_turns = std::uint64_t{1} << 28U;

std::uint64_t least_in_turns() {
  const char* const chosen = std::getenv(turns_variable);
  if (chosen == nullptr || *chosen == '\0') {
    return usual_turns;
  }
  const std::string_view text = chosen;
  std::uint64_t bytes = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (failure != std::errc() || end != text.data() + text.size()) {
    throw UsageError(fmt::format("{}: found '{}', expected bytes of a layer, 0 for any", turns_variable,
                                 printable(chosen)));
  }
  return bytes;
}

// "cuda:1 NVIDIA H200, ..." without the number.
std::string kind_of(const GpuDevice& device) {
  const std::string text = device.describe();
  return text.substr(std::min(text.find(' '), text.size()));
}

// Blocks of a large matrix that threads share out.
constexpr std::size_t numbers_of_block = std::size_t{1} << 18U;

void share_numbers(std::size_t count, const std::function<void(std::size_t first, std::size_t some)>& work) {
  linalg::share((count + numbers_of_block - 1) / numbers_of_block, [&](std::size_t block) {
    const std::size_t first = block * numbers_of_block;
    work(first, std::min(numbers_of_block, count - first));
  });
}

// Its largest magnitude; NaN: not all numbers are finite.
double largest_number(const Matrix& a) {
  const auto numbers = a.values();
  std::vector<double> largest((numbers.size() + numbers_of_block - 1) / numbers_of_block, 0.0);
  share_numbers(numbers.size(), [&](std::size_t first, std::size_t some) {
    double& most = largest[first / numbers_of_block];
    for (const double value : numbers.subspan(first, some)) {
      const double size = std::abs(value);
      most = size <= most || std::isnan(most) ? most : size;  // NaN comes out
    }
  });
  const bool finite = std::all_of(largest.begin(), largest.end(), [](double v) { return std::isfinite(v); });
  return finite ? *std::max_element(largest.begin(), largest.end())
                : std::numeric_limits<double>::quiet_NaN();
}

// Values and written vectors of `pairs`; all vectors of a full basis remain on the device as its factors.
Eigenbasis basis_of(const DevicePairs& pairs, std::size_t order) {
  Eigenbasis basis{pairs.values(), pairs.written()};
  if (basis.vectors.rows() == 0) {
    basis.vectors = Matrix(0, order);
  }
  return basis;
}

bool fits(const Eigenbasis& basis, std::size_t pairs, std::size_t written, std::size_t order) {
  return basis.size() == pairs && basis.vectors.rows() == written && basis.vectors.cols() == order;
}

// On the device that has the matrix. Vectors that have come down are checked as they are here.
bool is_right(DevicePairs& pairs, std::size_t order, Eigenbasis& basis) {
  const linalg::SymmetricOperator symmetric{
      pairs.norm(), [&pairs](const Matrix& x, Matrix& y) { pairs.subtract_product(x, y); }};
  if (basis.size() < order) {
    return linalg::complete_leading(
        symmetric, [&pairs] { return pairs.rest(); }, basis);
  }
  if (basis.vectors.rows() < order) {
    const Eigenbasis first{
        {basis.values.begin(), basis.values.begin() + std::ptrdiff_t(basis.vectors.rows())}, basis.vectors};
    return linalg::passes_check(symmetric, basis) &&
           (first.values.empty() || linalg::passes_check(symmetric, first));
  }
  return linalg::passes_check(symmetric, basis);
}

// Of the eigenvalues. A device that took another matrix for this one would pass every other check.
bool has_trace(const Eigenbasis& basis, double trace) {
  const double sum = std::accumulate(basis.values.begin(), basis.values.end(), basis.rest_trace);
  return std::abs(sum - trace) <= 1e-9 * std::abs(trace);
}

}  // namespace

GpuBackend::GpuBackend(Devices devices, std::shared_ptr<Backend> cpu, Opener open_again,
                       LastResort last_resort)
    : cpu_(std::move(cpu)),
      devices_(std::move(devices)),
      open_again_(std::move(open_again)),
      last_resort_(last_resort),
      least_in_turns_(least_in_turns()) {}

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
  if (spec.keeping == RowKeeping::all) {  // and nothing is multiplied
    return cpu_->make_fold(spec);
  }
  const Lost& lost = devices_.front().lost;
  FoldSpec own = spec;
  own.scatter_stays = spec.scatter_stays && spec.format.row_length() >= least_order;
  return std::make_unique<WatchedMomentFold>(watched(lost, [&] { return first().make_fold(own); }), lost);
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

// Near 1 on the device, by a power of two: cuSOLVER does not scale, and fails on very large or small numbers.
std::optional<Eigenbasis> GpuBackend::checked_basis(const Matrix& symmetric, std::size_t pairs,
                                                    std::size_t written, const DeviceSums& known) {
  const double largest = largest_number(symmetric);
  if (std::isnan(largest)) {
    return std::nullopt;  // the CPU says what that means
  }
  const double scale = largest == 0 ? 1 : std::exp2(std::floor(std::log2(largest)));
  const SymmetricInput input{symmetric.rows(),
                             [&](std::size_t from, std::span<double> to) {
                               share_numbers(to.size(), [&](std::size_t first, std::size_t some) {
                                 const double* numbers = symmetric.data() + from + first;
                                 for (std::size_t i = 0; i < some; ++i) {
                                   to[first + i] = numbers[i] / scale;
                                 }
                               });
                             },
                             known, scale};
  const OpenGpu& gpu = devices_.front();
  const auto found = watched(gpu.lost, [&] { return gpu.device->decompose(input, pairs, written); });
  if (found == nullptr) {
    compute_on_cpu("the GPU gave no answer", true);
    return std::nullopt;
  }
  Eigenbasis basis = basis_of(*found, input.order);
  if (pairs == input.order && written < input.order) {
    basis.factors = std::make_shared<const WatchedPairs>(gpu.device, gpu.lost, found);
  }
  if (!fits(basis, pairs, written, input.order) ||
      !watched(gpu.lost, [&] { return is_right(*found, input.order, basis); }) ||
      (known.sums != nullptr && !has_trace(basis, trace(symmetric) / scale))) {
    compute_on_cpu("the GPU's answer failed its check", true);
    return std::nullopt;
  }
  found->forget_matrix();
  for (double& value : basis.values) {
    value = std::max(value, 0.0) * scale;
  }
  basis.rest_trace *= scale;
  basis.rest_norm *= scale;
  return basis;
}

std::optional<Eigenbasis> GpuBackend::basis_by_gpu(const Matrix& symmetric, std::size_t pairs,
                                                   std::size_t written, const DeviceSums& known) {
  if (symmetric.rows() < least_order || symmetric.rows() != symmetric.cols() || pairs == 0) {
    return std::nullopt;
  }
  try {
    return checked_basis(symmetric, pairs, written, known);
  } catch (const DeviceMemoryError& error) {
    compute_on_cpu(error.what(), false);
    return std::nullopt;
  }
}

Eigenbasis GpuBackend::eigenbasis(const Matrix& symmetric, std::size_t pairs) {
  pairs = std::min(pairs, symmetric.rows());
  auto basis = basis_by_gpu(symmetric, pairs, pairs, {});
  return basis ? *std::move(basis) : cpu_->eigenbasis(symmetric, pairs);
}

Eigenbasis GpuBackend::spectrum(const Matrix& symmetric, std::size_t written) {
  return decompose(symmetric, symmetric.rows(), written, {});
}

Eigenbasis GpuBackend::decompose(const Matrix& symmetric, std::size_t pairs, std::size_t written,
                                 const DeviceSums& known) {
  const std::size_t order = symmetric.rows();
  auto basis = basis_by_gpu(symmetric, std::min(pairs, order),
                            std::min(pairs < order ? pairs : written, order), known);
  return basis ? *std::move(basis) : cpu_->decompose(symmetric, pairs, written, {});
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
    turn_workers_.emplace();
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
    segment_workers_ = workers_on(devices_, share_of_threads(devices_.size()));
  }
  return segment_workers_->pointers;
}

std::span<Backend* const> GpuBackend::layer_workers(std::size_t most) {
  if (!layer_workers_) {
    const Devices opened = opened_again(most);
    layer_workers_ = opened.size() > 1 ? workers_on(opened, share_of_threads(opened.size())) : Workers();
  }
  return layer_workers_->pointers;
}

// Two layers at once leave the device memory to spare, as above.
bool GpuBackend::takes_turns(const FoldSpec& layer) const {
  const double stored = static_cast<double>(layer.rows) /
                        static_cast<double>(layer.format.rows_per_sample()) *
                        static_cast<double>(layer.format.sample_bytes());
  const double both = 2 * device_bytes_in_turns(layer, first().tile_rows(layer.format.row_length()));
  return devices_.size() == 1 && open_again_ != nullptr && layer.kept_rows > 0 &&
         layer.keeping == RowKeeping::none && stored >= static_cast<double>(least_in_turns_) &&
         both < 0x1p58 && first().keeps_rows(static_cast<std::uint64_t>(both));
}

std::span<Backend* const> GpuBackend::turn_workers() {
  if (devices_.size() != 1) {
    return {};
  }
  if (!turn_workers_) {
    const Devices opened = opened_again(2);
    turn_workers_ = opened.size() > 1 ? workers_on(opened, cpu_->threads()) : Workers();
  }
  return turn_workers_->pointers;
}

std::size_t GpuBackend::share_of_threads(std::size_t workers) const {
  return std::max<std::size_t>(1, cpu_->threads() / workers);
}

GpuBackend::Workers GpuBackend::workers_on(const Devices& opened, std::size_t threads) const {
  Workers workers;
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
