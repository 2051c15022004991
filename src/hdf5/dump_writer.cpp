#include "hdf5/dump_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/temporary_file.hpp"
#include "hdf5/write_attribute.hpp"

namespace collapscope::hdf5 {

namespace {

Handle float_type(const Place& place, std::size_t size, std::size_t exponent_at, std::size_t exponent_bits,
                  std::size_t mantissa_bits, std::size_t bias) {
  Handle type = own(H5Tcopy(H5T_IEEE_F32LE), H5Tclose, place, "make a number type");
  check(H5Tset_fields(type.get(), size * 8 - 1, exponent_at, exponent_bits, 0, mantissa_bits), place,
        "make a type");
  check(H5Tset_size(type.get(), size), place, "make a type");
  check(H5Tset_ebias(type.get(), bias), place, "make a type");
  return type;
}

Handle stored_type(ElementKind kind, const Place& place) {
  const auto copy_of = [&](hid_t type) { return own(H5Tcopy(type), H5Tclose, place, "make a type"); };
  switch (kind) {
    case ElementKind::float16:
      return float_type(place, 2, 10, 5, 10, 15);
    case ElementKind::bfloat16:
      return float_type(place, 2, 7, 8, 7, 127);
    case ElementKind::float32:
      return copy_of(H5T_IEEE_F32LE);
    case ElementKind::float64:
      return copy_of(H5T_IEEE_F64LE);
    case ElementKind::int8:
      return copy_of(H5T_STD_I8LE);
    case ElementKind::int16:
      return copy_of(H5T_STD_I16LE);
    case ElementKind::int32:
      return copy_of(H5T_STD_I32LE);
    case ElementKind::int64:
      return copy_of(H5T_STD_I64LE);
    case ElementKind::uint8:
      return copy_of(H5T_STD_U8LE);
    case ElementKind::uint16:
      return copy_of(H5T_STD_U16LE);
    case ElementKind::uint32:
      return copy_of(H5T_STD_U32LE);
    case ElementKind::uint64:
      return copy_of(H5T_STD_U64LE);
  }
  throw UsageError("no such number type");
}

// The bits of 2-byte floats, rounded to nearest, ties to even. (HDF5 1.10 loses the carry into the exponent.)
std::vector<std::uint16_t> narrowed(MatrixView<const double> rows, int mantissa_bits, int bias,
                                    const Place& place) {
  const auto infinity = static_cast<std::uint32_t>(2 * bias + 1) << static_cast<unsigned>(mantissa_bits);
  std::vector<std::uint16_t> bits;
  bits.reserve(rows.rows() * rows.cols());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (const double value : rows.row(i)) {
      int exponent = 0;
      std::frexp(value, &exponent);
      exponent = value == 0 ? 1 - bias : std::max(exponent - 1, 1 - bias);
      const double units = std::nearbyint(std::ldexp(std::abs(value), mantissa_bits - exponent));
      const double magnitude = std::ldexp(exponent + bias - 1, mantissa_bits) + units;
      if (!(magnitude < infinity)) {
        throw InputError(place.file, place.object, fmt::format("{} does not fit the 2-byte type", value));
      }
      const std::uint32_t sign = std::signbit(value) ? 0x8000U : 0U;
      bits.push_back(static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(magnitude)));
    }
  }
  return bits;
}

void require_synced(int result, const std::string& path) {
  if (result != 0) {
    throw Error(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  }
}

}  // namespace

DumpWriter::DumpWriter(std::string path, const StopRequest* stop)
    : path_(std::move(path)), temporary_(path_ + ".writing"), stop_(stop) {
  const Session session;
  (void)remove_unlocked(temporary_);  // of a run that was killed: HDF5 locks what it writes
  file_ = own(H5Fcreate(temporary_.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT), H5Fclose, place(""),
              fmt::format("create {}", temporary_));
}

DumpWriter::~DumpWriter() {
  if (temporary_.empty()) {
    return;
  }
  file_.abandon();
  std::remove(temporary_.c_str());
}

