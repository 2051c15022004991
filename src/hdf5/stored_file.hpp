// The bytes of an HDF5 file, read around the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "core/workers.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// Bytes at `address` of the file, and where they go.
struct Slice {
  std::uint64_t address;
  std::span<std::byte> out;
};

// Any number of threads may read at the same time.
class StoredFile {
 public:
  // The file that holds an open dataset: the very one that HDF5 has open, whatever lies under its name by
  // now. nullopt unless HDF5 reads it as one plain file.
  static std::optional<StoredFile> of(hid_t dataset, const Place& place);

  // The file of an indexed dataset, without HDF5. Throws InputError, also when it has changed since, or is
  // being written.
  static StoredFile open(const DatasetIndex& index);

  StoredFile(StoredFile&& other) noexcept;
  StoredFile& operator=(StoredFile&& other) noexcept;
  StoredFile(const StoredFile&) = delete;
  StoredFile& operator=(const StoredFile&) = delete;
  ~StoredFile();

  // Fills `out`. Throws InputError, also when the file ends before.
  void read(std::uint64_t address, std::span<std::byte> out) const;
  // Fills all slices, sharing them out in parts among at most `threads` threads.
  void read(const std::vector<Slice>& slices, const Team& team) const;

  // Asks the system to fetch these bytes, without waiting for them.
  void expect(std::uint64_t address, std::uint64_t bytes) const;

  // Where HDF5's address 0 lies: after the user block.
  [[nodiscard]] std::uint64_t base() const { return base_; }
  // Whether addresses and sizes in it have 8 bytes, as all libraries write unless told otherwise. Known of
  // files that HDF5 has open.
  [[nodiscard]] bool has_wide_addresses() const { return has_wide_addresses_; }
  [[nodiscard]] std::uint64_t size() const;

 private:
  StoredFile(int descriptor, std::uint64_t base, Place place);

  int descriptor_;
  std::uint64_t base_;
  bool has_wide_addresses_ = false;
  Place place_;
};

}  // namespace collapscope::hdf5
