#include "hdf5/tree_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/checksum.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/write_attribute.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::size_t head_bytes = 512;
constexpr std::size_t growth = 4096;  // of a file in memory
constexpr std::size_t most_at_once = std::size_t{1} << 30U;

std::string head_of(const std::string& kind, std::uint64_t checksum, std::uint64_t bytes) {
  std::string head = fmt::format("{}\nchecksum {:016x}\nbytes {}\n", kind, checksum, bytes);
  head.resize(head_bytes, '\0');
  return head;
}

struct Sealed {
  std::uint64_t checksum = 0;
  std::uint64_t bytes = 0;
};

// Of everything behind the head.
Sealed checksum_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(head_bytes);
  std::vector<char> room(std::size_t{1} << 20U);
  Checksum checksum;
  std::uint64_t bytes = 0;
  while (file) {
    file.read(room.data(), static_cast<std::streamsize>(room.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    checksum.add(std::as_bytes(std::span(room).first(count)));
    bytes += count;
  }
  if (file.bad() || !file.eof()) {
    throw InputError(path, "", fmt::format("cannot read: {}", std::strerror(errno)));
  }
  return {checksum.value(), bytes};
}

[[noreturn]] void cannot_write(const std::string& path) {
  throw Error(fmt::format("{}: cannot write: {}", printable(path), std::strerror(errno)));
}

// Of what a call that writes has returned: of a disk that is full the system's own words.
void require_room(hid_t returned, const Place& place) {
  if (returned < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO)) {
    cannot_write(place.file);
  }
}

void require_room(herr_t status, const Place& place, const char* action) {
  require_room(hid_t{status}, place);
  check(status, place, action);
}

