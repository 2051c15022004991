// Memory for rows that vector kernels walk over: aligned, padded with zeros.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace collapscope::cpu {

// std::allocator with the alignment of a cache line.
template <class T>
struct CacheAligned {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};

  CacheAligned() = default;
  template <class U>
  explicit CacheAligned(const CacheAligned<U>& /*other*/) {}
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), alignment)); }
  void deallocate(T* memory, std::size_t /*count*/) { ::operator delete(memory, alignment); }
  friend bool operator==(const CacheAligned&, const CacheAligned&) { return true; }
};

using AlignedDoubles = std::vector<double, CacheAligned<double>>;

inline std::size_t round_up(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

// Numbers in a row of `columns` once it is padded for the widest vectors.
inline std::size_t padded(std::size_t columns) { return round_up(columns, 8); }

// Zero-initialized rows. They begin an odd number of cache lines apart, so that a walk down a column of a
// power of two does not stay in one set of the cache.
class Room {
 public:
  Room() = default;
  Room(std::size_t rows, std::size_t columns)
      : columns_(columns), stride_((padded(columns) / 8 | 1U) * 8), values_(rows * stride_, 0.0) {}

  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] double* data() { return values_.data(); }
  [[nodiscard]] const double* data() const { return values_.data(); }
  [[nodiscard]] double* row(std::size_t i) { return values_.data() + i * stride_; }
  [[nodiscard]] const double* row(std::size_t i) const { return values_.data() + i * stride_; }

 private:
  std::size_t columns_ = 0;
  std::size_t stride_ = 0;
  AlignedDoubles values_;
};

}  // namespace collapscope::cpu
