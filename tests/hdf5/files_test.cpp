// Files that are no dumps, or no longer whole.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class BadFiles : public ::testing::Test {
 protected:
  BadFiles() : path_(dir_ / "dump.h5") {}

  TempDir dir_;
  std::string path_;
};

TEST_F(BadFiles, ThatDoNotExist) {
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("No such file")));
}

// The superuser may read everything.
TEST_F(BadFiles, ThatMayNotBeRead) {
  constexpr uid_t nobody = 65534;
  write_small_dump(path_, 10);
  fs::permissions(dir_.path(), fs::perms::all);
  const auto refused = [&] {
    const uid_t before = ::geteuid();
    const bool is_root = before == 0 && ::seteuid(nobody) == 0;
    const std::string found = index_error(path_);
    if (is_root) {
      EXPECT_EQ(::seteuid(before), 0);
    }
    return found;
  };
  fs::permissions(path_, fs::perms::none);
  EXPECT_THAT(refused(), AllOf(StartsWith(path_), HasSubstr("cannot be read: Permission denied")));
  fs::permissions(path_, fs::perms::all);
  fs::permissions(dir_.path(), fs::perms::none);
  EXPECT_THAT(refused(), AllOf(StartsWith(path_), HasSubstr("cannot be read: Permission denied")));
  fs::permissions(dir_.path(), fs::perms::all);
}

TEST_F(BadFiles, ThatAreFolders) {
  EXPECT_THAT(index_error(dir_.path().string()), HasSubstr("is a directory; expected an HDF5 file"));
}

TEST_F(BadFiles, ThatAreEmpty) {
  std::ofstream(path_).flush();
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("is empty (0 bytes)")));
}

TEST_F(BadFiles, ThatAreSomethingElse) {
  std::ofstream(path_) << "PK\x03\x04 a checkpoint of torch.save, perhaps";
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("not an HDF5 file (40 bytes)")));
}

TEST_F(BadFiles, ThatAreNamedToConfuseATerminal) {
  const std::string name = dir_ / "a\x1b[31m\n.h5";
  std::ofstream(name) << "text";
  EXPECT_THAT(index_error(name), AllOf(HasSubstr("a\\x1b[31m\\x0a.h5: "), Not(HasSubstr("\x1b"))));
}

TEST_F(BadFiles, ThatWereCutOff) {
  write_small_dump(path_, 100);
  const std::uint64_t size = fs::file_size(path_);
  for (const std::uint64_t left : {size - 1, size / 2, std::uint64_t{600}, std::uint64_t{50}}) {
    fs::resize_file(path_, left);
    EXPECT_THAT(index_error(path_),
                AllOf(StartsWith(path_), HasSubstr("truncated"),
                      HasSubstr("found " + std::to_string(left) + " bytes"),
                      HasSubstr("expected " + std::to_string(size)),
                      HasSubstr("last " + std::to_string(size - left) + " bytes are missing")));
  }
  for (const std::uint64_t left : {20U, 8U}) {
    fs::resize_file(path_, left);
    EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr(std::to_string(left) + " bytes"),
                                          HasSubstr("truncated or damaged")));
  }
  fs::resize_file(path_, 4);
  EXPECT_THAT(index_error(path_), HasSubstr("not an HDF5 file (4 bytes)"));
}

TEST_F(BadFiles, ThatAreDamagedInside) {
  write_small_dump(path_);
  const std::vector<unsigned char> zeros(400, 0);
  overwrite(path_, 96, zeros);  // the root group's header
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("HDF5: ")));
}

// A file in the newest format, whose superblock says whether a writer has it open.
void write_newest_format(const std::string& path, bool closed) {
  const Handle access(must(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  must(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110));
  const Handle file(must(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get())), H5Fclose);
  must(H5Fflush(file.get(), H5F_SCOPE_GLOBAL));
  if (!closed) {
    fs::copy_file(path, path + ".open");
  }
}

TEST_F(BadFiles, ThatTheirWriterDidNotClose) {
  write_newest_format(path_, false);
  EXPECT_THAT(index_error(path_ + ".open"),
              AllOf(StartsWith(path_), HasSubstr("not closed by its writer"), HasSubstr("h5clear")));
}

