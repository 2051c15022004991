// Finding and loading the MPI module.
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/core/version.hpp"
#include "ranks/launcher.hpp"
#include "ranks/mpi_interface.hpp"

namespace collapscope {

namespace {

using ranks::Launch;
using ranks::MpiInterface;

[[noreturn]] void refuse(const Launch& launch, const std::string& problem) {
  throw UsageError(fmt::format("{} started {} processes, but {}", launch.launcher, launch.size, problem));
}

// COLLAPSCOPE_MPI_MODULE, or lib/collapscope beside the program's bin, as in the build and the installation.
std::filesystem::path mpi_module_path(const Launch& launch) {
  if (const char* chosen = std::getenv("COLLAPSCOPE_MPI_MODULE")) {
    return chosen;
  }
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::string places;
  for (const char* folder : {"lib", "lib/x86_64-linux-gnu", "lib64"}) {
    auto path = program.parent_path().parent_path() / folder / "collapscope" / "libcollapscope_mpi.so";
    if (std::filesystem::exists(path, error)) {
      return path;
    }
    places += (places.empty() ? "" : ", ") + printable(path.string());
  }
  if (!build_info().mpi.starts_with("standard")) {
    refuse(launch,
           "this program was built without MPI, so that each would do all of the work; build it where an MPI "
           "is installed, or share the work out with 'analyze --part I/N' and 'merge'");
  }
  refuse(launch,
         fmt::format("the MPI module of this program was not found; looked for {}. Copy it along with "
                     "the program, or name it in COLLAPSCOPE_MPI_MODULE",
                     places));
}

template <class Function>
Function find_in(void* module, const char* name, const Launch& launch) {
  const auto function = reinterpret_cast<Function>(::dlsym(module, name));
  if (function == nullptr) {
    refuse(launch, fmt::format("the MPI module has no {}: it belongs to another version", name));
  }
  return function;
}

std::string cure(const Launch& launch) {
  return launch.launcher == "srun"
             ? "start it with 'srun --mpi=pmix' (srun --mpi=list shows what there is) or with mpirun"
             : "start it with the mpirun of the MPI that it was built with";
}

}  // namespace

std::unique_ptr<Ranks> join_ranks() {
  const auto launch = ranks::launch_of([](const char* name) { return std::getenv(name); });
  if (!launch || launch->size < 2) {
    return nullptr;
  }
  const std::filesystem::path path = mpi_module_path(*launch);
  if (!launch->has_pmi) {
    refuse(*launch, "it gave them no PMI, by which MPI finds the others; " + cure(*launch));
  }
  // MPI loads parts of itself later, which look for its symbols among the global ones.
  void* const module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (module == nullptr) {
    refuse(*launch, fmt::format("the MPI module cannot be loaded: {}", printable(::dlerror())));
  }
  const char* const version = find_in<MpiInterface::Version>(module, MpiInterface::version_name, *launch)();
  if (version != build_info().version) {
    refuse(*launch, fmt::format("the MPI module {} is of version {}, the program of {}",
                                printable(path.string()), printable(version), build_info().version));
  }
  std::unique_ptr<Ranks> joined(find_in<MpiInterface::Join>(module, MpiInterface::join_name, *launch)());
  if (joined->size() != launch->size) {
    refuse(*launch, fmt::format("MPI puts this one into a job of {}: they do not find each other; {}",
                                joined->size(), cure(*launch)));
  }
  return joined;
}

}  // namespace collapscope
