// collapscope devices, collapscope metrics and --version.
#include <fmt/format.h>

#include "collapscope/backend/backend.hpp"
#include "collapscope/core/version.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "collapscope/linalg/blas_kernels.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "outputs.hpp"

namespace collapscope::tools {

namespace {

int run_devices() {
  const auto cpu = make_cpu_backend(0);
  print(fmt::format("{}, {} thread{}\n", cpu->describe(), cpu->threads(), cpu->threads() == 1 ? "" : "s"));
  print(fmt::format("gpu: {}\n", describe_gpus()));
  return done;
}

int run_metrics() {
  for (const MetricInfo& info : metric_catalogue()) {
    const char* scope = info.scope == MetricScope::targets ? "targets"
                        : info.scope == MetricScope::run   ? "run"
                        : info.scope == MetricScope::depth ? "depth"
                                                           : "layer";
    print(fmt::format("{:<36} {:<8} {}\n", info.name, scope, info.summary));
  }
  return done;
}

}  // namespace

std::string version_text() {
  const BuildInfo build = build_info();
  return fmt::format("collapscope {} ({})\nBLAS: {}\nHDF5: {}\nCUDA: {}\nMPI: {}", build.version,
                     build.commit, blas_kernels().describe(), build.hdf5, build.cuda, build.mpi);
}

Command devices_command() {
  Command command("devices", "list what can compute here");
  command.by_many = true;
  command.action = run_devices;
  return command;
}

Command metrics_command() {
  Command command("metrics", "list all metrics");
  command.by_many = true;
  command.action = run_metrics;
  return command;
}

}  // namespace collapscope::tools
