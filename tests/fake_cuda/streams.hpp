// Streams are queues of work; the schedule of FAKE_CUDA_SCHEDULE says when the device does it. All in the
// calling thread: whoever waits does the work.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "races.hpp"

namespace fake_cuda {

struct Stream;

struct Item {
  std::string what;
  std::string site;            // that enqueued it, with FAKE_CUDA_SITES
  std::function<void()> work;  // may be empty
  std::vector<std::shared_ptr<Item>> after;
  Stream* stream = nullptr;
  std::size_t stream_index = 0;
  Clock clock;                 // with FAKE_CUDA_RACES
  std::vector<Touch> touches;  // known beforehand
  bool watched = true;         // there may be more
  bool done = false;
  double seconds = 0;  // when it was done
};
using ItemPtr = std::shared_ptr<Item>;

// Null for the legacy default stream of the current device. Null result: not a stream, and reported.
Stream* find_stream(cudaStream_t handle, const char* call);
int device_of(const Stream& stream);

ItemPtr enqueue(Stream& stream, std::string what, std::function<void()> work,
                std::vector<ItemPtr> after = {});
// Work of which it is known what it touches, on the host at least; `all`: on the device too.
ItemPtr enqueue_transfer(Stream& stream, std::string what, std::function<void()> work,
                         std::vector<Touch> touches, bool all);

// Does what must be done until the item is; the sticky error if there is one.
cudaError_t await(const ItemPtr& item);
cudaError_t await_stream(Stream& stream);
cudaError_t await_device(int device);
// Whether it is done; if not, the device goes on meanwhile, unless it hangs.
bool poll(const ItemPtr& item);
// Whether the device has come to the item or call of FAKE_CUDA_HANG_AT: it and what follows are never done.
bool hangs();
// Never returns when it does, as calls that wait for the device.
void block_if_it_hangs();
// The last item of the stream, or null.
ItemPtr last_item(const Stream& stream);

cudaStream_t open_stream(bool blocking);
cudaError_t close_stream(cudaStream_t handle);
// Which stream it is, for messages.
std::string name_of(const Stream& stream);

std::vector<std::string> open_streams();
void forget_streams();

}  // namespace fake_cuda
