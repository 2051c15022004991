#include "hdf5/stored_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "collapscope/core/error.hpp"
#include "hdf5/unchanged.hpp"

namespace collapscope::hdf5 {

namespace {

// Large enough to hide what a task and a system call cost, small enough to share a band out evenly.
constexpr std::size_t part_bytes = std::size_t{1} << 20;
// Less is read sooner than another thread wakes up.
constexpr std::size_t least_shared_read = std::size_t{2} << 20;

constexpr auto largest_address = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

std::string error_text() { return std::system_category().message(errno); }

[[noreturn]] void refuse_end(std::uint64_t end, std::uint64_t expected, const Place& place) {
  throw InputError(place.file, place.object,
                   fmt::format("the file ends at byte {}, but its numbers reach to byte {}: it is truncated, "
                               "or has become shorter",
                               end, expected));
}

std::vector<Slice> parts_of(const std::vector<Slice>& slices) {
  std::vector<Slice> parts;
  for (Slice slice : slices) {
    while (!slice.out.empty()) {
      const std::size_t size = std::min(part_bytes, slice.out.size());
      parts.push_back({slice.address, slice.out.first(size)});
      slice = {slice.address + size, slice.out.subspan(size)};
    }
  }
  return parts;
}

// How HDF5 has a file open. The library gives no file the id of an earlier one.
struct OpenFile {
  hid_t id = H5I_INVALID_HID;
  int descriptor = -1;  // none where it does not read it as one plain file
  std::uint64_t base = 0;
  bool has_wide_addresses = false;
};

OpenFile opened_as(hid_t file, const Place& place) {
  constexpr const char* action = "find out how the file is read";
  OpenFile found{.id = file};
  const Handle access = own(H5Fget_access_plist(file), H5Pclose, place, action);
  if (H5Pget_driver(access.get()) != H5FD_SEC2) {
    return found;
  }
  void* descriptor = nullptr;
  check(H5Fget_vfd_handle(file, H5P_DEFAULT, &descriptor), place, action);
  const Handle creation = own(H5Fget_create_plist(file), H5Pclose, place, action);
  hsize_t base = 0;
  check(H5Pget_userblock(creation.get(), &base), place, action);
  std::size_t address_bytes = 0;
  std::size_t size_bytes = 0;
  check(H5Pget_sizes(creation.get(), &address_bytes, &size_bytes), place, action);
  found.descriptor = *static_cast<const int*>(descriptor);
  found.base = base;
  found.has_wide_addresses = address_bytes == 8 && size_bytes == 8;
  return found;
}

// As HDF5 does, and with its variable: nobody may open it to write meanwhile. Many file systems have no
// locks.
void lock_for_reading(int descriptor, const Place& place) {
  const char* wanted = std::getenv("HDF5_USE_FILE_LOCKING");
  const std::string_view said = wanted == nullptr ? "" : wanted;
  if (said != "FALSE" && said != "0" && ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw InputError(place.file, place.object, "another process has the file open for writing");
  }
}

}  // namespace

std::optional<StoredFile> StoredFile::of(hid_t dataset, const Place& place) {
  const Handle file = own(H5Iget_file_id(dataset), H5Fclose, place, "find out how the file is read");
  // Lists of properties cost more than all else of a small dataset, and a file has many datasets.
  thread_local OpenFile last;
  if (last.id != file.get()) {
    last = opened_as(file.get(), place);
  }
  if (last.descriptor < 0) {
    return std::nullopt;
  }
  const int own_descriptor = fcntl(last.descriptor, F_DUPFD_CLOEXEC, 0);
  if (own_descriptor < 0) {
    throw InputError(place.file, place.object, fmt::format("cannot be read: {}", error_text()));
  }
  StoredFile stored(own_descriptor, last.base, place);
  stored.has_wide_addresses_ = last.has_wide_addresses;
  return stored;
}

StoredFile StoredFile::open(const DatasetIndex& index) {
  const Place place{index.file, index.object};
  // What has taken the file's place must not keep anybody waiting.
  const int descriptor = ::open(place.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) {
    throw InputError(place.file, place.object, fmt::format("cannot be read: {}", error_text()));
  }
  StoredFile file(descriptor, index.chunk_store ? index.chunk_store->base : 0, place);
  const std::optional<FileState> state = file_state(descriptor);
  if (!state) {
    throw InputError(place.file, place.object, "is not a regular file");
  }
  lock_for_reading(descriptor, place);
  require_state(index.state, state, place);
  return file;
}

StoredFile::StoredFile(int descriptor, std::uint64_t base, Place place)
    : descriptor_(descriptor), base_(base), place_(std::move(place)) {}

StoredFile::StoredFile(StoredFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      base_(other.base_),
      has_wide_addresses_(other.has_wide_addresses_),
      place_(std::move(other.place_)) {}

StoredFile& StoredFile::operator=(StoredFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(base_, other.base_);
  std::swap(has_wide_addresses_, other.has_wide_addresses_);
  std::swap(place_, other.place_);
  return *this;
}

StoredFile::~StoredFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
}

std::uint64_t StoredFile::size() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) {
    throw InputError(place_.file, place_.object, fmt::format("cannot be read: {}", error_text()));
  }
  return static_cast<std::uint64_t>(status.st_size);
}

void StoredFile::read(std::uint64_t address, std::span<std::byte> out) const {
  if (address > largest_address || out.size() > largest_address - address) {
    refuse_end(size(), std::numeric_limits<std::uint64_t>::max(), place_);
  }
  const std::uint64_t end = address + out.size();
  while (!out.empty()) {
    const ssize_t count = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(address));
    if (count == 0) {
      refuse_end(size(), end, place_);
    }
    if (count < 0 && errno != EINTR) {
      throw InputError(place_.file, place_.object,
                       fmt::format("cannot read {} bytes at byte {}: {}", out.size(), address, error_text()));
    }
    if (count > 0) {
      address += static_cast<std::uint64_t>(count);
      out = out.subspan(static_cast<std::size_t>(count));
    }
  }
}

void StoredFile::read(const std::vector<Slice>& slices, const Team& team) const {
  const std::size_t bytes =
      std::accumulate(slices.begin(), slices.end(), std::size_t{0},
                      [](std::size_t sum, const Slice& s) { return sum + s.out.size(); });
  if (team.threads() <= 1 || bytes < least_shared_read) {
    for (const Slice& slice : slices) {
      read(slice.address, slice.out);
    }
    return;
  }
  const std::vector<Slice> parts = parts_of(slices);
  team.run(parts.size(), [&](std::size_t task, std::size_t) { read(parts[task].address, parts[task].out); });
}

void StoredFile::expect(std::uint64_t address, std::uint64_t bytes) const {
  if (address <= largest_address && bytes <= largest_address - address) {
    // A hint: where it is not taken, reading takes longer.
    (void)posix_fadvise(descriptor_, static_cast<off_t>(address), static_cast<off_t>(bytes),
                        POSIX_FADV_WILLNEED);
  }
}

}  // namespace collapscope::hdf5
