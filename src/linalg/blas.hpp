// The few BLAS operations the project needs, on row-major views. The BLAS itself uses the calling thread
// only. Our threads share out large operations in blocks that the sizes alone fix: the bits are the same for
// any number of threads.
#pragma once

#include <cstddef>
#include <functional>
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

// c = a b^T in float32, on the calling thread.
void product_of_rows(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c);

// a b^T and the like, as a new matrix.
[[nodiscard]] Matrix product(const Matrix& a, Transpose transpose_a, const Matrix& b, Transpose transpose_b);

// Whether every leading minor of a symmetric a, of which only the upper triangle is read, is positive. a is
// used up.
[[nodiscard]] bool is_positive_definite(MatrixView<double> a);

// Threads that share out large operations.
void set_threads(std::size_t threads);
// As set; 1 beside a SingleThread.
[[nodiscard]] std::size_t threads();
// Calls work(0) ... work(blocks - 1), begun in this order, on threads(). When some throw, the first one's
// exception comes out.
void share(std::size_t blocks, const std::function<void(std::size_t)>& work);

// How many of so many threads we can have: fewer where the system gives no more threads or
// address space. OpenBLAS would wait for ever for either. Throws Error where it does not suffice for one.
// Where the address space is limited, the BLAS takes its part at once.
[[nodiscard]] std::size_t affordable_threads(std::size_t wanted);

// See collapscope::own_the_blas.
void rest_threads_after_use();

// c += x^T x as add_gram_upper does it, by one call of a BLAS that shares it out itself: the rate that others
// get. For the thread of the program that runs everything.
void add_gram_upper_by_blas(MatrixView<const double> x, MatrixView<double> c);

// While one exists, callers are alone: large operations use the calling thread only, so that several threads
// can work side by side. Any thread may make and destroy one.
class SingleThread {
 public:
  SingleThread();
  ~SingleThread();
  SingleThread(const SingleThread&) = delete;
  SingleThread& operator=(const SingleThread&) = delete;
};

}  // namespace collapscope::linalg
