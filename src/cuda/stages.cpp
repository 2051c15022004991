#include "cuda/stages.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "backend/stage_work.hpp"
#include "collapscope/backend/backend.hpp"
#include "cuda/products.hpp"
#include "cuda/residual_fold.hpp"
#include "cuda/row_feed.hpp"
#include "cuda/rows_on_device.hpp"
#include "cuda/stage_ceilings.hpp"
#include "cuda/stream_timer.hpp"

namespace collapscope::cuda {

namespace {

// The rows of one layer on the device, in parts as the folds work on them, and room for one part as float64.
class ResidentRows {
 public:
  ResidentRows(const Device& device, const StageSpec& spec, std::size_t part_rows)
      : device_(device),
        spec_(spec),
        part_rows_(part_rows),
        bytes_(spec_.bytes.size()),
        targets_(spec_.rows * spec_.targets),
        x_(part_rows * padded(d())),
        norms_(3 * part_rows),
        shift_(d()),
        first_bad_(1),
        source_(device, spec_.format, part_rows, first_bad_.data()),
        timer_(device, device.compute()),
        copy_timer_(device, device.copy()),
        drained_(device) {
    clear(shift_.data(), shift_.size(), device_.compute());
    clear(x_.data(), x_.size(), device_.compute());
    source_.clear_check(device_);
    upload(bytes_.data(), spec_.bytes.data(), bytes_.size(), device_.compute());
    upload(targets_.data(), spec_.y.data(), targets_.size(), device_.compute());
    device_.wait_for_stream(device_.compute());
  }

  // On `copy`, part by part.
  double copy_up() {
    device_.select();
    return copy_timer_.seconds_of([this] {
      for_each_part([this](const DeviceRows& part) {
        const std::size_t begin = part.first_row * row_bytes();
        upload(bytes_.data() + begin, spec_.bytes.data() + begin, part.rows * row_bytes(), device_.copy());
      });
    });
  }

  double convert() {
    device_.select();
    const double seconds =
        timer_.seconds_of([this] { for_each_part([this](const DeviceRows& part) { convert(part); }); });
    double first_bad = 0;
    download(device_, &first_bad, first_bad_.data(), 1);
    device_.wait_for_stream(device_.compute());
    RowSource::throw_if_not_finite(first_bad);
    return seconds;
  }

  // The first part, converted, stands for all of them.
  double multiply() {
    device_.select();
    if (!product_) {
      product_.emplace(device_, d(), d(), true);
      total_ = DeviceBuffer<double>(d() * d());
    }
    convert(part(0));
    return timer_.seconds_of([this] {
      for_each_part([this](const DeviceRows& part) { product_->add(device_, x(part.rows), x(part.rows)); });
      product_->move_to(device_, total_.data(), false);
    });
  }

  // One call over all rows as float64, or as many calls as they need to fit.
  double multiply_barely() {
    device_.select();
    if (bare_.size() == 0) {
      make_bare_rows();
    }
    return timer_.seconds_of([this] {
      for (std::uint64_t first = 0; first < spec_.rows; first += bare_rows_) {
        symmetric_product(device_, bare_.data(), std::min<std::uint64_t>(bare_rows_, spec_.rows - first), d(),
                          padded(d()), total_.data(), first == 0 ? 0.0 : 1.0);
      }
    });
  }

  double look_again() {
    device_.select();
    if (!look_) {
      look_.emplace(device_, *spec_.look, part_rows_);
    }
    const double seconds =
        timer_.seconds_of([this] { for_each_part([this](const DeviceRows& part) { look_->add(part); }); });
    look_->end_segment();
    (void)look_->take();
    return seconds;
  }

 private:
  [[nodiscard]] std::size_t d() const { return spec_.format.row_length(); }
  [[nodiscard]] std::size_t row_bytes() const { return spec_.format.sample_bytes(); }
  [[nodiscard]] DeviceMatrix x(std::size_t rows) const { return {x_.data(), rows, d(), padded(d())}; }

  [[nodiscard]] DeviceRows part(std::uint64_t first) const {
    return {bytes_.data() + first * row_bytes(),
            targets_.data() + first * spec_.targets,
            {},
            0,
            std::min<std::uint64_t>(part_rows_, spec_.rows - first),
            first};
  }

