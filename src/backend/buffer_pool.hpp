// Buffers that are used again: fresh memory costs page faults, and pinned memory costs far more.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "collapscope/backend/backend.hpp"

namespace collapscope {

// For one thread. Buffers may outlive the pool.
class BufferPool {
 public:
  using Maker = std::function<std::unique_ptr<HostBuffer>(std::size_t)>;

  explicit BufferPool(Maker make);

  // A buffer given back before, where one fits well; otherwise a new one, and the others go. What the buffer
  // holds is not initialized.
  [[nodiscard]] std::unique_ptr<HostBuffer> make(std::size_t size);

 private:
  struct Shelf;
  class Lent;

  Maker make_;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace collapscope
