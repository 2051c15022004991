#include "hdf5/support.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <span>
#include <stdexcept>

#include "collapscope/core/decode.hpp"

namespace collapscope::testing {

namespace fs = std::filesystem;

namespace {

fs::path new_folder() {
  std::string pattern = (fs::temp_directory_path() / "collapscope-hdf5-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("no temporary folder");
  }
  return fs::canonical(pattern);
}

// Creates the groups on the way to a name.
Handle intermediate_groups() {
  Handle links(must(H5Pcreate(H5P_LINK_CREATE)), H5Pclose);
  must(H5Pset_create_intermediate_group(links.get(), 1));
  return links;
}

void write_attribute(hid_t file, const std::string& path, const std::string& name, hid_t type,
                     const void* value) {
  const Handle object(must(H5Oopen(file, path.c_str(), H5P_DEFAULT)), H5Oclose);
  const Handle space(must(H5Screate(H5S_SCALAR)), H5Sclose);
  const Handle attribute(
      must(H5Acreate2(object.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT)), H5Aclose);
  must(H5Awrite(attribute.get(), type, value));
}

}  // namespace

hid_t must(hid_t result) {
  if (result < 0) {
    throw std::runtime_error("an HDF5 call of the test failed");
  }
  return result;
}

TempDir::TempDir() : path_(new_folder()) {}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

TestFile::TestFile(const std::string& path, Mode mode)
    : id_(must(mode == Mode::create ? H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)
                                    : H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)),
          H5Fclose) {}

void TestFile::group(const std::string& path) const {
  const Handle links = intermediate_groups();
  const Handle group(must(H5Gcreate2(id(), path.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT)), H5Gclose);
}

Handle TestFile::create(const std::string& path, hid_t file_type, const Shape& shape, hid_t creation,
                        const Shape& largest) const {
  const Handle links = intermediate_groups();
  const Handle space(must(H5Screate_simple(static_cast<int>(shape.size()), shape.data(),
                                           largest.empty() ? nullptr : largest.data())),
                     H5Sclose);
  return {must(H5Dcreate2(id(), path.c_str(), file_type, space.get(), links.get(), creation, H5P_DEFAULT)),
          H5Dclose};
}

void TestFile::ramp(const std::string& path, const Shape& shape, const Stored& stored) const {
  const hsize_t count = std::accumulate(shape.begin(), shape.end(), hsize_t{1}, std::multiplies<>());
  std::vector<float> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0.0F);
  dataset(path, shape, numbers, stored);
}

void TestFile::attribute(const std::string& path, const std::string& name, const std::string& text) const {
  const Handle type(must(H5Tcopy(H5T_C_S1)), H5Tclose);
  must(H5Tset_size(type.get(), text.size() + 1));
  write_attribute(id(), path, name, type.get(), text.c_str());
}

void TestFile::variable_attribute(const std::string& path, const std::string& name,
                                  const std::string& text) const {
  const Handle type(must(H5Tcopy(H5T_C_S1)), H5Tclose);
  must(H5Tset_size(type.get(), H5T_VARIABLE));
  must(H5Tset_cset(type.get(), H5T_CSET_UTF8));
  const char* value = text.c_str();
  write_attribute(id(), path, name, type.get(), static_cast<const void*>(&value));
}

void TestFile::attribute(const std::string& path, const std::string& name, const char* text) const {
  attribute(path, name, std::string(text));
}

void TestFile::attribute(const std::string& path, const std::string& name, double number) const {
  write_attribute(id(), path, name, H5T_NATIVE_DOUBLE, &number);
}

void TestFile::attribute(const std::string& path, const std::string& name, std::int64_t number) const {
  write_attribute(id(), path, name, H5T_NATIVE_INT64, &number);
}

void TestFile::attribute(const std::string& path, const std::string& name, int number) const {
  write_attribute(id(), path, name, H5T_NATIVE_INT, &number);
}

void TestFile::attribute(const std::string& path, const std::string& name, bool flag) const {
  const Handle type = boolean_type();
  const std::int8_t value = flag ? 1 : 0;
  write_attribute(id(), path, name, type.get(), &value);
}

