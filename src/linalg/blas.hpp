// The few BLAS operations the project needs, on row-major views.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "collapscope/matrix.hpp"

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

// Threads the BLAS may use.
void set_threads(std::size_t threads);
[[nodiscard]] std::size_t threads();

// See collapscope::own_the_blas.
void rest_threads_after_use();

// While one exists, the BLAS uses the calling thread only, so that several threads can call it side by side,
// or because more would gain nothing. For one thread of the program to make and destroy.
class SingleThread {
 public:
  // alone false: the BLAS uses all its threads, which rest when the outermost of these is gone.
  explicit SingleThread(bool alone = true);
  ~SingleThread();
  SingleThread(const SingleThread&) = delete;
  SingleThread& operator=(const SingleThread&) = delete;

 private:
  int before_;
};

// While one exists, whoever calls the BLAS or LAPACK does so on the calling thread only, and SingleThreads,
// which may then live on any thread, change nothing. To be made before such threads begin, and destroyed
// after they have ended, by one thread of the program.
class EachThreadAlone {
 public:
  EachThreadAlone();
  ~EachThreadAlone();
  EachThreadAlone(const EachThreadAlone&) = delete;
  EachThreadAlone& operator=(const EachThreadAlone&) = delete;

 private:
  int before_;
};

}  // namespace collapscope::linalg
