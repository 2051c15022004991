// --per-class as a user runs it: the columns agree with the metrics that are their means, names are shown,
// and no bit depends on threads or interruption.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

// K classes about random means, with logits; row c is label c.
std::string classifier(int classes, const std::string& more = "pass", const std::string& labels = "y") {
  const std::string k = std::to_string(classes);
  return "def edit(f):\n"
         "    r = np.random.default_rng(3)\n"
         "    y = r.integers(0, " +
         k + ", 40 * " + k + "); y[:" + k + "] = np.arange(" + k +
         ")\n"
         "    M = r.normal(size=(" +
         k +
         ", 6)); W = M + 0.3 * r.normal(size=M.shape)\n"
         "    h = M[y] + 0.5 * r.normal(size=(len(y), 6))\n"
         "    del f['targets'], f['layers']\n"
         "    f['targets'] = " +
         labels +
         "\n"
         "    f['predictions'] = h @ W.T\n"
         "    f['layers/fc/activations'] = h; f['layers/fc/weight'] = W\n"
         "    f['layers/fc'].attrs['index'] = 0\n"
         "    " +
         more +
         "\n"
         "dump('a.h5', task='classification', edit=edit)";
}

class PerClass : public ::testing::Test {
 protected:
  Json analyzed(Arguments arguments, int status = 0) {
    arguments.insert(arguments.begin(), {"analyze", "a.h5"});
    arguments.insert(arguments.end(), {"-o", "-"});
    const Finished finished = expect_status(status, folder_, arguments);
    told_ = finished.err;
    return Json::parse(finished.out);
  }

  TempFolder folder_;
  std::string told_;
};

std::vector<double> column(const Json& classes, const char* name) {
  return classes.at(name).get<std::vector<double>>();
}

double mean_of_column(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double weighted_column(const std::vector<double>& values, const std::vector<double>& weights) {
  return std::inner_product(values.begin(), values.end(), weights.begin(), 0.0) /
         std::accumulate(weights.begin(), weights.end(), 0.0);
}

TEST_F(PerClass, ColumnsAgreeWithTheMetricsThatAreTheirMeans) {
  for (const int classes : {2, 5, 600}) {  // more than one block of pairs
    SCOPED_TRACE(classes);
    make_dumps(folder_, classifier(classes));
    const Json checkpoint = analyzed({"--per-class"}).at("checkpoints").at(0);
    const Json& layer = checkpoint.at("layers").at(0);
    const Json& metrics = layer.at("metrics");
    const Json& found = layer.at("classes");
    const auto rows = column(found, "rows");
    const auto norms = column(found, "mean_norm");
    EXPECT_EQ(checkpoint.at("classes").at("labels").size(), static_cast<std::size_t>(classes));
    EXPECT_TRUE(checkpoint.at("classes").at("names").is_null());
    const auto expect = [&](const char* metric, double value) {
      EXPECT_NEAR(metrics.at(metric).get<double>(), value, 1e-12 * (1 + std::abs(value))) << metric;
    };
    expect("within_variance", weighted_column(column(found, "within_variance"), rows));
    expect("ncc_accuracy", weighted_column(column(found, "ncc_accuracy"), rows));
    expect("nc3_cosine", mean_of_column(column(found, "weight_cosine")));
    expect("nc2_mean_cosine", mean_of_column(column(found, "cosines")));
    double deviation = 0;
    for (const double norm : norms)
      deviation += (norm - mean_of_column(norms)) * (norm - mean_of_column(norms));
    expect("nc2_equinorm", std::sqrt(deviation / static_cast<double>(classes)) / mean_of_column(norms));
    EXPECT_NEAR(checkpoint.at("targets").at("model_accuracy").get<double>(),
                weighted_column(column(checkpoint.at("classes"), "model_accuracy"), rows), 1e-12);
  }
}

TEST_F(PerClass, TheNearestClassHasTheLargestCosine) {
  make_dumps(folder_, classifier(7, "pass", "np.array([-5, -1, 0, 2, 3, 40, 41])[y]"));
  const Json checkpoint = analyzed({"--per-class"}).at("checkpoints").at(0);
  const auto labels = checkpoint.at("classes").at("labels").get<std::vector<int>>();
  ASSERT_EQ(labels, (std::vector<int>{-5, -1, 0, 2, 3, 40, 41}));
  const Json& found = checkpoint.at("layers").at(0).at("classes");
  const auto pairs = column(found, "cosines");
  std::vector<std::vector<double>> cosines(7, std::vector<double>(7, -2));
  std::size_t next = 0;
  for (std::size_t a = 0; a < 7; ++a) {
    for (std::size_t b = a + 1; b < 7; ++b) cosines[a][b] = cosines[b][a] = pairs.at(next++);
  }
  for (std::size_t c = 0; c < 7; ++c) {
    const auto largest = std::max_element(cosines[c].begin(), cosines[c].end());
    EXPECT_EQ(found.at("nearest").at(c), labels[static_cast<std::size_t>(largest - cosines[c].begin())]);
    EXPECT_EQ(found.at("nearest_cosine").at(c), *largest);
  }
  EXPECT_TRUE(found.at("weight_cosine").is_null());  // -5 names no row
  EXPECT_THAT(found.at("notes").at("weight_cosine").get<std::string>(), HasSubstr("name no rows of W"));
}

TEST_F(PerClass, NamesOfTheClassesAreShown) {
  const std::string names = "['cat', 'dog, big', '=bird']";
  for (const std::string& stored :
       {"f['class_names'] = " + names, "f['class_names'] = np.array(" + names + ", dtype='S12')",
        "f.create_dataset('class_names', data=" + names + ", maxshape=(None,), compression='gzip')",
        "f.create_dataset('class_names', data=np.array(" + names + ", dtype='S12'), compression='gzip')"}) {
    SCOPED_TRACE(stored);
    make_dumps(folder_, classifier(4, stored));
    const Json checkpoint = analyzed({"--per-class"}).at("checkpoints").at(0);
    EXPECT_EQ(checkpoint.at("classes").at("names"), Json({"cat", "dog, big", "=bird", ""}));
    EXPECT_EQ(analyzed({"--per-class", "--trust"}).at("checkpoints"),
              analyzed({"--per-class"}).at("checkpoints"));
  }
  expect_status(0, folder_, {"analyze", "a.h5", "--per-class", "-o", "a.csv"});
  EXPECT_THAT(folder_.read("a.classes.csv"), HasSubstr(",1,\"dog, big\","));
  EXPECT_THAT(folder_.read("a.classes.csv"), HasSubstr(",2,'=bird,"));
  EXPECT_THAT(folder_.read("a.csv"), Not(HasSubstr("dog")));
  EXPECT_THAT(expect_status(0, folder_, {"inspect", "a.h5"}).out,
              HasSubstr("classes: 4, labels 0 (cat) to 3, "));
}

TEST_F(PerClass, NamesThatCannotBeReadCostThemselvesAlone) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"f['class_names'] = np.arange(3)",
       "found integers; expected names of the classes, strings of shape [m]"},
      {"f['class_names'] = np.arange(3.0)", "found floating-point numbers; expected names"},
      {"f['class_names'] = np.array([['a', 'b']], dtype='S4')", "is no list"},
      {"f.create_group('class_names')", "found a group"},
      {"f['class_names'] = np.array(['a' * 5000], dtype='S5000')", "a name of 5000 bytes"},
      {"f['class_names'] = ['a' * 5000]", "a name of 5000 bytes"},
      {"f['class_names'] = np.array([], dtype='S4')", "found 0 names"},
      {"f['class_names'] = h5py.ExternalLink('/etc/passwd', '/x')", "class_names"}};
  for (const auto& [stored, message] : bad) {
    SCOPED_TRACE(stored);
    make_dumps(folder_, classifier(3, stored));
    const Json results = analyzed({"--per-class"}, 1);
    EXPECT_TRUE(results.at("checkpoints").at(0).at("classes").at("names").is_null());
    EXPECT_TRUE(results.at("checkpoints").at(0).at("layers").at(0).at("metrics").at("nc1").is_number());
    EXPECT_THAT(told_, HasSubstr(message));
  }
}

