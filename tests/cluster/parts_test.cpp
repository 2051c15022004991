// Analyses in parts: together the bits of one process, or a reason why not.
#include "collapscope/analysis/parts.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "cluster/sample_run.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/states/states.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

class Parts : public ::testing::Test {
 protected:
  Parts() : folder_(test::temporary_path("parts")) { std::filesystem::create_directory(folder_); }
  ~Parts() override { std::filesystem::remove_all(folder_); }

  std::string fold(std::size_t part, std::size_t parts, const AnalysisOptions& options = {},
                   const Identity& identity = {{"what", "this"}}) {
    const std::string path = fmt::format("{}/part_{}_of_{}.h5", folder_, part, parts);
    const auto backend = make_cpu_backend(1 + part % 2);
    test::Messages messages;
    const auto file = make_part_file(path, identity, {part, parts});
    (void)fold_part(test::sample_run().checkpoints(), {}, *backend, options, {messages}, {part, parts},
                    *file);
    file->finish();
    return path;
  }

  std::vector<std::string> fold_all(std::size_t parts, const AnalysisOptions& options = {}) {
    std::vector<std::string> paths;
    for (std::size_t part = 1; part <= parts; ++part) {
      paths.push_back(fold(part, parts, options));
    }
    return paths;
  }

  static Results merged(const std::vector<std::string>& paths, bool dumps) {
    const OpenParts parts = open_parts(paths);
    const auto backend = make_cpu_backend(2);
    test::Messages messages;
    MergeOptions options;
    options.dumps = dumps;
    return merge_parts(*parts.source, checkpoints_of(*parts.source), *backend, options, messages);
  }

  std::string folder_;
};

TEST_F(Parts, TogetherGiveTheBitsOfOneProcess) {
  const Results wanted = test::sample_run().analyzed();
  for (const std::size_t parts : {1, 2, 5, 9}) {
    SCOPED_TRACE(parts);
    std::vector<std::string> paths = fold_all(parts);
    std::rotate(paths.begin(), paths.begin() + static_cast<std::ptrdiff_t>(parts / 2), paths.end());
    test::expect_same(merged(paths, true), wanted);
  }
}

// Of metrics that need no second look nothing changes; the others say what they need.
TEST_F(Parts, WithoutTheDumpsWhatNeedsThemIsUndefined) {
  const Results wanted = test::sample_run().analyzed();
  const Results found = merged(fold_all(3), false);
  ASSERT_EQ(found.checkpoints.size(), wanted.checkpoints.size());
  std::size_t undefined = 0;
  for (std::size_t c = 0; c < wanted.checkpoints.size(); ++c) {
    EXPECT_EQ(found.checkpoints[c].targets, wanted.checkpoints[c].targets);
    ASSERT_EQ(found.checkpoints[c].layers.size(), wanted.checkpoints[c].layers.size());
    for (std::size_t l = 0; l < wanted.checkpoints[c].layers.size(); ++l) {
      for (const Metric& metric : wanted.checkpoints[c].layers[l].metrics.all()) {
        const Metric* const here = found.checkpoints[c].layers[l].metrics.find(metric.name);
        ASSERT_NE(here, nullptr) << metric.name;
        if (here->note.starts_with("needs a second look")) {
          EXPECT_FALSE(here->defined());
          ++undefined;
        } else {
          EXPECT_EQ(here->value, metric.value) << metric.name;
        }
      }
    }
  }
  EXPECT_EQ(undefined, 7U * 9U);  // of 7 layers: nrc1*, nrc2*, deep_nrc1, deep_nrc4, linear_mse, linear_share
}

// As a job that was queued again does beside the one that it replaces.
TEST_F(Parts, TwoMayWriteTheSameFile) {
  const std::string path = folder_ + "/part.h5";
  const auto backend = make_cpu_backend(1);
  test::Messages messages;
  const auto write = [&](PartFile& file) {
    (void)fold_part(test::sample_run().checkpoints(), {}, *backend, {}, {messages}, {1, 1}, file);
  };
  const auto one = make_part_file(path, {{"what", "this"}}, {1, 1});
  const auto other = make_part_file(path, {{"what", "this"}}, {1, 1});
  write(*one);
  write(*other);
  other->finish();
  test::expect_same(merged({path}, true), test::sample_run().analyzed());
  one->finish();
  test::expect_same(merged({path}, true), test::sample_run().analyzed());
  const std::filesystem::directory_iterator files(folder_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST_F(Parts, OneLookNeedsNoDumps) {
  AnalysisOptions options;
  options.looks = Looks::one;
  options.metrics = MetricChoice("deep_nrc*");
  test::expect_same(merged(fold_all(4, options), false), test::sample_run().analyzed(1, options));
}

TEST_F(Parts, AreRefusedWhereOneIsMissingOrDoubleOrAnothers) {
  const std::vector<std::string> paths = fold_all(3);
  using testing::HasSubstr;
  using testing::ThrowsMessage;
  EXPECT_THAT(
      [&] {
        (void)open_parts({paths[0], paths[2]});
      },
      ThrowsMessage<InputError>(HasSubstr("is one of 3 parts; missing: 2")));
  EXPECT_THAT(
      [&] {
        (void)open_parts({paths[0], paths[1], paths[2], paths[1]});
      },
      ThrowsMessage<InputError>(HasSubstr("is part 2 of 3, as")));
  AnalysisOptions one_dimension;
  one_dimension.signal_dim = 1;
  const std::string unlike = fold(2, 3, one_dimension);
  EXPECT_THAT(
      [&] {
        (void)open_parts({paths[0], unlike, paths[2]});
      },
      ThrowsMessage<InputError>(HasSubstr("was folded with other options than")));
  (void)fold(2, 3);
  const std::string other = fold(2, 4);
  EXPECT_THAT(
      [&] {
        (void)open_parts({paths[0], other});
      },
      ThrowsMessage<InputError>(HasSubstr("is one of 4 parts")));
  const std::string others = fold(2, 3, {}, {{"what", "that"}});
  EXPECT_THAT(
      [&] {
        (void)open_parts({paths[0], others, paths[2]});
      },
      ThrowsMessage<InputError>(HasSubstr("what: 'this' there, 'that' here")));
  std::filesystem::resize_file(paths[2], std::filesystem::file_size(paths[2]) - 3);
  EXPECT_THROW((void)open_parts(paths), InputError);
}

}  // namespace
}  // namespace collapscope