void TestFile::soft_link(const std::string& path, const std::string& target) const {
  const Handle links = intermediate_groups();
  must(H5Lcreate_soft(target.c_str(), id(), path.c_str(), links.get(), H5P_DEFAULT));
}

void TestFile::hard_link(const std::string& path, const std::string& target) const {
  const Handle links = intermediate_groups();
  must(H5Lcreate_hard(id(), target.c_str(), id(), path.c_str(), links.get(), H5P_DEFAULT));
}

void TestFile::external_link(const std::string& path, const std::string& file,
                             const std::string& object) const {
  const Handle links = intermediate_groups();
  must(H5Lcreate_external(file.c_str(), object.c_str(), id(), path.c_str(), links.get(), H5P_DEFAULT));
}

Handle boolean_type() {
  Handle type(must(H5Tenum_create(H5T_NATIVE_INT8)), H5Tclose);
  const std::int8_t no = 0;
  const std::int8_t yes = 1;
  must(H5Tenum_insert(type.get(), "FALSE", &no));
  must(H5Tenum_insert(type.get(), "TRUE", &yes));
  return type;
}

std::string write_dump(const TempDir& dir, const Shape& shape, const Stored& stored) {
  std::string path = dir / "dump.h5";
  const TestFile file(path);
  file.ramp("targets", {shape[0]});
  file.ramp("layers/fc/activations", shape, stored);
  return path;
}

void write_small_dump(const std::string& path, hsize_t samples) {
  const TestFile file(path);
  file.ramp("targets", {samples});
  file.ramp("layers/fc/activations", {samples, 3});
}

Handle creation_properties(const Shape& shape, const Stored& stored) {
  Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  if (stored.compact) {
    must(H5Pset_layout(creation.get(), H5D_COMPACT));
  }
  if (!stored.chunk.empty()) {
    must(H5Pset_chunk(creation.get(), static_cast<int>(shape.size()), stored.chunk.data()));
  }
  if (stored.shuffle) {
    must(H5Pset_shuffle(creation.get()));
  }
  if (stored.deflate > 0) {
    must(H5Pset_deflate(creation.get(), static_cast<unsigned>(stored.deflate)));
  }
  if (stored.fletcher32) {
    must(H5Pset_fletcher32(creation.get()));
  }
  return creation;
}

void overwrite(const std::string& path, std::uint64_t offset, const std::vector<unsigned char>& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  for (const unsigned char byte : bytes) {
    file.put(static_cast<char>(byte));
  }
  file.close();
  if (!file) {
    throw std::runtime_error("cannot overwrite " + path);
  }
}

std::vector<unsigned char> file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

StoredChunk stored_chunk(const Handle& dataset, const Shape& offset) {
  must(H5Fflush(dataset.get(), H5F_SCOPE_LOCAL));
  unsigned mask = 0;
  haddr_t address = 0;
  hsize_t size = 0;
  must(H5Dget_chunk_info_by_coord(dataset.get(), offset.data(), &mask, &address, &size));
  return {address, size};
}

std::vector<double> read_all(const DatasetIndex& dataset, std::uint64_t band, std::uint64_t cache_bytes) {
  const auto rows = open_rows(dataset, cache_bytes);
  const std::uint64_t row_bytes = dataset.bytes() / std::max<std::uint64_t>(dataset.samples(), 1);
  const std::size_t columns = row_bytes / dataset.element.size();
  std::vector<double> numbers(dataset.samples() * columns);
  std::vector<std::byte> bytes(band * row_bytes);
  for (std::uint64_t first = 0; first < dataset.samples(); first += band) {
    const std::uint64_t count = std::min(band, dataset.samples() - first);
    const auto slab = std::span(bytes).first(count * row_bytes);
    rows->read(first, count, slab);
    decode_elements(slab, dataset.element, std::span(numbers).subspan(first * columns, count * columns));
  }
  return numbers;
}

std::vector<double> counting(std::size_t count) {
  std::vector<double> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  return numbers;
}

std::string index_error(const std::string& path, const IndexOptions& options) {
  return input_error([&] { (void)index_dump(path, options); });
}

DatasetIndex activations_of(const std::string& path) {
  return index_dump(path).checkpoints.at(0).layers.at(0).activations;
}

}  // namespace collapscope::testing
