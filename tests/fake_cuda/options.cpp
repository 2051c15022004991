#include "options.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <utility>

#include "errors.hpp"

namespace fake_cuda {

namespace {

constexpr int bad_option_status = 98;

[[noreturn]] void refuse(const std::string& name, const std::string& value) {
  std::fprintf(stderr, "fake CUDA: FAKE_CUDA_%s=%s is not understood\n", name.c_str(), value.c_str());
  ::_exit(bad_option_status);
}

// Calls use(name, value) if the variable is set and not empty.
template <class Use>
void with(const std::string& name, Use&& use) {
  const char* value = std::getenv(("FAKE_CUDA_" + name).c_str());
  if (value != nullptr && *value != '\0') {
    use(name, std::string(value));
  }
}

void read(const char* variable, std::string& to) {
  with(variable, [&](const std::string&, const std::string& value) { to = value; });
}

std::uint64_t number(const std::string& name, const std::string& value, std::string* suffix = nullptr) {
  char* end = nullptr;
  const std::uint64_t result = std::strtoull(value.c_str(), &end, 10);
  if (end == value.c_str() || (*end != '\0' && suffix == nullptr)) {
    refuse(name, value);
  }
  if (suffix != nullptr) {
    *suffix = end;
  }
  return result;
}

template <class Integer>
void read_number(const char* variable, Integer& to) {
  with(variable, [&](const std::string& name, const std::string& value) {
    to = static_cast<Integer>(number(name, value));
  });
}

void read_bytes(const char* variable, std::size_t& to) {
  with(variable, [&](const std::string& name, const std::string& value) {
    std::string unit;
    to = number(name, value, &unit);
    const std::string units = "KMGT";
    if (!unit.empty()) {
      const std::size_t power = units.find(unit[0]);
      if (power == std::string::npos) {
        refuse(name, value);
      }
      to <<= 10 * (power + 1);
    }
  });
}

template <class Enum>
void read_choice(const char* variable, Enum& to,
                 std::initializer_list<std::pair<const char*, Enum>> choices) {
  with(variable, [&](const std::string& name, const std::string& value) {
    for (const auto& [word, choice] : choices) {
      if (value == word) {
        to = choice;
        return;
      }
    }
    refuse(name, value);
  });
}

void read_switch(const char* variable, bool& to) { read_choice(variable, to, {{"0", false}, {"1", true}}); }

void read_error(const char* variable, int& to) {
  with(variable, [&](const std::string& name, const std::string& value) {
    to = error_code(value);
    if (to == 0) {
      to = static_cast<int>(number(name, value));
    }
  });
}

// "9.0" is 90.
void read_capability(const char* variable, int& to) {
  with(variable, [&](const std::string& name, const std::string& value) {
    std::string minor;
    const std::uint64_t major = number(name, value, &minor);
    if (minor.size() != 2 || minor[0] != '.') {
      refuse(name, value);
    }
    to = static_cast<int>(10 * major + number(name, minor.substr(1)));
  });
}

std::string with_pid(std::string path) {
  if (const std::size_t at = path.find("%p"); at != std::string::npos) {
    path.replace(at, 2, std::to_string(::getpid()));
  }
  return path;
}

// Never destroyed: the report at exit needs it.
Options& current() {
  static auto& instance = *new Options;
  return instance;
}

}  // namespace

const Options& options() {
  static const bool once = (read_options(), true);
  static_cast<void>(once);
  return current();
}

void read_options() {
  Options o;
  read_choice("DRIVER", o.driver, {{"ok", Driver::ok}, {"old", Driver::old}, {"none", Driver::none}});
  read_number("DEVICES", o.devices);
  read("NAME", o.name);
  read_bytes("MEMORY", o.memory);
  read_bytes("MEMORY_IN_USE", o.memory_in_use);
  read_bytes("LAZY_LOADING", o.lazy_loading);
  read_capability("CAPABILITY", o.capability);
  read_number("MULTIPROCESSORS", o.multiprocessors);
  read_switch("REGISTERS", o.registers);
  read_switch("NO_IMAGE", o.no_image);
  read_choice("SCHEDULE", o.schedule,
              {{"lazy", Schedule::lazy},
               {"eager", Schedule::eager},
               {"random", Schedule::random},
               {"reverse", Schedule::reverse}});
  read_number("SEED", o.seed);
  read_number("FAIL_AT", o.fail_at);
  read_choice("FAIL_KIND", o.fail_kind,
              {{"once", FailKind::once},
               {"forever", FailKind::forever},
               {"sticky", FailKind::sticky},
               {"lost", FailKind::lost}});
  read_error("FAIL_ERROR", o.fail_error);
  read_number("HANG_AT", o.hang_at);
  read_choice("HANG_KIND", o.hang_kind, {{"work", HangKind::work}, {"calls", HangKind::calls}});
  read_choice("EMULATION", o.emulation,
              {{"full", Emulation::full}, {"few_bits", Emulation::few_bits}, {"none", Emulation::none}});
  read_choice("EIGEN", o.eigen,
              {{"nan", EigenLie::nan},
               {"bitflip", EigenLie::bitflip},
               {"unsorted", EigenLie::unsorted},
               {"nonorthogonal", EigenLie::nonorthogonal},
               {"missed", EigenLie::missed},
               {"info>0", EigenLie::positive_info},
               {"info<0", EigenLie::negative_info}});
  read_number("EIGEN_AT", o.eigen_at);
  read_choice("EIGEN_KIND", o.eigen_forever, {{"once", false}, {"forever", true}});
  read_switch("PROTECT", o.protect);
  read_switch("STRICT", o.strict);
  read_switch("RACES", o.races);
  read_switch("SITES", o.sites);
  read_switch("STALE_ERRORS", o.stale_errors);
  read("REPORT", o.report);
  read("TRACE", o.trace);
  o.report = with_pid(o.report);
  o.trace = with_pid(o.trace);
  current() = o;
}

}  // namespace fake_cuda
