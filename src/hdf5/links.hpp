// Finding objects in the files of one dump. Links are followed here and not by HDF5, so that nothing
// outside the dump's folder is ever opened.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "collapscope/core/files.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// An open group, dataset or named type.
struct Object {
  Handle id;
  std::string file;  // canonical path
  std::string path;  // in that file, by hard links only: "/", "/layers/fc1"
};

// Whether a search may pass from one file to another.
enum class ExternalLinks { follow, refuse };

// The components of an HDF5 path, and an absolute path with one more.
[[nodiscard]] std::vector<std::string> path_components(std::string_view path);
[[nodiscard]] std::string join_path(std::string_view group, std::string_view name);

[[nodiscard]] bool is_group(const Object& object);
[[nodiscard]] bool is_dataset(const Object& object);

// The files of one dump, opened read-only when needed. The named one is kept open, and those that were opened
// last: HDF5 takes half a megabyte for each.
class FileSet {
 public:
  // Opens `named`. `folder` bounds what may be opened; empty: the folder that `named` really lies in.
  explicit FileSet(const std::string& named, const std::string& folder = {});

  // One file that is open already and has no name.
  explicit FileSet(Handle file);

  // Bytes that HDF5 may take for the mappings of a virtual dataset, all of which it reads when it opens one.
  void bound_mappings(std::uint64_t bytes) { mapping_bytes_ = bytes; }

  [[nodiscard]] const std::string& folder() const { return folder_; }
  // Of an open file, when it was opened.
  [[nodiscard]] std::optional<FileState> state(const std::string& canonical) const;
  // Throws InputError unless all files are as they were when they were opened.
  void require_unchanged() const;
  // The root group of the named file.
  [[nodiscard]] Object root() const;
  // How messages name an object: the named file as the user wrote it, others by their canonical path.
  [[nodiscard]] Place place(const Object& object) const { return {shown(object.file), object.path}; }
  [[nodiscard]] Place place(const Object& group, std::string_view path) const;

  // The object at `path` below `from`; nullopt when there is none of that name. Throws InputError for
  // links that lead nowhere, in circles, or out of the folder.
  [[nodiscard]] std::optional<Object> find(const Object& from, std::string_view path,
                                           ExternalLinks external = ExternalLinks::follow);
  // The same, but a missing object is an InputError "no such object; expected WHAT".
  [[nodiscard]] Object get(const Object& from, std::string_view path, std::string_view what,
                           ExternalLinks external = ExternalLinks::follow);

  // Whether a link or group of this name was met before.
  bool meet(const std::string& name);
  // Counts a link or object that was met before, at `place`. Throws InputError after too many: groups that
  // lead to one another have any number of paths.
  void count_again(const Place& place, int cost);

  // The canonical path of the file that `name`, written in `from_file`, leads to; `link` describes who
  // says so. Throws InputError when it lies outside the folder or does not exist. Opens nothing.
  [[nodiscard]] std::string locate(const Place& place, std::string_view link, const std::string& from_file,
                                   const std::string& name) const;
  // The root group of a file given by its canonical path, which locate() made.
  [[nodiscard]] Object open_root(const std::string& canonical);

 private:
  struct Search;

  [[nodiscard]] std::string shown(const std::string& file) const { return file == main_ ? named_ : file; }
  void open(const std::string& canonical);
  void close_others(const std::string& canonical);
  [[nodiscard]] Object open_hard(const Object& group, const std::string& name, const Place& place) const;
  [[nodiscard]] Object root_of(const std::string& canonical) const;
  [[nodiscard]] Object follow_soft(const Object& group, const std::string& name, Search& search);
  [[nodiscard]] Object follow_external(const Object& group, const std::string& name, Search& search);

  std::string named_;
  std::string main_;    // canonical path of the named file
  std::string folder_;  // canonical
  std::uint64_t mapping_bytes_ = std::numeric_limits<std::uint64_t>::max();
  struct OpenFile {
    std::optional<FileState> state;
    Handle id;
  };
  std::map<std::string, OpenFile> files_;
  std::deque<std::string> opened_;       // but for the named one, as they were opened
  std::unordered_set<std::size_t> met_;  // hashes of names
  int again_ = 0;
};

}  // namespace collapscope::hdf5