TEST_F(BadFiles, ThatAnotherProcessWrites) {
  write_small_dump(path_);
  const int file = open(path_.c_str(), O_RDWR);
  ASSERT_EQ(flock(file, LOCK_EX | LOCK_NB), 0) << "no locks on this file system";
  EXPECT_THAT(index_error(path_),
              AllOf(StartsWith(path_), HasSubstr("another process has the file open for writing")));
  close(file);
  EXPECT_NO_THROW((void)index_dump(path_));
}

TEST_F(BadFiles, OfANewerSuperblock) {
  write_small_dump(path_);
  overwrite(path_, 8, {9});  // behind the signature
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("written for a newer HDF5 than"),
                                        HasSubstr("h5repack"), HasSubstr("libver=('v110', 'v110')")));
}

TEST_F(BadFiles, WithANewerLayoutOfADataset) {
  write_small_dump(path_);
  std::vector<unsigned char> layout{3, 1};  // version, contiguous, address
  {
    const TestFile file(path_, TestFile::Mode::append);
    const Handle dataset(must(H5Dopen2(file.id(), "layers/fc/activations", H5P_DEFAULT)), H5Dclose);
    const haddr_t address = H5Dget_offset(dataset.get());
    for (unsigned byte = 0; byte < 8; ++byte) {
      layout.push_back(static_cast<unsigned char>((address >> (8U * byte)) & 0xffU));
    }
  }
  const std::vector<unsigned char> bytes = file_bytes(path_);
  const auto at = std::search(bytes.begin(), bytes.end(), layout.begin(), layout.end());
  ASSERT_NE(at, bytes.end());
  overwrite(path_, static_cast<std::uint64_t>(at - bytes.begin()), {9});
  EXPECT_THAT(index_error(path_),
              AllOf(HasSubstr("/layers/fc/activations: "), HasSubstr("written for a newer HDF5 than")));
}