// A descriptor, closed with its errors.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : path_(path), number_(::open(path.c_str(), flags, 0666)) {
    require(number_ >= 0);
  }
  ~Descriptor() {
    if (number_ >= 0) {
      ::close(number_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;

  void write(std::string_view text, std::size_t at) const {
    while (!text.empty()) {
      const ssize_t written =
          ::pwrite(number_, text.data(), std::min(text.size(), most_at_once), static_cast<off_t>(at));
      require(written >= 0 || errno == EINTR);
      const std::size_t count = written > 0 ? static_cast<std::size_t>(written) : 0;
      text.remove_prefix(count);
      at += count;
    }
  }
  // Not all file systems can.
  void sync() const { require(::fsync(number_) == 0 || errno == EINVAL || errno == ENOTSUP); }
  void close() { require(::close(std::exchange(number_, -1)) == 0); }

 private:
  void require(bool done) const {
    if (!done) {
      cannot_write(path_);
    }
  }

  std::string path_;
  int number_;
};

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

Handle file_access(const Place& place, bool locks) {
  Handle access = own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, place, "make a property list");
  check(H5Pset_file_locking(access.get(), locks, true), place, "set up file locking");
  return access;
}

Handle with_groups(const Place& place) {
  Handle links = own(H5Pcreate(H5P_LINK_CREATE), H5Pclose, place, "make a property list");
  check(H5Pset_create_intermediate_group(links.get(), 1), place, "set a property");
  return links;
}

herr_t take_name(hid_t /*group*/, const char* name, const H5L_info_t* /*info*/, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

TreeWriter::TreeWriter(std::string path, std::string kind, Drafts draft)
    : path_(std::move(path)), kind_(std::move(kind)), draft_(draft), temporary_(path_ + ".writing") {
  if (draft_ == Drafts::on_disk) {
    remove_litter(folder_of(path_));
    own_name_.emplace(folder_of(path_));
    if (own_name_->get() < 0) {
      cannot_write(path_);
    }
    temporary_ = own_name_->name();
  }
  const Session session;
  const Handle creation = own(H5Pcreate(H5P_FILE_CREATE), H5Pclose, place(""), "make a property list");
  check(H5Pset_userblock(creation.get(), head_bytes), place(""), "set up the file");
  const Handle access = file_access(place(""), false);
  if (draft_ == Drafts::in_memory) {
    check(H5Pset_fapl_core(access.get(), growth, false), place(""), "set up the file");
  }
  errno = 0;
  const hid_t file = H5Fcreate(temporary_.c_str(), H5F_ACC_TRUNC, creation.get(), access.get());
  require_room(file, place(""));
  file_ = own(file, H5Fclose, place(""), fmt::format("create {}", temporary_));
}

TreeWriter::~TreeWriter() {
  if (temporary_.empty()) {
    return;
  }
  if (draft_ == Drafts::on_disk) {
    file_.abandon();
  }
  try {
    const Session session;
    file_ = Handle();
  } catch (const std::exception&) {  // HDF5 cannot be had: the file goes all the same
  }
  std::remove(temporary_.c_str());
}

void TreeWriter::group(const std::string& object) {
  const Session session;
  const Place at = place(object);
  const Handle links = with_groups(at);
  (void)own(H5Gcreate2(file_.get(), object.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose, at,
            "create the group");
}

void TreeWriter::attribute(const std::string& object, const std::string& name, const AttributeValue& value) {
  const Session session;
  write_attribute(file_.get(), place(object), name, value);
}

void TreeWriter::numbers(const std::string& object, std::span<const double> values,
                         const std::vector<std::uint64_t>& shape) {
  put(object, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values.data(), shape);
}

void TreeWriter::text(const std::string& object, std::string_view text) {
  put(object, H5T_STD_U8LE, H5T_NATIVE_UINT8, text.data(), {text.size()});
}

void TreeWriter::put(const std::string& object, hid_t stored, hid_t memory, const void* data,
                     const std::vector<std::uint64_t>& shape) {
  const Session session;
  const Place at = place(object);
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  const Handle space = own(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose,
                           at, "make a space");
  const Handle links = with_groups(at);
  const Handle dataset =
      own(H5Dcreate2(file_.get(), object.c_str(), stored, space.get(), links.get(), H5P_DEFAULT, H5P_DEFAULT),
          H5Dclose, at, "create the dataset");
  if (std::find(dims.begin(), dims.end(), 0) == dims.end()) {
    errno = 0;
    require_room(H5Dwrite(dataset.get(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), at,
                 "write the numbers");
  }
}

void TreeWriter::finish() {
  draft_ == Drafts::in_memory ? finish_in_memory() : finish_on_disk();
  const bool is_renamed =
      own_name_ ? own_name_->rename_to(path_) : std::rename(temporary_.c_str(), path_.c_str()) == 0;
  if (!is_renamed) {
    cannot_write(path_);
  }
  temporary_.clear();
  Descriptor(folder_of(path_), O_RDONLY | O_DIRECTORY | O_CLOEXEC).sync();
}

void TreeWriter::finish_in_memory() {
  const Session session;
  check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), place(""), "write the file");
  hsize_t size = 0;
  check(H5Fget_filesize(file_.get(), &size), place(""), "tell the size of the file");
  void** image = nullptr;
  check(H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, reinterpret_cast<void**>(&image)), place(""),
        "give the bytes of the file");
  const std::span<const char> bytes(static_cast<const char*>(*image), size);
  const std::span<const char> content = bytes.subspan(head_bytes);
  Checksum checksum;
  checksum.add(std::as_bytes(content));
  Descriptor file(temporary_, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  file.write(head_of(kind_, checksum.value(), content.size()), 0);
  file.write({content.data(), content.size()}, head_bytes);
  file.sync();
  file.close();
  file_ = Handle();
}

void TreeWriter::finish_on_disk() {
  {
    const Session session;
    errno = 0;
    require_room(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), place(""), "write the file");
    file_ = Handle();
  }
  const Sealed sealed = checksum_of(temporary_);
  Descriptor file(temporary_, O_WRONLY | O_CLOEXEC);
  file.write(head_of(kind_, sealed.checksum, sealed.bytes), 0);
  file.sync();
  file.close();
}

TreeReader::TreeReader(std::string path, const std::string& kind) : path_(std::move(path)) {
  std::string head(head_bytes, '\0');
  std::ifstream begin(path_, std::ios::binary);
  if (!begin.read(head.data(), head_bytes)) {
    throw InputError(path_, "", fmt::format("cannot be read, or ends within its first {} bytes", head_bytes));
  }
  const std::string found = head.substr(0, head.find('\n'));
  if (found != kind) {
    throw InputError(path_, "", fmt::format("begins with '{}'; expected '{}'", printable(found), kind));
  }
  const Sealed sealed = checksum_of(path_);
  if (head != head_of(kind, sealed.checksum, sealed.bytes)) {
    throw InputError(path_, "", "is damaged: its bytes do not have the checksum that it holds");
  }
  const Session session;
  const Handle access = file_access(place(""), false);
  file_ = own(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose, place(""), "open the file");
}

std::vector<std::string> TreeReader::names(const std::string& group) const {
  const Session session;
  std::vector<std::string> names;
  check(H5Literate_by_name(file_.get(), group.c_str(), H5_INDEX_NAME, H5_ITER_INC, nullptr, take_name, &names,
                           H5P_DEFAULT),
        place(group), "list the group");
  return names;
}

bool TreeReader::has(const std::string& object) const {
  const Session session;
  return check(H5Lexists(file_.get(), object.c_str(), H5P_DEFAULT), place(object), "look for it") > 0;
}

AttributeValue TreeReader::attribute(const std::string& object, const std::string& name) const {
  const Session session;
  const Handle owner =
      own(H5Oopen(file_.get(), object.c_str(), H5P_DEFAULT), H5Oclose, place(object), "open the object");
  const std::array<const char*, 1> names{name.c_str()};
  auto found = Attributes(owner.get(), place(object), names).find(name);
  if (!found) {
    throw InputError(path_, object, fmt::format("lacks the attribute {}", name));
  }
  return *std::move(found);
}

std::uint64_t TreeReader::count(const std::string& object, const std::string& name) const {
  const AttributeValue value = attribute(object, name);
  const auto* small = std::get_if<std::int64_t>(&value);
  const auto* large = std::get_if<std::uint64_t>(&value);
  if (large == nullptr && (small == nullptr || *small < 0)) {
    throw InputError(path_, object, fmt::format("expected a count as attribute {}", name));
  }
  return large != nullptr ? *large : static_cast<std::uint64_t>(*small);
}

double TreeReader::number(const std::string& object, const std::string& name) const {
  const AttributeValue value = attribute(object, name);
  const auto* number = std::get_if<double>(&value);
  if (number == nullptr) {
    throw InputError(path_, object, fmt::format("expected a number as attribute {}", name));
  }
  return *number;
}

std::string TreeReader::word(const std::string& object, const std::string& name) const {
  AttributeValue value = attribute(object, name);
  auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) {
    throw InputError(path_, object, fmt::format("expected text as attribute {}", name));
  }
  return std::move(*text);
}

