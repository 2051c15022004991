// Every kernel launcher on large arrays: bytes that memory must move for it per second, in whole sectors, and
// that over the rate of a copy on the same device in the same run. JSON on standard output. Usage:
// kernel_bench [--bytes N]    N: of the largest float64 array (default 1 GiB)
#include <cstdio>
#include <string>

#include "cuda/rows_on_device.hpp"
#include "launchers.hpp"
#include "measure.hpp"

namespace {

using namespace collapscope;
using cuda::check;
using cuda::DeviceBuffer;
using cuda::padded;
using kernels::DeviceMatrix;
using nlohmann::json;

constexpr std::size_t look_stride = 12;  // of rows of what the second look sums

const ElementKind kinds[] = {ElementKind::float16, ElementKind::bfloat16, ElementKind::float32,
                             ElementKind::float64};

// Of so many numbers in each of `rows` rows that lie `stride` numbers apart.
std::size_t scattered(std::size_t rows, std::size_t numbers, std::size_t stride) {
  return prove::sector_bytes(rows, numbers * sizeof(double), stride * sizeof(double));
}

class KernelBench {
 public:
  explicit KernelBench(std::size_t bytes)
      : device_(0),
        stream_(device_.compute()),
        numbers_(bytes / sizeof(double)),
        stored_(numbers_ * sizeof(double)),
        x_(numbers_),
        y_(numbers_),
        small_(std::size_t{1} << 20U),
        copy_rate_(prove::copy_rate(device_, stored_.bytes())) {
    prove::fill(x_.data(), x_.bytes(), ElementKind::float64, device_);
    prove::fill(y_.data(), y_.bytes(), ElementKind::float64, device_);
    prove::fill(small_.data(), small_.bytes(), ElementKind::float64, device_);
  }

  json run() {
    for (const std::size_t d : {64U, 512U, 4096U}) {
      for (const ElementKind kind : kinds) {
        stored_rows(d, {kind, false});
      }
      float64_rows(d);
    }
    for (const std::size_t n : {3U, 10U}) {
      beside_rows(n);
    }
    for (const ElementKind kind : {ElementKind::float16, ElementKind::float32}) {
      for (const Layout layout : {Layout::ntd, Layout::nchw, Layout::nhwc}) {
        pooled_rows(kind, layout, 512, Pool::mean);
      }
    }
    squares(4096);
    return {{"device", device_.description()},
            {"copy_bytes_per_second", copy_rate_},
            {"write_bytes_per_second", prove::write_rate(device_, stored_.bytes())},
            {"array_bytes", stored_.bytes()},
            {"kernels", std::move(found_)}};
  }

 private:
  template <class Launch>
  void measure(const std::string& kernel, json shape, std::size_t bytes, const Launch& launch) {
    const prove::Timing timing =
        prove::timed(stream_, [&] { check(launch(), "a kernel under measurement"); });
    const double rate = static_cast<double>(bytes) / timing.median;
    json entry = prove::to_json(timing);
    entry["kernel"] = kernel;
    entry["shape"] = std::move(shape);
    entry["bytes"] = bytes;
    entry["bytes_per_second"] = rate;
    entry["of_copy"] = rate / copy_rate_;
    found_.push_back(std::move(entry));
  }

  [[nodiscard]] std::size_t rows_of(std::size_t cols) const { return numbers_ / padded(cols); }
  [[nodiscard]] DeviceMatrix x(std::size_t d) const { return {x_.data(), rows_of(d), d, padded(d)}; }

  void stored_rows(std::size_t d, ElementType element) {
    const std::size_t rows = rows_of(d);
    prove::fill(stored_.data(), rows * d * element.size(), element.kind, device_);
    const kernels::StoredRows from{stored_.data(), element, rows, d};
    const DeviceMatrix to{x_.data(), rows, d, padded(d)};
    const DeviceBuffer<std::uint64_t> first(1);
    const kernels::FiniteCheck finite{first.data(), 0, 0, 1};
    double* const stats = y_.data();
    const json shape{{"d", d}, {"type", element.name()}, {"rows", rows}};
    measure("convert_rows", shape, rows * (d * (element.size() + 8) + 24), [&] {
      return kernels::convert_rows(
          from, small_.data(), nullptr, to,
          {.norm = stats, .is_zero = stats + rows, .shifted_square = stats + 2 * rows}, finite, stream_);
    });
    const DeviceBuffer<double> workspace(kernels::column_workspace(rows, d) + d);
    measure("stored_means", shape, rows * d * element.size(), [&] {
      return kernels::stored_means(from, small_.data(), workspace.data() + d, workspace.data(), stream_);
    });
    look(from, finite, shape);
    measure("unit_rows", shape, rows * (d * (element.size() + 8) + 8),
            [&] { return kernels::unit_rows(from, stats, to, stream_); });
    prove::fill(x_.data(), x_.bytes(), ElementKind::float64, device_);
  }

  // At as many directions as a layer with three targets has. What they are does not matter.
  void look(const kernels::StoredRows& from, const kernels::FiniteCheck& finite, const json& shape) {
    const std::size_t rows = std::min(from.rows, numbers_ / look_stride);
    const std::size_t n = 3;
    const DeviceBuffer<double> constants(12 * from.cols + n);
    const DeviceBuffer<double> targets(rows * n);
    cuda::clear(constants.data(), constants.size(), stream_);
    cuda::clear(targets.data(), targets.size(), stream_);
    kernels::LookArguments look;
    look.maps = constants.data();
    look.signal = look.weight = look.affine = look.published = look.targets = n;
    look.mean = look.mean_coordinates = look.target_mean = constants.data();
    look.signal_mean_outside = look.weight_mean_outside = constants.data();
    look.y = targets.data();
    look.out = y_.data();
    look.out_stride = look_stride;
    measure("look_rows", shape, rows * from.cols * from.element.size() + scattered(rows, 11, look_stride),
            [&] {
              return kernels::look_rows({from.bytes, from.element, rows, from.cols}, look, finite, stream_);
            });
  }

