#include "hdf5/unchanged.hpp"

#include <fmt/format.h>

#include "collapscope/core/error.hpp"
#include "collapscope/dump/dump.hpp"

namespace collapscope {

namespace hdf5 {

void require_state(const std::optional<FileState>& was, const std::optional<FileState>& is,
                   const Place& place) {
  if (!was || was == is) {
    return;
  }
  throw InputError(
      place.file, place.object,
      fmt::format("the file has changed meanwhile: {}; read it when its writer has ended",
                  is ? change_text(*was, *is) : "it is no longer there, or no longer a regular file"));
}

}  // namespace hdf5

void require_unchanged(const DatasetIndex& dataset) {
  hdf5::require_state(dataset.state, file_state(dataset.file), {dataset.file, dataset.object});
  if (dataset.sources) {
    for (const DatasetIndex& source : dataset.sources->sources) {
      require_unchanged(source);
    }
  }
}

}  // namespace collapscope
