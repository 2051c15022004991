#include "cpu/stages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "backend/segments.hpp"
#include "backend/stage_work.hpp"
#include "collapscope/linalg/blas_kernels.hpp"
#include "core/stopwatch.hpp"
#include "core/threads.hpp"
#include "cpu/gram_sum.hpp"
#include "cpu/row_pass.hpp"
#include "linalg/blas.hpp"

namespace collapscope::cpu {

namespace {

constexpr std::size_t copy_bytes = std::size_t{256} << 20U;   // beyond the caches
constexpr std::size_t bare_elements = std::size_t{1} << 25U;  // 256 MiB of float64
constexpr std::size_t least_order = 512;
constexpr std::size_t most_order = 8192;
constexpr double long_enough = 0.05;  // seconds of a product that reaches its rate

// Numbers in [-1, 1), so that products neither overflow nor are zeros.
Matrix random_matrix(std::size_t rows, std::size_t cols) {
  Matrix matrix(rows, cols);
  std::minstd_rand random(1);
  for (double& value : matrix.values()) {
    value = static_cast<double>(random()) * 0x1p-30 - 1;
  }
  return matrix;
}

Stage copy_ceiling(std::size_t threads) {
  const auto buffers = std::make_shared<std::pair<std::vector<std::byte>, std::vector<std::byte>>>(
      std::vector<std::byte>(copy_bytes, std::byte{1}), std::vector<std::byte>(copy_bytes));
  const auto copy = [buffers, threads] {
    on_threads(threads, [&](std::size_t thread) {
      const std::size_t begin = copy_bytes / threads * thread;
      const std::size_t end = thread + 1 == threads ? copy_bytes : copy_bytes / threads * (thread + 1);
      std::memcpy(buffers->second.data() + begin, buffers->first.data() + begin, end - begin);
    });
  };
  return {"memcpy", 2.0 * copy_bytes, 0, "", fmt::format("{} MiB", copy_bytes >> 20U), [copy] {
            return seconds_of(copy);
          }};
}

// A product of ever larger order until it takes long enough. make(order) gives the stage.
template <class Make>
Stage large_product(const Make& make) {
  std::size_t order = least_order;
  Stage stage = make(order);
  while (order < most_order && stage.run() < long_enough) {
    order *= 2;
    stage = make(order);
  }
  return stage;
}

Stage gemm_ceiling(std::size_t order) {
  const auto a = std::make_shared<const Matrix>(random_matrix(order, order));
  const auto c = std::make_shared<Matrix>(order, order);
  const auto multiply = [a, c] {
    linalg::gemm(1.0, a->view(), linalg::Transpose::no, a->view(), linalg::Transpose::no, 0.0, c->view());
  };
  const double n = static_cast<double>(order);
  return {"dgemm",
          0,
          2 * n * n * n,
          "",
          fmt::format("order {}", order),
          [multiply] { return seconds_of(multiply); }};
}

// What is timed of the first look's product.
struct PackedProduct {
  PackedProduct(const VectorKernels& kernels, std::size_t blocks, std::size_t columns)
      : packed(kernels, blocks * block_rows, columns), sum(kernels, columns) {}
  PackedRows packed;
  GramSum sum;
};

// x^T x of rows [rows, d], again and again until `total` rows are done.
Stage bare_product(std::string name, Matrix rows, std::uint64_t total) {
  const std::size_t d = rows.cols();
  const auto x = std::make_shared<const Matrix>(std::move(rows));
  const auto sum = std::make_shared<Matrix>(d, d);
  const auto multiply = [x, sum, total] {
    for (std::uint64_t done = 0; done < total; done += x->rows()) {
      linalg::add_gram_upper_by_blas(
          x->view().middle_rows(0, std::min<std::uint64_t>(x->rows(), total - done)), sum->view());
    }
  };
  return {std::move(name), 0,  product_flops(static_cast<double>(total), static_cast<double>(d)),
          "dsyrk",         "", [multiply] { return seconds_of(multiply); }};
}

Stage syrk_ceiling(std::size_t order) {
  Stage stage = bare_product("dsyrk", random_matrix(order, order), order);
  stage.ceiling.clear();
  stage.detail = fmt::format("order {}", order);
  return stage;
}

class CpuStageMaker final : public StageMaker {
 public:
  CpuStageMaker(Backend& backend, const VectorKernels& kernels, Team team)
      : backend_(backend), kernels_(kernels), team_(std::move(team)) {}

  [[nodiscard]] std::vector<Fact> facts() const override {
    const BlasKernels blas = blas_kernels();
    return {{"blas", blas.library}, {"blas_kernels", blas.core}};
  }

  [[nodiscard]] std::vector<Stage> ceilings() override {
    return {copy_ceiling(backend_.threads()), large_product(gemm_ceiling), large_product(syrk_ceiling)};
  }

