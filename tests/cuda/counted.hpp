// What an analysis on the fake GPU costs, in counts: of calls, waits, copies and bytes.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "cuda/fake.hpp"
#include "support/planted_dump.hpp"

namespace collapscope::test {

using Counts = std::map<std::string, long>;

// Layers of one shape.
struct CountedLayers {
  std::size_t rows = 0;
  std::size_t features = 0;
  ElementKind element = ElementKind::float32;
  // Of stand-ins for larger ones: rows of a tile, tiles of a segment; 0: the GPU's own.
  std::size_t tile_rows = 0;
  std::size_t tiles_of_segment = 0;
  AnalysisOptions options = {};
  std::string memory = "80G";  // of the device
};

// Device bytes read and written per stored byte of rows, in the first look and in a second one at kept rows,
// which projects on `k` directions of the signal, `k` of the weight and two maps to `k` targets. Of more rows
// in a tile that is not the first: what does not grow with them does not count, nor does the choice of a
// pilot.
struct Passes {
  double first = 0;
  double second = 0;
};

class Counted : public ::testing::Test {
 protected:
  // Of an analysis of so many such layers, all that is counted; the device is as slow as can be.
  static Counts counts(const CountedLayers& what, std::size_t layers);
  // Of one more layer, when others of its shape have gone before; printed with `name`.
  static Counts another(const std::string& name, const CountedLayers& what);
  static Passes passes(ElementKind element, std::size_t features, std::size_t k);

  // Nothing is asked of CUDA that makes the whole device wait, and no pageable memory is copied.
  static void expect_no_allocation(const Counts& counts);
};

}  // namespace collapscope::test
