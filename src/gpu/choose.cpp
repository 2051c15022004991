// Which backend a device's name means.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "core/threads.hpp"
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

std::unique_ptr<Backend> open_gpus(const std::string& which, std::size_t threads) {
  const gpu::Module& module = gpu::Module::load();
  const int count = module.count();
  int first = 0;
  int last = count - 1;
  if (which != "all") {
    first = last = which.empty() ? local_rank() % count : *number(which);
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
      [&module, first](std::size_t device) { return module.open(first + static_cast<int>(device)); });
}

ChosenBackend choose_cpu(std::size_t threads) {
  ChosenBackend chosen{make_cpu_backend(threads), {}};
  const std::size_t wanted = threads == 0 ? usable_threads() : threads;
  if (const std::size_t given = chosen.backend->threads(); given < wanted) {
    chosen.note = fmt::format("{} of {} threads are used: the system gives no more (ulimit -u, ulimit -v)",
                              given, wanted);
  }
  return chosen;
}

}  // namespace

ChosenBackend make_backend(const std::string& device, std::size_t threads) {
  if (device == "cpu") {
    return choose_cpu(threads);
  }
  const bool automatic = device == "auto";
  const std::string which = device.starts_with("cuda:") ? device.substr(5) : "";
  const bool known = automatic || device == "cuda" || which == "all" || number(which).has_value();
  if (!known) {
    throw UsageError(
        fmt::format("unknown device '{}': expected auto, cpu, cuda, cuda:N or cuda:all", printable(device)));
  }
  if (automatic && !gpu::has_driver()) {
    return choose_cpu(threads);
  }
  ChosenBackend chosen;
  try {
    chosen.backend = open_gpus(which, threads);
  } catch (const DeviceError& error) {
    chosen.backend = make_cpu_backend(threads);
    chosen.note = fmt::format("no GPU is used: {}", error.what());
  }
  return chosen;
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
