#include "hdf5/virtual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "hdf5/boxes.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/sample_ranges.hpp"
#include "process/work_mark.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::size_t max_mappings = std::size_t{1} << 16;
constexpr std::uint64_t max_boxes = std::uint64_t{1} << 16;
constexpr int max_virtual_depth = 8;

// One part of a virtual dataset: a selection of it, and the selection of a source that it shows.
struct Mapping {
  std::string file;
  std::string dataset;
  Handle target;
  Handle source;
};

std::size_t mapping_count(hid_t creation, const Place& place) {
  std::size_t count = 0;
  check(H5Pget_virtual_count(creation, &count), place, "read the virtual mappings");
  if (count > max_mappings) {
    throw InputError(
        place.file, place.object,
        fmt::format("found a virtual dataset of {} mappings; expected at most {}", count, max_mappings));
  }
  return count;
}

// The name of a mapping's source file or dataset, by the HDF5 function that gives it.
template <class Get>
std::string source_name(Get get, hid_t creation, std::size_t index, const Place& place) {
  const ssize_t length = check(get(creation, index, nullptr, 0), place, "read a virtual mapping");
  std::string name(static_cast<std::size_t>(length) + 1, '\0');
  check(get(creation, index, name.data(), name.size()), place, "read a virtual mapping");
  name.pop_back();
  return name;
}

Mapping read_mapping(hid_t creation, std::size_t index, const Place& place) {
  Mapping mapping;
  mapping.file = source_name(H5Pget_virtual_filename, creation, index, place);
  mapping.dataset = source_name(H5Pget_virtual_dsetname, creation, index, place);
  mapping.target = own(H5Pget_virtual_vspace(creation, index), H5Sclose, place, "read a virtual mapping");
  mapping.source = own(H5Pget_virtual_srcspace(creation, index), H5Sclose, place, "read a virtual mapping");
  return mapping;
}

std::string source_text(const Mapping& mapping) {
  return fmt::format("the source '{}' in '{}'", printable(mapping.dataset), printable(mapping.file));
}

// HDF5 would look for sources in the folders of this variable first, which are not the ones checked here.
void refuse_prefix_variable(const Place& place) {
  const char* prefix = std::getenv("HDF5_VDS_PREFIX");
  if (prefix != nullptr && *prefix != '\0') {
    throw InputError(
        place.file, place.object,
        fmt::format("the environment variable HDF5_VDS_PREFIX ({}) redirects the sources of virtual "
                    "datasets; unset it",
                    printable(prefix)));
  }
}

// The mappings are read one after the other: HDF5 takes kilobytes for each.
void check_cover(hid_t creation, std::size_t count, const std::vector<std::uint64_t>& shape,
                 const Place& place) {
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < count; ++i) {
    process::at_work(place.file, place.object);
    const Handle target = own(H5Pget_virtual_vspace(creation, i), H5Sclose, place, "read a virtual mapping");
    auto more = selection_boxes(target.get(), shape, place, max_boxes - boxes.size());
    if (!more) {
      throw InputError(
          place.file, place.object,
          fmt::format("found a virtual dataset scattered over points or more than {} blocks; expected "
                      "contiguous parts",
                      max_boxes));
    }
    boxes.insert(boxes.end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  }
  const auto refuse = [&](std::string_view what) {
    throw InputError(
        place.file, place.object,
        fmt::format("the sources of the virtual dataset {} its shape {}; expected every element from "
                    "one source",
                    what, shape_text(shape)));
  };
  switch (cover_of(shape, std::move(boxes))) {
    case Cover::exact:
      return;
    case Cover::incomplete:
      return refuse("do not cover");
    case Cover::overlapping:
      return refuse("overlap in");
    case Cover::outside:
      return refuse("reach outside");
  }
}

std::uint64_t selected_elements(hid_t space, const std::vector<std::uint64_t>& shape) {
  return H5Sget_select_type(space) == H5S_SEL_ALL ? element_count(shape)
                                                  : static_cast<std::uint64_t>(H5Sget_select_npoints(space));
}

