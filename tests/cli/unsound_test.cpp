// Dumps that measured as something else, or would: what the program says and with which status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Predictions, WithANaNCostOnlyWhatNeedsThem) {
  const TempFolder folder;
  make_dumps(folder, R"(
def predict(value):
    def edit(f):
        f["predictions"] = f["targets"][:] + 1
        f["predictions"][11, 1] = value
    return edit
dump("nan.h5", edit=predict(np.nan))
dump("good.h5", edit=predict(1))
)");
  const Finished run = expect_status(1, folder, {"analyze", "nan.h5", "-q", "-o", "-"});
  EXPECT_THAT(run.err, AllOf(HasSubstr("/predictions"), HasSubstr("row 11")));
  const Json results = Json::parse(run.out);
  EXPECT_EQ(results.at("failures").size(), 1U);
  EXPECT_THAT(layer_names(results), ElementsAre("fc1", "fc2"));
  const Json good = analyzed(folder, {"good.h5"});
  EXPECT_EQ(layer_metric(results, "fc1", "nrc1"), layer_metric(good, "fc1", "nrc1"));
  EXPECT_EQ(layer_metric(results, "fc1", "linear_mse"), layer_metric(good, "fc1", "linear_mse"));
  EXPECT_TRUE(layer_of(results, "fc1").at("metrics").at("linear_excess").is_null());
  const Json& checkpoint = results.at("checkpoints").at(0);
  EXPECT_TRUE(checkpoint.at("targets").at("model_mse").is_null());
  EXPECT_EQ(checkpoint.at("target_notes").at("model_mse"),
            "predictions refused: /predictions: found NaN or Inf, first in row 11; expected finite numbers");
}

TEST(Attributes, KeepWhatTheFileSays) {
  const TempFolder folder;
  make_dumps(folder, "dump('a.h5', seed=np.uint64(17982163893102248868), run='001', step=np.int64(10))\n");
  const std::string text = expect_status(0, folder, {"analyze", "a.h5", "-q", "-o", "-"}).out;
  EXPECT_THAT(text, HasSubstr("17982163893102248868"));
  const Json checkpoint = Json::parse(text).at("checkpoints").at(0);
  EXPECT_EQ(checkpoint.at("attributes").at("seed"), std::uint64_t{17982163893102248868U});
  EXPECT_EQ(checkpoint.at("run"), "001");
  EXPECT_EQ(checkpoint.at("step"), 10);
}

TEST(Shards, OfTheSameFileAreRefused) {
  const TempFolder folder;
  make_dumps(folder,
             "import os\n"
             "dump('a.h5')\n"
             "os.symlink('a.h5', 'soft.h5')\n"
             "os.link('a.h5', 'hard.h5')\n");
  for (const char* other : {"a.h5", "./a.h5", "soft.h5", "hard.h5"}) {
    EXPECT_THAT(expect_status(2, folder, {"analyze", "a.h5", other, "--shards"}).err,
                AllOf(HasSubstr("a.h5"), HasSubstr("the same file")));
  }
}

TEST(IntegersOf16Bits, ThatLookLikeFloatsGetALine) {
  const TempFolder folder;
  make_dumps(folder, R"(
def bits(f):
    values = f["layers/fc1/activations"][:].astype("<f4")
    del f["layers/fc1/activations"], f["layers/fc2"]
    f["layers/fc1/activations"] = (values.view("<u4") >> 16).astype("<u2")
def floats(f):
    values = f["layers/fc1/activations"][:].astype("<f4")
    del f["layers/fc1/activations"], f["layers/fc2"]
    f["layers/fc1/activations"] = (values.view("<u4") >> 16 << 16).view("<f4")
dump("bits.h5", edit=bits)
dump("floats.h5", edit=floats)
)");
  const Finished unsaid = expect_status(0, folder, {"analyze", "bits.h5", "-q", "-o", "-"});
  EXPECT_THAT(unsaid.err, AllOf(HasSubstr("/layers/fc1/activations"), HasSubstr("the bits of bfloat16"),
                                HasSubstr("--dtype bfloat16")));
  const Finished said =
      expect_status(0, folder, {"analyze", "bits.h5", "--dtype", "bfloat16", "-q", "-o", "-"});
  EXPECT_EQ(said.err, "");
  const Json right = analyzed(folder, {"floats.h5"});
  expect_same_metrics(Json::parse(said.out), right, 1e-12, 1e-14);
}

