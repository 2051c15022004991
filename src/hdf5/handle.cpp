#include "hdf5/handle.hpp"

#include <fmt/format.h>

#include <cstring>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "hdf5/lzf.hpp"

namespace collapscope::hdf5 {

namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

hid_t refuse_to_traverse(const char*, hid_t, const void*, std::size_t, hid_t, hid_t) {
  return H5I_INVALID_HID;
}

// Copies a link's value out. With `buffer` null it only tells the size.
ssize_t link_value(const char*, const void* value, std::size_t size, void* buffer, std::size_t buffer_size) {
  if (buffer != nullptr && buffer_size > 0) {
    std::memcpy(buffer, value, size < buffer_size ? size : buffer_size);
  }
  return static_cast<ssize_t>(size);
}

// Takes the place of HDF5's class of external links: values can be read, nothing can be opened.
void forbid_external_links() {
  H5L_class_t inert{};
  inert.version = H5L_LINK_CLASS_T_VERS;
  inert.id = H5L_TYPE_EXTERNAL;
  inert.comment = "external link, not followed by HDF5";
  inert.trav_func = refuse_to_traverse;
  inert.query_func = link_value;
  if (H5Lunregister(H5L_TYPE_EXTERNAL) < 0 || H5Lregister(&inert) < 0) {
    throw Error("cannot make HDF5 leave external links alone");
  }
}

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (H5open() < 0) {
      throw Error("the HDF5 library does not start");
    }
    forbid_external_links();
    register_lzf();
  });
}

herr_t keep_innermost(unsigned, const H5E_error2_t* error, void* text) {
  auto& message = *static_cast<std::string*>(text);
  if (message.empty() && error->desc != nullptr) {
    message = error->desc;
  }
  return 0;
}

}  // namespace

Session::Session() : lock_(library_mutex()) {
  // At the end of the process HDF5 would write what an abandoned file holds, and crash where it cannot.
  [[maybe_unused]] static const herr_t no_end = H5dont_atexit();
  H5Eget_auto2(H5E_DEFAULT, &printer_, &printer_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  initialize();
}

Session::~Session() { H5Eset_auto2(H5E_DEFAULT, printer_, printer_data_); }

std::string last_error() {
  std::string message;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &message);
  return printable(message);
}

std::string newer_format(std::string_view cause) {
  const auto says = [&](std::string_view text) { return cause.find(text) != std::string_view::npos; };
  if (!says("version") || !(says("bad") || says("unknown") || says("wrong") || says("unrecognized"))) {
    return "";
  }
  return fmt::format(
      "written for a newer HDF5 than {}.{}.{}, or damaged; h5repack of that HDF5 can rewrite it, or "
      "libver=('v110', 'v110') when writing with h5py",
      H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
}

void fail(const Place& place, std::string_view action) {
  const std::string cause = last_error();
  const std::string remedy = newer_format(cause);
  throw InputError(place.file, place.object,
                   cause.empty() ? fmt::format("cannot {}", action)
                                 : fmt::format("cannot {}{}{} (HDF5: {})", action, remedy.empty() ? "" : ": ",
                                               remedy, cause));
}

Handle own(hid_t id, Handle::Closer closer, const Place& place, std::string_view action) {
  return {check(id, place, action), closer};
}

}  // namespace collapscope::hdf5
