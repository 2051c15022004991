// Which backend a device's name means.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "core/threads.hpp"
#include "gpu/driver_start.hpp"
#include "gpu/gpu_backend.hpp"
#include "gpu/module.hpp"

namespace collapscope {

namespace {

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 0) {
    return std::nullopt;
  }
  return value;
}

// The process's number on this node, so that the tasks of a job share out its GPUs.
int local_rank() {
  constexpr std::array variables{"SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID",
                                 "MV2_COMM_WORLD_LOCAL_RANK", "PALS_LOCAL_RANKID"};
  for (const char* variable : variables) {
    if (const char* value = std::getenv(variable)) {
      return number(value).value_or(0);
    }
  }
  return 0;
}

// "auto" takes a GPU for work that takes the CPU at least this long: starting CUDA takes 0.5 to 1.5 s, as
// others report. Chosen, not measured.
constexpr const char* least_seconds_variable = "COLLAPSCOPE_GPU_FROM";
constexpr double usual_least_seconds = 2;

double least_seconds() {
  const char* chosen = std::getenv(least_seconds_variable);
  if (chosen == nullptr || *chosen == '\0') {
    return usual_least_seconds;
  }
  char* end = nullptr;
  const double seconds = std::strtod(chosen, &end);
  if (end == chosen || *end != '\0' || !std::isfinite(seconds) || seconds < 0) {
    throw UsageError(fmt::format("{}: found '{}', expected seconds, 0 for a GPU whatever the work",
                                 least_seconds_variable, printable(chosen)));
  }
  return seconds;
}

std::unique_ptr<Backend> open_gpus(const std::string& which, std::size_t threads,
                                   gpu::LastResort last_resort) {
  const auto first_of = [which](int count) {
    return which == "all" ? 0 : which.empty() ? local_rank() % count : *number(which);
  };
  std::optional<gpu::DriverStart> driver;
  if (gpu::Module::is_there()) {
    driver.emplace(first_of);
  }
  const gpu::Module& module = gpu::Module::load();
  const int count = module.count();
  int first = first_of(count);
  int last = count - 1;
  if (which != "all") {
    last = first;
    if (first >= count) {
      throw UsageError(fmt::format("--device cuda:{}: there {} only {} GPU{}, numbered from 0", first,
                                   count == 1 ? "is" : "are", count, count == 1 ? "" : "s"));
    }
  }
  gpu::GpuBackend::Devices devices;
  for (int device = first; device <= last; ++device) {
    devices.push_back(module.open(device));
  }
  return std::make_unique<gpu::GpuBackend>(
      std::move(devices), make_cpu_backend(threads),
      [&module, first](std::size_t device) { return module.open(first + static_cast<int>(device)); },
      last_resort);
}

ChosenBackend on_cpu(std::size_t threads, std::string reason) {
  return {make_cpu_backend(threads), {}, std::move(reason)};
}

double shared_out(double cpu_seconds, std::size_t threads) {
  return cpu_seconds / static_cast<double>(threads == 0 ? usable_threads() : threads);
}

}  // namespace

BackendStart::BackendStart(std::string device, std::size_t threads, double least_cpu_seconds, bool beside)
    : device_(std::move(device)), threads_(threads) {
  which_ = device_.starts_with("cuda:") ? device_.substr(5) : "";
  const bool automatic = device_ == "auto";
  const bool known =
      automatic || device_ == "cpu" || device_ == "cuda" || which_ == "all" || number(which_).has_value();
  if (!known) {
    throw UsageError(
        fmt::format("unknown device '{}': expected auto, cpu, cuda, cuda:N or cuda:all", printable(device_)));
  }
  const bool is_worth_it =
      automatic && gpu::has_driver() && shared_out(least_cpu_seconds, threads) >= least_seconds();
  if (is_worth_it || (!automatic && device_ != "cpu")) {
    const auto last_resort = automatic ? gpu::LastResort::cpu : gpu::LastResort::none;
    const auto open = [which = which_, threads, last_resort] {
      return open_gpus(which, threads, last_resort);
    };
    opening_ = beside ? on_another_thread(open) : std::async(std::launch::deferred, open);
  }
}

std::string ChosenBackend::few_threads() const {
  return threads_wanted == 0
             ? ""
             : fmt::format("{} of {} threads are used: the system gives no more (ulimit -u, ulimit -v)",
                           backend->threads(), threads_wanted);
}

ChosenBackend BackendStart::take(double cpu_seconds) {
  ChosenBackend chosen = take_any(cpu_seconds);
  const std::size_t wanted = threads_ == 0 ? usable_threads() : threads_;
  chosen.threads_wanted = chosen.backend->threads() < wanted ? wanted : 0;
  return chosen;
}

ChosenBackend BackendStart::take_any(double cpu_seconds) {
  if (device_ == "cpu") {
    return on_cpu(threads_, "as asked");
  }
  if (device_ == "auto") {
    return take_automatically(cpu_seconds);
  }
  try {
    return {opening_.get(), {}, {}};
  } catch (const DeviceError& error) {
    throw DeviceError(
        fmt::format("--device {}: {}; --device auto would take the CPU", device_, error.what()));
  }
}

ChosenBackend BackendStart::take_automatically(double cpu_seconds) {
  const double least = least_seconds();
  if (!gpu::has_driver()) {
    return on_cpu(threads_, "no GPU driver (libcuda.so.1) on this machine");
  }
  ChosenBackend cpu = on_cpu(threads_, "");
  const double seconds = shared_out(cpu_seconds, cpu.backend->threads());
  if (seconds < least) {
    cpu.reason = fmt::format("about {:.2g} s of work; from {:.3g} s on ({}) a GPU is taken", seconds, least,
                             least_seconds_variable);
    return cpu;
  }
  try {
    return {opening_.valid() ? opening_.get() : open_gpus("", threads_, gpu::LastResort::cpu), {}, {}};
  } catch (const DeviceError& error) {
    cpu.reason = fmt::format("no GPU is used: {}", error.what());
    cpu.note = cpu.reason;
    return cpu;
  }
}

ChosenBackend make_backend(const std::string& device, std::size_t threads, double cpu_seconds) {
  return BackendStart(device, threads, 0, false).take(cpu_seconds);
}

bool gpu_was_abandoned() { return gpu::Module::abandoned(); }

std::string describe_gpus() {
  try {
    const gpu::Module& module = gpu::Module::load();
    std::string text;
    for (int device = 0; device < module.count(); ++device) {
      text += (text.empty() ? "" : "\n") + module.open(device)->describe();
    }
    return text;
  } catch (const DeviceError& error) {
    return error.what();
  }
}

}  // namespace collapscope
