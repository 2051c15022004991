#include "hdf5/write_attribute.hpp"

#include <cstdint>
#include <variant>

namespace collapscope::hdf5 {

void write_attribute(hid_t file, const Place& owner, const std::string& name, const AttributeValue& value) {
  const Place at{owner.file, owner.object + "@" + name};
  const Handle object =
      own(H5Oopen(file, owner.object.c_str(), H5P_DEFAULT), H5Oclose, at, "open the object");
  const Handle space = own(H5Screate(H5S_SCALAR), H5Sclose, at, "make a space");
  const auto put = [&](hid_t stored, hid_t memory, const void* data) {
    const Handle attribute =
        own(H5Acreate2(object.get(), name.c_str(), stored, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
            at, "create the attribute");
    check(H5Awrite(attribute.get(), memory, data), at, "write the attribute");
  };
  if (const auto* text = std::get_if<std::string>(&value)) {
    const Handle type = own(H5Tcopy(H5T_C_S1), H5Tclose, at, "make a type");
    check(H5Tset_size(type.get(), text->size() + 1), at, "make a type");
    check(H5Tset_cset(type.get(), H5T_CSET_UTF8), at, "make a type");
    put(type.get(), type.get(), text->c_str());
  } else if (const auto* number = std::get_if<double>(&value)) {
    put(H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, number);
  } else if (const auto* large = std::get_if<std::uint64_t>(&value)) {
    put(H5T_STD_U64LE, H5T_NATIVE_UINT64, large);
  } else {
    const auto* flag = std::get_if<bool>(&value);
    const std::int64_t count =
        flag != nullptr ? static_cast<std::int64_t>(*flag) : std::get<std::int64_t>(value);
    put(H5T_STD_I64LE, H5T_NATIVE_INT64, &count);
  }
}

}  // namespace collapscope::hdf5
