// Virtual datasets: read through when every source is sound, refused before anything is opened otherwise.
#include <gmock/gmock.h>

#include <cstdlib>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

Handle whole(const Shape& shape) {
  return {must(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr)), H5Sclose};
}

// A box of a space of `shape`.
Handle part(const Shape& shape, const Shape& start, const Shape& count) {
  Handle space = whole(shape);
  must(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr));
  return space;
}

Handle same(const Handle& space) { return {must(H5Scopy(space.get())), H5Sclose}; }

// A dump "run/dump.h5" with virtual activations [6, 3] and sources "run/a.h5", "run/b.h5" with "acts" [3, 3].
class Virtual : public ::testing::Test {
 protected:
  Virtual() : creation_(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose) {
    fs::create_directories(dir_.path() / "run");
    write_source("run/a.h5", {0, 1, 2, 3, 4, 5, 6, 7, 8});
    write_source("run/b.h5", {9, 10, 11, 12, 13, 14, 15, 16, 17});
  }

  void write_source(const std::string& name, const std::vector<float>& numbers) const {
    const TestFile file(dir_ / name);
    file.dataset("acts", {numbers.size() / 3, 3}, numbers);
  }

  // Maps all of a source [3, 3] to the virtual rows from `row`.
  void map(hsize_t row, const std::string& file, const std::string& dataset = "acts") const {
    map(part({6, 3}, {row, 0}, {3, 3}), file, dataset, whole({3, 3}));
  }
  void map(const Handle& target, const std::string& file, const std::string& dataset,
           const Handle& source) const {
    must(H5Pset_virtual(creation_.get(), target.get(), file.c_str(), dataset.c_str(), source.get()));
  }

