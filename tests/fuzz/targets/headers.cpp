// libFuzzer: the messages of an object header, read around HDF5. The first bytes say where it begins.
#include <cstring>

#include "collapscope/core/error.hpp"
#include "hdf5/object_header.hpp"
#include "in_memory.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace collapscope;
  std::uint64_t address = 0;
  if (size < sizeof address) {
    return 0;
  }
  std::memcpy(&address, data, sizeof address);
  DatasetIndex index;
  index.file = fuzz::file_of(data + sizeof address, size - sizeof address);
  index.object = "/rows";
  try {
    const hdf5::StoredFile file = hdf5::StoredFile::open(index);
    (void)hdf5::chunk_tree_address(file, address, 2, 4);
    (void)hdf5::mapping_count(file, address);
    (void)hdf5::variable_length(file, address, "name");
  } catch (const Error&) {
  }
  return 0;
}
