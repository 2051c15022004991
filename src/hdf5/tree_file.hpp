// HDF5 files of our own, with a checksum over all of their bytes: groups with attributes, arrays of float64,
// and texts. The file begins with 512 bytes of plain text that say what it is and hold the checksum; HDF5
// calls that a user block and passes over it. Nothing of a damaged file is given to HDF5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "core/temporary_file.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// Where a file is until it is finished. In memory HDF5 writes nothing by itself, so that a disk that is full
// is an error like any other; on disk, after such an error HDF5 has to be left alone, with all that it holds.
// Several processes may write the same file on disk: each draft has a name of its own.
enum class Drafts : unsigned char { in_memory, on_disk };

class TreeWriter {
 public:
  // Begins a file that will be `path` once it is finished, in place of what is there. kind: "collapscope
  // state 1", the first line of the file.
  TreeWriter(std::string path, std::string kind, Drafts draft);
  // Without finish(), nothing is left behind.
  ~TreeWriter();
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;
  TreeWriter(TreeWriter&&) = delete;
  TreeWriter& operator=(TreeWriter&&) = delete;

  // All make the groups above what they write. Throw InputError naming the file.
  void group(const std::string& object);
  void attribute(const std::string& object, const std::string& name, const AttributeValue& value);
  // shape: of one or two axes, whose product is the size of `values`.
  void numbers(const std::string& object, std::span<const double> values,
               const std::vector<std::uint64_t>& shape);
  void text(const std::string& object, std::string_view text);
  // Flushes, adds the checksum, syncs, renames, syncs the folder.
  void finish();

 private:
  [[nodiscard]] Place place(const std::string& object) const { return {path_, object}; }
  void finish_in_memory();
  void finish_on_disk();
  void put(const std::string& object, hid_t stored, hid_t memory, const void* data,
           const std::vector<std::uint64_t>& shape);

  std::string path_;
  std::string kind_;
  Drafts draft_;
  std::optional<TemporaryFile> own_name_;  // on disk
  std::string temporary_;
  Handle file_;
};

// Throws InputError: no such file, another kind, damaged, not what is asked for.
class TreeReader {
 public:
  TreeReader(std::string path, const std::string& kind);

  // Names below a group, in their order.
  [[nodiscard]] std::vector<std::string> names(const std::string& group) const;
  [[nodiscard]] bool has(const std::string& object) const;
  [[nodiscard]] std::uint64_t count(const std::string& object, const std::string& name) const;
  [[nodiscard]] double number(const std::string& object, const std::string& name) const;
  [[nodiscard]] std::string word(const std::string& object, const std::string& name) const;
  [[nodiscard]] std::vector<std::uint64_t> shape(const std::string& object) const;
  [[nodiscard]] std::vector<double> numbers(const std::string& object) const;
  [[nodiscard]] std::string text(const std::string& object) const;

 private:
  [[nodiscard]] Place place(const std::string& object) const { return {path_, object}; }
  [[nodiscard]] AttributeValue attribute(const std::string& object, const std::string& name) const;

  std::string path_;
  Handle file_;
};

}  // namespace collapscope::hdf5