TEST(ZeroRows, AtTheEndGetALine) {
  const TempFolder folder;
  make_dumps(folder, R"(
def zero(f):
    f["layers/fc2/activations"][50:] = 0
dump("stopped.h5", edit=zero)
dump("complete.h5", edit=zero, complete=True)
dump("incomplete.h5", complete=False)
)");
  const std::string said = expect_status(0, folder, {"analyze", "stopped.h5", "-q", "-o", "-"}).err;
  EXPECT_THAT(said, AllOf(HasSubstr("/layers/fc2/activations"),
                          HasSubstr("the last 10 of 60 rows are all zero"), Not(HasSubstr("fc1"))));
  EXPECT_EQ(expect_status(0, folder, {"analyze", "complete.h5", "-q", "-o", "-"}).err, "");
  EXPECT_THAT(expect_status(2, folder, {"analyze", "incomplete.h5", "-q", "-o", "-"}).err,
              HasSubstr("attribute 'complete': found false"));
}

// HDF5 gives the fill value where nothing was written, once there is room for the rows.
TEST(FillValues, OfWholeRowsAreRefused) {
  const TempFolder folder;
  make_dumps(folder, R"(
def fill(type, value, rows, name="layers/fc2/activations", shape=(60, 5), **storage):
    def edit(f):
        if name in f:
            del f[name]
        a = f.create_dataset(name, shape, type, fillvalue=value, **storage)
        for row in rows:
            a[row] = normal(60, 5)[row, :shape[1]] * 50
        a.attrs.update({"dtype": "bfloat16"} if type == "u2" else {})
    return edit
def all_but(*missing):
    return [row for row in range(60) if row not in missing]
dump("contiguous.h5", edit=fill("f4", -1, all_but(17, 18, 40)))
dump("chunk.h5", edit=fill(">f8", 2.5, all_but(31), chunks=(60, 3), compression="gzip"))
dump("brain.h5", edit=fill("u2", 0x4040, all_but(59)))
dump("large.h5", edit=fill("f4", 1e30, all_but(0)))
dump("netcdf.h5", edit=fill("i8", -2**63 + 2, all_but(9)))
dump("targets.h5", edit=fill("f8", -1, all_but(44), name="targets", shape=(60, 2)))
dump("predictions.h5", edit=fill("f8", -1, all_but(12), name="predictions", shape=(60, 2)))
dump("nan.h5", edit=fill("f4", float("nan"), all_but(21)))
)");
  const auto said = [&](const char* name, int status = 1) {
    return expect_status(status, folder, {"analyze", name, "-q", "-o", "-"}).err;
  };
  EXPECT_THAT(
      said("contiguous.h5"),
      AllOf(HasSubstr("contiguous.h5: /layers/fc2/activations: found nothing but -1 in row 17, the fill "
                      "value of the dataset"),
            HasSubstr("complete = true"), Not(HasSubstr("fc1"))));
  EXPECT_THAT(said("chunk.h5"), HasSubstr("found nothing but 2.5 in row 31, the fill value"));
  EXPECT_THAT(said("brain.h5"), HasSubstr("found nothing but 3 in row 59, the fill value"));
  EXPECT_THAT(said("large.h5"), HasSubstr("found nothing but 1e+30 in row 0, the fill value"));
  EXPECT_THAT(said("netcdf.h5"), HasSubstr("in row 9, the fill value"));
  EXPECT_THAT(said("targets.h5", 2), HasSubstr("/targets: found nothing but -1 in row 44, the fill value"));
  EXPECT_THAT(said("predictions.h5"),
              HasSubstr("/predictions: found nothing but -1 in row 12, the fill value"));
  EXPECT_THAT(said("nan.h5"), HasSubstr("found NaN or Inf, first in row 21"));
}

