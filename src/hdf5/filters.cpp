#include "hdf5/filters.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope::hdf5 {

namespace {

// From https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md
constexpr std::array<std::pair<H5Z_filter_t, const char*>, 19> known_filters{{{1, "deflate"},
                                                                              {2, "shuffle"},
                                                                              {3, "fletcher32"},
                                                                              {4, "szip"},
                                                                              {5, "nbit"},
                                                                              {6, "scaleoffset"},
                                                                              {307, "bzip2"},
                                                                              {32000, "lzf"},
                                                                              {32001, "blosc"},
                                                                              {32004, "lz4"},
                                                                              {32008, "bitshuffle"},
                                                                              {32013, "zfp"},
                                                                              {32015, "zstd"},
                                                                              {32017, "sz"},
                                                                              {32019, "jpeg"},
                                                                              {32022, "bitgroom"},
                                                                              {32023, "granular_bitround"},
                                                                              {32024, "sz3"},
                                                                              {32026, "blosc2"}}};

}  // namespace

std::string filter_name(H5Z_filter_t id, const std::string& in_file) {
  for (const auto& [known, name] : known_filters) {
    if (known == id) {
      return name;
    }
  }
  return in_file.empty() ? fmt::format("filter {}", id) : in_file;
}

std::vector<std::string> filter_names(hid_t creation, const Place& place) {
  const int count = check(H5Pget_nfilters(creation), place, "read the filters");
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    std::array<char, 256> in_file{};
    std::size_t values = 0;
    unsigned flags = 0;
    const H5Z_filter_t id = check(H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values, nullptr,
                                                 in_file.size() - 1, in_file.data(), nullptr),
                                  place, "read the filters");
    const std::string name = filter_name(id, in_file.data());
    if (H5Zfilter_avail(id) <= 0) {
      throw InputError(place.file, place.object,
                       fmt::format("filter {} ({}) is not available: install its HDF5 plugin, or let "
                                   "HDF5_PLUGIN_PATH name the folder that holds it",
                                   id, printable(name)));
    }
    names.push_back(name);
  }
  return names;
}

}  // namespace collapscope::hdf5
