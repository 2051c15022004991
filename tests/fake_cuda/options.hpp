// What the fake pretends to be, from environment variables FAKE_CUDA_*; README.md lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fake_cuda {

enum class Driver { ok, old, none };
enum class Schedule { lazy, eager, random, reverse };
enum class FailKind { once, forever, sticky, lost };
enum class HangKind { work, calls };
enum class Emulation { full, few_bits, none };
enum class EigenLie { none, nan, bitflip, unsorted, nonorthogonal, missed, positive_info, negative_info };

struct Options {
  Driver driver = Driver::ok;
  int devices = 1;
  std::string name = "Fake GPU";
  std::size_t memory = std::size_t{8} << 30;  // of each device
  std::size_t memory_in_use = 0;              // by others
  std::size_t lazy_loading = 0;               // bytes that a library's kernels take, once per handle
  int capability = 90;                        // major * 10 + minor
  int multiprocessors = 4;
  bool registers = true;  // memory that it has not allocated
  bool no_image = false;  // the kernels were built for other architectures

  Schedule schedule = Schedule::lazy;
  std::uint64_t seed = 0;

  long fail_at = 0;  // 0: never
  FailKind fail_kind = FailKind::once;
  int fail_error = 0;  // 0: what fits the call
  long hang_at = 0;    // 0: never
  HangKind hang_kind = HangKind::work;
  Emulation emulation = Emulation::full;
  EigenLie eigen = EigenLie::none;
  long eigen_at = 1;
  bool eigen_forever = true;

  bool protect = true;  // device memory faults when the host touches it
  bool strict = false;
  bool races = false;
  bool sites = false;
  bool stale_errors = false;  // libraries leave errors of the runtime behind
  std::string report;
  std::string trace;
};

const Options& options();
void read_options();

}  // namespace fake_cuda
