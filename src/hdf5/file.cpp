#include "hdf5/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "collapscope/core/error.hpp"

namespace collapscope::hdf5 {

namespace {

namespace fs = std::filesystem;

// The number after `label` in HDF5's message.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view label) {
  const std::size_t at = text.find(label);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  const char* begin = text.data() + at + label.size();
  const auto [end, failure] = std::from_chars(begin, text.data() + text.size(), value);
  return failure == std::errc() ? std::optional(value) : std::nullopt;
}

std::string truncation(std::string_view cause) {
  const auto found = number_after(cause, "eof = ");
  const auto base = number_after(cause, "base_addr = ");
  const auto stored = number_after(cause, "stored_eof = ");
  if (!found || !base || !stored || *stored + *base <= *found) {
    return fmt::format("the file is truncated (HDF5: {})", cause);
  }
  return fmt::format("the file is truncated: found {} bytes, expected {}; the last {} bytes are missing",
                     *found, *stored + *base, *stored + *base - *found);
}

// The first bytes of a file, with zeros where it has fewer.
std::string beginning(const std::string& path, std::size_t size) {
  std::string begin(size, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return begin;
}

// What the superblock says of a file that is one of several; empty when it is whole.
std::string member_of_several(const std::string& path) {
  const std::string begin = beginning(path, 4096);
  if (begin.find("NCSAfami") != std::string::npos) {
    return "one member of a family of files (driver 'family'); expected one file: h5repart can join them";
  }
  if (begin.find("NCSAmult") != std::string::npos) {
    return "one part of a file that is split over several (driver 'split' or 'multi'); expected one file: "
           "copy it with the driver that wrote it";
  }
  return "";
}

// What else people take for a dump; empty: unknown.
std::string_view other_kind(const std::string& path) {
  using namespace std::string_view_literals;
  constexpr std::array kinds{
      std::pair{
          "version https://git-lfs.github.com/spec/"sv,
          ": it is a pointer of Git LFS, and the file itself was not fetched: `git lfs pull` fetches it"sv},
      std::pair{"PK\x03\x04"sv, ": it is a zip archive, as torch.save and numpy.savez write"sv},
      std::pair{"\x93NUMPY"sv, ": it is an array of NumPy"sv},
      std::pair{"CDF\x01"sv, ": it is a netCDF file of the classic format; nccopy -k nc4 makes HDF5 of it"sv},
      std::pair{"CDF\x02"sv, ": it is a netCDF file of the classic format; nccopy -k nc4 makes HDF5 of it"sv},
      std::pair{"MATLAB 5.0 MAT-file"sv,
                ": it is a MAT-file of MATLAB before 7.3; save(..., '-v7.3') writes HDF5"sv}};
  const std::string begin = beginning(path, 64);
  const auto kind =
      std::ranges::find_if(kinds, [&](const auto& known) { return begin.starts_with(known.first); });
  return kind == kinds.end() ? ""sv : kind->second;
}

// Why the system does not open the file for reading; empty: it does.
std::string refusal(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return fmt::format("cannot be read: {}", std::strerror(errno));
  }
  ::close(descriptor);
  return "";
}

// What keeps the file from being opened, from the error stack that H5Fopen left.
std::string open_problem(const std::string& path, std::uint64_t size) {
  const std::string cause = last_error();
  if (std::string refused = refusal(path); !refused.empty()) {
    return refused;
  }
  if (std::string member = member_of_several(path); !member.empty()) {
    return member;
  }
  if (const std::string remedy = newer_format(cause); !remedy.empty()) {
    return fmt::format("{} (HDF5: {})", remedy, cause);
  }
  const auto says = [&](std::string_view text) { return cause.find(text) != std::string::npos; };
  if (says("truncated file")) {
    return truncation(cause);
  }
  if (says("already open for write") || says("already open for SWMR")) {
    return fmt::format(
        "the file was not closed by its writer, or is still being written (HDF5: {}); "
        "if the writer has ended, h5clear -s can mend a copy of it",
        cause);
  }
  if (says("unable to lock file")) {
    return fmt::format("another process has the file open for writing (HDF5: {})", cause);
  }
  if (H5Fis_hdf5(path.c_str()) == 0) {
    return fmt::format("not an HDF5 file ({} bytes){}", size, other_kind(path));
  }
  return fmt::format(
      "cannot be opened as an HDF5 file of {} bytes; it may be truncated or damaged (HDF5: {})", size, cause);
}

// Read-only, with a lock where the file system has locks.
Handle access_properties(const Place& place) {
  Handle access = own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, place, "set up file access");
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  check(H5Pset_file_locking(access.get(), true, true), place, "set up file locking");
#endif
  return access;
}

}  // namespace

Handle open_file(const std::string& path, const std::string& shown) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::none) {
    throw InputError(shown, "", fmt::format("cannot be read: {}", failure.message()));
  }
  if (!fs::exists(status)) {
    throw InputError(shown, "", "no such file");
  }
  if (!fs::is_regular_file(status)) {
    throw InputError(shown, "",
                     fs::is_directory(status) ? "is a directory; expected an HDF5 file"
                                              : "is not a regular file; expected an HDF5 file");
  }
  const std::uint64_t size = fs::file_size(path, failure);
  if (!failure && size == 0) {
    throw InputError(shown, "", "the file is empty (0 bytes); expected an HDF5 file");
  }
  if (const std::string_view kind = own_kind(path); !kind.empty()) {
    throw InputError(shown, "", fmt::format("is {}; expected a dump", kind));
  }
  const Handle access = access_properties({shown, ""});
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get());
  if (id < 0) {
    throw InputError(shown, "", open_problem(path, size));
  }
  return {id, H5Fclose};
}

}  // namespace collapscope::hdf5

namespace collapscope {

std::string_view own_kind(const std::string& path) {
  std::error_code unknown;
  if (!std::filesystem::is_regular_file(path, unknown)) {  // a pipe would wait for its writer
    return "";
  }
  const std::string begin = hdf5::beginning(path, 24);
  return begin.starts_with("collapscope state ")  ? "a state of --work"
         : begin.starts_with("collapscope part ") ? "a part of an analysis, for 'collapscope merge'"
                                                  : "";
}

}  // namespace collapscope
