#include "bench/shape_bench.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <utility>

#include "backend/segments.hpp"
#include "backend/stage_work.hpp"
#include "bench/reference.hpp"
#include "bench/timing.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/synth/synth.hpp"
#include "core/stopwatch.hpp"
#include "core/threads.hpp"
#include "core/vector_math.hpp"

namespace collapscope::bench {

namespace {

constexpr std::size_t widest_reference = 256;   // features
constexpr std::uint64_t reference_rows = 4096;  // at most, for the covariance in long double
constexpr std::uint64_t planted_rows = 4096;    // at least
constexpr std::size_t read_block = std::size_t{4} << 20U;
constexpr double planted_noise = 0.1;  // share of the variance

// Keeps what the analysis says.
class Notes final : public Progress {
 public:
  explicit Notes(std::vector<std::string>& notes) : notes_(notes) {}
  void message(const std::string& line) override {
    if (std::find(notes_.begin(), notes_.end(), line) == notes_.end()) {
      notes_.push_back(line);
    }
  }

 private:
  std::vector<std::string>& notes_;
};

// The first bytes of a file, by plain readers that take block after block, at most `most_threads` of them.
void read_plainly(const std::string& path, std::span<std::byte> to, std::size_t most_threads) {
  const std::size_t blocks = (to.size() + read_block - 1) / read_block;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::atomic<bool> complete = file >= 0;
  std::atomic<std::size_t> next = 0;
  on_threads(std::min(most_threads, std::max<std::size_t>(blocks / 2, 1)), [&](std::size_t /*thread*/) {
    for (std::size_t block = next++; block < blocks && complete; block = next++) {
      std::size_t at = block * read_block;
      const std::size_t end = std::min(at + read_block, to.size());
      while (at < end && complete) {
        const ssize_t count = ::pread(file, to.data() + at, end - at, static_cast<off_t>(at));
        if (count <= 0) {
          complete = false;
        }
        at += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
      }
    }
  });
  ::close(file);
  if (!complete) {
    throw Error(fmt::format("cannot read {}", path));
  }
}

Matrix top_rows(const Matrix& a, std::size_t first, std::size_t count) {
  Matrix out(count, a.cols());
  std::copy_n(a.data() + first * a.cols(), out.values().size(), out.data());
  return out;
}

// Subspaces of the sizes that an analysis has: the signal's and, next to it, the weight's.
LookSpec look_spec(const Moments& moments, const Eigenbasis& basis, const RowFormat& format) {
  const double rows = static_cast<double>(moments.count);
  const std::size_t k = moments.targets();
  const std::size_t r = std::min(k, moments.features() - k);
  LookSpec look;
  look.format = format;
  look.rows = moments.count;
  look.feature_mean = moments.feature_mean;
  look.target_mean = moments.target_mean;
  look.feature_rms =
      std::sqrt(trace(moments.feature_scatter) / rows + dot(moments.feature_mean, moments.feature_mean));
  look.signal = top_rows(basis.vectors, 0, k);
  look.weight = r == 0 ? Matrix() : top_rows(basis.vectors, k, r);
  look.affine = look.published = look.signal;
  return look;
}

class ShapeBench {
 public:
  ShapeBench(const ShapeContext& context, const BenchDump& dump, ShapeResult& result)
      : context_(context), backend_(context.backend), path_(context.folder.rows_file()), result_(result) {
    write_bench_dump(path_, dump);
    index_ = index_dump(path_).checkpoints.at(0);
    plan_ = plan_layer(index_.layers, dump.targets, {}, default_memory(), backend_);
    reader_ =
        open_rows(index_.layers[0].activations, {plan_.cache_bytes, backend_.threads(), plan_.buffer_bytes});
    buffer_ = backend_.make_host_buffer(plan_.bytes);
    targets_ = read_matrix(index_.targets);
    read_rows();
    spec_ = {plan_.format, buffer_->bytes(), plan_.rows, dump.targets, targets_.view(), &look_};
    if (wants("eigen") || wants("second-look")) {
      Moments moments = fold(plan_.rows);
      look_ =
          look_spec(moments, backend_.spectrum(moments.feature_scatter.products, written()), plan_.format);
      covariance_ = std::move(moments.feature_scatter.products);
    }
  }