void DumpWriter::set_attribute(const std::string& object, const std::string& name,
                               const AttributeValue& value) {
  const Session session;
  write_attribute(file_.get(), place(object), name, value);
}

void DumpWriter::create_dataset(const std::string& object, const std::vector<std::uint64_t>& shape,
                                ElementKind element, const std::vector<std::uint64_t>& chunk, bool deflate) {
  const Session session;
  const Place at = place(object);
  if (!deflate) {
    auto bytes = static_cast<double>(ElementType{element}.size());
    for (const std::uint64_t extent : shape) {
      bytes *= static_cast<double>(extent);
    }
    needed_bytes_ += bytes;
  }
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  const Handle space = own(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose,
                           at, "make a space");
  const Handle links = own(H5Pcreate(H5P_LINK_CREATE), H5Pclose, at, "make a property list");
  check(H5Pset_create_intermediate_group(links.get(), 1), at, "set a property");
  const Handle creation = own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, at, "make a property list");
  if (!chunk.empty()) {
    const std::vector<hsize_t> chunk_dims(chunk.begin(), chunk.end());
    check(H5Pset_chunk(creation.get(), static_cast<int>(chunk_dims.size()), chunk_dims.data()), at,
          "set the chunk");
    if (deflate) {
      check(H5Pset_deflate(creation.get(), 4), at, "set the filter");
    }
  }
  const Handle type = stored_type(element, at);
  (void)own(H5Dcreate2(file_.get(), object.c_str(), type.get(), space.get(), links.get(), creation.get(),
                       H5P_DEFAULT),
            H5Dclose, at, "create the dataset");
}

void DumpWriter::require_room() const {
  std::error_code unknown;
  const auto space = std::filesystem::space(std::filesystem::absolute(path_).parent_path(), unknown);
  const auto free_bytes = static_cast<double>(space.available);
  if (!unknown && needed_bytes_ > free_bytes) {
    throw Error(fmt::format("cannot write {}: it needs {}, and the disk has {} free", printable(path_),
                            human_bytes(static_cast<std::uint64_t>(std::min(needed_bytes_, 0x1p63))),
                            human_bytes(space.available)));
  }
}

void DumpWriter::write_rows(const std::string& object, std::uint64_t first_row,
                            MatrixView<const double> rows) {
  if (stop_ != nullptr) {
    stop_->check();
  }
  const Session session;
  const Place at = place(object);
  const Handle dataset =
      own(H5Dopen2(file_.get(), object.c_str(), H5P_DEFAULT), H5Dclose, at, "open the dataset");
  const Handle space = own(H5Dget_space(dataset.get()), H5Sclose, at, "read the shape");
  const hsize_t start[2] = {first_row, 0};
  const hsize_t count[2] = {rows.rows(), rows.cols()};
  check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, count, nullptr), at, "select rows");
  const hsize_t total = rows.rows() * rows.cols();
  const Handle memory = own(H5Screate_simple(1, &total, nullptr), H5Sclose, at, "make a space");
  const Handle type = own(H5Dget_type(dataset.get()), H5Tclose, at, "read the type");
  if (H5Tget_class(type.get()) != H5T_FLOAT || H5Tget_size(type.get()) != 2) {
    check(H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, memory.get(), space.get(), H5P_DEFAULT, rows.data()), at,
          "write rows");
    return;
  }
  const bool half = H5Tget_ebias(type.get()) == 15;
  const std::vector<std::uint16_t> bits = narrowed(rows, half ? 10 : 7, half ? 15 : 127, at);
  check(H5Dwrite(dataset.get(), type.get(), memory.get(), space.get(), H5P_DEFAULT, bits.data()), at,
        "write rows");
}

void DumpWriter::finish() {
  const Session session;
  check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), place(""), "write the file");
  file_ = Handle();
  const int descriptor = ::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC);
  require_synced(descriptor < 0 ? -1 : 0, temporary_);
  const int synced = ::fsync(descriptor);
  ::close(descriptor);
  require_synced(synced, temporary_);
  require_synced(std::rename(temporary_.c_str(), path_.c_str()), path_);
  temporary_.clear();
}

}  // namespace collapscope::hdf5
