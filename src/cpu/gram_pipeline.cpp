#include "cpu/gram_pipeline.hpp"

#include <algorithm>
#include <limits>

namespace collapscope::cpu {

PackedBlocks GramPipeline::room_for(const VectorKernels& kernels, std::size_t blocks, std::size_t columns,
                                    std::size_t float_columns) {
  const std::size_t rows = blocks * block_rows;
  return {PackedRows(kernels, rows, columns),
          PackedFloats(kernels, float_columns == 0 ? 0 : rows, float_columns)};
}

GramPipeline::GramPipeline(const VectorKernels& kernels, std::size_t tile_blocks, std::size_t columns,
                           std::size_t float_columns, const Team& team)
    : team_(team),
      at_once_(blocks_at_once(kernels, tile_blocks, columns, team.threads())),
      packed_{room_for(kernels, at_once_, columns, float_columns),
              room_for(kernels, at_once_, columns, float_columns)} {}

void GramPipeline::run(std::size_t rows, const std::vector<Work>& works) {
  const std::size_t tasks = arrange(rows, works);
  // Tasks begin in the order of their numbers and wait only for earlier ones, so there is always one at work
  // that others wait for.
  team_.run(tasks, [&](std::size_t task, std::size_t slot) {
    try {
      do_task(task, slot, works);
    } catch (...) {
      fail();
      throw;
    }
  });
}

// pack 0 | pack 1 | multiply 0 | pack 2 | multiply 1 | ... | multiply last. Returns the number of tasks.
std::size_t GramPipeline::arrange(std::size_t rows, const std::vector<Work>& works) {
  const std::size_t blocks = (rows + block_rows - 1) / block_rows;
  steps_.clear();
  for (std::size_t first = 0; first < blocks; first += at_once_) {
    const std::size_t last = std::min(first + at_once_, blocks);
    for (std::size_t work = 0; work < works.size(); ++work) {
      steps_.push_back({work, first / at_once_, first, std::min(last * block_rows, rows) - first * block_rows,
                        last - first});
    }
  }
  if (counters_.size() < steps_.size()) {
    counters_ = std::vector<Counters>(steps_.size());
  }
  for (Counters& counters : counters_) {
    counters.packed = 0;
    counters.multiplied = 0;
  }
  std::size_t most_parts = 0;
  for (const Work& work : works) {
    most_parts = std::max(most_parts, work.parts);
  }
  if (groups_.size() < works.size() * most_parts) {
    groups_ = std::vector<Counter>(works.size() * most_parts);
  }
  std::fill(groups_.begin(), groups_.end(), 0);
  failed_ = false;

  spans_.clear();
  std::size_t tasks = 0;
  for (std::size_t step = 0; step <= steps_.size(); ++step) {
    if (step < steps_.size()) {
      spans_.push_back({tasks, step, true});
      tasks += steps_[step].blocks;
    }
    if (step > 0) {
      spans_.push_back({tasks, step - 1, false});
      tasks += works[steps_[step - 1].work].parts;
    }
  }
  return tasks;
}

void GramPipeline::do_task(std::size_t task, std::size_t slot, const std::vector<Work>& works) {
  const auto after =
      std::upper_bound(spans_.begin(), spans_.end(), task,
                       [](std::size_t number, const Span& span) { return number < span.first; });
  const Span& span = *(after - 1);
  const Step& step = steps_[span.step];
  if (span.packs) {
    // The buffer's last rows must have been multiplied.
    if (span.step < 2 ||
        wait_for(counters_[span.step - 2].multiplied, works[steps_[span.step - 2].work].parts)) {
      works[step.work].pack(step.first + task - span.first, slot, packed_[span.step % 2], task - span.first);
      count_up(counters_[span.step].packed);
    }
    return;
  }
  const std::size_t part = task - span.first;
  Counter& groups = groups_[step.work * (groups_.size() / works.size()) + part];
  if (wait_for(counters_[span.step].packed, step.blocks) && wait_for(groups, step.group)) {
    works[step.work].multiply(part, packed_[span.step % 2], step.rows);
    count_up(groups);
    count_up(counters_[span.step].multiplied);
  }
}

void GramPipeline::count_up(Counter& counter) {
  ++counter;
  counter.notify_all();
}

// False when some task has failed.
bool GramPipeline::wait_for(const Counter& counter, std::size_t least) const {
  const auto wanted = static_cast<int>(least);
  if (!spin_briefly([&] { return counter >= wanted; })) {
    for (int seen = counter; seen < wanted; seen = counter) {
      counter.wait(seen);
    }
  }
  return !failed_;
}

// Nobody waits any more.
void GramPipeline::fail() {
  constexpr int more_than_any = std::numeric_limits<int>::max() / 2;
  failed_ = true;
  for (Counters& counters : counters_) {
    for (Counter* counter : {&counters.packed, &counters.multiplied}) {
      *counter = more_than_any;
      counter->notify_all();
    }
  }
  for (Counter& counter : groups_) {
    counter = more_than_any;
    counter.notify_all();
  }
}

}  // namespace collapscope::cpu
