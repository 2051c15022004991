// SYRK, GEMM and GEMM in slices for the products of the first look, tile by tile as the GPU module takes
// them; "chosen" is what its ProductSum does. JSON on standard output.
// Usage: products_bench [--most-features D] [--most-rows N]
#include <algorithm>
#include <cstdio>
#include <vector>

#include "cuda/products.hpp"
#include "cuda/rows_on_device.hpp"
#include "measure.hpp"

namespace {

using namespace collapscope;
using cuda::DeviceBuffer;
using cuda::DeviceMatrix;
using nlohmann::json;

constexpr double enough = 0.02;  // [s] of every way
// What networks have: not powers of two alone.
constexpr std::size_t orders[] = {64, 128, 256, 384, 512, 768, 1024, 1280, 1536, 2048, 3072, 4096};
constexpr std::size_t most_slices = 64;
// Above this order one product fills every card; slices of it would only take memory.
constexpr std::size_t most_sliced = 2048;

prove::Timing timed(cudaStream_t stream, const std::function<void()>& work) {
  return prove::timed(stream, work, enough);
}

std::int64_t narrow(std::size_t size) { return static_cast<std::int64_t>(size); }

// x^T y of one tile, x [rows, p], y [rows, q].
struct Product {
  const cuda::Device& device;
  DeviceMatrix x;
  DeviceMatrix y;
  double* sums;  // [64, p, q]

  void syrk() const {
    const double one = 1;
    cuda::check(cublasDsyrk_64(device.blas(), CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, narrow(x.cols),
                               narrow(x.rows), &one, x.data, narrow(x.stride), &one, sums, narrow(x.cols)),
                "cublasDsyrk");
  }
  void gemm() const {
    const double one = 1;
    cuda::check(cublasDgemm_64(device.blas(), CUBLAS_OP_N, CUBLAS_OP_T, narrow(y.cols), narrow(x.cols),
                               narrow(x.rows), &one, y.data, narrow(y.stride), x.data, narrow(x.stride), &one,
                               sums, narrow(y.cols)),
                "cublasDgemm");
  }
  void sliced(std::size_t slices) const {
    const double one = 1;
    const std::size_t rows = x.rows / slices;
    cuda::check(
        cublasDgemmStridedBatched_64(device.blas(), CUBLAS_OP_N, CUBLAS_OP_T, narrow(y.cols), narrow(x.cols),
                                     narrow(rows), &one, y.data, narrow(y.stride), narrow(rows * y.stride),
                                     x.data, narrow(x.stride), narrow(rows * x.stride), &one, sums,
                                     narrow(y.cols), narrow(x.cols * y.cols), narrow(slices)),
        "cublasDgemmStridedBatched");
  }
};

// Slices are added up once in 16 tiles.
double adding_up(const cuda::Device& device, double* sums, std::size_t slices, std::size_t count) {
  const auto stream = device.compute();
  return timed(stream,
               [&] {
                 cuda::check(kernels::sum_slices(sums, sums, slices, count, false, stream), "sum_slices");
               })
             .median /
         16;
}

json measured(const cuda::Device& device, const DeviceMatrix& x, const DeviceMatrix& y, bool symmetric) {
  const std::size_t slices_to_try = x.cols <= most_sliced ? most_slices : 1;
  const std::size_t count = x.cols * y.cols;
  const DeviceBuffer<double> sums(slices_to_try * count);
  cuda::clear(sums.data(), sums.size(), device.compute());
  const Product product{device, x, y, sums.data()};
  json ways;
  const auto add = [&](const std::string& name, const auto& work, double more = 0) {
    json entry = prove::to_json(timed(device.compute(), work));
    entry["with_adding_up"] = entry["seconds"].get<double>() + more;
    ways[name] = std::move(entry);
  };
  if (symmetric) {
    add("syrk", [&] { product.syrk(); });
  }
  add("gemm", [&] { product.gemm(); });
  for (std::size_t slices = 2; slices <= slices_to_try; slices *= 2) {
    add(
        "slices_" + std::to_string(slices), [&] { product.sliced(slices); },
        adding_up(device, sums.data(), slices, count));
  }
  cuda::ProductSum chosen(device, x.cols, y.cols, symmetric);
  add("chosen", [&] { chosen.add(device, x, y); });
  std::string best;
  for (const auto& [name, entry] : ways.items()) {
    if (name != "chosen" && (best.empty() || entry["with_adding_up"] < ways[best]["with_adding_up"])) {
      best = name;
    }
  }
  const double chosen_seconds = ways["chosen"]["seconds"];
  // Of a symmetric product half is computed, and half counts.
  const double operations = static_cast<double>(x.rows) * static_cast<double>(count) * (symmetric ? 1 : 2);
  json result{{"p", x.cols},
              {"q", y.cols},
              {"rows", x.rows},
              {"symmetric", symmetric},
              {"best", best},
              {"chosen_over_best", chosen_seconds / ways[best]["with_adding_up"].get<double>()},
              {"tflops", operations / chosen_seconds / 1e12}};
  if (symmetric) {
    result["syrk_tflops"] = operations / ways["syrk"]["seconds"].get<double>() / 1e12;
  }
  result["ways"] = std::move(ways);
  return result;
}

// The ceiling: a large square product.
double gemm_rate(const cuda::Device& device, std::size_t n) {
  const DeviceBuffer<double> a(n * n);
  const DeviceBuffer<double> c(n * n);
  prove::fill(a.data(), a.bytes(), ElementKind::float64, device);
  cuda::clear(c.data(), c.size(), device.compute());
  const DeviceMatrix square{a.data(), n, n, n};
  const double seconds = timed(device.compute(), [&] {
                           Product{device, square, square, c.data()}.gemm();
                         }).median;
  return 2 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / seconds;
}

void run(std::size_t most_features, std::size_t most_rows) {
  const cuda::Device device(0);
  json products = json::array();
  for (const std::size_t d : orders) {
    if (d > most_features) {
      break;
    }
    const std::size_t rows = std::min(most_rows, prove::tile_rows(d));
    const DeviceBuffer<double> x(rows * d);
    prove::fill(x.data(), x.bytes(), ElementKind::float64, device);
    const DeviceMatrix tile{x.data(), rows, d, d};
    products.push_back(measured(device, tile, tile, true));
    for (const std::size_t targets : {3U, 100U}) {
      const std::size_t stride = cuda::padded(targets + 4);
      const DeviceBuffer<double> right(rows * stride);
      prove::fill(right.data(), right.bytes(), ElementKind::float64, device);
      products.push_back(measured(device, tile, {right.data(), rows, targets + 2, stride}, false));
    }
  }
  const json result{{"device", device.description()},
                    {"gemm_tflops", gemm_rate(device, std::min<std::size_t>(most_features, 8192)) / 1e12},
                    {"products", products}};
  std::printf("%s\n", result.dump(1).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return prove::guarded("products_bench", [&] {
    run(prove::option(argc, argv, "--most-features", 8192), prove::option(argc, argv, "--most-rows", 65536));
  });
}
