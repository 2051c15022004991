#include "analysis/journal.hpp"

#include <fmt/format.h>

#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

bool is_cpu(Backend& backend) { return backend.host() == nullptr; }

}  // namespace

void Journal::working_on(const std::string& what) {
  const std::lock_guard lock(mutex_);
  progress_.working_on(what);
}

void Journal::advance(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  provenance_.bytes_read += bytes;
  progress_.advance(bytes);
  if (listener_) {
    listener_(bytes);
  }
}

void Journal::others_advance(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  progress_.advance(bytes);
}

void Journal::spared(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  progress_.advance(bytes);
  if (listener_) {
    listener_(bytes);
  }
}

void Journal::tell(const std::string& line) {
  const std::lock_guard lock(mutex_);
  progress_.message(line);
}

void Journal::remark(const std::string& path, const std::string& object, const std::string& text) {
  const std::string place = object.empty() ? "" : printable(object) + ": ";
  const std::lock_guard lock(mutex_);
  progress_.message(fmt::format("{}: {}{}", printable(path), place, printable(text)));
}

Failure Journal::failed(Failure failure) {
  remark(failure.path, failure.object, failure.message);
  return failure;
}

void Journal::measured_elsewhere(Backend& by, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  provenance_.fallbacks.add(Fallback{"layer", is_cpu(by) ? "cpu" : "gpu", reason});
}

void Journal::done_elsewhere(const Fallbacks& fallbacks, const std::string& path, const std::string& layer) {
  for (const Fallback& fallback : fallbacks.all) {
    const std::string times = fallback.count == 1 ? "" : fmt::format("{} times: ", fallback.count);
    remark(path, layer,
           fmt::format("{}{}; the {} is computed on the {}", times, fallback.reason, fallback.work,
                       fallback.to == "cpu" ? "CPU" : "other GPUs"));
  }
  const std::lock_guard lock(mutex_);
  provenance_.fallbacks.add(fallbacks);
}

void Journal::fell_back(const DeviceError& error, Backend& fallback, std::string_view what) {
  const bool on_cpu = is_cpu(fallback);
  const std::lock_guard lock(mutex_);
  progress_.message(
      fmt::format("{}; {} goes on {}", error.what(), what, on_cpu ? "on the CPU" : "with the other GPUs"));
  if (!on_cpu || !fell_back_to_cpu_) {
    provenance_.device += fmt::format("; in part {} ({})", fallback.describe(), error.what());
    fell_back_to_cpu_ = fell_back_to_cpu_ || on_cpu;
  }
}

}  // namespace collapscope
