// Page protection as a witness: which device memory some work reads and writes, and whether the host keeps
// off pinned memory that copies are about to read or write.
#pragma once

#include <functional>
#include <vector>

#include "races.hpp"

namespace fake_cuda {

// Does the work; returns the pages of device memory that it touched.
std::vector<Touch> watch(const std::function<void()>& work);

// From here on the host may not read what the device writes, nor write what it reads, until it has waited for
// the item. Whole pages only.
void close_host_memory(const Item& item);
// To what the host has waited for.
void reopen_host_memory();
// To everything: the device is lost, or done.
void reopen_all_host_memory();

// Pinned memory is accessible to the device while this lives.
class HostMemoryOpen {
 public:
  explicit HostMemoryOpen(const std::vector<Touch>& touches);
  ~HostMemoryOpen();
  HostMemoryOpen(const HostMemoryOpen&) = delete;
  HostMemoryOpen& operator=(const HostMemoryOpen&) = delete;

 private:
  const std::vector<Touch>& touches_;
};

// Called for a fault in fake memory. True: the access was noted, and may go on.
bool note_fault(std::byte* address, bool writes);

}  // namespace fake_cuda