TEST(FillValues, ThatAreMeantAreMeasured) {
  const TempFolder folder;
  make_dumps(folder, R"(
def features(type, value, **storage):
    def edit(f):
        del f["layers/fc2/activations"]
        a = f["layers/fc2"].create_dataset("activations", (60, 5), type, fillvalue=value, **storage)
        a[:] = normal(60, 5) * 50
        a[20:23, :4] = value
        a[30] = 0
    return edit
def whole(f):
    features("f4", -1)(f)
    f["layers/fc2/activations"][17] = -1
def labels(value):
    def edit(f):
        del f["targets"]
        f.create_dataset("targets", (60,), "i8", fillvalue=value)[:50] = np.arange(50) % 3
    return edit
dump("parts.h5", edit=features("f4", -1))
dump("zero.h5", edit=features("f4", 0, chunks=(7, 2)))
dump("complete.h5", edit=whole, complete=True)
dump("labels.h5", edit=labels(7), task="classification")
dump("ignored.h5", edit=labels(-1), task="classification")
)");
  for (const char* name : {"parts.h5", "zero.h5", "complete.h5"}) {
    EXPECT_EQ(expect_status(0, folder, {"analyze", name, "-q", "-o", "-"}).err, "") << name;
  }
  EXPECT_THAT(expect_status(0, folder, {"analyze", "labels.h5", "-q", "-o", "-"}).err,
              HasSubstr("/targets: 10 labels are 7, the fill value of the dataset"));
  EXPECT_EQ(expect_status(0, folder, {"analyze", "ignored.h5", "--ignore-label", "-1", "-q", "-o", "-"}).err,
            "");
}

TEST(OtherFiles, AreCalledWhatTheyAre) {
  const TempFolder folder;
  for (const auto& [begin, name] :
       {std::pair<std::string, const char*>{"version https://git-lfs.github.com/spec/v1\noid sha256:a\n",
                                            "not an HDF5 file (56 bytes): it is a pointer of Git LFS"},
        {"PK\x03\x04 and more", "a zip archive"},
        {"CDF\x02 and more", "nccopy -k nc4"},
        {"MATLAB 5.0 MAT-file, and more", "save(..., '-v7.3')"},
        {"something else", "not an HDF5 file (14 bytes)\n"}}) {
    folder.write("a.h5", begin);
    EXPECT_THAT(expect_status(2, folder, {"analyze", "a.h5", "-q", "-o", "-"}).err, HasSubstr(name));
  }
}

// Strings lie in HDF5's global heap, which HDF5 1.10 reads without looking: it crashes, or never ends.
TEST(Damage, CostsItsOwnFile) {
  const TempFolder folder;
  make_dumps(folder, R"(
def text(f):
    f["layers/fc1"].attrs["note"] = "a longer text that lies in the heap"
for i in range(9):
    dump(f"good{i}.h5", run="r", step=i, edit=text)
sound = open("good0.h5", "rb").read()
heap = sound.find(b"GCOL")
for name, at in ("crash", 25), ("endless", 24), ("lost", 16):
    damaged = bytearray(sound)
    damaged[heap + at] = 255
    open(f"good5_{name}.h5", "wb").write(damaged)
)");
  const Finished run = expect_status(1, folder, {"analyze", ".", "-q", "-o", "-"});
  for (const char* name : {"crash", "endless", "lost"}) {
    EXPECT_THAT(run.err, HasSubstr(std::string("good5_") + name + ".h5: "));
  }
  const Json results = Json::parse(run.out);
  EXPECT_EQ(results.at("checkpoints").size(), 9U);
  EXPECT_EQ(results.at("failures").size(), 3U);
  const Finished inspected = expect_status(1, folder, {"inspect", "."});
  EXPECT_THAT(inspected.out, HasSubstr("18 layers can be analysed"));
}

