// OpenBLAS as the fake's device uses it: always one thread, so that results do not depend on what the
// program asked OpenBLAS for.
#pragma once

#include <cblas.h>

namespace fake_cuda {

class OneBlasThread {
 public:
  OneBlasThread() : threads_(openblas_get_num_threads()) { set(1); }
  ~OneBlasThread() { set(threads_); }
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  void set(int threads) const {
    if (threads_ != 1) {
      openblas_set_num_threads(threads);
    }
  }
  int threads_;
};

}  // namespace fake_cuda
