// A reader of compressed chunks that decodes them itself.
#pragma once

#include <cstdint>
#include <memory>

#include "collapscope/rows.hpp"
#include "hdf5/chunk_pipeline.hpp"
#include "hdf5/open_dataset.hpp"

namespace collapscope::hdf5 {

// Keeps one decoded row of chunks when it fits `cache_bytes`, so that reads that do not begin at the edges
// of chunks decode each once. Readers in several threads decode side by side.
[[nodiscard]] std::unique_ptr<RowReader> read_chunks(std::unique_ptr<OpenDataset> dataset,
                                                     ChunkPipeline pipeline, std::uint64_t cache_bytes);

}  // namespace collapscope::hdf5
