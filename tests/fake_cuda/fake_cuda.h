/* Control of the fake from inside the process. The functions are in the fake's libcudart.so.13; find them
   with dlsym, so that a test also links and runs (and skips) with the real library. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* As at the start of a process: forgets all memory, streams, events, handles, errors and counts, and reads
   the FAKE_CUDA_* variables again. Nothing of before may be used any more. */
void fake_cuda_reset(void);

/* Calls that can fail, so far, of all three libraries. */
long fake_cuda_calls(void);
/* Items of stream work done so far. */
long fake_cuda_work_items(void);
/* So many so far of a count that README.md lists, or of calls of this name. */
long fake_cuda_count(const char* name);
/* With FAKE_CUDA_SITES=1: what the n-th call or item of work was, " @ " and a number for all return addresses
   of the call, or of the one that enqueued it. Null: there was none. Valid until the next call. */
const char* fake_cuda_call_site(long n);
const char* fake_cuda_item_site(long n);
/* The first call or item that failed on purpose, by name; null: none has. */
const char* fake_cuda_injected(void);
/* Host threads that have made such calls. */
long fake_cuda_threads(void);
/* Contract violations so far; each was reported on standard error. */
long fake_cuda_violations(void);
/* How many allocations, streams, events and handles are open now; names them on standard error. */
long fake_cuda_leaks(void);

#ifdef __cplusplus
}
#endif