  void float64_rows(std::size_t d) {
    const DeviceMatrix rows = x(d);
    const std::size_t matrix = rows.rows * d * 8;
    const json shape{{"d", d}, {"rows", rows.rows}};
    const DeviceBuffer<double> workspace(kernels::column_workspace(rows.rows, d));
    const DeviceBuffer<double> sums(2 * d);
    measure("column_sums", shape, matrix, [&] {
      return kernels::column_sums(rows, workspace.data(), sums.data(), sums.data() + d, stream_);
    });
    measure("subtract_row", shape, 2 * matrix,
            [&] { return kernels::subtract_row(rows, small_.data(), stream_); });
    const std::size_t count = std::min(rows.rows / 2, numbers_ / look_stride);
    const DeviceMatrix some{rows.data, count, d, rows.stride};
    const double* const within = rows.data + count * rows.stride;
    const DeviceBuffer<double> norms(2 * count);
    prove::fill(norms.data(), norms.bytes(), ElementKind::float64, device_);
    measure("outside_rows", {{"d", d}, {"rows", count}},
            count * (2 * d + 2) * 8 + scattered(count, 4, look_stride), [&] {
              return kernels::outside_rows(some, within, small_.data(), {norms.data(), norms.data() + count},
                                           y_.data(), look_stride, stream_);
            });
  }

  void beside_rows(std::size_t n) {
    const std::size_t stride = padded(n + 5);
    const std::size_t rows = numbers_ / (stride + look_stride);
    const json shape{{"n", n}, {"rows", rows}};
    const DeviceMatrix to{y_.data(), rows, n + 5, stride};
    double* const stats = x_.data() + rows * n;
    measure("beside_rows", shape, rows * (n + 3) * 8 + scattered(rows, n + 5, stride), [&] {
      return kernels::beside_rows(
          x_.data(), n, small_.data(),
          {.norm = stats, .is_zero = stats + rows, .shifted_square = stats + 2 * rows}, to, stream_);
    });
    const DeviceMatrix predicted{y_.data(), rows, n, stride};
    double* const out = y_.data() + rows * stride;
    measure("map_errors", shape, rows * n * 8 + scattered(rows, n, stride) + scattered(rows, 1, look_stride),
            [&] {
              return kernels::map_errors(predicted, small_.data(), false, {}, x_.data(), small_.data() + n,
                                         out, look_stride, stream_);
            });
    measure("mark_at_most", shape, rows * 8 + scattered(rows, 1, look_stride),
            [&] { return kernels::mark_at_most(x_.data(), rows, 1e-3, out, look_stride, stream_); });
  }

  void pooled_rows(ElementKind kind, Layout layout, std::size_t channels, Pool pool) {
    constexpr std::size_t positions = 49;
    RowFormat format{{kind, false}, layout, pool, positions, channels};
    const std::size_t samples = numbers_ / format.sample_elements();
    const std::size_t rows = samples * format.rows_per_sample();
    prove::fill(stored_.data(), samples * format.sample_bytes(), kind, device_);
    const DeviceBuffer<std::uint64_t> first(1);
    const DeviceMatrix to{y_.data(), rows, channels, channels};
    const json shape{{"channels", channels},          {"positions", positions},
                     {"layout", layout_name(layout)}, {"pool", pool_name(pool)},
                     {"type", format.element.name()}, {"samples", samples}};
    measure("pool_rows", shape, samples * format.sample_bytes() + rows * channels * 8, [&] {
      return kernels::pool_rows(stored_.data(), format, 0, to, {first.data(), 0, 0, format.rows_per_sample()},
                                stream_);
    });
  }

  // Those of small n lie in the cache and may be faster than a copy.
  void squares(std::size_t n) {
    const std::size_t count = n * n;
    if (2 * count > numbers_) {
      return;
    }
    const json shape{{"n", n}};
    measure("mirror_lower", shape, count * 8, [&] { return kernels::mirror_lower(x_.data(), n, stream_); });
    for (std::size_t slices = 2; slices <= 64; slices *= 4) {
      if (slices * count <= numbers_) {
        measure("sum_slices", {{"n", n}, {"slices", slices}}, (slices + 1) * count * 8,
                [&] { return kernels::sum_slices(y_.data(), x_.data(), slices, count, false, stream_); });
      }
    }
  }

  cuda::Device device_;
  cudaStream_t stream_;
  std::size_t numbers_;
  DeviceBuffer<std::byte> stored_;
  DeviceBuffer<double> x_;
  DeviceBuffer<double> y_;
  DeviceBuffer<double> small_;
  double copy_rate_;  // [bytes/s]
  json found_ = json::array();
};

}  // namespace

int main(int argc, char** argv) {
  return prove::guarded("kernel_bench", [&] {
    KernelBench bench(prove::option(argc, argv, "--bytes", std::size_t{1} << 30U));
    std::printf("%s\n", bench.run().dump(1).c_str());
  });
}
