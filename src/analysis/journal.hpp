// What an analysis tells while it goes on, by tasks that may run side by side.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "collapscope/backend/backend.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/progress.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

class Journal {
 public:
  // Until `provenance` is read, only this changes it.
  Journal(Progress& progress, Provenance& provenance) : progress_(progress), provenance_(provenance) {}

  void working_on(const std::string& what);
  void advance(std::uint64_t bytes);
  // Bytes that another rank has read.
  void others_advance(std::uint64_t bytes);
  // Also called with what is read and what is spared.
  void pass_on(std::function<void(std::uint64_t)> listener) { listener_ = std::move(listener); }
  // Bytes that need not be read after all.
  void spared(std::uint64_t bytes);
  void tell(const std::string& line);
  // A line about an object of a file that is no failure.
  void remark(const std::string& path, const std::string& object, const std::string& text);
  // The failure, told.
  Failure failed(Failure failure);
  // That `what` goes on with `fallback`.
  void fell_back(const DeviceError& error, Backend& fallback, std::string_view what);
  // That a layer was measured by `by`, which its worker had not at first.
  void measured_elsewhere(Backend& by, const std::string& reason);
  // What a backend had done elsewhere for a layer: told, and counted.
  void done_elsewhere(const Fallbacks& fallbacks, const std::string& path, const std::string& layer);

 private:
  std::mutex mutex_;  // of all
  Progress& progress_;
  Provenance& provenance_;
  std::function<void(std::uint64_t)> listener_;
  bool fell_back_to_cpu_ = false;
};

}  // namespace collapscope