TEST(Numbers, TooLargeToSquareAreNamedWithTheirRow) {
  const TempFolder folder;
  make_dumps(folder,
             "dump('rows.h5', edit=spoil('layers/fc1/activations', 7, 1e200))\n"
             "dump('targets.h5', edit=spoil('targets', 9, -1e160))\n");
  EXPECT_THAT(
      expect_status(1, folder, {"analyze", "rows.h5", "-q", "-o", "-"}).err,
      HasSubstr("rows.h5: /layers/fc1/activations: found 1e+200 in row 7, too large to square; expected "
                "numbers of at most 1e+145"));
  EXPECT_THAT(expect_status(2, folder, {"analyze", "targets.h5", "-q", "-o", "-"}).err,
              HasSubstr("targets.h5: /targets: found -1e+160 in row 9, too large to square"));
}

TEST(Integers, ThatFloat64WouldRoundAreRefused) {
  const TempFolder folder;
  make_dumps(folder, R"(
def integers(name, values):
    def edit(f):
        if name in f:
            del f[name]
        f[name] = values
    return edit
wide = np.full((60, 5), 2**53)
wide[17, 3] = -2**53 - 1
dump("rows.h5", edit=integers("layers/fc1/activations", wide))
dump("swapped.h5", edit=integers("layers/fc1/activations", wide.astype(">i8")))
dump("targets.h5", edit=integers("targets", np.uint64(2**63 + 1) + np.arange(60, dtype="u8") % 3))
even = 2**60 + 1024 * np.arange(300).reshape(60, 5)
dump("exact.h5", edit=integers("layers/fc1/activations", even))
dump("labels.h5", task="classification", edit=integers("targets", 2**60 + np.arange(60) % 3))
)");
  for (const char* name : {"rows.h5", "swapped.h5"}) {
    EXPECT_THAT(
        expect_status(1, folder, {"analyze", name, "-q", "-o", "-"}).err,
        HasSubstr(std::string(name) + ": /layers/fc1/activations: found -9007199254740993 in row 17, which "
                                      "float64 rounds; expected integers that it holds"));
  }
  EXPECT_THAT(expect_status(2, folder, {"analyze", "targets.h5", "-q", "-o", "-"}).err,
              HasSubstr("targets.h5: /targets: found 9223372036854775809 in row 0, which float64 rounds"));
  const Json exact = analyzed(folder, {"exact.h5"});
  EXPECT_NEAR(layer_metric(exact, "fc1", "total_variance"), 5 * 1024.0 * 1024.0 * 25 * (60 * 60 - 1) / 12, 1);
  EXPECT_EQ(analyzed(folder, {"labels.h5"}).at("checkpoints").at(0).at("targets").at("classes"), 3);
}

// What a helper has no room for is not damage.
TEST(Attributes, OfAllCheckpointsAreBounded) {
  const TempFolder folder;
  make_dumps(folder, R"(
with h5py.File("a.h5", "w") as f:
    for i in range(400):
        f.attrs[f"a{i}"] = "x" * 6000
    for k in range(100):
        f[f"checkpoints/c{k}/targets"], f[f"checkpoints/c{k}/layers/fc/activations"] = normal(8, 2), normal(8, 4, 1)
)");
  EXPECT_THAT(expect_status(2, folder, {"analyze", "a.h5", "-q", "-o", "-"}).err,
              HasSubstr("a.h5: /checkpoints: found attributes of more than 64.0 MiB in the first 28 of 100 "
                        "checkpoints"));
}

TEST(Trust, GivesTheSameNumbers) {
  const TempFolder folder;
  make_dumps(folder, "dump('a.h5', run='r')\n");
  const Json isolated = analyzed(folder, {"a.h5"});
  const Json trusted = analyzed(folder, {"a.h5", "--trust"});
  EXPECT_EQ(isolated.at("checkpoints"), trusted.at("checkpoints"));
}

}  // namespace
}  // namespace collapscope::cli
