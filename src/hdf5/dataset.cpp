#include "hdf5/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/little_endian.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/direct.hpp"
#include "hdf5/dtype.hpp"
#include "hdf5/element_type.hpp"
#include "hdf5/filters.hpp"
#include "hdf5/holes.hpp"
#include "hdf5/meaning.hpp"
#include "hdf5/virtual.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::uint64_t max_bytes = std::uint64_t{1} << 62;

std::vector<std::uint64_t> dataset_shape(const Object& object, const Place& place) {
  const Handle space = own(H5Dget_space(object.id.get()), H5Sclose, place, "read the shape");
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) {
    throw InputError(place.file, place.object, "found an empty dataset without a shape; expected numbers");
  }
  const int rank = check(H5Sget_simple_extent_ndims(space.get()), place, "read the shape");
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr), place, "read the shape");
  return {extents.begin(), extents.end()};
}

void check_shape(const DatasetIndex& index, const Place& place) {
  if (std::find(index.shape.begin(), index.shape.end(), 0U) != index.shape.end()) {
    throw InputError(place.file, place.object,
                     fmt::format("found shape {}, which holds no numbers; expected at least one sample",
                                 shape_text(index.shape)));
  }
  if (element_count(index.shape) > max_bytes / index.element.size()) {
    throw InputError(
        place.file, place.object,
        fmt::format("found shape {}, more numbers than any file holds", shape_text(index.shape)));
  }
}

void refuse_external_storage(hid_t creation, const Place& place) {
  if (check(H5Pget_external_count(creation), place, "read the storage") > 0) {
    throw InputError(
        place.file, place.object,
        "its numbers lie in other files (external raw storage), which is not supported; store them in "
        "the HDF5 file");
  }
}

// The fill value as stored, unless it is 0, or no number: then its rows are refused wherever they count.
std::vector<std::uint64_t> fill_values(hid_t creation, hid_t type, ElementType element, const Place& place) {
  std::array<std::byte, sizeof(std::uint64_t)> bytes{};
  H5D_fill_value_t defined = H5D_FILL_VALUE_ERROR;
  check(H5Pfill_value_defined(creation, &defined), place, "read the fill value");
  if (defined != H5D_FILL_VALUE_USER_DEFINED || H5Tget_size(type) > bytes.size()) {
    return {};
  }
  check(H5Pget_fill_value(creation, type, bytes.data()), place, "read the fill value");
  double value = 0;
  decode_elements(std::span(bytes).first(element.size()), element, {&value, 1});
  const bool counts = std::isfinite(value) && value != 0;
  return counts ? std::vector{little_endian(bytes, bytes.size())} : std::vector<std::uint64_t>();
}

void describe_numbers(const Object& object, hid_t type, hid_t creation, const DatasetRules& rules,
                      DatasetIndex& index, const Place& place) {
  const Attributes attributes(object.id.get(), place, attributes_of_numbers);
  const std::optional<SaidType> said = said_type(attributes);
  const ElementType stored = element_type(type, rules.booleans, place);
  index.element = interpret(stored, said, rules.read_as, place);
  index.read_as = rules.read_as;
  index.type_is_said = said || index.element != stored;
  index.holds_labels = rules.booleans;
  refuse_packing(attributes, stored, place);
  index.missing = missing_values(attributes, stored, index.element);
  index.loss = storage_loss(creation, attributes, place);
  if (index.storage != Storage::virtual_sources) {  // whose sources cover it
    index.fills = fill_values(creation, type, index.element, place);
  }
}

void describe_contiguous(const Object& object, DatasetIndex& index, const Place& place) {
  index.stored_bytes = H5Dget_storage_size(object.id.get());
  if (index.stored_bytes == 0) {
    throw InputError(place.file, place.object,
                     fmt::format("its {} were never written", human_bytes(index.bytes())));
  }
  if (index.stored_bytes < index.bytes()) {
    throw InputError(place.file, place.object,
                     fmt::format("found {} stored bytes, expected {} for shape {}", index.stored_bytes,
                                 index.bytes(), shape_text(index.shape)));
  }
}