  void run() {
    measure_stages();
    set_floor();
    if (wants("first-look") && spec_.format.row_length() <= widest_reference) {
      result_.covariance_rows = std::min(reference_rows, spec_.rows);
      result_.covariance_error = scatter_error(
          fold(result_.covariance_rows).feature_scatter.products,
          spec_.bytes.first(result_.covariance_rows * spec_.format.sample_bytes()), spec_.format.element);
    }
    if (wants("pipeline") && spec_.format.element.unit_roundoff() > 0 &&
        spec_.format.row_length() > spec_.targets) {
      check_planted();
    }
    for (const Fallback& fallback : backend_.take_fallbacks().all) {
      result_.notes.push_back(fmt::format("{} times: {}; the CPU computed the {}", fallback.count,
                                          fallback.reason, fallback.work));
    }
  }

 private:
  [[nodiscard]] bool wants(const std::string& stage) const {
    const std::vector<std::string>& wanted = context_.options.stages;
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), stage) != wanted.end();
  }

  // Eigenvectors that the second look takes.
  [[nodiscard]] std::size_t written() const {
    return std::min(2 * targets_.cols(), plan_.format.row_length());
  }

  // As the analysis reads them.
  void read_rows() {
    const std::size_t sample_bytes = plan_.format.sample_bytes();
    for (std::uint64_t first = 0; first < plan_.samples; first += plan_.band_samples) {
      const std::uint64_t count = std::min(plan_.band_samples, plan_.samples - first);
      reader_->read(first, count, buffer_->bytes().subspan(first * sample_bytes, count * sample_bytes));
    }
  }

  // The first look at the first `rows` rows.
  [[nodiscard]] Moments fold(std::uint64_t rows) {
    const std::size_t sample_bytes = plan_.format.sample_bytes();
    const FoldSpec spec{plan_.format, spec_.targets};
    return fold_rows(backend_, spec, rows, [&](Fold& fold, std::uint64_t begin, std::uint64_t end) {
      for (std::uint64_t first = begin; first < end; first += plan_.tile_rows) {
        const std::size_t count = std::min<std::uint64_t>(plan_.tile_rows, end - first);
        const RawTile tile{spec_.bytes.subspan(first * sample_bytes, count * sample_bytes), 0, count, first};
        fold.add(tile, targets_.view().middle_rows(first, count));
      }
    });
  }

  Results analyze_file(const std::string& path, const AnalysisOptions& options) {
    Notes notes(result_.notes);
    Results results =
        analyze(arrange_checkpoints(index_dump(path).checkpoints, false), backend_, options, notes);
    if (!results.failures.empty()) {
      throw Error(results.failures.front().message);
    }
    return results;
  }

  [[nodiscard]] std::vector<Stage> own_stages() {
    const double bytes = stored_bytes(spec_);
    const double d = static_cast<double>(spec_.format.row_length());
    const auto timed = [](auto work) { return [work] { return seconds_of(work); }; };
    return {
        {"pread", bytes, 0, "", "",
         timed([this] { read_plainly(path_, buffer_->bytes(), backend_.threads()); })},
        {"read", bytes, 0, "pread", "", timed([this] { read_rows(); })},
        {"first-look", bytes, product_flops(spec_), "dsyrk", "", timed([this] { (void)fold(spec_.rows); })},
        {"eigen", 0, 4.0 / 3 * d * d * d, "dgemm", "",
         timed([this] { (void)backend_.spectrum(covariance_, written()); })},
        {"pipeline", bytes, 0, "", "", timed([this] { (void)analyze_file(path_, {}); })}};
  }

