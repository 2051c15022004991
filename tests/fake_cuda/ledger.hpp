// What happened: counts, violations of the contract, and what was never given back.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace fake_cuda {

struct Ledger {
  long calls = 0;  // that can fail
  long items = 0;  // of stream work done
  std::vector<std::string> violations;
  std::vector<std::string> injected;  // the calls that were made to fail
  std::map<std::string, long> launches;
  std::map<std::string, std::size_t> copied;  // bytes by direction
  std::map<std::string, long> of_call;
  std::map<std::string, long> counts;   // README.md lists them
  std::vector<std::string> call_sites;  // of all calls and items, with FAKE_CUDA_SITES
  std::vector<std::string> item_sites;
  std::set<std::thread::id> threads;  // of the host, that have called
};

Ledger& ledger();

// One more, or so many more, of the counts.
void count(const std::string& name, std::size_t more = 1);

// A line on standard error, and one more violation.
[[gnu::format(printf, 1, 2)]] void violation(const char* format, ...);

// A line in the file of FAKE_CUDA_TRACE.
void trace(const std::string& line);

// Handles of libraries, by address: what leaks is named by `kind`. False: no such handle.
void open_handle(const void* handle, const char* kind);
bool close_handle(const void* handle, const char* kind);
bool is_handle(const void* handle, const char* kind);

// Lines on what is still open: allocations, streams, events, handles.
std::vector<std::string> leaks();

}  // namespace fake_cuda
