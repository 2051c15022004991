// Files that are being written, under a name that a killed run leaves behind and the next one removes.
#pragma once

#include <string>
#include <string_view>

namespace collapscope {

// An open descriptor.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File(File&&) = delete;
  File& operator=(File&&) = delete;
  ~File();

  [[nodiscard]] int get() const { return descriptor_; }
  // False with errno: network file systems report a full disk only here.
  [[nodiscard]] bool close();

 private:
  int descriptor_;
};

// A new file in a folder, removed at the end unless it was renamed. A lock on it tells that it is in use.
class TemporaryFile {
 public:
  // get() is -1, with errno, when there can be none.
  explicit TemporaryFile(const std::string& folder);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  TemporaryFile(TemporaryFile&&) = delete;
  TemporaryFile& operator=(TemporaryFile&&) = delete;

  [[nodiscard]] int get() const { return file_.get(); }
  [[nodiscard]] const std::string& name() const { return name_; }
  // Each: false with errno.
  [[nodiscard]] bool close() { return file_.close(); }
  [[nodiscard]] bool rename_to(const std::string& target);

 private:
  std::string name_;
  File file_;
  File lock_;  // as long as there is the name
};

// Removes what killed runs have left in a folder: temporary files that nobody has locked, of this machine
// since it was started, or older than a day.
void remove_litter(const std::string& folder);

// Removes a file that nobody has locked; false when there is none, or somebody has.
bool remove_unlocked(const std::string& path);

}  // namespace collapscope