  // All of wide.h5, column by column.
  void map_columns() const {
    for (const hsize_t column : {0U, 1U, 2U}) {
      map(part({6, 3}, {0, column}, {6, 1}), "wide.h5", "acts", part({6, 3}, {0, column}, {6, 1}));
    }
    write_source("run/wide.h5", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
  }

  [[nodiscard]] std::string dump(const Shape& shape = {6, 3}, hid_t type = H5T_NATIVE_FLOAT) const {
    std::string path = dir_ / "run/dump.h5";
    const TestFile file(path);
    file.ramp("targets", {6});
    file.ramp("inside", {3, 3});
    const Handle dataset = file.create("layers/fc/activations", type, shape, creation_.get());
    return path;
  }

  void expect_error(const std::string& text) const {
    EXPECT_THAT(index_error(dump()), AllOf(HasSubstr("/layers/fc/activations: "), HasSubstr(text)));
  }

  TempDir dir_;
  Handle creation_;
};

TEST_F(Virtual, DatasetsAreReadThrough) {
  map(0, "a.h5");
  map(3, dir_ / "run/b.h5");
  const DatasetIndex index = activations_of(dump());
  EXPECT_EQ(index.storage, Storage::virtual_sources);
  EXPECT_EQ(index.stored_bytes, 18 * sizeof(float));
  for (const std::uint64_t band : {1U, 2U, 4U, 6U}) {
    EXPECT_EQ(read_all(index, band), counting(18)) << band;
  }
}

TEST_F(Virtual, DatasetsMayShowTheirOwnFile) {
  map(0, ".", "inside");
  map(3, "b.h5");
  EXPECT_EQ(read_all(activations_of(dump()), 4), counting(18));
}

TEST_F(Virtual, DatasetsMayInterleaveColumns) {
  map_columns();
  const DatasetIndex index = activations_of(dump());
  EXPECT_EQ(index.sources, nullptr);
  EXPECT_EQ(index.through_hdf5, "it is a virtual dataset that shows parts of samples");
  EXPECT_EQ(read_all(index, 6), counting(18));
}

// Which are read by themselves.
TEST_F(Virtual, DatasetsMayShowRangesOfSamples) {
  write_source("run/c.h5", {12, 13, 14, 0, 1, 2, 3, 4, 5, 15, 16, 17});
  const auto show = [&](hsize_t row, hsize_t count, const std::string& file, hsize_t from, hsize_t of) {
    map(part({6, 3}, {row, 0}, {count, 3}), file, "acts", part({of, 3}, {from, 0}, {count, 3}));
  };
  write_source("run/d.h5", {9, 10, 11, 6, 7, 8});
  show(4, 1, "c.h5", 0, 4);
  show(0, 1, "c.h5", 1, 4);
  show(1, 1, "c.h5", 2, 4);
  show(2, 1, "d.h5", 1, 2);
  show(3, 1, "d.h5", 0, 2);
  show(5, 1, "c.h5", 3, 4);
  const DatasetIndex index = activations_of(dump());
  ASSERT_NE(index.sources, nullptr);
  EXPECT_EQ(index.sources->sources.size(), 2U);
  EXPECT_EQ(index.sources->ranges.size(), 5U) << "rows 0 and 1 go on in the source as well";
  EXPECT_EQ(index.through_hdf5, "");
  for (const std::uint64_t band : {1U, 2U, 4U, 6U}) {
    EXPECT_EQ(read_all(index, band), counting(18)) << band;
  }
}

// HDF5 would read them all as soon as it opens the dataset.
TEST_F(Virtual, ManyMappingsAreRefusedBeforeTheDatasetIsOpened) {
  map(0, "a.h5");
  map(3, "b.h5");
  const std::string path = dump();
  IndexOptions options;
  options.memory = 51 * 1024;
  EXPECT_THAT(
      index_error(path, options),
      AllOf(HasSubstr("dump.h5: /layers/fc/activations: found a virtual dataset of 2 mappings, for which "
                      "HDF5 takes some 52.0 KiB"),
            HasSubstr("the budget is 51.0 KiB (--memory)")));
  options.memory = 52 * 1024;
  EXPECT_EQ(index_dump(path, options).checkpoints.size(), 1U);
}

TEST_F(Virtual, DatasetsMayShowVirtualOnes) {
  map(0, "a.h5");
  map(3, "b.h5");
  (void)dump();
  fs::rename(dir_.path() / "run/dump.h5", dir_.path() / "run/inner.h5");
  creation_ = Handle(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  map(whole({6, 3}), "inner.h5", "layers/fc/activations", whole({6, 3}));
  EXPECT_EQ(read_all(activations_of(dump()), 6), counting(18));
}

TEST_F(Virtual, SourcesMayBeSymbolicLinks) {
  fs::create_directories(dir_.path() / "run/links");
  fs::create_symlink("../a.h5", dir_.path() / "run/links/a.h5");
  map(0, "links/a.h5");
  map(3, "b.h5");
  EXPECT_EQ(read_all(activations_of(dump()), 6), counting(18));
}

// HDF5 would look for x.h5 beside the link.
TEST_F(Virtual, VirtualSourcesBehindSymbolicLinksAreRefused) {
  fs::create_directories(dir_.path() / "run/real");
  fs::create_directories(dir_.path() / "run/fake");
  write_source("run/real/x.h5", {0, 1, 2, 3, 4, 5, 6, 7, 8});
  write_source("run/fake/x.h5", {0, 0, 0, 0, 0, 0, 0, 0, 0});
  {
    const TestFile inner(dir_ / "run/real/inner.h5");
    const Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
    const Handle all = whole({3, 3});
    must(H5Pset_virtual(creation.get(), all.get(), "x.h5", "acts", all.get()));
    (void)inner.create("acts", H5T_NATIVE_FLOAT, {3, 3}, creation.get());
  }
  fs::create_symlink("../real/inner.h5", dir_.path() / "run/fake/link.h5");
  map(0, "fake/link.h5");
  map(3, "b.h5");
  expect_error("'fake/link.h5' is itself virtual and lies behind a symbolic link, at " +
               dir_ / "run/real/inner.h5");
  creation_ = Handle(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  map(0, "real/inner.h5");
  map(3, "b.h5");
  EXPECT_EQ(read_all(activations_of(dump()), 6), counting(18));
}

TEST_F(Virtual, SourcesOutsideTheFolderAreRefused) {
  write_source("secret.h5", {0, 1, 2, 3, 4, 5, 6, 7, 8});
  fs::create_symlink(dir_ / "secret.h5", dir_.path() / "run/inside.h5");
  for (const std::string& name :
       {dir_ / "secret.h5", std::string("../secret.h5"), std::string("inside.h5")}) {
    creation_ = Handle(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
    map(0, "a.h5");
    map(3, name);
    expect_error("leads to " + dir_ / "secret.h5" + ", outside the dump's folder");
  }
}

TEST_F(Virtual, SourcesBehindExternalLinksAreRefused) {
  write_source("secret.h5", {0, 1, 2, 3, 4, 5, 6, 7, 8});
  {
    const TestFile file(dir_ / "run/hop.h5");
    file.external_link("acts", "../secret.h5", "acts");
  }
  map(0, "a.h5");
  map(3, "hop.h5");
  EXPECT_THAT(index_error(dump()), AllOf(HasSubstr("run/hop.h5: /acts: "), HasSubstr("external link")));
}

TEST_F(Virtual, MissingSourcesAreErrors) {
  map(0, "a.h5");
  map(3, "gone.h5");
  expect_error("the source 'acts' in 'gone.h5' leads to " + dir_ / "run/gone.h5" + ", which does not exist");
}

TEST_F(Virtual, MissingSourceDatasetsAreErrors) {
  map(0, "a.h5");
  map(3, "b.h5", "gone\n");
  expect_error("the source 'gone\\x0a' in 'b.h5' does not exist");
}

TEST_F(Virtual, UncoveredRowsAreErrors) {
  map(0, "a.h5");
  expect_error("do not cover its shape [6, 3]");
}

TEST_F(Virtual, OverlappingSourcesAreErrors) {
  map(0, "a.h5");
  map(2, "b.h5");
  expect_error("overlap in its shape [6, 3]");
}

TEST_F(Virtual, OverlapCannotHideAGap) {
  map(0, "a.h5");
  map(part({6, 3}, {2, 0}, {3, 3}), "b.h5", "acts", whole({3, 3}));
  expect_error("overlap in its shape [6, 3]");
}

TEST_F(Virtual, ShortSourcesAreErrors) {
  map(0, "a.h5");
  map(3, "short.h5");
  write_source("run/short.h5", {9, 10, 11, 12, 13, 14});
  expect_error("the source 'acts' in 'short.h5' has shape [2, 3]: found 6 elements, expected 9");
  creation_ = Handle(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  map(0, "a.h5");
  map(part({6, 3}, {3, 0}, {3, 3}), "short.h5", "acts", part({9, 3}, {1, 0}, {3, 3}));
  expect_error("expected elements up to [3, 2]");
}

TEST_F(Virtual, SourcesOfAnotherTypeAreErrors) {
  {
    const TestFile file(dir_ / "run/double.h5");
    file.dataset("acts", {3, 3}, counting(9));
  }
  map(0, "a.h5");
  map(3, "double.h5");
  expect_error("the source 'acts' in 'double.h5' holds another type of numbers");
}

TEST_F(Virtual, SourcesNeverWrittenAreErrors) {
  {
    const TestFile file(dir_ / "run/unwritten.h5");
    file.dataset<float>("acts", {3, 3}, {});
  }
  map(0, "a.h5");
  map(3, "unwritten.h5");
  EXPECT_THAT(index_error(dump()), AllOf(HasSubstr("run/unwritten.h5: /acts: "), HasSubstr("never written")));
}

TEST_F(Virtual, SourcesThatShowTheDatasetItselfAreErrors) {
  map(0, "a.h5");
  map(part({6, 3}, {3, 0}, {3, 3}), ".", "layers/fc/activations", part({6, 3}, {0, 0}, {3, 3}));
  expect_error("in a circle");
}

// A mapping that grows with the dataset, to sources named by a pattern or to one that grows too.
TEST_F(Virtual, UnlimitedMappingsAreRefused) {
  for (const bool pattern : {false, true}) {
    SCOPED_TRACE(pattern);
    creation_ = Handle(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
    const Shape start{0, 0};
    const Shape stride{3, 3};
    const Shape count{H5S_UNLIMITED, 1};
    const Shape block{3, 3};
    const Shape shape{6, 3};
    const Shape largest{H5S_UNLIMITED, 3};
    const Handle target(must(H5Screate_simple(2, shape.data(), largest.data())), H5Sclose);
    must(H5Sselect_hyperslab(target.get(), H5S_SELECT_SET, start.data(), stride.data(), count.data(),
                             block.data()));
    map(target, pattern ? "../secret%b.h5" : "../secret.h5", "acts",
        pattern ? part({3, 3}, {0, 0}, {3, 3}) : same(target));
    {
      const TestFile file(dir_ / "run/dump.h5");
      file.ramp("targets", {6});
      const Handle dataset =
          file.create("layers/fc/activations", H5T_NATIVE_FLOAT, shape, creation_.get(), largest);
    }
    EXPECT_THAT(index_error(dir_ / "run/dump.h5"),
                AllOf(HasSubstr("/layers/fc/activations: "),
                      HasSubstr("unlimited virtual mapping to the source 'acts'")));
  }
}

TEST_F(Virtual, PrefixVariableIsRefused) {
  map(0, "a.h5");
  map(3, "b.h5");
  const std::string path = dump();
  creation_ = Handle(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  map_columns();  // which HDF5 reads
  const DatasetIndex index = activations_of(dump());
  setenv("HDF5_VDS_PREFIX", "/elsewhere", 1);
  const std::string message = index_error(path);
  const std::string opening = input_error([&] { (void)open_rows(index, 0); });
  unsetenv("HDF5_VDS_PREFIX");
  EXPECT_THAT(message, AllOf(HasSubstr("HDF5_VDS_PREFIX (/elsewhere)"), HasSubstr("unset it")));
  EXPECT_THAT(opening, HasSubstr("HDF5_VDS_PREFIX"));
}

}  // namespace
}  // namespace collapscope::testing
