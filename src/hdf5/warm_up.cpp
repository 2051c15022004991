#include "hdf5/warm_up.hpp"

#include <array>
#include <vector>

#include "collapscope/core/error.hpp"
#include "hdf5/in_process.hpp"
#include "hdf5/index_wire.hpp"

namespace collapscope::hdf5 {

namespace {

const Place nowhere{"", ""};

void attribute(hid_t object, const char* name, hid_t type, const void* value) {
  const Handle space = own(H5Screate(H5S_SCALAR), H5Sclose, nowhere, "warm up");
  const Handle made = own(H5Acreate2(object, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                          nowhere, "warm up");
  check(H5Awrite(made.get(), type, value), nowhere, "warm up");
}

void text(hid_t object, const char* name, const char* value) {
  const Handle type = own(H5Tcopy(H5T_C_S1), H5Tclose, nowhere, "warm up");
  check(H5Tset_size(type.get(), H5T_VARIABLE), nowhere, "warm up");
  attribute(object, name, type.get(), static_cast<const void*>(&value));
}

Handle matrix(hid_t file, const char* path, hsize_t columns, bool in_chunks) {
  const std::array<hsize_t, 2> shape{4, columns};
  const Handle space = own(H5Screate_simple(2, shape.data(), nullptr), H5Sclose, nowhere, "warm up");
  const Handle creation = own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, nowhere, "warm up");
  if (in_chunks) {
    check(H5Pset_chunk(creation.get(), 2, shape.data()), nowhere, "warm up");
    check(H5Pset_deflate(creation.get(), 1), nowhere, "warm up");
  }
  const Handle links = own(H5Pcreate(H5P_LINK_CREATE), H5Pclose, nowhere, "warm up");
  check(H5Pset_create_intermediate_group(links.get(), 1), nowhere, "warm up");
  Handle made =
      own(H5Dcreate2(file, path, H5T_IEEE_F32LE, space.get(), links.get(), creation.get(), H5P_DEFAULT),
          H5Dclose, nowhere, "warm up");
  const std::vector<float> numbers(4 * columns, 1.0F);
  check(H5Dwrite(made.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), nowhere,
        "warm up");
  return made;
}

Handle dump_in_memory() {
  constexpr std::size_t grows_by = 65536;
  const Handle access = own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, nowhere, "warm up");
  check(H5Pset_fapl_core(access.get(), grows_by, false), nowhere, "warm up");
  Handle file =
      own(H5Fcreate("memory", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose, nowhere, "warm up");
  constexpr double step = 1;
  constexpr int number = 1;
  text(file.get(), "format", "collapscope-dump");
  text(file.get(), "run", "warm");
  attribute(file.get(), "format_version", H5T_NATIVE_INT, &number);
  attribute(file.get(), "step", H5T_NATIVE_DOUBLE, &step);
  (void)matrix(file.get(), "targets", 2, false);
  (void)matrix(file.get(), "predictions", 2, false);
  (void)matrix(file.get(), "layers/a/activations", 3, false);
  (void)matrix(file.get(), "layers/a/weight", 3, false);
  (void)matrix(file.get(), "layers/b/activations", 3, true);
  const Handle layer = own(H5Oopen(file.get(), "layers/a", H5P_DEFAULT), H5Oclose, nowhere, "warm up");
  text(layer.get(), "kind", "linear");
  attribute(layer.get(), "index", H5T_NATIVE_INT, &number);
  check(H5Fflush(file.get(), H5F_SCOPE_GLOBAL), nowhere, "warm up");
  return file;
}

}  // namespace

void warm_up() {
  const Session session;
  try {
    (void)index_answer(index_open_file(dump_in_memory(), {}));
  } catch (const Error&) {
    return;
  }
  // What HDF5 keeps for later would be copied by every helper that writes to it.
  (void)H5garbage_collect();
}

}  // namespace collapscope::hdf5
