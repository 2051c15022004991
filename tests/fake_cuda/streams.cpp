#include "streams.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>

#include "faults.hpp"
#include "ledger.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "runtime.hpp"
#include "sites.hpp"
#include "watch.hpp"

namespace fake_cuda {

struct Stream {
  int device = 0;
  long number = 0;        // in order of creation; 0: legacy default stream
  std::size_t index = 0;  // likewise, default streams too
  bool blocking = false;
  bool open = true;
  std::deque<ItemPtr> queue;
  ItemPtr last;
};

namespace {

struct Book {
  std::vector<std::unique_ptr<Stream>> streams;  // closed ones with work left, too: it goes on
  std::vector<std::unique_ptr<Stream>> over;     // kept, so that no address comes twice
  std::map<int, Stream*> legacy;                 // by device
  std::size_t opened = 0;
  std::uint64_t random = 0;
};

Book& book() {
  static auto& instance = *new Book{{}, {}, {}, 0, options().seed};
  return instance;
}

// splitmix64
std::uint64_t random_number() {
  std::uint64_t x = book().random += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

Stream& legacy_stream(int device) {
  Stream*& stream = book().legacy[device];
  if (stream == nullptr) {
    book().streams.push_back(std::make_unique<Stream>());
    stream = book().streams.back().get();
    stream->device = device;
    stream->index = book().opened++;
  }
  return *stream;
}

// Nobody looks through streams that are over: a process may open and close thousands. With FAKE_CUDA_RACES
// their clocks count still.
void put_aside_if_over(const Stream& stream) {
  if (stream.open || !stream.queue.empty() || options().races) {
    return;
  }
  auto& streams = book().streams;
  const auto found = std::find_if(streams.begin(), streams.end(),
                                  [&](const auto& candidate) { return candidate.get() == &stream; });
  if (found != streams.end()) {
    book().over.push_back(std::move(*found));
    streams.erase(found);
  }
}

bool is_ready(const Item& item) {
  for (const ItemPtr& earlier : item.after) {
    if (!earlier->done) {
      return false;
    }
  }
  return true;
}

std::vector<Stream*> ready_streams() {
  std::vector<Stream*> ready;
  for (const auto& stream : book().streams) {
    if (!stream->queue.empty() && sticky_error(stream->device) == cudaSuccess &&
        is_ready(*stream->queue.front())) {
      ready.push_back(stream.get());
    }
  }
  return ready;
}

// Open for several items in a row; with FAKE_CUDA_RACES every item opens what it touches.
std::unique_ptr<DeviceAtWork> open_memory() {
  return options().races ? nullptr : std::make_unique<DeviceAtWork>();
}

void work_and_check(const Item& item) {
  const HostMemoryOpen open(item.touches);
  if (item.watched) {
    check_touches(item, watch(item.work));
  } else {
    const DeviceAtWork at_work;
    item.work();
  }
  check_touches(item, item.touches);
}

void do_work(const Item& item) {
  doing(item.what.c_str());
  if (options().races) {
    work_and_check(item);
  } else {
    item.work();
  }
  doing(nullptr);
}

void run_front(Stream& stream) {
  const ItemPtr item = stream.queue.front();
  stream.queue.pop_front();
  const Options& o = options();
  Ledger& l = ledger();
  ++l.items;
  if (options().sites) {
    l.item_sites.push_back(item->site);
  }
  trace("  " + name_of(stream) + ": " + item->what);
  const bool takes_all = o.fail_kind == FailKind::sticky;
  if ((takes_all || o.fail_kind == FailKind::lost) && l.items == o.fail_at) {
    l.injected.push_back(item->what);
    raise(chosen_error(cudaErrorIllegalAddress), takes_all ? all_devices : stream.device);
    reopen_all_host_memory();
  } else if (item->work) {
    do_work(*item);
  }
  item->done = true;
  item->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  item->work = nullptr;
  item->after.clear();
  put_aside_if_over(stream);
}

// The stream to advance so that `item` gets done in the end; null: none can.
Stream* towards(const Item* item) {
  for (std::size_t steps = 0; steps <= book().streams.size(); ++steps) {
    Stream& stream = *item->stream;
    if (stream.queue.empty()) {
      return nullptr;
    }
    const Item* front = stream.queue.front().get();
    const Item* blocker = nullptr;
    for (const ItemPtr& earlier : front->after) {
      blocker = earlier->done ? blocker : earlier.get();
    }
    if (blocker == nullptr) {
      return &stream;
    }
    item = blocker;
  }
  return nullptr;
}

// One item of work, such as the schedule likes, before `item` is done.
void step(const ItemPtr& item) {
  block_if_it_hangs();
  const auto open = open_memory();
  Stream* next = towards(item.get());
  if (next == nullptr) {
    violation("deadlock: nothing can be done before %s in %s", item->what.c_str(),
              name_of(*item->stream).c_str());
    std::abort();
  }
  if (options().schedule == Schedule::random || options().schedule == Schedule::reverse) {
    const std::vector<Stream*> ready = ready_streams();
    next = options().schedule == Schedule::reverse ? ready.back() : ready[random_number() % ready.size()];
  }
  run_front(*next);
}

// The host waits for what is not done: whoever asks several times for the same item waits once.
void count_wait(const ItemPtr& item) {
  thread_local ItemPtr last;
  if (last != item) {
    count("host_waits");
    last = item;
  }
}

}  // namespace

int device_of(const Stream& stream) { return stream.device; }

std::string name_of(const Stream& stream) {
  const std::string device = " of device " + std::to_string(stream.device);
  return stream.number == 0 ? "default stream" + device : "stream " + std::to_string(stream.number) + device;
}

Stream* find_stream(cudaStream_t handle, const char* call) {
  if (handle == nullptr || handle == cudaStreamLegacy) {
    return &legacy_stream(current_device());
  }
  for (const auto& stream : book().streams) {
    if (reinterpret_cast<cudaStream_t>(stream.get()) == handle && stream->open) {
      return stream.get();
    }
  }
  violation("%s in something that is no stream, or no longer", call);
  return nullptr;
}

ItemPtr enqueue(Stream& stream, std::string what, std::function<void()> work, std::vector<ItemPtr> after) {
  if (stream.number == 0) {
    for (const auto& other : book().streams) {
      if (other->device == stream.device && other->blocking && other->last != nullptr) {
        after.push_back(other->last);
      }
    }
  } else if (stream.blocking && legacy_stream(stream.device).last != nullptr) {
    after.push_back(legacy_stream(stream.device).last);
  }
  auto item = std::make_shared<Item>();
  item->what = std::move(what);
  item->site = site_of(item->what);
  item->work = std::move(work);
  item->after = std::move(after);
  item->stream = &stream;
  if (options().races) {
    set_clock(*item, stream.last.get(), stream.index);
  }
  stream.queue.push_back(item);
  stream.last = item;
  return item;
}

ItemPtr enqueue_transfer(Stream& stream, std::string what, std::function<void()> work,
                         std::vector<Touch> touches, bool all) {
  const ItemPtr item = enqueue(stream, std::move(what), std::move(work));
  item->touches = std::move(touches);
  item->watched = !all;
  if (options().races) {
    close_host_memory(*item);
  }
  return item;
}

void settle() {
  const Schedule schedule = options().schedule;
  if (schedule == Schedule::lazy || schedule == Schedule::reverse) {
    return;
  }
  std::uint64_t steps = schedule == Schedule::random ? random_number() % 4 : ~std::uint64_t{0};
  std::vector<Stream*> ready = ready_streams();
  if (ready.empty() || steps == 0) {
    return;
  }
  const auto open = open_memory();
  for (; steps > 0 && !ready.empty() && !hangs(); --steps) {
    run_front(*ready[schedule == Schedule::random ? random_number() % ready.size() : 0]);
    ready = ready_streams();
  }
}

cudaError_t await(const ItemPtr& item) {
  const auto open = item == nullptr || item->done ? nullptr : open_memory();
  const int device = item == nullptr ? current_device() : item->stream->device;
  if (item != nullptr && !item->done) {
    count_wait(item);
  }
  while (item != nullptr && !item->done && sticky_error(device) == cudaSuccess) {
    step(item);
  }
  if (item != nullptr && options().races) {
    host_waited_for(*item);
  }
  return sticky_error(device);
}

cudaError_t await_stream(Stream& stream) { return await(stream.last); }

cudaError_t await_device(int device) {
  std::vector<Stream*> streams;
  for (const auto& stream : book().streams) {
    if (stream->device == device && (!stream->queue.empty() || options().races)) {
      streams.push_back(stream.get());
    }
  }
  for (Stream* stream : streams) {
    static_cast<void>(await_stream(*stream));
  }
  return sticky_error(device);
}

bool poll(const ItemPtr& item) {
  if (item == nullptr || item->done) {
    return await(item) == cudaSuccess;
  }
  count_wait(item);
  const auto open = open_memory();
  std::uint64_t steps = options().schedule == Schedule::random ? 1 + random_number() % 16 : ~std::uint64_t{0};
  for (; steps > 0 && !item->done && sticky_error(item->stream->device) == cudaSuccess && !hangs(); --steps) {
    step(item);
  }
  return false;
}

bool hangs() {
  const Options& o = options();
  const long reached = o.hang_kind == HangKind::calls ? ledger().calls : ledger().items + 1;
  return o.hang_at > 0 && reached >= o.hang_at;
}

void block_if_it_hangs() {
  if (hangs()) {
    trace("  hangs");
    while (true) {
      ::pause();
    }
  }
}

ItemPtr last_item(const Stream& stream) { return stream.last; }

cudaStream_t open_stream(bool blocking) {
  auto stream = std::make_unique<Stream>();
  stream->device = current_device();
  stream->index = book().opened++;
  stream->number = static_cast<long>(stream->index) + 1;
  stream->blocking = blocking;
  book().streams.push_back(std::move(stream));
  return reinterpret_cast<cudaStream_t>(book().streams.back().get());
}

cudaError_t close_stream(cudaStream_t handle) {
  Stream* stream = find_stream(handle, "cudaStreamDestroy");
  if (stream == nullptr || stream->number == 0) {
    return cudaErrorInvalidResourceHandle;
  }
  expect_current("cudaStreamDestroy", "stream", stream->device);
  stream->open = false;
  put_aside_if_over(*stream);
  return cudaSuccess;
}

std::vector<std::string> open_streams() {
  std::vector<std::string> lines;
  for (const auto& stream : book().streams) {
    if (stream->open && stream->number != 0) {
      lines.push_back(name_of(*stream));
    }
  }
  return lines;
}

void forget_streams() { book() = Book{{}, {}, {}, 0, options().seed}; }

}  // namespace fake_cuda