// The largest index of the source that a mapping needs, along each axis.
std::vector<std::uint64_t> last_needed(hid_t space, const Place& place) {
  const int rank = check(H5Sget_simple_extent_ndims(space), place, "read a virtual mapping");
  std::vector<hsize_t> first(static_cast<std::size_t>(rank));
  std::vector<hsize_t> last(first.size());
  check(H5Sget_select_bounds(space, first.data(), last.data()), place, "read a virtual mapping");
  return {last.begin(), last.end()};
}

// Throws unless what the mapping shows of its source is there, element for element.
void check_selection(const Mapping& mapping, const DatasetIndex& source,
                     const std::vector<std::uint64_t>& shape, const Place& place) {
  const hid_t space = mapping.source.get();
  if (H5Sget_select_type(space) != H5S_SEL_ALL) {
    const std::vector<std::uint64_t> last = last_needed(space, place);
    const bool inside =
        last.size() == source.shape.size() && std::equal(last.begin(), last.end(), source.shape.begin(),
                                                         [](auto at, auto extent) { return at < extent; });
    if (!inside) {
      throw InputError(place.file, place.object,
                       fmt::format("{} has shape {}; expected elements up to {} for the virtual dataset",
                                   source_text(mapping), shape_text(source.shape), shape_text(last)));
    }
  }
  const std::uint64_t found = selected_elements(space, source.shape);
  if (const std::uint64_t expected = selected_elements(mapping.target.get(), shape); found != expected) {
    throw InputError(place.file, place.object,
                     fmt::format("{} has shape {}: found {} elements, expected {} for the virtual dataset",
                                 source_text(mapping), shape_text(source.shape), found, expected));
  }
}

// The dataset a mapping names, opened without leaving its file.
Object open_source(FileSet& files, const Object& object, const Mapping& mapping, const Place& place) {
  const std::string says = source_text(mapping);
  const std::string file =
      mapping.file == "." ? object.file : files.locate(place, says, object.file, mapping.file);
  const Object root = files.open_root(file);
  std::optional<Object> source = files.find(root, mapping.dataset, ExternalLinks::refuse);
  if (!source) {
    throw InputError(place.file, place.object, fmt::format("{} does not exist", says));
  }
  return std::move(*source);
}

// HDF5 looks for the sources of a virtual source in the folder that the name as written leads to, and
// links.hpp in the one where the file really lies. They must be the same.
void refuse_moved_source(const Object& object, const Mapping& mapping, const Object& source,
                         const Place& place) {
  namespace fs = std::filesystem;
  const fs::path written = (fs::path(object.file).parent_path() / mapping.file).lexically_normal();
  if (mapping.file != "." && written != fs::path(source.file)) {
    throw InputError(
        place.file, place.object,
        fmt::format("{} is itself virtual and lies behind a symbolic link, at {}; name it directly",
                    source_text(mapping), printable(source.file)));
  }
}

void check_chunk_sizes(const Object& source, const DatasetIndex& index, const Place& place) {
  if (index.storage == Storage::chunked && !index.filters.empty()) {
    const ChunkGrid grid(index.shape, index.chunk);
    require_sane_chunks(source.id.get(), index, grid, 0, grid.rows() - 1, place);
  }
}

// Describes each source once, however many mappings name it. `fresh` tells whether this was the first time.
const DatasetIndex& describe_source(FileSet& files, const Object& source, const DatasetRules& rules,
                                    VirtualSources& sources, bool& fresh) {
  const Place place = files.place(source);
  const auto [known, inserted] = sources.described.try_emplace(source.file + '\n' + source.path);
  fresh = inserted;
  if (!inserted && known->second) {
    return *known->second;
  }
  if (!inserted || ++sources.depth > max_virtual_depth) {
    throw InputError(place.file, place.object,
                     fmt::format("virtual datasets of virtual datasets, more than {} deep or in a circle",
                                 max_virtual_depth));
  }
  known->second = describe_dataset(files, source, rules, sources);
  --sources.depth;
  check_chunk_sizes(source, *known->second, place);
  return *known->second;
}

