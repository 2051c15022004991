// The seam behind which the arithmetic runs: on the CPU or on GPUs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collapscope/backend/stages.hpp"
#include "collapscope/core/fallback.hpp"
#include "collapscope/core/matrix.hpp"
#include "collapscope/core/moments.hpp"
#include "collapscope/core/residuals.hpp"
#include "collapscope/core/rows.hpp"
#include "collapscope/core/stored_matrix.hpp"
#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope {

// How the products of features with features are summed in the first look.
enum class Precision : unsigned char {
  float64,
  fast,              // float32 within a few hundred rows, float64 beyond; everything else stays float64
  float64_emulated,  // float64 by cuBLAS' fixed-point products of so many bits; everything else is native
};
inline constexpr int emulated_bits = 55;

// How |A r|^2 is summed over rows r from the products of their features: as sum_j w_j <q_j, r>^2 + tr(P S) of
// S = sum r' r'^T, where r' is r without its parts along all q_j.
struct WhitenedScatter {
  Matrix apart;                 // q_j, orthonormal [m, d]
  std::vector<double> weights;  // w_j [m]
  Matrix inverse;               // P [d, d], on and above the diagonal; empty: A r is formed
  Matrix inverse_by_rows;       // the same of another A, for which the weights are 0; empty: of none
};

// What the second look takes of classes. Means are about the mean of all rows, which the look has.
struct ClassLook {
  std::shared_ptr<const Matrix> means;         // of each class [K, d]
  bool nearest = false;                        // the nearest class mean of each row
  Matrix whitening;                            // A of the between-class covariance [r, d]; empty: not wanted
  Matrix whitening_by_rows;                    // the same where every row counts once; empty: not wanted
  std::shared_ptr<const Matrix> unit_means;    // of the rows h / |h|, about nothing [K, d]; null: not wanted
  Matrix unit_whitening;                       // A of them [r, d]
  WhitenedScatter scatter;                     // of both of them, which a backend may take instead
  WhitenedScatter unit_scatter;                // of `unit_whitening`
  std::shared_ptr<const StoredMatrix> weight;  // the classifier's [m, d]; null: none
  std::vector<double> bias;                    // [m]
  std::vector<double> weight_rows;             // the classifier's row of each class [K]
  // A row that is nearer than this to the mean of its class is nearest to it, and the classifier, if there is
  // one, gives it this class [K]; empty: not known.
  std::vector<double> settled_within;
};

// Whether moments hold the rows themselves (Scatter::rows), by are_few_rows. A backend need not.
enum class RowKeeping : unsigned char {
  none,
  all,        // those of the layer are few
  while_few,  // nobody knows how many will come
};

// Of what kind the tiles of a fold are.
struct TileSource {
  std::size_t rows = 0;    // of a tile, at most; 0: Backend::tile_rows
  bool on_device = false;  // all of them are RawTile::on_device
};

// Layers of the same number have, row by row, the same targets; 0: nobody knows.
struct SameTargets {
  std::uint64_t number = 0;
  std::uint64_t rows = 0;  // of the whole layer
};

// A matrix on a device from which it has also come down.
class OnDevice {
 public:
  virtual ~OnDevice() = default;
};

// What a device has of a matrix: `sums`, each number of which over `count` is the matrix's; null: nothing.
struct DeviceSums {
  std::shared_ptr<const OnDevice> sums;
  double count = 1;
};

// What the first look at a layer sums.
struct FoldSpec {
  RowFormat format;
  std::size_t targets = 0;          // n
  std::uint64_t rows = 0;           // of a segment, at most
  bool normalized_scatter = false;  // also sum h h^T / |h|^2
  std::uint64_t kept_rows = 0;      // of all segments, at most, when a second look follows for which a
                                    // backend that can keeps them; 0: none
  Precision precision = Precision::float64;
  std::uint64_t classes = 0;  // K of classification: n is 0, and a row's one target is its class's number
  bool unit_classes = false;  // also class sums of h / |h|
  TileSource tiles = {};
  SameTargets same_targets = {};
  RowKeeping keeping = RowKeeping::none;  // of float64 products
  bool scatter_stays = false;  // of features, of the only segment: it may stay on a device to be decomposed
};

// What the second look projects on. A basis is a matrix with orthonormal rows.
struct LookSpec {
  RowFormat format;
  std::uint64_t rows = 0;            // of a segment, at most
  std::vector<double> feature_mean;  // [d]
  std::vector<double> target_mean;   // [n]
  double feature_rms = 0;            // root of E |h|^2: rows nearer to the mean than its rounding are counted
  Matrix signal;                     // V_k [k, d]
  Matrix weight;                     // of the row space of W [r, d]; empty: none
  bool weight_is_complement = false;  // `weight` spans what is outside the row space instead, [d - r, d]
  Matrix affine;                      // B^T [n, d]; empty: none
  Matrix published;                   // B'^T [n, d]; empty: none
  std::shared_ptr<const ClassLook> classes = nullptr;  // of classification: targets as of FoldSpec
  TileSource tiles = {};
  SameTargets same_targets = {};
};

