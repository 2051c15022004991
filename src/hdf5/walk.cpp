#include "hdf5/walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace collapscope::hdf5 {

namespace {

constexpr std::size_t max_objects = 100'000;
constexpr std::size_t max_group_depth = 32;

#if H5_VERSION_GE(1, 12, 0)
using ObjectInfo = H5O_info2_t;
#else
using ObjectInfo = H5O_info_t;
#endif

// About the object of a hard link, or ".". Opens nothing.
ObjectInfo object_info(const Object& group, const std::string& name, const Place& place) {
  ObjectInfo info{};
#if H5_VERSION_GE(1, 12, 0)
  const herr_t result =
      H5Oget_info_by_name3(group.id.get(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT);
#else
  const herr_t result =
      H5Oget_info_by_name2(group.id.get(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT);
#endif
  check(result, place, "read the object");
  return info;
}

// What tells one object of the open files from another.
std::string identity(const Object& object, const Place& place) {
  const ObjectInfo info = object_info(object, ".", place);
#if H5_VERSION_GE(1, 12, 0)
  const auto& address = info.token;
#else
  const auto& address = info.addr;
#endif
  std::string key(sizeof address, '\0');
  std::memcpy(key.data(), &address, sizeof address);
  return object.file + '\n' + key;
}

bool is_hard_link(const Object& group, const std::string& name, const Place& place) {
  H5L_info_t info{};
  check(H5Lget_info(group.id.get(), name.c_str(), &info, H5P_DEFAULT), place, "read the link");
  return info.type == H5L_TYPE_HARD;
}

struct LinkNames {
  std::vector<std::string> names;
  std::exception_ptr failure;
};

herr_t add_name(hid_t, const char* name, const H5L_info_t*, void* to) {
  auto& names = *static_cast<LinkNames*>(to);
  try {
    names.names.emplace_back(name);
  } catch (...) {
    names.failure = std::current_exception();
    return -1;
  }
  return names.names.size() > max_objects ? 1 : 0;
}

[[noreturn]] void refuse_many(const Place& place) {
  throw InputError(
      place.file, place.object,
      fmt::format("holds more than {} objects; expected one dataset per layer, with all samples in it",
                  max_objects));
}

class Walk {
 public:
  Walk(FileSet& files, const Visitor& visitor) : files_(files), visitor_(visitor) {}

  void enter(const Object& group, const std::string& below) {
    const Place place = files_.place(group);
    if (ancestors_.size() > max_group_depth) {
      throw InputError(place.file, place.object,
                       fmt::format("groups are nested more than {} deep", max_group_depth));
    }
    ancestors_.push_back(identity(group, place));
    const bool again = files_.meet(ancestors_.back());
    for (const std::string& name : link_names(group, place)) {
      if (++visited_ > max_objects) {
        refuse_many(place);
      }
      if (again) {
        files_.count_again(place, 4);
      }
      visit(group, name, below.empty() ? name : fmt::format("{}/{}", below, name));
    }
    ancestors_.pop_back();
  }

 private:
  void visit(const Object& group, const std::string& name, const std::string& path) {
    std::optional<Object> inner;
    try {
      inner = inner_group(group, name);
    } catch (const InputError& error) {
      visitor_.broken(path, error);
      return;
    }
    if (!inner) {
      visitor_.dataset(path);
    } else if (!is_ancestor(*inner)) {
      visitor_.group(path, *inner);
      enter(*inner, path);
    }
  }

  // The group of that name; nullopt when it is something else. Does not open datasets: that can be slow.
  std::optional<Object> inner_group(const Object& group, const std::string& name) {
    const Place place = files_.place(group, name);
    if (is_hard_link(group, name, place) && object_info(group, name, place).type != H5O_TYPE_GROUP) {
      return std::nullopt;
    }
    Object object = files_.get(group, name, "a group or dataset");
    return is_group(object) ? std::optional(std::move(object)) : std::nullopt;
  }

  [[nodiscard]] bool is_ancestor(const Object& group) const {
    const std::string key = identity(group, files_.place(group));
    return std::find(ancestors_.begin(), ancestors_.end(), key) != ancestors_.end();
  }

  FileSet& files_;
  const Visitor& visitor_;
  std::vector<std::string> ancestors_;
  std::size_t visited_ = 0;
};

}  // namespace

std::vector<std::string> link_names(const Object& group, const Place& place) {
  LinkNames names;
  const herr_t end = H5Literate(group.id.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add_name, &names);
  if (names.failure) {
    std::rethrow_exception(names.failure);
  }
  if (check(end, place, "list the group") > 0) {
    refuse_many(place);
  }
  return std::move(names.names);
}

void walk(FileSet& files, const Object& start, const Visitor& visitor) {
  Walk(files, visitor).enter(start, "");
}

}  // namespace collapscope::hdf5