  [[nodiscard]] StageSet stages(const StageSpec& spec) override {
    const std::size_t d = spec.format.row_length();
    const std::size_t bare_rows =
        std::max<std::size_t>(1, std::min<std::uint64_t>(spec.rows, bare_elements / d));
    StageSet set;
    set.stages.push_back(decode(spec));
    set.stages.push_back(product(spec));
    set.stages.push_back(bare_product("bare-dsyrk", random_matrix(bare_rows, d), spec.rows));
    set.stages.push_back(second_look(spec));
    set.floor = {"bare-dsyrk"};
    return set;
  }

 private:
  [[nodiscard]] std::size_t tile_rows(const StageSpec& spec) const {
    return std::min<std::uint64_t>(backend_.tile_rows(spec.format.row_length()), spec.rows);
  }

  [[nodiscard]] std::size_t tiles(const StageSpec& spec) const {
    return (spec.rows + tile_rows(spec) - 1) / tile_rows(spec);
  }

  [[nodiscard]] RawTile tile(const StageSpec& spec, std::size_t number) const {
    const std::size_t first = number * tile_rows(spec);
    const std::size_t rows = std::min<std::uint64_t>(tile_rows(spec), spec.rows - first);
    return {spec.bytes.subspan(first * spec.format.sample_bytes(), rows * spec.format.sample_bytes()), 0,
            rows, first};
  }

  // About no shift, with norms and column sums, block by block as the first look does it.
  [[nodiscard]] Stage decode(const StageSpec& spec) const {
    const std::size_t d = spec.format.row_length();
    const auto passes = std::make_shared<std::vector<RowPass>>();
    for (std::size_t worker = 0; worker < team_.threads(); ++worker) {
      passes->emplace_back(spec.format, kernels_, block_rows, d);
    }
    const AlignedDoubles shift(padded(d), 0.0);
    const auto decode_all = [this, spec, passes, shift] {
      for (std::size_t number = 0; number < tiles(spec); ++number) {
        const RawTile raw = tile(spec, number);
        team_.run((raw.rows + block_rows - 1) / block_rows, [&](std::size_t block, std::size_t worker) {
          const std::size_t first = block * block_rows;
          (void)(*passes)[worker].read(raw, first, std::min(block_rows, raw.rows - first), shift);
        });
      }
    };
    return {
        "decode", converted_bytes(spec), 0, "memcpy", "", [decode_all] { return seconds_of(decode_all); }};
  }

  // Of as many packed rows as the first look multiplies at once, again and again.
  [[nodiscard]] Stage product(const StageSpec& spec) const {
    const std::size_t d = spec.format.row_length();
    const std::size_t tile_blocks = (tile_rows(spec) + block_rows - 1) / block_rows;
    const std::size_t blocks = blocks_at_once(kernels_, tile_blocks, d, team_.threads());
    const auto work = std::make_shared<PackedProduct>(kernels_, blocks, d);
    const Matrix numbers = random_matrix(block_rows, d);
    Room room(block_rows, d);
    for (std::size_t i = 0; i < block_rows; ++i) {
      std::copy_n(numbers.view().row(i).data(), d, room.row(i));
    }
    for (std::size_t block = 0; block < blocks; ++block) {
      work->packed.pack(block, room, block_rows, std::vector<double>(block_rows, 1.0));
    }
    const auto multiply = [this, work, at_once = blocks * block_rows, rows = spec.rows] {
      for (std::uint64_t done = 0; done < rows; done += at_once) {
        work->sum.add(work->packed, std::min<std::uint64_t>(at_once, rows - done), team_);
      }
    };
    return {"product", 0, product_flops(spec), "dsyrk", "", [multiply] { return seconds_of(multiply); }};
  }

  [[nodiscard]] Stage second_look(const StageSpec& spec) const {
    const auto look_at_all = [this, spec] {
      (void)look_at_rows(backend_, *spec.look, spec.rows,
                         [&](Fold& look, std::uint64_t begin, std::uint64_t end) {
                           for (std::uint64_t first = begin; first < end; first += tile_rows(spec)) {
                             const RawTile raw = tile(spec, first / tile_rows(spec));
                             look.add(raw, spec.y.middle_rows(raw.first_row, raw.rows));
                           }
                         });
    };
    return {"second-look", stored_bytes(spec), look_flops(spec), "memcpy", "", [look_at_all] {
              return seconds_of(look_at_all);
            }};
  }

  Backend& backend_;
  const VectorKernels& kernels_;
  Team team_;
};

}  // namespace

std::unique_ptr<StageMaker> make_stage_maker(Backend& backend, const VectorKernels& kernels,
                                             const Team& team) {
  return std::make_unique<CpuStageMaker>(backend, kernels, team);
}

}  // namespace collapscope::cpu
