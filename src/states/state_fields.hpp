// How sums over rows lie in a state.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "core/sums_fields.hpp"
#include "hdf5/tree_file.hpp"

namespace collapscope {

// Numbers are attributes of the group, arrays datasets in it.
class FieldWriter {
 public:
  FieldWriter(hdf5::TreeWriter& file, std::string group) : file_(file), group_(std::move(group)) {}

  void operator()(const char* name, std::uint64_t value) const { file_.attribute(group_, name, value); }
  void operator()(const char* name, double value) const { file_.attribute(group_, name, value); }
  void operator()(const char* name, const std::vector<double>& values) const {
    file_.numbers(group_ + "/" + name, values, {values.size()});
  }
  void operator()(const char* name, const Matrix& matrix) const {
    file_.numbers(group_ + "/" + name, matrix.values(), {matrix.rows(), matrix.cols()});
  }

 private:
  hdf5::TreeWriter& file_;
  std::string group_;
};

class FieldReader {
 public:
  FieldReader(const hdf5::TreeReader& file, std::string group) : file_(file), group_(std::move(group)) {}

  void operator()(const char* name, std::uint64_t& value) const { value = file_.count(group_, name); }
  void operator()(const char* name, double& value) const { value = file_.number(group_, name); }
  void operator()(const char* name, std::vector<double>& values) const {
    values = file_.numbers(group_ + "/" + name);
  }
  void operator()(const char* name, Matrix& matrix) const {
    const std::string object = group_ + "/" + name;
    const std::vector<std::uint64_t> shape = file_.shape(object);
    const std::vector<double> values = file_.numbers(object);
    if (shape.size() != 2) {
      throw Error(object + " is no matrix");
    }
    matrix = Matrix(shape[0], shape[1]);
    std::copy(values.begin(), values.end(), matrix.data());
  }

 private:
  const hdf5::TreeReader& file_;
  std::string group_;
};

}  // namespace collapscope
