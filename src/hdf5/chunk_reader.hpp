// A reader of chunks that decodes them itself.
#pragma once

#include <cstdint>
#include <memory>

#include "collapscope/dump/dump.hpp"
#include "hdf5/open_dataset.hpp"

namespace collapscope::hdf5 {

// Several threads read and decode chunks side by side, each chunk once: one decoded row of chunks is kept
// when it fits the cache, for the next read to go on from, so that reads may begin and end anywhere.
//
//   samples      |<------------- read ------------->|<------------- read ...
//   chunks  |  row 0  |  row 1  |  row 2  |  row 3  |..
//             kept: copied   straight to `out`   kept, and copied
//
// Besides the kept row, memory is that of the threads: each the stored bytes of one chunk (or of neighbours
// of 1 MiB together) and at most two decoded chunks.
//
// nullptr for what HDF5 has to read itself (a filter that only it can undo, chunks without filters and
// without an index that can be read around it); `dataset` is then left as it is.
[[nodiscard]] std::unique_ptr<RowReader> read_chunks(std::unique_ptr<OpenDataset>& dataset,
                                                     const ReadOptions& options);

}  // namespace collapscope::hdf5
