// The fields of sums over rows, by name, and how they lie in a state.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/moments.hpp"
#include "collapscope/core/residuals.hpp"
#include "hdf5/tree_file.hpp"

namespace collapscope {

template <class Sums, class Visit>
requires std::is_same_v<std::remove_const_t<Sums>, Moments>
void each_field(Sums& sums, const Visit& visit) {
  visit("count", sums.count);
  visit("feature_mean", sums.feature_mean);
  visit("target_mean", sums.target_mean);
  visit("feature_scatter", sums.feature_scatter);
  visit("cross_scatter", sums.cross_scatter);
  visit("target_scatter", sums.target_scatter);
  visit("aa", sums.unbiased.aa);
  visit("ab", sums.unbiased.ab);
  visit("bb", sums.unbiased.bb);
  visit("a_x", sums.unbiased.a_x);
  visit("a_y", sums.unbiased.a_y);
  visit("b_x", sums.unbiased.b_x);
  visit("b_y", sums.unbiased.b_y);
  visit("norm_sum", sums.norm_sum);
  visit("zero_rows", sums.zero_rows);
  visit("normalized_scatter", sums.normalized_scatter);
  visit("scatter_error", sums.scatter_error);
  visit("normalized_scatter_error", sums.normalized_scatter_error);
}

template <class Sums, class Visit>
requires std::is_same_v<std::remove_const_t<Sums>, ResidualSums>
void each_field(Sums& sums, const Visit& visit) {
  visit("count", sums.count);
  visit("signal_plain", sums.signal.plain);
  visit("signal_normalized", sums.signal.normalized);
  visit("signal_centred", sums.signal.centred);
  visit("signal_centred_normalized", sums.signal.centred_normalized);
  visit("weight_plain", sums.weight.plain);
  visit("weight_normalized", sums.weight.normalized);
  visit("weight_centred", sums.weight.centred);
  visit("weight_centred_normalized", sums.weight.centred_normalized);
  visit("rows_at_mean", sums.rows_at_mean);
  visit("affine", sums.affine);
  visit("published", sums.published);
}

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