TEST_F(PerClass, HasTheSameBitsOnAnyNumberOfThreadsAndGoesOn) {
  make_dumps(folder_, classifier(500));
  const auto checkpoints = [&](Arguments arguments) {
    arguments.emplace_back("--per-class");
    return analyzed(arguments).at("checkpoints");
  };
  const Json one = checkpoints({"--threads", "1"});
  EXPECT_EQ(one, checkpoints({"--threads", "2"}));
  EXPECT_EQ(one, checkpoints({"--threads", "2", "--work", "work", "--save-every", "0"}));
  EXPECT_EQ(one, checkpoints({"--threads", "2", "--work", "work"}));  // all of it from the state
}

TEST_F(PerClass, WhatIsUndefinedSaysWhy) {
  make_dumps(folder_, classifier(4));
  const Json one_look =
      analyzed({"--per-class", "--looks", "1"}).at("checkpoints").at(0).at("layers").at(0).at("classes");
  EXPECT_TRUE(one_look.at("ncc_accuracy").is_null());
  EXPECT_EQ(one_look.at("notes").at("ncc_accuracy"), "needs a second look at the rows");
  EXPECT_TRUE(one_look.at("weight_cosine").is_array());
  make_dumps(folder_, classifier(1));
  const Json alone = analyzed({"--per-class"}).at("checkpoints").at(0).at("layers").at(0).at("classes");
  EXPECT_EQ(alone.at("notes").at("nearest_cosine"), "one class");
  EXPECT_TRUE(alone.at("cosines").is_null());
  make_dumps(folder_, classifier(1030));
  const Json many = analyzed({"--per-class"}).at("checkpoints").at(0).at("layers").at(0).at("classes");
  EXPECT_TRUE(many.at("cosines").is_null());
  EXPECT_EQ(many.at("notes").at("cosines"), "more than 1024 classes");
  EXPECT_EQ(many.at("nearest").size(), 1030U);
}

