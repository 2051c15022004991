#include "hdf5/links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <system_error>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "hdf5/file.hpp"
#include "hdf5/object_header.hpp"
#include "hdf5/unchanged.hpp"
#include "hdf5/virtual.hpp"
#include "process/sandbox.hpp"
#include "process/work_mark.hpp"

namespace collapscope::hdf5 {

namespace {

namespace fs = std::filesystem;

constexpr int max_links = 16;  // as HDF5's own limit
constexpr int most_again = 400'000;
constexpr std::size_t most_open = 32;
constexpr std::uint64_t mappings_per_millisecond = 10;

bool lies_inside(const fs::path& folder, const fs::path& file) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first == folder.end();
}

// The stored value of a soft or external link.
std::string link_value(const Object& group, const std::string& name, std::size_t size, const Place& place) {
  std::string value(size, '\0');
  check(H5Lget_val(group.id.get(), name.c_str(), value.data(), value.size(), H5P_DEFAULT), place,
        "read the link");
  return value;
}

H5L_info_t link_info(const Object& group, const std::string& name, const Place& place) {
  H5L_info_t info{};
  check(H5Lget_info(group.id.get(), name.c_str(), &info, H5P_DEFAULT), place, "read the link");
  return info;
}

// Before it is opened.
void refuse_many_mappings(const Object& group, const std::string& name, const Place& place,
                          std::uint64_t most_bytes) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info1_t info{};
#else
  H5O_info_t info{};
#endif
  // What cannot be read cannot be opened either, which says why.
  if (H5Oget_info_by_name2(group.id.get(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0 ||
      info.type != H5O_TYPE_DATASET) {
    return;
  }
  const std::uint64_t mappings = mapping_count(group.id.get(), info.addr, place).value_or(0);
  if (mappings > most_bytes / mapping_bytes) {
    throw InputError(
        place.file, place.object,
        fmt::format("found a virtual dataset of {} mappings, for which HDF5 takes some {}; the budget "
                    "is {} (--memory); expected fewer and larger parts (h5repack can make a plain "
                    "dataset of it)",
                    mappings, human_bytes(mappings * mapping_bytes), human_bytes(most_bytes)));
  }
  process::allow_data(mappings * mapping_bytes);
  process::at_work(place.file, place.object, mappings / mappings_per_millisecond);
}

}  // namespace

Object FileSet::open_hard(const Object& group, const std::string& name, const Place& place) const {
  process::at_work(place.file, place.object);
  refuse_many_mappings(group, name, place, mapping_bytes_);
  Handle id = own(H5Oopen(group.id.get(), name.c_str(), H5P_DEFAULT), H5Oclose, place, "open the object");
  return {std::move(id), group.file, join_path(group.path, name)};
}

// What is still to be walked, and how it came to be.
struct FileSet::Search {
  std::deque<std::string> rest;
  std::size_t from_links = 0;  // so many components at the front of `rest` were written in links
  int links = 0;
  Place link;          // the last link followed
  std::string target;  // what it says

  std::string next() {
    std::string name = std::move(rest.front());
    rest.pop_front();
    in_link = from_links > 0;
    from_links -= in_link ? 1 : 0;
    return name;
  }
  bool in_link = false;  // whether the component taken last was written in a link

