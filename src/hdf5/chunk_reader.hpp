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
// Of a dataset whose chunk_store is known, around HDF5; null unless its index of chunks is sound.
[[nodiscard]] std::unique_ptr<RowReader> read_chunks(const DatasetIndex& index, const ReadOptions& options);

// Of an open one, whose chunks HDF5 finds. Null for what HDF5 has to read itself (a filter that only it can
// undo, chunks without filters); `dataset` is then left as it is.
[[nodiscard]] std::unique_ptr<RowReader> read_chunks(std::unique_ptr<OpenDataset>& dataset,
                                                     const ReadOptions& options);

}  // namespace collapscope::hdf5