TEST_F(BadFiles, ThatAreOneOfAFamily) {
  {
    const Handle access(must(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
    must(H5Pset_fapl_family(access.get(), 1 << 20, H5P_DEFAULT));
    const std::string name = dir_ / "part%03d.h5";
    const Handle file(must(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get())), H5Fclose);
  }
  EXPECT_THAT(index_error(dir_ / "part000.h5"),
              AllOf(HasSubstr("part000.h5: one member of a family of files"), HasSubstr("h5repart")));
}

TEST_F(BadFiles, ThatAreOneHalfOfASplitFile) {
  {
    const Handle access(must(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
    must(H5Pset_fapl_split(access.get(), "-m.h5", H5P_DEFAULT, "-r.h5", H5P_DEFAULT));
    const std::string name = dir_ / "whole";
    const Handle file(must(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get())), H5Fclose);
  }
  EXPECT_THAT(index_error(dir_ / "whole-m.h5"),
              HasSubstr("whole-m.h5: one part of a file that is split over several"));
}

TEST_F(BadFiles, WithADatatypeInPlaceOfADataset) {
  {
    const TestFile file(path_);
    file.ramp("targets", {4});
    file.group("layers/fc");
    const Handle type(must(H5Tcopy(H5T_NATIVE_FLOAT)), H5Tclose);
    must(H5Tcommit2(file.id(), "layers/fc/activations", type.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  }
  EXPECT_THAT(index_error(path_),
              HasSubstr("/layers/fc/activations: found a named datatype; expected a dataset"));
}

TEST_F(BadFiles, WithNestedDeflateFilters) {
  {
    const TestFile file(path_);
    file.ramp("targets", {4});
    Stored stored;
    stored.chunk = {4, 3};
    stored.deflate = 1;
    const Handle creation = creation_properties({4, 3}, stored);
    must(H5Pset_deflate(creation.get(), 9));
    const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, {4, 3}, creation.get());
  }
  EXPECT_THAT(index_error(path_),
              AllOf(HasSubstr("/layers/fc/activations: "), HasSubstr("the filter deflate several times over"),
                    HasSubstr("h5repack")));
}

// Where a string of variable length is described: its length, the address of a heap, its number there.
std::uint64_t description_of_string(const std::string& path, std::size_t length) {
  const std::vector<unsigned char> bytes = file_bytes(path);
  for (std::size_t at = 0; at + 16 <= bytes.size(); ++at) {
    const auto number = [&](std::size_t offset) {
      return bytes[at + offset] | bytes[at + offset + 1] << 8U | bytes[at + offset + 2] << 16U |
             static_cast<std::uint64_t>(bytes[at + offset + 3]) << 24U;
    };
    if (number(0) == length && number(4) != 0 && number(8) == 0 && number(12) > 0 && number(12) < 16) {
      return at;
    }
  }
  ADD_FAILURE() << "no such string";
  return 0;
}

void write_kind(const TestFile& file, const std::string& kind) {
  file.ramp("targets", {4});
  file.ramp("layers/fc/activations", {4, 3});
  file.variable_attribute("layers/fc", "other", kind + ", too");
  file.variable_attribute("layers/fc", "kind", kind);
}

// HDF5 would allocate the length before it looks at the string.
TEST_F(BadFiles, WithAStringOfDamagedLength) {
  const std::string kind = "a kind like no other";
  write_kind(TestFile(path_), kind);
  EXPECT_EQ(index_dump(path_).checkpoints.at(0).layers.at(0).kind, kind);
  overwrite(path_, description_of_string(path_, kind.size()) + 3, {0x7f});
  EXPECT_THAT(index_error(path_),
              HasSubstr("/layers/fc: attribute 'kind': found a string of 2130706452 bytes"));
}

TEST_F(BadFiles, ButNotWithStringsOfTheNewestFormat) {
  const std::string kind = "a kind like no other";
  write_newest_format(path_, true);
  write_kind(TestFile(path_, TestFile::Mode::append), kind);
  EXPECT_EQ(index_dump(path_).checkpoints.at(0).layers.at(0).kind, kind);
}

// Each checkpoint has the attributes of the root: little in the file, much in memory.
TEST_F(BadFiles, WithManyLongAttributesOfManyCheckpoints) {
  constexpr int long_attributes = 200;
  {
    const TestFile file(path_);
    for (int i = 0; i < long_attributes; ++i) {
      file.variable_attribute("/", "a" + std::to_string(i), std::string(65'000, 'x'));
    }
    for (int step = 0; step < 30; ++step) {
      const std::string group = "checkpoints/" + std::to_string(step) + '/';
      file.ramp(group + "targets", {4});
      file.ramp(group + "layers/fc/activations", {4, 3});
    }
  }
  EXPECT_THAT(index_error(path_),
              AllOf(HasSubstr("/checkpoints: "), HasSubstr("attributes of more than 64.0 MiB"),
                    HasSubstr("6 of 30 checkpoints"), HasSubstr("expected short attributes")));
}

TEST_F(BadFiles, WithoutTargets) {
  {
    const TestFile file(path_);
    file.ramp("layers/fc/activations", {4, 3});
    file.ramp("labels/y\x1b", {4});
  }
  EXPECT_THAT(index_error(path_),
              AllOf(StartsWith(path_ + ": /targets: "), HasSubstr("expected the targets"),
                    HasSubstr("there are datasets 'labels/y\\x1b', 'layers/fc/activations'")));
}

TEST_F(BadFiles, WithoutLayers) {
  {
    const TestFile file(path_);
    file.ramp("targets", {4});
  }
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_ + ": /layers: "), HasSubstr("expected the layers"),
                                        HasSubstr("there are datasets 'targets'")));
  {
    const TestFile file(path_);
    file.ramp("targets", {4});
    file.ramp("layers/fc", {4, 3});
  }
  EXPECT_THAT(index_error(path_),
              AllOf(StartsWith(path_ + ": /layers: "), HasSubstr("'activations'"), HasSubstr("'layers/fc'")));
}

TEST_F(BadFiles, WithNothing) {
  { const TestFile file(path_); }
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("there are no datasets")));
}

TEST_F(BadFiles, OfAnotherFormat) {
  const auto with = [&](const std::string& format, int version) {
    write_small_dump(path_);
    const TestFile file(path_, TestFile::Mode::append);
    file.attribute("/", "format", format);
    file.attribute("/", "format_version", version);
    return path_;
  };
  EXPECT_NO_THROW((void)index_dump(with("collapscope-dump", 1)));
  EXPECT_THAT(index_error(with("collapscope-dump", 2)),
              HasSubstr("format_version 2 found, this program reads 1"));
  EXPECT_THAT(
      index_error(with("collapscope-results\n", 1)),
      AllOf(HasSubstr("found \"collapscope-results\\x0a\""), HasSubstr("expected \"collapscope-dump\"")));
}

}  // namespace
}  // namespace collapscope::testing
