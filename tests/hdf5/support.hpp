// Temporary folders and HDF5 files made for one test.
#pragma once

#include <gtest/gtest.h>
#include <hdf5.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::testing {

using hdf5::Handle;
using Shape = std::vector<hsize_t>;

// A folder that lives as long as this.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  TempDir(TempDir&&) = delete;
  TempDir& operator=(TempDir&&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // The path of a file in the folder.
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// How a dataset is stored.
struct Stored {
  Shape chunk;  // empty: contiguous
  bool compact = false;
  bool shuffle = false;
  int deflate = 0;
  bool fletcher32 = false;
  bool extendible = false;
};

// Writes an HDF5 file. Every call must succeed; groups on the way to a name are created.
class TestFile {
 public:
  enum class Mode { create, append };

  explicit TestFile(const std::string& path, Mode mode = Mode::create);

  [[nodiscard]] hid_t id() const { return id_.get(); }
  void close() { id_ = Handle(); }

  void group(const std::string& path) const;
  // A dataset of `file_type` from numbers in memory of type T; `numbers` empty: nothing is written.
  template <class T>
  Handle dataset(const std::string& path, const Shape& shape, const std::vector<T>& numbers,
                 const Stored& stored = {}, hid_t file_type = H5I_INVALID_HID) const;
  // Numbers 0, 1, 2, ... as float32.
  void ramp(const std::string& path, const Shape& shape, const Stored& stored = {}) const;
  // An empty dataset with the given creation properties.
  [[nodiscard]] Handle create(const std::string& path, hid_t file_type, const Shape& shape, hid_t creation,
                              const Shape& largest = {}) const;

  void attribute(const std::string& path, const std::string& name, const std::string& text) const;
  void attribute(const std::string& path, const std::string& name, const char* text) const;
  void variable_attribute(const std::string& path, const std::string& name, const std::string& text) const;
  void attribute(const std::string& path, const std::string& name, double number) const;
  void attribute(const std::string& path, const std::string& name, std::int64_t number) const;
  void attribute(const std::string& path, const std::string& name, int number) const;
  void attribute(const std::string& path, const std::string& name,
                 bool flag) const;  // as h5py: an enumeration
  void soft_link(const std::string& path, const std::string& target) const;
  void hard_link(const std::string& path, const std::string& target) const;
  void external_link(const std::string& path, const std::string& file, const std::string& object) const;

 private:
  Handle id_;
};

// "dump.h5" with one layer "fc", a ramp of `shape` stored so, and targets; returns its path.
std::string write_dump(const TempDir& dir, const Shape& shape, const Stored& stored);
// A dump of one layer "fc" [samples, 3] and targets [samples], both ramps.
void write_small_dump(const std::string& path, hsize_t samples = 4);

[[nodiscard]] Handle creation_properties(const Shape& shape, const Stored& stored);
[[nodiscard]] Handle boolean_type();
// An HDF5 call must succeed.
hid_t must(hid_t result);

// The HDF5 memory type of T.
template <class T>
[[nodiscard]] hid_t native() {
  if constexpr (std::is_floating_point_v<T>) {
    return sizeof(T) == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
  } else {
    const std::array<hid_t, 8> types{H5T_NATIVE_UINT8,  H5T_NATIVE_INT8,   H5T_NATIVE_UINT16,
                                     H5T_NATIVE_INT16,  H5T_NATIVE_UINT32, H5T_NATIVE_INT32,
                                     H5T_NATIVE_UINT64, H5T_NATIVE_INT64};
    const std::size_t size_class = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    return types[2 * size_class + (std::is_signed_v<T> ? 1 : 0)];
  }
}

// Overwrites, cuts or reads parts of a file.
void overwrite(const std::string& path, std::uint64_t offset, const std::vector<unsigned char>& bytes);
[[nodiscard]] std::vector<unsigned char> file_bytes(const std::string& path);
// Where the chunk at `offset` lies in the file, and its stored size.
struct StoredChunk {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};
[[nodiscard]] StoredChunk stored_chunk(const Handle& dataset, const Shape& offset);

// All samples of a dataset as float64, read `band` samples at a time.
[[nodiscard]] std::vector<double> read_all(const DatasetIndex& dataset, std::uint64_t band,
                                           std::uint64_t cache_bytes = std::uint64_t{1} << 20);

// 0, 1, 2, ...
[[nodiscard]] std::vector<double> counting(std::size_t count);

// What an operation that must throw InputError says; a test failure and "" when it does not.
template <class Operation>
std::string input_error(Operation operation) {
  try {
    operation();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no InputError";
  return {};
}

// The activations of the first layer of a dump.
[[nodiscard]] DatasetIndex activations_of(const std::string& path);

// input_error() of indexing a file.
[[nodiscard]] std::string index_error(const std::string& path, const IndexOptions& options = {});

template <class T>
Handle TestFile::dataset(const std::string& path, const Shape& shape, const std::vector<T>& numbers,
                         const Stored& stored, hid_t file_type) const {
  const Handle creation = creation_properties(shape, stored);
  Shape largest = shape;
  if (stored.extendible) {
    largest[0] = H5S_UNLIMITED;
  }
  Handle dataset = create(path, file_type < 0 ? native<T>() : file_type, shape, creation.get(), largest);
  if (!numbers.empty()) {
    must(H5Dwrite(dataset.get(), native<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()));
  }
  return dataset;
}

}  // namespace collapscope::testing
