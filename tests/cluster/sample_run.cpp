#include "cluster/sample_run.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "collapscope/results/results_file.hpp"
#include "core/support.hpp"
#include "hdf5/dump_writer.hpp"

namespace collapscope::test {

namespace {

constexpr std::size_t targets = 2;

// Rows that follow the targets, with noise in all directions.
Matrix rows_of(std::uint64_t rows, std::size_t features, Random& random) {
  Matrix out = random_matrix(rows, features, random);
  for (std::size_t i = 0; i < out.rows(); ++i) {
    out(i, 0) *= 30;
    out(i, 1) *= 20;
    out(i, 2) += 5;
  }
  return out;
}

void write(const std::string& path, double step, bool damaged) {
  constexpr std::uint64_t samples = 50000;
  hdf5::DumpWriter file(path);
  file.set_attribute("/", "format", std::string("collapscope-dump"));
  file.set_attribute("/", "format_version", std::int64_t{1});
  file.set_attribute("/", "task", std::string("regression"));
  file.set_attribute("/", "run", std::string("r"));
  file.set_attribute("/", "step", step);
  Random random(static_cast<unsigned>(step));
  file.create_dataset("/targets", {samples, targets}, ElementKind::float64, {}, false);
  file.write_rows("/targets", 0, random_matrix(samples, targets, random).view());
  for (const auto& [layer, features] : std::vector<std::pair<const char*, std::size_t>>{
           {"small", 3}, {"large", 140}, {"wide", 150}, {"end", 4}}) {
    const std::string object = fmt::format("/layers/{}/activations", layer);
    file.create_dataset(object, {samples, features}, ElementKind::float32, {}, false);
    Matrix rows = rows_of(samples, features, random);
    if (damaged && std::string(layer) == "large") {
      rows(40000, 1) = std::numeric_limits<double>::quiet_NaN();
    }
    file.write_rows(object, 0, rows.view());
    const std::string weight = fmt::format("/layers/{}/weight", layer);
    file.create_dataset(weight, {targets, features}, ElementKind::float64, {}, false);
    file.write_rows(weight, 0, random_matrix(targets, features, random).view());
  }
  file.finish();
}

}  // namespace

SampleRun::SampleRun() : folder_(temporary_path("sample_run")) {
  std::filesystem::create_directory(folder_);
  std::vector<CheckpointIndex> indexes;
  for (const double step : {1.0, 2.0}) {
    const std::string path = (folder_ / fmt::format("epoch_{}.h5", step)).string();
    write(path, step, step == 2);
    const DumpIndex index = index_dump(path);
    indexes.insert(indexes.end(), index.checkpoints.begin(), index.checkpoints.end());
  }
  checkpoints_ = arrange_checkpoints(indexes, false);
}

SampleRun::~SampleRun() { std::filesystem::remove_all(folder_); }

Results SampleRun::analyzed(std::size_t threads, const AnalysisOptions& options, StateKeeper* states,
                            const StopRequest* stop) const {
  Messages messages;
  const auto backend = make_cpu_backend(threads);
  return analyze(checkpoints_, *backend, options, {messages, stop, states, nullptr});
}

const SampleRun& sample_run() {
  static const SampleRun run;
  return run;
}

void expect_same(const Results& found, const Results& wanted) {
  EXPECT_EQ(found.checkpoints, wanted.checkpoints);
  EXPECT_EQ(numbers_digest(found), numbers_digest(wanted));
  ASSERT_EQ(found.failures.size(), wanted.failures.size());
  for (std::size_t i = 0; i < found.failures.size(); ++i) {
    EXPECT_EQ(found.failures[i].object, wanted.failures[i].object);
    EXPECT_EQ(found.failures[i].message, wanted.failures[i].message);
  }
}

}  // namespace collapscope::test