// Takes the rows of a layer's segments in tiles, one segment after another, each in order.
class Fold {
 public:
  virtual ~Fold() = default;
  // targets [tile.rows, n]. tile.bytes must stay as they are until `settle`, the targets only until `add`
  // returns. Throws NonFiniteSample, here or in `finish`, and DeviceError.
  virtual void add(const RawTile& tile, MatrixView<const double> targets) = 0;
  // Returns when the bytes of all tiles added so far may be overwritten.
  virtual void settle() {}
};

// The first look: rows in, moments out. Each tile of a segment but the last has `tile_rows` rows.
class MomentFold : public Fold {
 public:
  // Whether `bring` leaves the sums to `sum_brought`; else it is `add`.
  [[nodiscard]] virtual bool brings_ahead() const { return false; }
  // The two halves of `add`: brings a tile to where it will be summed; sums the first one that was brought
  // and is not summed yet. Not for some of a segment's tiles only. While one thread brings and settles,
  // another one may sum what has come, and finish segments.
  virtual void bring(const RawTile& tile, MatrixView<const double> targets) { add(tile, targets); }
  virtual void sum_brought() {}
  // Ends a segment: its moments, which depend on its rows alone. The fold begins anew. Of what was brought,
  // what is not summed yet belongs to the next segment.
  [[nodiscard]] virtual Moments finish() = 0;
  // After `finish`: the segment's feature_scatter, where it was to stay and did. Nobody else has it.
  [[nodiscard]] virtual std::shared_ptr<const OnDevice> take_scatter() { return nullptr; }
  // No more rows will come; only look_again may follow.
  virtual void close() {}
  // The second look at rows that the fold has kept: the sums of every finished segment, in the order in which
  // they were finished; nullopt: it keeps none, pass them again.
  [[nodiscard]] virtual std::optional<std::vector<ResidualSums>> look_again(const LookSpec& /*spec*/) {
    return std::nullopt;
  }
};

// The second look: rows in, residual sums out.
class ResidualFold : public Fold {
 public:
  // As MomentFold's.
  [[nodiscard]] virtual ResidualSums finish() = 0;
};

// Thrown by folds: a NaN or Inf in sample `sample` of the layer.
struct NonFiniteSample {
  std::uint64_t sample = 0;
};

// Memory that rows are read into.
class HostBuffer {
 public:
  virtual ~HostBuffer() = default;
  [[nodiscard]] virtual std::span<std::byte> bytes() = 0;
};

// Ordinary memory, uninitialized.
[[nodiscard]] std::unique_ptr<HostBuffer> make_plain_buffer(std::size_t size);

// Room for rows that wait until there are as many as a tile has.
class RowStore {
 public:
  virtual ~RowStore() = default;
  // To bytes [offset, offset + rows.bytes.size()). The rows must stay as they are until `settle`. Behind a
  // fold that takes what the store has, it puts what comes next. Throws DeviceError.
  virtual void put(std::size_t offset, const RowBytes& rows) = 0;
  virtual void settle() {}
  // All of it, for tiles.
  [[nodiscard]] virtual RowBytes rows() const = 0;
};

// In ordinary memory, of rows of the host.
[[nodiscard]] std::unique_ptr<RowStore> make_plain_store(std::size_t size);

// A stream of a device, as CUDA's runtime has both.
struct DeviceStream {
  int device = 0;
  void* stream = nullptr;
};