std::vector<std::uint64_t> TreeReader::shape(const std::string& object) const {
  const Session session;
  const Place at = place(object);
  const Handle dataset =
      own(H5Dopen2(file_.get(), object.c_str(), H5P_DEFAULT), H5Dclose, at, "open the dataset");
  const Handle space = own(H5Dget_space(dataset.get()), H5Sclose, at, "read the shape");
  const int axes = check(H5Sget_simple_extent_ndims(space.get()), at, "read the shape");
  std::vector<hsize_t> dims(static_cast<std::size_t>(axes));
  check(H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr), at, "read the shape");
  return {dims.begin(), dims.end()};
}

std::vector<double> TreeReader::numbers(const std::string& object) const {
  std::uint64_t elements = 1;
  for (const std::uint64_t length : shape(object)) {
    elements *= length;
  }
  std::vector<double> values(elements);
  if (elements > 0) {
    const Session session;
    const Place at = place(object);
    const Handle dataset =
        own(H5Dopen2(file_.get(), object.c_str(), H5P_DEFAULT), H5Dclose, at, "open the dataset");
    check(H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), at,
          "read the numbers");
  }
  return values;
}

std::string TreeReader::text(const std::string& object) const {
  std::string text(shape(object).at(0), '\0');
  if (!text.empty()) {
    const Session session;
    const Place at = place(object);
    const Handle dataset =
        own(H5Dopen2(file_.get(), object.c_str(), H5P_DEFAULT), H5Dclose, at, "open the dataset");
    check(H5Dread(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()), at,
          "read the text");
  }
  return text;
}

}  // namespace collapscope::hdf5
