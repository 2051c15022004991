// Names the culprit when an access of fake memory faults; the process then dies of the signal as usual.
#pragma once

namespace fake_cuda {

void watch_faults();

// What the device is doing, for that message. The text must live until the next call.
void doing(const char* work);

}  // namespace fake_cuda