  // Every stage that is wanted, and those of the floor when the pipeline is; ceilings before what they bound.
  void measure_stages() {
    StageSet set = context_.maker.stages(spec_);
    std::vector<Stage> all = own_stages();
    std::move(set.stages.begin(), set.stages.end(), std::back_inserter(all));
    result_.floor_parts = {"pread"};
    result_.floor_parts.insert(result_.floor_parts.end(), set.floor.begin(), set.floor.end());
    result_.floor_overlaps = set.floor_overlaps;
    for (const StageInfo& info : stage_catalogue()) {
      const std::string name(info.name);
      const auto stage = std::find_if(all.begin(), all.end(), [&](const Stage& s) { return s.name == name; });
      const auto& floor = result_.floor_parts;
      const bool in_floor = std::find(floor.begin(), floor.end(), name) != floor.end();
      const bool bounds = name == "pread" && wants("read");
      if (stage != all.end() && (wants(name) || bounds || (in_floor && wants("pipeline")))) {
        const Timing time = measure(*stage, context_.options.repeat, context_.options.seconds);
        if (name == "pread") {
          read_rows();  // `pread` has left the file's head there
        }
        result_.stages.push_back(stage_result(*stage, time, ceiling_of(*stage)));
      }
    }
  }

  [[nodiscard]] const StageResult* ceiling_of(const Stage& stage) const {
    for (const StageResult& ceiling : context_.ceilings) {
      if (ceiling.name == stage.ceiling) {
        return &ceiling;
      }
    }
    return result_.find(stage.ceiling);
  }

  void set_floor() {
    if (!wants("pipeline")) {
      result_.floor_parts.clear();
      return;
    }
    double seconds = 0;
    for (const std::string& part : result_.floor_parts) {
      const double median = result_.find(part)->time.median;
      seconds = result_.floor_overlaps ? std::max(seconds, median) : seconds + median;
    }
    result_.floor_seconds = seconds;
  }

  void check_planted() {
    PlantedSpec planted;
    planted.samples = std::max<std::uint64_t>(planted_rows, 2 * spec_.format.row_length() + 3);
    planted.features = spec_.format.row_length();
    planted.targets = spec_.targets;
    planted.element = spec_.format.element.kind;
    planted.noise = {planted_noise};
    write_planted(context_.folder.planted_file(), planted);
    AnalysisOptions options;
    options.metrics = MetricChoice("deep_nrc1");
    const Results results = analyze_file(context_.folder.planted_file(), options);
    const Metric* metric = results.checkpoints.at(0).layers.at(0).metrics.find("deep_nrc1");
    if (metric != nullptr && metric->number()) {
      result_.planted_error = std::abs(*metric->number() - planted_noise) / planted_noise;
      result_.planted_rows = planted.samples;
    }
  }

  const ShapeContext& context_;
  Backend& backend_;
  std::string path_;
  ShapeResult& result_;
  CheckpointIndex index_;
  LayerPlan plan_;
  std::unique_ptr<RowReader> reader_;
  std::unique_ptr<HostBuffer> buffer_;
  Matrix targets_;
  LookSpec look_;
  Matrix covariance_;
  StageSpec spec_;
};

}  // namespace

ShapeResult bench_shape(const ShapeContext& context, const BenchDump& dump) {
  ShapeResult result;
  const ElementType type{dump.type};
  result.type = type.name();
  result.unit_roundoff = type.unit_roundoff();
  result.rows = dump.rows;
  result.features = dump.features;
  result.targets = dump.targets;
  result.stored_bytes = dump.rows * dump.features * type.size();
  try {
    ShapeBench(context, dump, result).run();
  } catch (const DeviceMemoryError& error) {
    result.failure = error.what();
  } catch (const DeviceError&) {
    throw;
  } catch (const Error& error) {
    result.failure = error.what();
  }
  return result;
}

}  // namespace collapscope::bench
