#include "analysis/journal.hpp"

#include <fmt/format.h>

#include "collapscope/text.hpp"

namespace collapscope {

void Journal::working_on(const std::string& what) {
  const std::lock_guard lock(mutex_);
  progress_.working_on(what);
}

void Journal::advance(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  provenance_.bytes_read += bytes;
  progress_.advance(bytes);
}

void Journal::spared(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  progress_.advance(bytes);
}

Failure Journal::failed(Failure failure) {
  const std::string object = failure.object.empty() ? "" : printable(failure.object) + ": ";
  const std::lock_guard lock(mutex_);
  progress_.message(fmt::format("{}: {}{}", printable(failure.path), object, printable(failure.message)));
  return failure;
}

void Journal::fell_back(const DeviceError& error, const Backend& fallback, std::string_view what) {
  const std::lock_guard lock(mutex_);
  progress_.message(fmt::format("{}; {} goes on on the CPU", error.what(), what));
  if (!fell_back_) {
    provenance_.device += fmt::format("; in part {} ({})", fallback.describe(), error.what());
    fell_back_ = true;
  }
}

}  // namespace collapscope