void describe_chunked(const Object& object, hid_t creation, std::uint64_t max_chunk_bytes,
                      DatasetIndex& index, const Place& place) {
  if (index.shape.empty()) {  // no library writes this
    throw InputError(place.file, place.object,
                     "found chunks of a single number, which has no axes; the file is damaged");
  }
  std::vector<hsize_t> chunk(index.shape.size());
  check(H5Pget_chunk(creation, static_cast<int>(chunk.size()), chunk.data()), place, "read the chunk shape");
  index.chunk.assign(chunk.begin(), chunk.end());
  index.filters = filter_names(creation, place);
  if (std::ranges::count(index.filters, "deflate") > 1) {  // HDF5 bounds what neither of them inflates to
    throw InputError(
        place.file, place.object,
        "found the filter deflate several times over; expected it once (h5repack can store it anew)");
  }
  const std::uint64_t elements = element_count(index.chunk);
  if (elements == 0 || elements > max_chunk_bytes / index.element.size()) {
    throw InputError(
        place.file, place.object,
        fmt::format("found chunks of shape {}; expected chunks of at most {} (h5repack can change them)",
                    shape_text(index.chunk), human_bytes(max_chunk_bytes)));
  }
  require_all_chunks(object.id.get(), index, place);
  index.stored_bytes = H5Dget_storage_size(object.id.get());
  if (index.stored_bytes == 0) {  // its chunks are all there
    fail(place, "find out how many bytes are stored");
  }
}

Storage storage_of(hid_t creation, const Place& place) {
  switch (H5Pget_layout(creation)) {
    case H5D_COMPACT:
      return Storage::compact;
    case H5D_CONTIGUOUS:
      return Storage::contiguous;
    case H5D_CHUNKED:
      return Storage::chunked;
    case H5D_VIRTUAL:
      return Storage::virtual_sources;
    default:
      fail(place, "read the storage layout");
  }
}

}  // namespace

DatasetIndex describe_dataset(FileSet& files, const Object& object, const DatasetRules& rules) {
  VirtualSources sources;
  return describe_dataset(files, object, rules, sources);
}

DatasetIndex describe_dataset(FileSet& files, const Object& object, const DatasetRules& rules,
                              VirtualSources& sources) {
  const Place place = files.place(object);
  if (!is_dataset(object)) {
    throw InputError(
        place.file, place.object,
        fmt::format("found a {}; expected a dataset", is_group(object) ? "group" : "named datatype"));
  }
  const Handle creation = own(H5Dget_create_plist(object.id.get()), H5Pclose, place, "read the storage");
  DatasetIndex index;
  index.file = object.file;
  index.object = object.path;
  index.folder = files.folder();
  index.state = files.state(object.file);
  index.storage = storage_of(creation.get(), place);
  refuse_external_storage(creation.get(), place);
  if (index.storage == Storage::virtual_sources) {
    // HDF5 opens the sources of unlimited mappings as soon as it is asked for the shape.
    refuse_unlimited_mappings(creation.get(), place);
  }
  const Handle type = own(H5Dget_type(object.id.get()), H5Tclose, place, "read the type");
  describe_numbers(object, type.get(), creation.get(), rules, index, place);
  index.shape = dataset_shape(object, place);
  check_shape(index, place);
  if (index.storage == Storage::contiguous) {
    describe_contiguous(object, index, place);
  } else if (index.storage == Storage::chunked) {
    describe_chunked(object, creation.get(), rules.max_chunk_bytes, index, place);
  } else if (index.storage == Storage::virtual_sources) {
    describe_virtual(files, object, creation.get(), type.get(), rules, sources, index);
  } else {
    index.stored_bytes = index.bytes();
  }
  describe_access(object.id.get(), creation.get(), index, place);
  if (index.storage == Storage::contiguous && index.address) {
    index.hole_bytes = bytes_in_holes(index.file, *index.address, *index.address + index.bytes());
  }
  if (rules.samples_last && index.shape.size() > 1) {
    index.samples_last = true;
    index.through_hdf5 = "its axes are in reverse";
    index.sources = nullptr;
    std::ranges::reverse(index.shape);
    std::ranges::reverse(index.chunk);
  }
  return index;
}

DatasetIndex describe_samples(FileSet& files, const Object& object, const IndexOptions& options,
                              bool booleans) {
  DatasetRules rules(options);
  rules.booleans = booleans;
  rules.samples_last = options.naming.transpose_activations;
  DatasetIndex index = describe_dataset(files, object, rules);
  const Place place = files.place(object);
  const bool is_of_matlab =
      check(H5Aexists(object.id.get(), "MATLAB_class"), place, "look for the attribute 'MATLAB_class'") > 0;
  if (is_of_matlab && index.shape.size() > 1 && !index.samples_last) {
    throw InputError(
        place.file, place.object,
        fmt::format("found an array of MATLAB's (attribute 'MATLAB_class') of shape {}, whose axes "
                    "are in reverse, samples last; expected samples first: --transpose-activations "
                    "reads activations, targets and predictions so",
                    shape_text(index.shape)));
  }
  return index;
}

}  // namespace collapscope::hdf5
