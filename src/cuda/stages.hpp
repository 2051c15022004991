// What a benchmark times on a GPU.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "collapscope/backend/stages.hpp"
#include "cuda/device.hpp"

namespace collapscope::cuda {

// Rows worked on at a time, of a layer of that many.
using PartRows = std::function<std::size_t(const RowFormat&, std::uint64_t)>;

// device: must outlive the maker and its stages. Times are from events on the stream that does the work.
[[nodiscard]] std::unique_ptr<StageMaker> make_stage_maker(const Device& device, PartRows part_rows);

}  // namespace collapscope::cuda
