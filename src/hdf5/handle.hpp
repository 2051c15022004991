// Owners of HDF5 identifiers, checked calls, and what every entry into HDF5 sets up first.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace collapscope::hdf5 {

// Where in the input something is, for messages.
struct Place {
  std::string file;
  std::string object;
};

// Held by every public function while it calls HDF5: one thread at a time, HDF5's own printing of errors
// off, and external links made impossible for HDF5 to follow (links.hpp follows them, after checks).
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session(Session&&) = delete;
  Session& operator=(Session&&) = delete;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  H5E_auto2_t printer_ = nullptr;
  void* printer_data_ = nullptr;
};

// Owns one identifier.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  Handle(Handle&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), closer_(std::exchange(other.closer_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0 && closer_ != nullptr) {
      closer_(id_);
    }
  }

  [[nodiscard]] hid_t get() const { return id_; }
  // It is never closed: what closing it would write cannot be written.
  void abandon() { id_ = H5I_INVALID_HID; }

 private:
  hid_t id_ = H5I_INVALID_HID;
  Closer closer_ = nullptr;
};

// The message on HDF5's error stack that is nearest to the cause, printable; empty when there is none.
[[nodiscard]] std::string last_error();

// What HDF5's message of an unknown version means and what to do; empty for other messages.
[[nodiscard]] std::string newer_format(std::string_view cause);

// Throws InputError "cannot ACTION (HDF5: ...)".
[[noreturn]] void fail(const Place& place, std::string_view action);

// `result` of an HDF5 call; negative ones fail().
template <class T>
T check(T result, const Place& place, std::string_view action) {
  if (result < 0) {
    fail(place, action);
  }
  return result;
}

// Owns `id`, the result of an HDF5 call; negative ones fail().
[[nodiscard]] Handle own(hid_t id, Handle::Closer closer, const Place& place, std::string_view action);

}  // namespace collapscope::hdf5
