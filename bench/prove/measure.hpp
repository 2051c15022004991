// What the measurements on a GPU share: times by events, data that is not all zeros, ceilings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "collapscope/core/element.hpp"
#include "cuda/device.hpp"

namespace collapscope::prove {

struct Timing {
  double median = 0;  // [s]
  double least = 0;   // [s]
  double most = 0;    // [s]
  std::size_t runs = 0;
};

// `work` enqueues on `stream`; it runs twice before it is timed, then 5 to 30 times, until `enough` seconds.
[[nodiscard]] Timing timed(cudaStream_t stream, const std::function<void()>& work, double enough = 0.05);

// {"seconds": median, "least": ..., "most": ..., "runs": ...}
[[nodiscard]] nlohmann::json to_json(const Timing& timing);

// Bytes that begin with a million random finite numbers of `kind`, which repeat; of integers any, of others
// about 1.
void fill(void* to, std::size_t bytes, ElementKind kind, const cuda::Device& device);

// Of a copy within the device's memory, of this many bytes: read plus written per second.
[[nodiscard]] double copy_rate(const cuda::Device& device, std::size_t bytes);
// Of a value written to so many bytes of it.
[[nodiscard]] double write_rate(const cuda::Device& device, std::size_t bytes);

// The rows of the tiles that the GPU module would take.
[[nodiscard]] std::size_t tile_rows(std::size_t features);

// Bytes in 32-byte sectors, which memory moves whole, of `rows` pieces of so many bytes that begin `stride`
// bytes apart; the first begins at a sector.
[[nodiscard]] std::size_t sector_bytes(std::size_t rows, std::size_t bytes, std::size_t stride);

// The number behind `name` on the command line, or `otherwise`.
[[nodiscard]] std::size_t option(int argc, char** argv, const std::string& name, std::size_t otherwise);

// body(), with a message and status 2 for whatever it throws.
int guarded(const char* program, const std::function<void()>& body);

}  // namespace collapscope::prove
