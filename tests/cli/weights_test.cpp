// Weights from a safetensors file instead of the dump: the same numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr const char* two_dumps = R"(
import json, struct
def strip(name):
    "Moves the weights of NAME.h5 to NAME.safetensors."
    dump(name + ".h5", step=1 if name == "a" else 2)
    with h5py.File(name + ".h5") as source, h5py.File("bare_" + name + ".h5", "w") as bare:
        header, numbers = {}, b""
        for key in source.attrs:
            bare.attrs[key] = source.attrs[key]
        bare["targets"] = source["targets"][:]
        for layer, group in source["layers"].items():
            bare[f"layers/{layer}/activations"] = group["activations"][:]
            weight = group["weight"][:] * (1 if name == "a" else [[1], [2]])
            header[f"net.{layer}.weight"] = {"dtype": "F64", "shape": list(weight.shape),
                                             "data_offsets": [len(numbers), len(numbers) + weight.nbytes]}
            numbers += weight.tobytes()
    text = json.dumps(header).encode()
    with open(f"bare_{name}.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + numbers)
strip("a")
strip("b")
)";

class Weights : public ::testing::Test {
 protected:
  void SetUp() override { make_dumps(folder_, two_dumps); }

  TempFolder folder_;
};

TEST_F(Weights, GiveWhatTheDumpsOwnWouldGive) {
  const Json own = Json::parse(expect_status(0, folder_, {"analyze", "a.h5", "-o", "-"}).out);
  const Json other = Json::parse(expect_status(0, folder_,
                                               {"analyze", "bare_a.h5", "--weights", "bare_a.safetensors",
                                                "--weight", "net.{layer}.weight", "-o", "-"})
                                     .out);
  for (const char* metric : {"nrc2", "deep_nrc3", "weight_stable_rank"}) {
    EXPECT_EQ(layer_metric(other, "fc2", metric), layer_metric(own, "fc2", metric)) << metric;
  }
}

TEST_F(Weights, EveryDumpItsOwn) {
  const Json both =
      Json::parse(expect_status(0, folder_,
                                {"analyze", "bare_a.h5", "bare_b.h5", "--weights", "{name}.safetensors",
                                 "--weight", "net.{layer}.weight", "-o", "-"})
                      .out);
  const double first = layer_metric(both, "fc2", "weight_stable_rank", 0);
  const double second = layer_metric(both, "fc2", "weight_stable_rank", 1);
  EXPECT_GE(first, 1);  // defined
  EXPECT_GE(second, 1);
  EXPECT_NE(first, second);
}

TEST_F(Weights, OneFileForTwoDumpsIsRefused) {
  const Finished finished =
      expect_status(2, folder_, {"analyze", "a.h5", "b.h5", "--weights", "bare_a.safetensors"});
  EXPECT_THAT(finished.err,
              HasSubstr("bare_a.safetensors to a.h5 and to b.h5: expected a file for each checkpoint"));
  EXPECT_EQ(finished.out, "");
}

// The dump c.h5 of a classifier whose weight and bias are also in c.safetensors, or its weight alone.
constexpr const char* classifier = R"(
import json, struct
def edit(f):
    del f["targets"]
    f["targets"] = np.arange(60) % 2
    for layer in f["layers"].values():
        layer["bias"] = np.array([0.0, 5.0])
dump("c.h5", task="classification", edit=edit)
def tensors(path, names):
    header, numbers = {}, b""
    with h5py.File("c.h5") as f:
        for name in names:
            layer, part = name.split(".")[-2:]
            array = f[f"layers/{layer}/{part}"][:]
            header[name] = {"dtype": "F64", "shape": list(array.shape), "data_offsets": [len(numbers), len(numbers) + array.nbytes]}
            numbers += array.tobytes()
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + numbers)
tensors("whole.st", ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"])
tensors("bare.st", ["fc1.weight", "fc2.weight", "fc2.bias"])
tensors("net.st", ["net.fc1.weight", "net.fc1.bias", "net.fc2.weight", "net.fc2.bias"])
)";

TEST_F(Weights, WithoutABiasThatTheDumpHasAreTold) {
  make_dumps(folder_, classifier);
  const auto told = [&](Arguments arguments) {
    arguments.insert(arguments.begin(), {"analyze", "c.h5"});
    arguments.insert(arguments.end(), {"-q", "-o", "-"});
    return expect_status(0, folder_, arguments).err;
  };
  EXPECT_EQ(told({}), "");
  EXPECT_EQ(told({"--weights", "whole.st"}), "");
  EXPECT_EQ(
      told({"--weights", "bare.st"}),
      "c.h5: nc4_disagreement takes 0 as the bias of fc1: bare.st has none, the dump has /layers/fc1/bias\n");
  EXPECT_EQ(
      told({"--weights", "net.st", "--weight", "net.{layer}.weight"}),
      "c.h5: nc4_disagreement takes 0 as the bias of fc1, fc2: net.st has net.fc1.bias, which --bias would "
      "name\n");
  EXPECT_EQ(told({"--weights", "net.st", "--weight", "net.{layer}.weight", "--bias", "net.{layer}.bias"}),
            "");
  const Arguments named{"--activations", "layers/*/activations", "--weight", "layers/{layer}/weight"};
  EXPECT_EQ(
      told(named),
      "c.h5: nc4_disagreement takes 0 as the bias of fc1, fc2: --weight is without --bias, which would name "
      "/layers/fc1/bias\n");
  Arguments with_bias = named;
  with_bias.insert(with_bias.end(), {"--bias", "layers/{layer}/bias"});
  EXPECT_EQ(told(with_bias), "");
  make_dumps(folder_, "import shutil; shutil.copy('c.h5', 'd.h5'); shutil.copy('c.h5', 'e.h5')");
  Arguments three = named;
  three.insert(three.begin(), {"d.h5", "e.h5"});
  EXPECT_THAT(told(three), EndsWith("would name /layers/fc1/bias; so in 2 checkpoints more\n"));
}

TEST_F(Weights, OfARegressionNeedNoBias) {
  make_dumps(folder_,
             "dump('r.h5', edit=lambda f: [f.create_dataset(f'layers/{n}/bias', data=np.ones(2)) for n in "
             "('fc1', 'fc2')])");
  EXPECT_EQ(expect_status(0, folder_,
                          {"analyze", "r.h5", "--activations", "layers/*/activations", "--weight",
                           "layers/{layer}/weight", "-q", "-o", "-"})
                .err,
            "");
}

TEST_F(Weights, OfAnotherModelAreRefused) {
  const Finished finished = expect_status(2, folder_, {"analyze", "a.h5", "--weights", "bare_a.safetensors"});
  EXPECT_THAT(finished.err, HasSubstr("a.h5: bare_a.safetensors: has a weight for none of the layers: found "
                                      "net.fc1.weight, net.fc2.weight; expected fc1.weight, fc2.weight"));
}

TEST_F(Weights, InspectShowsThem) {
  const Finished finished = expect_status(
      0, folder_,
      {"inspect", "bare_a.h5", "--weights", "bare_a.safetensors", "--weight", "net.{layer}.weight"});
  EXPECT_THAT(finished.out, HasSubstr("weight [2, 5]"));
}

}  // namespace
}  // namespace collapscope::cli
