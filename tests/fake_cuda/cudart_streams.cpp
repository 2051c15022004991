// Entry points of libcudart: streams and events.
#include <cuda_runtime_api.h>

#include <utility>

#include "events.hpp"
#include "ledger.hpp"
#include "runtime.hpp"
#include "streams.hpp"

using namespace fake_cuda;

namespace {

cudaError_t open(cudaStream_t* stream, unsigned flags, const char* call) {
  return api(call, cudaErrorMemoryAllocation, [&] {
    *stream = open_stream(flags != cudaStreamNonBlocking);
    return cudaSuccess;
  });
}

cudaError_t open(cudaEvent_t* event, unsigned flags, const char* call) {
  return api(call, cudaErrorMemoryAllocation, [&] {
    *event = open_event((flags & cudaEventDisableTiming) == 0);
    return cudaSuccess;
  });
}

cudaError_t record(cudaEvent_t handle, cudaStream_t stream_handle) {
  Event* event = find_event(handle, "cudaEventRecord");
  Stream* stream = find_stream(stream_handle, "cudaEventRecord");
  if (event == nullptr || stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (event->device != device_of(*stream)) {
    violation("cudaEventRecord of an event of device %d in %s", event->device, name_of(*stream).c_str());
    return cudaErrorInvalidResourceHandle;
  }
  event->record = enqueue(*stream, "cudaEventRecord", {});
  return cudaSuccess;
}

// An event that was never recorded holds nobody up.
cudaError_t wait(cudaStream_t stream_handle, cudaEvent_t handle) {
  const Event* event = find_event(handle, "cudaStreamWaitEvent");
  Stream* stream = find_stream(stream_handle, "cudaStreamWaitEvent");
  if (event == nullptr || stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (event->record != nullptr) {
    enqueue(*stream, "cudaStreamWaitEvent", {}, {event->record});
  }
  return cudaSuccess;
}

cudaError_t elapsed(float* milliseconds, cudaEvent_t start_handle, cudaEvent_t end_handle) {
  const Event* start = find_event(start_handle, "cudaEventElapsedTime");
  const Event* end = find_event(end_handle, "cudaEventElapsedTime");
  if (start == nullptr || end == nullptr || !start->timing || !end->timing || start->device != end->device ||
      start->record == nullptr || end->record == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (!start->record->done || !end->record->done) {
    return cudaErrorNotReady;
  }
  *milliseconds = static_cast<float>((end->record->seconds - start->record->seconds) * 1e3);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return open(stream, cudaStreamDefault, "cudaStreamCreate");
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return open(stream, flags, "cudaStreamCreateWithFlags");
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int /*priority*/) {
  return open(stream, flags, "cudaStreamCreateWithPriority");
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return api("cudaDeviceGetStreamPriorityRange", cudaErrorUnknown, [&] {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
  });
}

// Work under way goes on.
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return release_api("cudaStreamDestroy", [&] { return close_stream(stream); });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return api("cudaStreamSynchronize", cudaErrorUnknown, [&] {
    Stream* stream = find_stream(handle, "cudaStreamSynchronize");
    return stream == nullptr ? cudaErrorInvalidResourceHandle : await_stream(*stream);
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return api("cudaStreamQuery", cudaErrorUnknown, [&] {
    Stream* stream = find_stream(handle, "cudaStreamQuery");
    if (stream == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    return poll(last_item(*stream)) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned /*flags*/) {
  return api("cudaStreamWaitEvent", cudaErrorUnknown, [&] { return wait(stream, event); });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return open(event, cudaEventDefault, "cudaEventCreate"); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return open(event, flags, "cudaEventCreateWithFlags");
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return release_api("cudaEventDestroy",
                     [&] { return close_event(event) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return api("cudaEventRecord", cudaErrorUnknown, [&] { return record(event, stream); });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return api("cudaEventSynchronize", cudaErrorUnknown, [&] {
    const Event* event = find_event(handle, "cudaEventSynchronize");
    return event == nullptr ? cudaErrorInvalidResourceHandle : await(event->record);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return api("cudaEventQuery", cudaErrorUnknown, [&] {
    const Event* event = find_event(handle, "cudaEventQuery");
    if (event == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    return poll(event->record) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return api("cudaEventElapsedTime", cudaErrorUnknown, [&] { return elapsed(milliseconds, start, end); });
}
