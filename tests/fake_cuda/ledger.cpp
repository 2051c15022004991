#include "ledger.hpp"

#include <unistd.h>

#include <cstdarg>
#include <cstdio>

#include "events.hpp"
#include "fake_cuda.h"
#include "memory.hpp"
#include "options.hpp"
#include "races.hpp"
#include "runtime.hpp"
#include "streams.hpp"
#include "watch.hpp"

namespace fake_cuda {

namespace {

constexpr int strict_status = 97;
constexpr std::size_t most_lines = 100;  // of violations on standard error

std::map<const void*, const char*>& handles() {
  static auto& instance = *new std::map<const void*, const char*>;
  return instance;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
    }
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + '"';
}

std::string list(const std::vector<std::string>& lines) {
  std::string result;
  for (const std::string& line : lines) {
    result += (result.empty() ? "" : ", ") + quoted(line);
  }
  return "[" + result + "]";
}

template <class Number>
std::string object(const std::map<std::string, Number>& counts) {
  std::string result;
  for (const auto& [name, count] : counts) {
    result += (result.empty() ? "" : ", ") + quoted(name) + ": " + std::to_string(count);
  }
  return "{" + result + "}";
}

void write_report(const std::vector<std::string>& leaked) {
  std::FILE* file = std::fopen(options().report.c_str(), "w");
  if (file == nullptr) {
    violation("cannot write %s", options().report.c_str());
    return;
  }
  const Ledger& l = ledger();
  std::fprintf(file,
               "{\"calls\": %ld, \"work_items\": %ld, \"leaks\": %s, \"violations\": %s, \"injected\": %s,\n"
               " \"launches\": %s,\n \"bytes_copied\": %s, \"peak_device_bytes\": %zu,\n \"of_call\": %s,\n"
               " \"counts\": %s}\n",
               l.calls, l.items, list(leaked).c_str(), list(l.violations).c_str(), list(l.injected).c_str(),
               object(l.launches).c_str(), object(l.copied).c_str(), peak_device_bytes(),
               object(l.of_call).c_str(), object(l.counts).c_str());
  static_cast<void>(std::fclose(file));
}

// The n-th, counted from 1; null: there are fewer.
const char* text_of(const std::vector<std::string>& texts, long n) {
  const bool is_there = n > 0 && static_cast<std::size_t>(n) <= texts.size();
  return is_there ? texts[static_cast<std::size_t>(n) - 1].c_str() : nullptr;
}

// Runs after the destructors of everything that uses this library.
[[gnu::destructor]] void at_exit() {
  block_if_it_hangs();
  const std::lock_guard lock(mutex());
  const std::vector<std::string> leaked = leaks();
  for (const std::string& line : leaked) {
    std::fprintf(stderr, "fake CUDA: leaked at exit: %s\n", line.c_str());
  }
  if (!options().report.empty()) {
    write_report(leaked);
  }
  if (options().strict && (!leaked.empty() || !ledger().violations.empty())) {
    static_cast<void>(std::fflush(nullptr));
    ::_exit(strict_status);
  }
}

}  // namespace

// Never destroyed: other libraries call in until the last moment.
Ledger& ledger() {
  static auto& instance = *new Ledger;
  return instance;
}

void count(const std::string& name, std::size_t more) { ledger().counts[name] += static_cast<long>(more); }

void violation(const char* format, ...) {
  char text[512];
  std::va_list arguments;
  va_start(arguments, format);
  static_cast<void>(std::vsnprintf(text, sizeof text, format, arguments));
  va_end(arguments);
  ledger().violations.emplace_back(text);
  if (ledger().violations.size() <= most_lines) {
    std::fprintf(stderr, "fake CUDA: %s\n", text);
  }
}

void trace(const std::string& line) {
  static std::FILE* file = nullptr;
  if (options().trace.empty()) {
    return;
  }
  if (file == nullptr) {
    file = std::fopen(options().trace.c_str(), "w");
  }
  if (file != nullptr) {
    static_cast<void>(std::fputs((line + "\n").c_str(), file));
    static_cast<void>(std::fflush(file));
  }
}

void open_handle(const void* handle, const char* kind) { handles()[handle] = kind; }

bool is_handle(const void* handle, const char* kind) {
  const auto found = handles().find(handle);
  return found != handles().end() && found->second == std::string(kind);
}

bool close_handle(const void* handle, const char* kind) {
  return is_handle(handle, kind) && handles().erase(handle) == 1;
}

std::vector<std::string> leaks() {
  std::vector<std::string> lines = open_allocations();
  for (const std::vector<std::string>& more : {open_streams(), open_events()}) {
    lines.insert(lines.end(), more.begin(), more.end());
  }
  for (const auto& [handle, kind] : handles()) {
    lines.emplace_back(kind);
  }
  return lines;
}

}  // namespace fake_cuda

using namespace fake_cuda;

long fake_cuda_calls() {
  const std::lock_guard lock(mutex());
  return ledger().calls;
}

long fake_cuda_work_items() {
  const std::lock_guard lock(mutex());
  return ledger().items;
}

long fake_cuda_count(const char* name) {
  const std::lock_guard lock(mutex());
  for (const auto* counts : {&ledger().counts, &ledger().of_call}) {
    if (const auto found = counts->find(name); found != counts->end()) {
      return found->second;
    }
  }
  return 0;
}

const char* fake_cuda_call_site(long n) {
  const std::lock_guard lock(mutex());
  return text_of(ledger().call_sites, n);
}

const char* fake_cuda_item_site(long n) {
  const std::lock_guard lock(mutex());
  return text_of(ledger().item_sites, n);
}

const char* fake_cuda_injected() {
  const std::lock_guard lock(mutex());
  return text_of(ledger().injected, 1);
}

long fake_cuda_threads() {
  const std::lock_guard lock(mutex());
  return static_cast<long>(ledger().threads.size());
}

long fake_cuda_violations() {
  const std::lock_guard lock(mutex());
  return static_cast<long>(ledger().violations.size());
}

long fake_cuda_leaks() {
  const std::lock_guard lock(mutex());
  const std::vector<std::string> leaked = leaks();
  for (const std::string& line : leaked) {
    std::fprintf(stderr, "fake CUDA: leaked: %s\n", line.c_str());
  }
  return static_cast<long>(leaked.size());
}

void fake_cuda_reset() {
  const std::lock_guard lock(mutex());
  read_options();
  reopen_all_host_memory();
  forget_races();
  forget_streams();
  forget_events();
  forget_allocations();
  handles().clear();
  forget_errors();
  ledger() = {};
}
