// The few BLAS operations the project needs, on row-major views.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "collapscope/core/matrix.hpp"

namespace collapscope::linalg {

enum class Transpose : bool { no, yes };

// c = alpha op(a) op(b) + beta c
void gemm(double alpha, MatrixView<const double> a, Transpose transpose_a, MatrixView<const double> b,
          Transpose transpose_b, double beta, MatrixView<double> c);

// y = alpha a x + beta y of a symmetric a, of which only the upper triangle is read.
void symv(double alpha, MatrixView<const double> a, std::span<const double> x, double beta,
          std::span<double> y);

// c += x^T x on and above the diagonal; x [rows, d], c [d, d].
void add_gram_upper(MatrixView<const double> x, MatrixView<double> c);

// Copies what is above the diagonal below it.
void mirror_upper(MatrixView<double> c);

// a b^T and the like, as a new matrix.
[[nodiscard]] Matrix product(const Matrix& a, Transpose transpose_a, const Matrix& b, Transpose transpose_b);

// Threads that the BLAS uses within AllThreads. Elsewhere it uses the calling thread alone, so that several
// threads can call it side by side, and so that its threads, which stay awake for long, take no time from
// ours.
void set_threads(std::size_t threads);
[[nodiscard]] std::size_t threads();

// How many of so many threads the BLAS and we can have: fewer where the system gives no more threads or
// address space. OpenBLAS would wait for ever for either. Throws Error where it does not suffice for one.
// Where the address space is limited, the BLAS takes its part at once.
[[nodiscard]] std::size_t affordable_threads(std::size_t wanted);

// See collapscope::own_the_blas.
void rest_threads_after_use();

// While one exists, BLAS and LAPACK share out their work, when that is `worthwhile`. For the thread of the
// program that runs everything; it has no effect beside a SingleThread.
class AllThreads {
 public:
  explicit AllThreads(bool worthwhile = true);
  ~AllThreads();
  AllThreads(const AllThreads&) = delete;
  AllThreads& operator=(const AllThreads&) = delete;

 private:
  bool raised_;
};

// While one exists, several threads may call the BLAS: large products, too, use the calling thread only. Any
// thread may make and destroy one, as long as no AllThreads begins or ends meanwhile.
class SingleThread {
 public:
  SingleThread();
  ~SingleThread();
  SingleThread(const SingleThread&) = delete;
  SingleThread& operator=(const SingleThread&) = delete;
};

}  // namespace collapscope::linalg
