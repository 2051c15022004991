// The inner loops of the CPU's folds, compiled once per instruction set and chosen when the program runs.
//
// Rows of doubles lie in "rooms": row-major, 64-byte aligned, every row padded with zeros to a multiple of 8
// numbers. Packed rows lie in panels of `panel` columns: number (row r, column j) of a block of block_rows
// rows at ((j / panel) * panel_rows + r) * panel + j % panel. Rows that are packed as floats have panels of
// float_panel columns.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace collapscope::cpu {

// Rows that are centred about one mean and packed together.
inline constexpr std::size_t block_rows = 128;
// Rows that a panel has room for: whole cache lines more, so that panels do not begin in the same set.
inline constexpr std::size_t panel_rows = block_rows + 2;

// The number types that rows are read from directly.
enum class Stored : unsigned char { float16, bfloat16, float32, float64 };

// Converts rows and subtracts a shift: to = h - shift; into a room, or packed, then also as floats.
struct CentreTask {
  const std::byte* from;  // first row; of any alignment
  std::size_t row_bytes;
  std::size_t rows;
  std::size_t columns;
  const double* shift;  // [columns], padded with zeros
  double* to;
  std::size_t stride;       // numbers from row to row of `to`: a room's, or the panel
  std::size_t panel_size;   // from panel to panel; 0: a row's columns follow one another
  double* sums;             // [columns], padded: the sums of the columns of `to` are added
  double* squares;          // [rows]: |h|^2; not finite when a number of h is not, or the squares overflow
  double* centred_squares;  // [rows]: |h - shift|^2
  float* floats = nullptr;  // [columns / float_panel][panel_rows][float_panel]: scale (h - shift); null: none
  double scale = 1;
  double* column_squares = nullptr;  // [columns], padded: with floats, the columns' squares are added
};

// Packs rows, each over its divisor, as one block.
struct PackTask {
  const double* from;  // [rows, columns], a room
  std::size_t stride;
  std::size_t rows;        // at most block_rows
  std::size_t columns;     // a multiple of the panel
  const double* divisors;  // [rows]
  double* to;              // [columns / panel][panel_rows][panel]
};

// c += x^T x of one packed block, for the panels on and above the diagonal among rows [first_row, last_row)
// and columns [first_column, last_column), all counted in panels.
struct GramTask {
  const double* block;
  std::size_t rows;
  std::size_t first_row, last_row;
  std::size_t first_column, last_column;
  double* c;           // the whole matrix, row-major
  std::size_t stride;  // of c
};

// Packs rows, each over its divisor, as one block of floats.
struct NarrowTask {
  const double* from;  // [rows, columns], a room
  std::size_t stride;
  std::size_t rows;        // at most block_rows
  std::size_t columns;     // a multiple of float_panel
  const double* divisors;  // [rows]
  float* to;               // [columns / float_panel][panel_rows][float_panel]
  double* squares;         // [columns]: the sums of squares of what was to be rounded
};

// As GramTask of floats, summed as floats over the block: c += unscale x^T x, every sum rounded to float once
// per row and added as double.
struct FloatGramTask {
  const float* block;
  std::size_t rows;
  std::size_t first_row, last_row;
  std::size_t first_column, last_column;
  double unscale;
  double* c;
  std::size_t stride;
};

// to[i, q] = <row i, map q>
struct ProjectTask {
  const double* from;  // [rows, columns], a room
  std::size_t stride;
  std::size_t rows;
  std::size_t columns;
  const double* maps;  // [count, columns], a room
  std::size_t map_stride;
  std::size_t count;
  double* to;  // [rows, count]
  std::size_t to_stride;
};

// With z = row i - sum over q of coordinates[i, q] basis_q: centred[i] = |z|^2, plain[i] = |z + offset|^2.
struct OutsideTask {
  const double* from;  // [rows, columns], a room
  std::size_t stride;
  std::size_t rows;
  std::size_t columns;
  const double* coordinates;  // [rows, count]
  std::size_t coordinate_stride;
  const double* basis;  // [count, columns], a room
  std::size_t basis_stride;
  std::size_t count;
  const double* offset;  // [columns], padded
  double* centred;       // [rows]
  double* plain;         // [rows]
};

// squares[i] = sum over q of <row i, map q>^2. `panel` maps lie side by side, column after column; zeros fill
// the last panel.
struct WhitenTask {
  const double* from;  // [rows up to a multiple of panel, columns], a room
  std::size_t stride;
  std::size_t rows;
  std::size_t columns;
  const double* maps;  // [panels, columns, panel]
  std::size_t panels;
  double* to;  // the products, for the caller to forget: [as many rows, panels * panel]
  double* squares;
};

// to = row i times its factor, less the shift, less vector i; squares[i] = |to row i|^2.
struct RestTask {
  const double* from;  // [rows, columns], a room
  std::size_t stride;
  std::size_t rows;
  std::size_t columns;
  const double* factors;      // [rows]; null: 1
  const double* shift;        // [columns], padded
  const double* const* less;  // [rows], each of [columns]
  double* to;                 // a room; null: only the squares are wanted
  std::size_t to_stride;
  double* squares;  // [rows]
};

// to += from, less a vector where there is one.
struct AddTask {
  const double* from;
  const double* less;  // null: 0
  double* to;
  std::size_t columns;
};

enum class Level : unsigned char { baseline, avx2, avx512 };

struct VectorKernels {
  const char* name;   // "AVX2"
  std::size_t panel;  // columns; 0: rows are packed one after another, and the product is the BLAS's
  std::array<void (*)(const CentreTask&), 4> centre;  // by Stored
  void (*pack)(const PackTask&);
  void (*gram)(const GramTask&);  // null when panel is 0
  std::size_t float_panel;        // columns
  void (*narrow)(const NarrowTask&);
  void (*float_gram)(const FloatGramTask&);
  void (*project)(const ProjectTask&);
  void (*outside)(const OutsideTask&);
  void (*rest)(const RestTask&);
  void (*whiten)(const WhitenTask&);  // null when panel is 0
  void (*add)(const AddTask&);
};

// The kernels of one level, or null when they were not compiled in or this CPU cannot run them.
[[nodiscard]] const VectorKernels* kernels_of(Level level);
// The widest that this CPU can run.
[[nodiscard]] const VectorKernels& best_kernels();

// Defined per instruction set; null where the compiler has it not.
extern const VectorKernels baseline_kernels;
extern const VectorKernels* const avx2_kernels;
extern const VectorKernels* const avx512_kernels;

}  // namespace collapscope::cpu
