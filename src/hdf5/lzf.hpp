// h5py's lzf compression, which HDF5 itself lacks.
#pragma once

#include <cstddef>
#include <span>

namespace collapscope::hdf5 {

// Unpacked size; 0 for damaged data. At most 88 times the packed size.
[[nodiscard]] std::size_t lzf_unpacked_size(std::span<const std::byte> packed);
// Unpacks into `out`. Returns false unless the data is sound and just fills it.
bool lzf_unpack(std::span<const std::byte> packed, std::span<std::byte> out);

// Registers a decoder with HDF5 unless there is a filter of that number. Throws Error.
void register_lzf();

}  // namespace collapscope::hdf5