void check_type(const Object& source, hid_t expected, const Mapping& mapping, const Place& place) {
  const Handle type = own(H5Dget_type(source.id.get()), H5Tclose, place, "read a source's type");
  if (H5Tequal(type.get(), expected) <= 0) {
    throw InputError(
        place.file, place.object,
        fmt::format("{} holds another type of numbers than the virtual dataset; expected the same",
                    source_text(mapping)));
  }
}

// What a source says of its type must be what the virtual dataset says; what they say of missing values,
// fill values and losses adds up.
void take_meaning(const DatasetIndex& source, const Mapping& mapping, const Place& place,
                  DatasetIndex& index) {
  if (source.element != index.element && source.type_is_said) {
    throw InputError(
        place.file, place.object,
        fmt::format("{} holds {} numbers, the virtual dataset {}; expected the same attribute 'dtype'",
                    source_text(mapping), source.element.name(), index.element.name()));
  }
  for (const MissingValue& missing : source.missing) {
    if (std::ranges::find(index.missing, missing) == index.missing.end()) {
      index.missing.push_back(missing);
    }
  }
  for (const std::uint64_t fill : source.fills) {
    if (std::ranges::find(index.fills, fill) == index.fills.end()) {
      index.fills.push_back(fill);
    }
  }
  index.loss.add(source.loss);
}

}  // namespace

void refuse_unlimited_mappings(hid_t creation, const Place& place) {
  const std::size_t count = mapping_count(creation, place);
  for (std::size_t i = 0; i < count; ++i) {
    process::at_work(place.file, place.object);
    const Mapping mapping = read_mapping(creation, i, place);
    if (is_unlimited(mapping.target.get()) || is_unlimited(mapping.source.get())) {
      throw InputError(
          place.file, place.object,
          fmt::format("found an unlimited virtual mapping to {}; expected mappings of fixed size",
                      source_text(mapping)));
    }
    if (mapping.file.find('%') != std::string::npos || mapping.dataset.find('%') != std::string::npos) {
      throw InputError(place.file, place.object,
                       fmt::format("{}: names with '%' (patterns) are not supported", source_text(mapping)));
    }
  }
}

void describe_virtual(FileSet& files, const Object& object, hid_t creation, hid_t type,
                      const DatasetRules& rules, VirtualSources& sources, DatasetIndex& index) {
  const Place place = files.place(object);
  refuse_prefix_variable(place);
  const std::size_t count = mapping_count(creation, place);
  check_cover(creation, count, index.shape, place);
  SampleRanges ranges(index);
  std::uint64_t largest_chunk = 0;  // of the sources, which HDF5 decompresses whole
  std::optional<Object> source;
  const DatasetIndex* found = nullptr;
  Mapping before;
  for (std::size_t i = 0; i < count; ++i) {
    process::at_work(place.file, place.object);
    Mapping mapping = read_mapping(creation, i, place);
    if (found == nullptr || mapping.file != before.file || mapping.dataset != before.dataset) {
      source = open_source(files, object, mapping, place);
      check_type(*source, type, mapping, place);
      bool fresh = false;
      found = &describe_source(files, *source, rules, sources, fresh);
      take_meaning(*found, mapping, place, index);
      index.stored_bytes += fresh ? found->stored_bytes : 0;
      index.hole_bytes += fresh ? found->hole_bytes : 0;
      index.hdf5_bytes += fresh ? found->hdf5_bytes : 0;
      index.hdf5_bytes += fresh && found->file != object.file ? open_file_bytes : 0;
      largest_chunk = std::max(
          largest_chunk, found->filters.empty() ? 0 : element_count(found->chunk) * found->element.size());
    }
    if (found->storage == Storage::virtual_sources) {
      refuse_moved_source(object, mapping, *source, place);
    }
    check_selection(mapping, *found, index.shape, place);
    ranges.add(mapping.target.get(), mapping.source.get(), *found, place);
    before = std::move(mapping);
  }
  index.sources = ranges.take();
  constexpr std::uint64_t copies = 4;  // as stored, inflated and enlarged, for each filter
  index.hdf5_bytes += count * mapping_bytes + copies * largest_chunk;
}

}  // namespace collapscope::hdf5