TEST_F(PerClass, TheTableShowsThoseOfTheLastLayer) {
  make_dumps(folder_, classifier(3, "f['class_names'] = ['cat', 'dog']"));
  const std::string few = expect_status(0, folder_, {"analyze", "a.h5", "--per-class"}).out;
  EXPECT_THAT(few, HasSubstr("classes of fc (a.h5):"));
  EXPECT_THAT(few, HasSubstr("  1 dog "));
  EXPECT_THAT(few, Not(HasSubstr("more and all layers")));
  make_dumps(folder_, classifier(50));
  EXPECT_THAT(expect_status(0, folder_, {"analyze", "a.h5", "--per-class"}).out,
              HasSubstr("the 20 of lowest ncc_accuracy; 30 more"));
  EXPECT_THAT(expect_status(0, folder_, {"analyze", "a.h5"}).out, Not(HasSubstr("classes of")));
}

TEST_F(PerClass, AReportHasCriteriaOfItsOwn) {
  for (const char* step : {"1", "2"}) {
    expect_status(0, folder_,
                  {"synth", "classes", "-K", "5", "-d", "6", "-n", "20", "--nc1", "1,0.01,1e-4", "--run", "r",
                   "--step", step, "-o", std::string("r") + step + ".h5"});
  }
  EXPECT_THAT(expect_status(0, folder_, {"analyze", "r1.h5", "r2.h5"}).out,
              ::testing::AllOf(HasSubstr("5 classes"), HasSubstr("nc3_self_duality < 0.45"),
                               HasSubstr("from layer2 on, the last 2 of 3 layers")));
  expect_status(0, folder_, {"analyze", "r1.h5", "r2.h5", "--per-class", "-q", "-o", "r.json"});
  const std::string text = expect_status(0, folder_, {"report", "r.json"}).out;
  EXPECT_THAT(text, HasSubstr("collapsed means: nc1 < 0.05, nc2_equiangular < 0.1"));
  EXPECT_THAT(text, HasSubstr("from layer2 on, the last 2 of 3 layers"));
  EXPECT_THAT(text, HasSubstr("4 components hold 99 % of the variance of layer3; there are 5 classes"));
  EXPECT_THAT(text, HasSubstr("model_accuracy 1.00"));
  const Json report = Json::parse(expect_status(0, folder_, {"report", "r.json", "-o", "-"}).out);
  EXPECT_FALSE(report.at("criteria").at(0).contains("last_layer_only"));
  EXPECT_EQ(report.at("criteria").at(2).at("last_layer_only"), true);
  const Json& checkpoints = report.at("runs").at(0).at("checkpoints");
  EXPECT_EQ(checkpoints.at(0).at("task"), "classification");
  EXPECT_FALSE(checkpoints.at(0).contains("classes"));  // of the last checkpoint only
  EXPECT_EQ(checkpoints.at(1).at("classes").at("labels"), Json({0, 1, 2, 3, 4}));
  EXPECT_EQ(checkpoints.at(1).at("layers").at(2).at("classes").at("cosines").size(), 10U);
  EXPECT_EQ(checkpoints.at(1).at("collapse").at("from_layer"), "layer2");
}

TEST_F(PerClass, ARegressionHasNoClassesAndSaysSo) {
  make_dumps(folder_, "dump('a.h5')");
  const Json checkpoint = analyzed({"--per-class"}).at("checkpoints").at(0);
  EXPECT_FALSE(checkpoint.contains("classes"));
  EXPECT_THAT(told_, HasSubstr("--per-class: no dump has task"));
}

// All cosines of one feature are 1 or -1, and their rounding chooses no class.
TEST_F(PerClass, OfEqualCosinesTheSmallestLabelIsNearest) {
  make_dumps(folder_,
             "def edit(f):\n"
             "    r = np.random.default_rng(0)\n"
             "    y = np.arange(1200) % 300\n"
             "    means = r.normal(size=300)\n"
             "    del f['targets'], f['layers']\n"
             "    f['targets'] = y\n"
             "    f['layers/fc/activations'] = (means[y] + 0.1 * r.normal(size=1200))[:, None]\n"
             "dump('a.h5', task='classification', edit=edit)\n");
  const Json results = analyzed({"--per-class", "-q"});
  const Json& classes = layer_of(results, "fc").at("classes");
  const Json& cosines = classes.at("cosines");
  std::vector<std::vector<double>> of(300, std::vector<double>(300, -2));
  for (std::size_t a = 0, pair = 0; a < 300; ++a) {
    for (std::size_t b = a + 1; b < 300; ++b, ++pair) {
      of[a][b] = of[b][a] = std::round(cosines.at(pair).get<double>());
    }
  }
  for (std::size_t a = 0; a < 300; ++a) {
    const auto largest = std::max_element(of[a].begin(), of[a].end());
    EXPECT_EQ(classes.at("nearest").at(a).get<int>(), largest - of[a].begin()) << a;
  }
}

}  // namespace
}  // namespace collapscope::cli