// A worker: it folds segments, looks at segments, and decomposes. Matrices cross the seam as host values. All
// calls come from one thread at a time, but for MomentFold::bring and sum_brought. Where there is work for
// several, other backends stand in for it.
class Backend {
 public:
  virtual ~Backend() = default;
  // "cpu: OpenBLAS 0.3.21, Zen kernels"
  [[nodiscard]] virtual std::string describe() const = 0;
  // Host threads in use.
  [[nodiscard]] virtual std::size_t threads() const = 0;
  // Rows of a tile of a layer with d features; a function of d alone, so that sums do not depend on memory
  // or threads.
  [[nodiscard]] virtual std::size_t tile_rows(std::size_t features) const = 0;
  // Rows of a segment of a layer of N rows of d features; a function of these alone on backends of one kind.
  [[nodiscard]] virtual std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) const = 0;
  [[nodiscard]] virtual std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) = 0;
  [[nodiscard]] virtual std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) = 0;
  // The `pairs` largest eigenpairs of a symmetric positive semi-definite matrix of order d, both triangles
  // given; all of them when pairs >= d, or when fewer cannot be had safely. The input is checked to be
  // finite, the output by residual and orthogonality, and fewer than all for being the largest. Throws
  // NumericalError.
  [[nodiscard]] virtual Eigenbasis eigenbasis(const Matrix& symmetric, std::size_t pairs) = 0;
  // All eigenvalues, and of the eigenvectors at least the `written` first in `vectors`, all at least as
  // factors; checked as above.
  [[nodiscard]] virtual Eigenbasis spectrum(const Matrix& symmetric, std::size_t /*written*/) {
    return eigenbasis(symmetric, symmetric.rows());
  }
  // The one with fewer pairs than d, else the other, of a matrix of which a device has `known`.
  [[nodiscard]] virtual Eigenbasis decompose(const Matrix& symmetric, std::size_t pairs, std::size_t written,
                                             const DeviceSums& /*known*/) {
    return pairs < symmetric.rows() ? eigenbasis(symmetric, pairs) : spectrum(symmetric, written);
  }
  // A buffer from which this backend takes rows fastest.
  [[nodiscard]] virtual std::unique_ptr<HostBuffer> make_host_buffer(std::size_t size) {
    return make_plain_buffer(size);
  }
  // Rows may be in the memory of this device (RowBytes::on_device), when what makes them is done before what
  // comes next on the stream; nullopt: rows are on the host.
  [[nodiscard]] virtual std::optional<DeviceStream> row_stream() const { return std::nullopt; }
  // Puts back, when what it gives goes, what the calling thread shares with others who use devices: CUDA's
  // current device. Null: nothing.
  [[nodiscard]] virtual std::shared_ptr<void> visit() const { return nullptr; }
  // For rows that come in batches: the folds take tiles of `batch_rows` rows, and of a backend with a
  // row_stream they are on its device.
  [[nodiscard]] virtual std::unique_ptr<RowStore> make_row_store(std::size_t size) {
    return make_plain_store(size);
  }
  // Rows of a tile of a layer of d features whose rows come in batches, beside many others'.
  [[nodiscard]] virtual std::size_t batch_rows(std::size_t features) const { return tile_rows(features); }
  // Whether its folds, over all workers, keep this many stored bytes for a second look.
  [[nodiscard]] virtual bool keeps_rows(std::uint64_t /*bytes*/) const { return false; }
  // Whether it works on tiles while its host thread goes on, so that rows should be read ahead.
  [[nodiscard]] virtual bool is_device() const { return false; }
  // The CPU's, for work of few numbers that is not worth a device's while; null: this is the CPU's.
  [[nodiscard]] virtual Backend* host() { return nullptr; }
  // Where to go on when this backend throws a DeviceError, or when it does not work; null: nowhere.
  [[nodiscard]] virtual Backend* fallback() { return nullptr; }
  // Whether no device of it is lost, and why one is.
  [[nodiscard]] virtual bool works() const { return true; }
  [[nodiscard]] virtual std::string loss() const { return {}; }
  // After a DeviceMemoryError: takes less memory from now on, by smaller tiles on the device and without rows
  // that stay there. False: it cannot.
  [[nodiscard]] virtual bool spare_memory() { return false; }
  // What this backend, by itself, had done elsewhere since the last call.
  [[nodiscard]] virtual Fallbacks take_fallbacks() { return {}; }

  // Those who stand in for this backend, while it is at rest, each for one thread of the program at a time,
  // while the BLAS keeps to the calling thread. Whoever of them takes a piece of work, it has the same bits.

  // For the segments of one layer of rows of d features; empty: it takes all of them by itself.
  [[nodiscard]] virtual std::span<Backend* const> segment_workers(std::size_t /*features*/) { return {}; }
  // For whole layers side by side; empty: none. There is no work for more than `most`; the first call
  // decides, all give the same ones.
  [[nodiscard]] virtual std::span<Backend* const> layer_workers(std::size_t /*most*/) { return {}; }
  // With fewer of these, layers side by side take no less time than one after another with everything.
  [[nodiscard]] virtual std::size_t least_layer_workers() const { return 2; }
  // How many of these may measure layers like this one, given as one segment, at a time; fewer than
  // `least_layer_workers`: none should. A function of the layer and the machine; where digits depend on
  // whether any should, that is none of the threads.
  [[nodiscard]] virtual std::size_t layer_workers_for(const FoldSpec& /*layer*/) const { return 0; }
  // For large layers that follow one another: two, one of which brings the rows of the next layer while the
  // other one decomposes its own and looks at it again; empty: none. Each may use all host threads, as this
  // backend does.
  [[nodiscard]] virtual std::span<Backend* const> turn_workers() { return {}; }
  // Whether a layer like this one, given as one segment, is worth that, and leaves room for another.
  [[nodiscard]] virtual bool takes_turns(const FoldSpec& /*layer*/) const { return false; }

  // What a benchmark can time on this backend; null: nothing of its own.
  [[nodiscard]] virtual std::unique_ptr<StageMaker> stage_maker() { return nullptr; }
};

// The CPU backend. threads 0: as many as the process may use.
[[nodiscard]] std::unique_ptr<Backend> make_cpu_backend(std::size_t threads);

}  // namespace collapscope
