// How far the looks at a layer are from the floor: first look / bare DSYRK of the same shape, and the second
// look's rate, for each number of features and stored type. Everything is measured in turn, round after
// round, and the medians are compared, because machines are shared.
//
// Usage: look_ratio [ROUNDS [THREADS]]
#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <thread>

#include "collapscope/backend/backend.hpp"
#include "collapscope/linalg/blas_kernels.hpp"

namespace {

using namespace collapscope;

constexpr std::size_t targets = 3;

// `count` finite numbers of the type, of size 1 or so.
std::vector<std::byte> random_numbers(ElementType type, std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<std::byte> bytes(count * type.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = random();
    std::byte* to = bytes.data() + i * type.size();
    if (type.kind == ElementKind::float16 || type.kind == ElementKind::bfloat16) {
      const unsigned exponent = type.kind == ElementKind::float16 ? 15U << 10U : 127U << 7U;
      const unsigned mantissa = type.kind == ElementKind::float16 ? 0x83ffU : 0x807fU;
      const auto half = static_cast<std::uint16_t>((bits & mantissa) | exponent);
      std::memcpy(to, &half, sizeof half);
    } else {
      const double value = static_cast<double>(bits >> 11U) * 0x1p-52 - 1;
      const auto single = static_cast<float>(value);
      std::memcpy(to, type.size() == 8 ? static_cast<const void*>(&value) : &single, type.size());
    }
  }
  return bytes;
}

// Wall time; of one thread its CPU time, which other load on the machine does not lengthen.
double seconds(bool one_thread) {
  if (one_thread) {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// After a product OpenBLAS's threads look for more for some 20 ms, which is not to count as ours.
void let_threads_sleep() { std::this_thread::sleep_for(std::chrono::milliseconds(40)); }

class Shape {
 public:
  Shape(Backend& backend, ElementType type, std::size_t features)
      : backend_(backend),
        tile_rows_(backend.tile_rows(features)),
        // Some 2^31 multiplications, at most 64 MiB of float64.
        rows_(std::clamp((std::size_t{1} << 31U) / features / features, 2 * tile_rows_,
                         (std::size_t{1} << 23U) / features)),
        bytes_(random_numbers(type, rows_ * features)),
        doubles_(rows_ * features),
        labels_(rows_, targets),
        gram_(features, features) {
    format_.element = type;
    format_.channels = features;
    std::mt19937_64 random(2);
    std::generate(doubles_.begin(), doubles_.end(),
                  [&] { return static_cast<double>(random()) * 0x1p-63 - 1; });
    std::copy_n(doubles_.begin(), labels_.values().size(), labels_.values().begin());
  }

  double product(std::size_t threads) {
    openblas_set_num_threads(static_cast<int>(threads));
    const auto d = static_cast<int>(format_.channels);
    return seconds_of([&] {
      cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, d, static_cast<int>(rows_), 1.0, doubles_.data(), d,
                  1.0, gram_.data(), d);
    });
  }

  double first_look() {
    const auto fold = backend_.make_fold({format_, targets, std::uint64_t{1} << 40U, false});
    visit(*fold, std::min(rows_, tile_rows_));  // memory is there, threads are awake
    return seconds_of([&] { visit(*fold, rows_); });
  }

  double second_look() {
    LookSpec spec;
    spec.format = format_;
    spec.feature_mean.assign(format_.channels, 0.0);
    spec.target_mean.assign(targets, 0.0);
    spec.signal = Matrix(targets, format_.channels);
    spec.affine = Matrix(targets, format_.channels);
    spec.published = Matrix(targets, format_.channels);
    for (std::size_t j = 0; j < targets; ++j) {
      spec.signal(j, j) = 1;
    }
    const auto look = backend_.make_look(spec);
    visit(*look, std::min(rows_, tile_rows_));
    return seconds_of([&] { visit(*look, rows_); });
  }

  [[nodiscard]] double gigabytes() const { return static_cast<double>(bytes_.size()) * 1e-9; }

 private:
  [[nodiscard]] double seconds_of(const auto& work) const {
    const double begin = seconds(backend_.threads() == 1);
    work();
    return seconds(backend_.threads() == 1) - begin;
  }

  template <class Fold>
  void visit(Fold& fold, std::size_t rows) {
    for (std::size_t first = 0; first < rows; first += tile_rows_) {
      const std::size_t count = std::min(tile_rows_, rows - first);
      fold.add({std::span(bytes_).subspan(first * format_.sample_bytes(), count * format_.sample_bytes()), 0,
                count, first},
               labels_.view().middle_rows(first, count));
    }
  }

  Backend& backend_;
  std::size_t tile_rows_;
  std::size_t rows_;
  RowFormat format_;
  std::vector<std::byte> bytes_;
  std::vector<double> doubles_;
  Matrix labels_;
  Matrix gram_;
};

void measure(Backend& backend, ElementType type, std::size_t features, int rounds) {
  Shape shape(backend, type, features);
  std::vector<double> products_alone;
  std::vector<double> products;
  std::vector<double> first_looks;
  std::vector<double> second_looks;
  for (int round = -1; round < rounds; ++round) {
    const double times[] = {shape.product(1), shape.product(backend.threads())};
    let_threads_sleep();
    const double first = shape.first_look();
    const double second = shape.second_look();
    if (round >= 0) {  // the first one warms up
      products_alone.push_back(times[0]);
      products.push_back(times[1]);
      first_looks.push_back(first);
      second_looks.push_back(second);
    }
  }
  const double best = std::min(median(products), median(products_alone));
  fmt::print("| {:4} | {:8} | {:17.2f} | {:20.2f} | {:14.1f} |\n", features, type.name(),
             median(first_looks) / best, median(first_looks) / median(products),
             shape.gigabytes() / median(second_looks));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  cure_blas_kernels(argv);
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 9;
  const auto backend =
      make_cpu_backend(argc > 2 ? static_cast<std::size_t>(std::max(0, std::atoi(argv[2]))) : 0);
  fmt::print("{}, {} threads, medians of {}\n\n", backend->describe(), backend->threads(), rounds);
  fmt::print("| d    | type     | first look / best | first look / threads | 2nd look, GB/s |\n");
  fmt::print("|-----:|:---------|------------------:|---------------------:|---------------:|\n");
  for (const std::size_t features : {16UL, 32UL, 64UL, 128UL, 256UL, 512UL, 1024UL, 2048UL}) {
    for (const ElementKind kind :
         {ElementKind::float16, ElementKind::bfloat16, ElementKind::float32, ElementKind::float64}) {
      measure(*backend, {kind}, features, rounds);
    }
  }
}