  void follow(const Place& place, std::string says, std::string_view path) {
    link = place;
    target = std::move(says);
    if (++links > max_links) {
      throw InputError(place.file, place.object,
                       fmt::format("more than {} links one after another, or links in a circle", max_links));
    }
    const std::vector<std::string> names = path_components(path);
    rest.insert(rest.begin(), names.begin(), names.end());
    from_links += names.size();
  }
};

std::vector<std::string> path_components(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    if (!name.empty() && name != ".") {
      names.emplace_back(name);
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return names;
}

std::string join_path(std::string_view group, std::string_view name) {
  std::string path(group);
  for (const std::string& component : path_components(name)) {
    if (!path.ends_with('/')) {
      path += '/';
    }
    path += component;
  }
  return path;
}

bool is_group(const Object& object) { return H5Iget_type(object.id.get()) == H5I_GROUP; }
bool is_dataset(const Object& object) { return H5Iget_type(object.id.get()) == H5I_DATASET; }

FileSet::FileSet(const std::string& named, const std::string& folder) : named_(named) {
  std::error_code failure;
  const fs::path main = fs::canonical(named, failure);
  if (failure) {
    throw InputError(named, "",
                     failure == std::errc::permission_denied
                         ? fmt::format("cannot be read: {}", failure.message())
                         : fmt::format("cannot be found ({})", failure.message()));
  }
  main_ = main.string();
  folder_ = folder.empty() ? main.parent_path().string() : folder;
  if (!lies_inside(folder_, main)) {
    throw InputError(named, "", fmt::format("lies outside the dump's folder {}", printable(folder_)));
  }
  open(main_);
}

FileSet::FileSet(Handle file) { files_.emplace(main_, OpenFile{std::nullopt, std::move(file)}); }

// The state comes first: what is read afterwards can only be newer.
void FileSet::open(const std::string& canonical) {
  const std::optional<FileState> state = file_state(canonical);
  Handle id = open_file(canonical, shown(canonical));
  const auto [file, is_new] = files_.try_emplace(canonical, OpenFile{state, Handle()});
  if (!is_new) {
    require_state(file->second.state, state, {shown(canonical), ""});
  }
  file->second.id = std::move(id);
}

// HDF5 closes a file when the last object in it is closed.
void FileSet::close_others(const std::string& canonical) {
  opened_.push_back(canonical);
  if (opened_.size() > most_open) {
    files_.at(opened_.front()).id = Handle();
    opened_.pop_front();
  }
}

std::optional<FileState> FileSet::state(const std::string& canonical) const {
  return files_.at(canonical).state;
}

void FileSet::require_unchanged() const {
  for (const auto& [path, file] : files_) {
    require_state(file.state, file_state(path), {shown(path), ""});
  }
}

Object FileSet::root() const { return root_of(main_); }

Place FileSet::place(const Object& group, std::string_view path) const {
  return {shown(group.file), join_path(group.path, path)};
}

Object FileSet::root_of(const std::string& canonical) const {
  Handle id = own(H5Oopen(files_.at(canonical).id.get(), "/", H5P_DEFAULT), H5Oclose, {shown(canonical), "/"},
                  "open the root group");
  return {std::move(id), canonical, "/"};
}

Object FileSet::open_root(const std::string& canonical) {
  const auto known = files_.find(canonical);
  if (known == files_.end() || known->second.id.get() < 0) {
    open(canonical);
    close_others(canonical);
  }
  return root_of(canonical);
}

std::string FileSet::locate(const Place& place, std::string_view link, const std::string& from_file,
                            const std::string& name) const {
  std::error_code failure;
  const fs::path written = fs::path(from_file).parent_path() / name;
  const fs::path target = fs::weakly_canonical(written, failure);
  if (failure || name.empty()) {
    throw InputError(place.file, place.object,
                     fmt::format("{} leads to a file '{}' that cannot be found ({})", link, printable(name),
                                 name.empty() ? "empty name" : failure.message()));
  }
  if (!lies_inside(folder_, target)) {
    throw InputError(place.file, place.object,
                     fmt::format("{} leads to {}, outside the dump's folder {}; it was not opened", link,
                                 printable(target.string()), printable(folder_)));
  }
  if (!fs::exists(target, failure)) {
    throw InputError(place.file, place.object,
                     fmt::format("{} leads to {}, which does not exist", link, printable(target.string())));
  }
  return target.string();
}

std::optional<Object> FileSet::find(const Object& from, std::string_view path, ExternalLinks external) {
  Search search;
  const std::vector<std::string> names = path_components(path);
  search.rest.assign(names.begin(), names.end());
  Object here{own(H5Oopen(from.id.get(), ".", H5P_DEFAULT), H5Oclose, place(from), "open the object"),
              from.file, from.path};
  while (!search.rest.empty()) {
    const std::string name = search.next();
    const Place at = place(here, name);
    if (!is_group(here)) {
      throw InputError(at.file, here.path, "found a dataset; expected a group");
    }
    if (check(H5Lexists(here.id.get(), name.c_str(), H5P_DEFAULT), at, "look up the name") == 0) {
      if (!search.in_link) {
        return std::nullopt;
      }
      throw InputError(search.link.file, search.link.object,
                       fmt::format("{}, but there is no object {} in {}", search.target, printable(at.object),
                                   printable(at.file)));
    }
    const H5L_info_t info = link_info(here, name, at);
    if (info.type == H5L_TYPE_HARD) {
      here = open_hard(here, name, at);
    } else if (info.type == H5L_TYPE_SOFT) {
      here = follow_soft(here, name, search);
    } else if (info.type == H5L_TYPE_EXTERNAL && external == ExternalLinks::follow) {
      here = follow_external(here, name, search);
    } else {
      throw InputError(
          at.file, at.object,
          fmt::format("is {}, which is not followed here",
                      info.type == H5L_TYPE_EXTERNAL ? "an external link" : "a user-defined link"));
    }
  }
  return here;
}

Object FileSet::get(const Object& from, std::string_view path, std::string_view what,
                    ExternalLinks external) {
  std::optional<Object> object = find(from, path, external);
  if (!object) {
    const Place at = place(from, path);
    throw InputError(at.file, at.object, fmt::format("no such object; expected {}", what));
  }
  return std::move(*object);
}

bool FileSet::meet(const std::string& name) { return !met_.insert(std::hash<std::string>{}(name)).second; }

void FileSet::count_again(const Place& place, int cost) {
  again_ += cost;
  if (again_ > most_again) {
    throw InputError(place.file, place.object,
                     "groups and links of this dump lead to one another, and it has more paths than can be "
                     "walked; expected few names for a group");
  }
}

// Where a soft link's path begins: the root for an absolute one, else the link's own group.
Object FileSet::follow_soft(const Object& group, const std::string& name, Search& search) {
  const Place at = place(group, name);
  if (meet(fmt::format("{}\n{}", at.file, at.object))) {
    count_again(at, 2);
  }
  const std::string stored = link_value(group, name, link_info(group, name, at).u.val_size, at);
  const std::string value = stored.substr(0, stored.find('\0'));
  search.follow(at, fmt::format("a soft link leads to '{}'", printable(value)), value);
  if (value.starts_with('/')) {
    Handle root = own(H5Oopen(group.id.get(), "/", H5P_DEFAULT), H5Oclose, at, "open the root group");
    return {std::move(root), group.file, "/"};
  }
  Handle id = own(H5Oopen(group.id.get(), ".", H5P_DEFAULT), H5Oclose, at, "open the link's group");
  return {std::move(id), group.file, group.path};
}

Object FileSet::follow_external(const Object& group, const std::string& name, Search& search) {
  const Place at = place(group, name);
  if (meet(fmt::format("{}\n{}", at.file, at.object))) {
    count_again(at, 2);
  }
  const std::string value = link_value(group, name, link_info(group, name, at).u.val_size, at);
  unsigned flags = 0;
  const char* file = nullptr;
  const char* object = nullptr;
  if (value.empty() || H5Lunpack_elink_val(value.data(), value.size(), &flags, &file, &object) < 0) {
    throw InputError(at.file, at.object, "the external link is damaged");
  }
  const std::string says =
      fmt::format("an external link to '{}' in '{}'", printable(object), printable(file));
  const std::string target = locate(at, says, group.file, file);
  search.follow(at, says, object);
  return open_root(target);
}

}  // namespace collapscope::hdf5