  template <class Visit>
  void for_each_part(const Visit& visit) const {
    for (std::uint64_t first = 0; first < spec_.rows; first += part_rows_) {
      visit(part(first));
    }
  }

  // With the statistics that the first look wants.
  void convert(const DeviceRows& part) {
    source_.set(device_, part);
    source_.convert(device_, shift_.data(), nullptr, x(part.rows),
                    {.norm = norms_.data(),
                     .is_zero = norms_.data() + part_rows_,
                     .shifted_square = norms_.data() + 2 * part_rows_});
  }

  // As many rows as a quarter of the free memory holds, all alike the first part's.
  void make_bare_rows() {
    std::size_t free = 0;
    std::size_t total = 0;
    Call("cudaMemGetInfo").check(cudaMemGetInfo(&free, &total));
    const std::size_t row_size = padded(d()) * sizeof(double);
    bare_rows_ = std::min<std::uint64_t>(spec_.rows, std::max(free / 4 / row_size, part_rows_));
    bare_ = DeviceBuffer<double>(bare_rows_ * padded(d()));
    total_ = DeviceBuffer<double>(d() * d());
    const DeviceRows first = part(0);
    convert(first);
    for (std::size_t row = 0; row < bare_rows_; row += first.rows) {
      Call("cudaMemcpyAsync on the device")
          .check(cudaMemcpyAsync(bare_.data() + row * padded(d()), x_.data(),
                                 std::min(first.rows, bare_rows_ - row) * row_size, cudaMemcpyDeviceToDevice,
                                 device_.compute()));
    }
    device_.wait_for_stream(device_.compute());
  }

  const Device& device_;
  StageSpec spec_;
  std::size_t part_rows_;
  DeviceBuffer<std::byte> bytes_;
  DeviceBuffer<double> targets_;  // [N, n]
  DeviceBuffer<double> x_;        // [part_rows, d]
  DeviceBuffer<double> norms_;    // [3, part_rows]
  DeviceBuffer<double> shift_;    // [d]
  DeviceBuffer<double> first_bad_;
  RowSource source_;
  StreamTimer timer_;
  StreamTimer copy_timer_;
  std::optional<ProductSum> product_;
  DeviceBuffer<double> total_;  // [d, d]
  DeviceBuffer<double> bare_;   // [bare_rows, d]
  std::size_t bare_rows_ = 0;
  std::optional<ResidualPass> look_;
  Drained drained_;
};

class CudaStageMaker final : public StageMaker {
 public:
  CudaStageMaker(const Device& device, PartRows part_rows)
      : device_(device), part_rows_(std::move(part_rows)) {}

  [[nodiscard]] std::vector<Fact> facts() const override { return device_.facts(); }

  [[nodiscard]] std::vector<Stage> ceilings() override { return stage_ceilings(device_); }

  [[nodiscard]] StageSet stages(const StageSpec& spec) override {
    device_.select();
    const auto rows = std::make_shared<ResidentRows>(device_, spec, part_rows_(spec.format, spec.rows));
    const double flops = product_flops(spec);
    StageSet set;
    set.stages = {
        {"host-to-device", stored_bytes(spec), 0, "pinned-copy", "", [rows] { return rows->copy_up(); }},
        {"convert", converted_bytes(spec), 0, "device-copy", "", [rows] { return rows->convert(); }},
        {"product", 0, flops, "dsyrk", "", [rows] { return rows->multiply(); }},
        {"bare-dsyrk", 0, flops, "dsyrk", "", [rows] { return rows->multiply_barely(); }},
        {"second-look", stored_bytes(spec), look_flops(spec), "device-copy", "",
         [rows] { return rows->look_again(); }}};
    set.floor = {"host-to-device", "bare-dsyrk"};
    set.floor_overlaps = true;
    return set;
  }

 private:
  const Device& device_;
  PartRows part_rows_;
};

}  // namespace

std::unique_ptr<StageMaker> make_stage_maker(const Device& device, PartRows part_rows) {
  return std::make_unique<CudaStageMaker>(device, std::move(part_rows));
}

}  // namespace collapscope::cuda
