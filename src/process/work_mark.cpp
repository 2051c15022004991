#include "process/work_mark.hpp"

#include <algorithm>
#include <cstddef>

namespace collapscope::process {

namespace {

WorkMark* current = nullptr;

void copy(std::string_view text, std::array<char, 1024>& to) {
  const std::size_t size = std::min(text.size(), to.size() - 1);
  std::copy_n(text.begin(), size, to.begin());
  to.at(size) = '\0';
}

}  // namespace

void use_mark(WorkMark* mark) { current = mark; }

void at_work(std::string_view file, std::string_view object, std::uint64_t allowance) {
  if (current == nullptr) {
    return;
  }
  copy(file, current->file);
  copy(object, current->object);
  current->allowance.store(allowance, std::memory_order_relaxed);
  current->steps.fetch_add(1, std::memory_order_release);
}

}  // namespace collapscope::process
