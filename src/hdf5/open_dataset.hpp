// A dataset of an index, opened again by HDF5 to be read.
#pragma once

#include <cstdint>
#include <optional>

#include "collapscope/dump/dump.hpp"
#include "hdf5/dataset.hpp"
#include "hdf5/links.hpp"
#include "hdf5/read_dataset.hpp"

namespace collapscope::hdf5 {

class OpenDataset final : public ReadDataset {
 public:
  // Throws InputError when it is not as it was indexed. `cache_bytes`: at most so much for HDF5's own cache
  // of chunks.
  OpenDataset(const DatasetIndex& index, std::uint64_t cache_bytes);
  ~OpenDataset() override;
  OpenDataset(const OpenDataset&) = delete;
  OpenDataset& operator=(const OpenDataset&) = delete;
  OpenDataset(OpenDataset&&) = delete;
  OpenDataset& operator=(OpenDataset&&) = delete;

  [[nodiscard]] hid_t id() const { return dataset_.get(); }
  // Of a virtual dataset.
  [[nodiscard]] const VirtualSources& sources() const { return sources_; }

 private:
  VirtualSources sources_;
  std::optional<FileSet> files_;  // kept open, with their locks
  Handle dataset_;
};

}  // namespace collapscope::hdf5
