// What a virtual dataset shows, as long as it is whole samples of its sources.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

class SampleRanges {
 public:
  // `index`: of the virtual dataset; its type and shape are known, and it outlives this.
  explicit SampleRanges(const DatasetIndex& index) : index_(index) {}

  // One mapping, its selections of the virtual dataset and of the source `dataset`.
  void add(hid_t target, hid_t source, const DatasetIndex& dataset, const Place& place);
  // nullptr when some mapping showed something else. Once.
  [[nodiscard]] std::shared_ptr<const VirtualSamples> take();

 private:
  [[nodiscard]] std::size_t source_number(const DatasetIndex& dataset);

  const DatasetIndex& index_;
  std::optional<VirtualSamples> found_{std::in_place};
  std::map<std::string, std::size_t> numbers_;  // of the sources, by file and path
};

}  // namespace collapscope::hdf5
