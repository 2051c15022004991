#include "hdf5/class_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/little_endian.hpp"
#include "hdf5/global_heap.hpp"
#include "hdf5/stored_file.hpp"
#include "process/work_mark.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::uint64_t most_names = std::uint64_t{1} << 20;
constexpr std::uint64_t longest_name = 4096;
constexpr std::uint64_t most_name_bytes = std::uint64_t{64} << 20;
constexpr const char* action = "read the class names";

class ClassNames {
 public:
  ClassNames(const Object& dataset, Place place)
      : dataset_(dataset.id.get()),
        place_(std::move(place)),
        type_(own(H5Dget_type(dataset_), H5Tclose, place_, action)),
        rows_(count_rows()) {
    if (const H5T_class_t found = H5Tget_class(type_.get()); found != H5T_STRING) {
      refuse(found == H5T_INTEGER ? "integers"
             : found == H5T_FLOAT ? "floating-point numbers"
                                  : "no strings");
    }
    const Handle creation = own(H5Dget_create_plist(dataset_), H5Pclose, place_, action);
    layout_ = H5Pget_layout(creation.get());
    if (layout_ == H5D_VIRTUAL || H5Pget_external_count(creation.get()) > 0) {
      refuse("a dataset whose strings lie elsewhere");
    }
  }

  std::vector<std::string> read() {
    process::at_work(place_.file, place_.object);
    if (H5Tis_variable_str(type_.get()) <= 0) {
      return read_fixed();
    }
    if (layout_ == H5D_CONTIGUOUS) {
      if (auto names = read_around_hdf5()) {
        return *std::move(names);
      }
    }
    return read_variable();
  }

 private:
  [[noreturn]] void refuse(const std::string& found) const {
    throw InputError(
        place_.file, place_.object,
        fmt::format("found {}; expected names of the classes, strings of shape [m] with row = label; "
                    "they are left out",
                    found));
  }

  [[nodiscard]] std::uint64_t count_rows() const {
    const Handle space = own(H5Dget_space(dataset_), H5Sclose, place_, action);
    if (check(H5Sget_simple_extent_ndims(space.get()), place_, action) != 1) {
      refuse("a dataset that is no list");
    }
    const hssize_t count = check(H5Sget_simple_extent_npoints(space.get()), place_, action);
    const auto rows = static_cast<std::uint64_t>(count);
    if (rows == 0 || rows > most_names) {
      refuse(fmt::format("{} names, where 1 to {} can be", rows, most_names));
    }
    return rows;
  }

  void require_short(std::uint64_t bytes) const {
    if (bytes > longest_name) {
      refuse(fmt::format("a name of {} bytes, where at most {} can be", bytes, longest_name));
    }
  }
  void require_few(std::uint64_t bytes) const {
    if (bytes > most_name_bytes) {
      refuse(fmt::format("names of {}, where at most {} can be", human_bytes(bytes),
                         human_bytes(most_name_bytes)));
    }
  }

  [[nodiscard]] std::vector<std::string> read_fixed() const {
    const std::size_t size = H5Tget_size(type_.get());
    require_short(size);
    require_few(size * rows_);
    std::string all(size * rows_, '\0');
    check(H5Dread(dataset_, type_.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()), place_, action);
    const bool spaces = H5Tget_strpad(type_.get()) == H5T_STR_SPACEPAD;
    std::vector<std::string> names;
    for (std::uint64_t i = 0; i < rows_; ++i) {
      std::string name = all.substr(i * size, size);
      name.resize(std::min(name.find('\0'), name.size()));
      if (spaces) {
        name.resize(name.find_last_not_of(' ') + 1);
      }
      names.push_back(std::move(name));
    }
    return names;
  }

  // Each is a length, and where in the global heap its bytes lie. nullopt: anything looks odd.
  [[nodiscard]] std::optional<std::vector<std::string>> read_around_hdf5() const {
    constexpr std::size_t reference = 16;
    const haddr_t address = H5Dget_offset(dataset_);
    const std::optional<StoredFile> file = StoredFile::of(dataset_, place_);
    if (!file || address == HADDR_UNDEF || H5Dget_storage_size(dataset_) != reference * rows_ ||
        address > file->size() || reference * rows_ > file->size() - address) {
      return std::nullopt;
    }
    std::vector<std::byte> references(reference * rows_);
    file->read(address, references);
    std::vector<std::string> names;
    std::uint64_t bytes = 0;
    for (std::uint64_t i = 0; i < rows_; ++i) {
      const auto at = std::span<const std::byte>(references).subspan(i * reference, reference);
      const std::uint64_t length = little_endian(at, 4);
      require_short(length);
      require_few(bytes += length);
      if (length == 0) {
        names.emplace_back();
        continue;
      }
      const auto found = heap_object(*file, file->base() + little_endian(at.subspan(4), 8),
                                     little_endian(at.subspan(12), 4), length);
      if (!found) {
        return std::nullopt;
      }
      std::string name(reinterpret_cast<const char*>(found->data()), found->size());
      name.resize(std::min(name.find('\0'), name.size()));
      names.push_back(std::move(name));
      process::at_work(place_.file, place_.object);
    }
    return names;
  }

  [[nodiscard]] std::vector<std::string> read_variable() const {
    const Handle space = own(H5Dget_space(dataset_), H5Sclose, place_, action);
    const Handle memory = own(H5Tcopy(H5T_C_S1), H5Tclose, place_, action);
    check(H5Tset_size(memory.get(), H5T_VARIABLE), place_, action);
    check(H5Tset_cset(memory.get(), H5Tget_cset(type_.get())), place_, action);
    hsize_t bytes = 0;
    check(H5Dvlen_get_buf_size(dataset_, memory.get(), space.get(), &bytes), place_, action);
    require_few(bytes);
    std::vector<char*> texts(rows_, nullptr);
    const auto release = [&](void* /*texts*/) {
      H5Dvlen_reclaim(memory.get(), space.get(), H5P_DEFAULT, static_cast<void*>(texts.data()));
    };
    const std::unique_ptr<void, decltype(release)> owner(static_cast<void*>(texts.data()), release);
    check(H5Dread(dataset_, memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, static_cast<void*>(texts.data())),
          place_, action);
    std::vector<std::string> names;
    for (const char* text : texts) {
      names.emplace_back(text == nullptr ? "" : text);
      require_short(names.back().size());
    }
    return names;
  }

  hid_t dataset_;
  Place place_;
  Handle type_;
  std::uint64_t rows_;
  H5D_layout_t layout_ = H5D_LAYOUT_ERROR;
};

}  // namespace

std::vector<std::string> read_class_names(const FileSet& files, const Object& dataset) {
  const Place place = files.place(dataset);
  if (!is_dataset(dataset)) {
    throw InputError(place.file, place.object,
                     "found a group; expected names of the classes, strings of shape [m]");
  }
  return ClassNames(dataset, place).read();
}

}  // namespace collapscope::hdf5
