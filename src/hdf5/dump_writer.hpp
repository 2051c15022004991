// Writing dumps: the layout of docs/format.md, rows in blocks, whole file or none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collapscope/core/stop.hpp"
#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

class DumpWriter {
 public:
  // Begins a file that will be `path` once it is finished. stop: not null; where it is wanted, write_rows
  // throws Stopped.
  explicit DumpWriter(std::string path, const StopRequest* stop = nullptr);
  // Without finish(), nothing is left behind.
  ~DumpWriter();
  DumpWriter(const DumpWriter&) = delete;
  DumpWriter& operator=(const DumpWriter&) = delete;
  DumpWriter(DumpWriter&&) = delete;
  DumpWriter& operator=(DumpWriter&&) = delete;

  void set_attribute(const std::string& object, const std::string& name, const AttributeValue& value);
  // Makes `object` and the groups above it. chunk: empty for contiguous. deflate: gzip level 4 of chunks.
  void create_dataset(const std::string& object, const std::vector<std::uint64_t>& shape, ElementKind element,
                      const std::vector<std::uint64_t>& chunk, bool deflate);
  // Throws Error where the disk has too little room for the datasets created so far, compressed ones aside.
  void require_room() const;
  // Rows from `first_row` on of a 2-D dataset, or of a 1-D one with one column.
  void write_rows(const std::string& object, std::uint64_t first_row, MatrixView<const double> rows);
  // Flushes, syncs and renames.
  void finish();

 private:
  [[nodiscard]] Place place(const std::string& object) const { return {path_, object}; }

  std::string path_;
  std::string temporary_;
  const StopRequest* stop_;
  double needed_bytes_ = 0;  // by datasets that are not compressed
  Handle file_;
};

}  // namespace collapscope::hdf5
