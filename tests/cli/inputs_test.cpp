// Which dumps are analysed, in which order, and files that were not written for us.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Inputs : public ::testing::Test {
 protected:
  TempFolder folder_;
};

TEST_F(Inputs, ComeFromFoldersGlobsListsAndNames) {
  make_dumps(folder_,
             "for name in ['epoch1.h5', 'epoch2.h5', 'epoch10.h5', 'other.hdf5']:\n"
             "    dump(name, layers=['fc1'])");
  folder_.write("notes.txt", "no dump");
  folder_.write("list", "# of dumps\n  epoch10.h5  \n\nepoch2.h5\r\nother.*\n");
  EXPECT_THAT(file_names(analyzed(folder_, {"."})),
              ElementsAre("epoch1.h5", "epoch2.h5", "epoch10.h5", "other.hdf5"));
  EXPECT_THAT(file_names(analyzed(folder_, {"epoch*.h5"})),
              ElementsAre("epoch1.h5", "epoch2.h5", "epoch10.h5"));
  EXPECT_THAT(file_names(analyzed(folder_, {"epoch?.h5", "other.hdf5"})),
              ElementsAre("epoch1.h5", "epoch2.h5", "other.hdf5"));
  EXPECT_THAT(file_names(analyzed(folder_, {"@list"})), ElementsAre("epoch10.h5", "epoch2.h5", "other.hdf5"));
  EXPECT_THAT(file_names(analyzed(folder_, {"epoch2.h5", "epoch1.h5"})),
              ElementsAre("epoch2.h5", "epoch1.h5"));
}

TEST_F(Inputs, ListsMayBeginWithAByteOrderMark) {
  make_dumps(folder_, "dump('a.h5', layers=['fc1'])");
  folder_.write("list.txt",
                "\xef\xbb\xbf"
                "a.h5\n");
  EXPECT_THAT(file_names(analyzed(folder_, {"@list.txt"})), ElementsAre("a.h5"));
  EXPECT_THAT(expect_status(2, folder_, {"analyze", ""}).err,
              HasSubstr("found an empty name; expected a dump, a folder"));
}

TEST_F(Inputs, FoldersHaveNoHiddenFilesAndAnyCase) {
  make_dumps(folder_,
             "dump('a.h5', layers=['fc1'])\ndump('B.H5', layers=['fc1'])\ndump('c.he5', layers=['fc1'])");
  folder_.write("._a.h5", "no dump");
  EXPECT_THAT(file_names(analyzed(folder_, {"."})), ElementsAre("B.H5", "a.h5", "c.he5"));
}

TEST_F(Inputs, LinksOfAFolderToNowhereFail) {
  make_dumps(folder_, "dump('a.h5', layers=['fc1'])");
  std::filesystem::create_symlink("/nowhere/b.h5", folder_.path() / "b.h5");
  std::filesystem::create_symlink("loop.h5", folder_.path() / "loop.h5");
  std::filesystem::create_directory(folder_.path() / "folder.h5");
  std::filesystem::create_symlink("folder.h5", folder_.path() / "to_folder.h5");
  const Finished finished = expect_status(1, folder_, {"analyze", ".", "-q", "-o", "x.json"});
  EXPECT_THAT(finished.err, HasSubstr("b.h5: cannot be found"));
  EXPECT_THAT(finished.err, HasSubstr("loop.h5: cannot be found"));
  const Json results = Json::parse(folder_.read("x.json"));
  EXPECT_THAT(file_names(results), ElementsAre("a.h5"));
  EXPECT_EQ(results.at("failures").size(), 2U);
}

TEST_F(Inputs, ADumpThatIsNamedTwiceIsTold) {
  make_dumps(folder_, "dump('a.h5', layers=['fc1'])\ndump('b.h5', layers=['fc1'])");
  EXPECT_EQ(expect_status(0, folder_, {"analyze", ".", "a.h5", "-q", "-o", "-"}).err,
            "a.h5: named more than once, and measured as often\n");
  EXPECT_EQ(expect_status(0, folder_, {"analyze", ".", "-q", "-o", "-"}).err, "");
}

TEST_F(Inputs, OddNamesAreNamesFirst) {
  make_dumps(folder_,
             "dump('a[1].h5', layers=['fc1'])\ndump('@b.h5', layers=['fc1'])\ndump('-q.h5', layers=['fc1'])");
  EXPECT_THAT(file_names(analyzed(folder_, {"a[1].h5", "@b.h5"})), ElementsAre("a[1].h5", "@b.h5"));
  const Finished dashed = expect_status(0, folder_, {"analyze", "-o", "-", "--", "-q.h5"});
  EXPECT_THAT(file_names(Json::parse(dashed.out)), ElementsAre("-q.h5"));
}

TEST_F(Inputs, LayersWithBracketsAreNamedAsTheyAre) {
  make_dumps(folder_, "dump('a.h5', layers=['Head[0]', 'Head[1]'])");
  EXPECT_THAT(layer_names(analyzed(folder_, {"a.h5", "--layers", "Head[1]"})), ElementsAre("Head[1]"));
  EXPECT_THAT(layer_names(analyzed(folder_, {"a.h5", "--layers", "Head[[]*"})),
              ElementsAre("Head[0]", "Head[1]"));
}

TEST_F(Inputs, RunsAreOrderedByStep) {
  make_dumps(folder_,
             "dump('a.h5', layers=['fc1'], run='first', step=30)\n"
             "dump('b.h5', layers=['fc1'], run='second', step=1)\n"
             "dump('c.h5', layers=['fc1'], run='first', step=4)\n"
             "dump('d.h5', layers=['fc1'], run='first', step=20.5)\n");
  const Json results = analyzed(folder_, {"."});
  EXPECT_THAT(file_names(results), ElementsAre("c.h5", "d.h5", "a.h5", "b.h5"));
  EXPECT_EQ(results.at("checkpoints").at(1).at("step"), 20.5);
}

TEST_F(Inputs, OneFileHoldsSeveralCheckpoints) {
  make_dumps(folder_,
             "dump('one.h5'); dump('two.h5')\n"
             "with h5py.File('all.h5', 'w') as f:\n"
             "    for i, name in [(10, 'one.h5'), (9, 'two.h5')]:\n"
             "        with h5py.File(name) as part:\n"
             "            part.copy(part, f.require_group('checkpoints'), f'step{i}')\n"
             "        f[f'checkpoints/step{i}'].attrs['step'] = i\n"
             "        f[f'checkpoints/step{i}'].attrs['run'] = 'r'\n"
             "    f.attrs['format'] = 'collapscope-dump'; f.attrs['format_version'] = 1\n");
  const Json results = analyzed(folder_, {"all.h5"});
  ASSERT_EQ(results.at("checkpoints").size(), 2U);
  EXPECT_EQ(results.at("checkpoints").at(0).at("id"), "step9");
  EXPECT_EQ(results.at("checkpoints").at(1).at("id"), "step10");
  EXPECT_THAT(layer_names(results, 1), ElementsAre("fc1", "fc2"));
}

TEST_F(Inputs, LayersComeInNaturalOrderAndByIndex) {
  make_dumps(folder_,
             "dump('a.h5', layers=['fc10', 'fc2', 'model.layers.3.mlp', 'block/1/fc'])\n"
             "def edit(f):\n"
             "    f['layers/fc1'].attrs['index'] = 9\n"
             "    f['layers/fc2'].attrs['index'] = 3\n"
             "dump('b.h5', edit=edit)");
  EXPECT_THAT(layer_names(analyzed(folder_, {"a.h5"})),
              ElementsAre("block/1/fc", "fc2", "fc10", "model.layers.3.mlp"));
  EXPECT_THAT(layer_names(analyzed(folder_, {"b.h5"})), ElementsAre("fc2", "fc1"));
}

TEST_F(Inputs, ShardsEqualTheWholeBitForBit) {
  expect_status(0, folder_, {"synth", "planted", "-o", "whole.h5", "-N", "5000", "--dtype", "float32"});
  make_dumps(folder_,
             "for i, (a, b) in enumerate([(0, 1), (1, 2222), (2222, 5000)]):\n"
             "    part('whole.h5', f'part{i}.h5', a, b)");
  const Json shards = analyzed(folder_, {"part0.h5", "part1.h5", "part2.h5", "--shards"});
  const Json whole = analyzed(folder_, {"whole.h5"});
  ASSERT_EQ(shards.at("checkpoints").size(), 1U);
  EXPECT_EQ(shards.at("checkpoints").at(0).at("samples"), 5000);
  expect_same_metrics(shards, whole, 0, 0);
  EXPECT_EQ(analyzed(folder_, {"part1.h5", "part2.h5"}).at("checkpoints").size(), 2U);
}

TEST_F(Inputs, ShardsThatDoNotFitAreRefused) {
  make_dumps(folder_, "dump('a.h5', layers=['fc1'])\ndump('b.h5', layers=['fc1'], d=6)");
  const Finished finished =
      expect_status(2, folder_, {"analyze", "a.h5", "b.h5", "--shards", "-o", "x.json"});
  EXPECT_THAT(finished.err, HasSubstr("fc1"));
  EXPECT_FALSE(folder_.has("x.json"));
}

// What has no unit does not depend on units.
TEST_F(Inputs, PowersOfTwoChangeNoShare) {
  make_dumps(folder_, R"(
def scaled(path, features=0, targets=0, weight=0):
    def edit(f):
        for name, power in (("layers/fc1/activations", features), ("targets", targets), ("layers/fc1/weight", weight)):
            f[name][...] = f[name][:] * 2.0**power
    dump(path, layers=["fc1"], edit=edit)
scaled("plain.h5")
for i, (features, targets, weight) in enumerate([(260, 0, 0), (0, 260, 0), (0, 0, 260), (-300, 0, 0), (0, -300, 0),
                                                 (0, 0, -300), (250, -250, 250)]):
    scaled(f"{i}.h5", features, targets, weight)
scaled("tiny.h5", features=-520)
scaled("vanishing.h5", features=-560)
)");
  const Json plain = analyzed(folder_, {"plain.h5"});
  for (int i = 0; i < 7; ++i) {
    const Json found = analyzed(folder_, {std::to_string(i) + ".h5"});
    for (const char* name : {"nrc1", "nrc2", "nrc3", "deep_nrc1", "deep_nrc2", "deep_nrc2_signal",
                             "deep_nrc2_published", "deep_nrc3", "linear_share", "target_cca"}) {
      const double expected = layer_metric(plain, "fc1", name);
      EXPECT_NEAR(layer_metric(found, "fc1", name), expected, 1e-10 * expected) << i << " " << name;
    }
  }
  EXPECT_THAT(expect_status(2, folder_, {"analyze", "tiny.h5"}).err, HasSubstr("too small to square"));
  EXPECT_THAT(expect_status(2, folder_, {"analyze", "vanishing.h5"}).err,
              HasSubstr("the squares of which vanish in float64"));
}

TEST_F(Inputs, ALayerThatOneShardLacksIsMissedInAnyOrder) {
  make_dumps(folder_, "dump('a.h5', layers=['fc1'])\ndump('b.h5', layers=['fc1', 'fc0'])");
  for (const char* first : {"a.h5", "b.h5"}) {
    const char* second = first[0] == 'a' ? "b.h5" : "a.h5";
    const Finished finished =
        expect_status(1, folder_, {"analyze", first, second, "--shards", "-q", "-o", "x.json"});
    EXPECT_THAT(finished.err, HasSubstr("a.h5: fc0: this shard lacks the layer"));
    EXPECT_THAT(layer_names(Json::parse(folder_.read("x.json"))), ElementsAre("fc1"));
  }
}

// It would be measured over the samples of the others.
TEST_F(Inputs, ACheckpointThatMayLackAShardIsNotMeasured) {
  make_dumps(folder_, R"(
for step in (1, 2):
    for shard in (0, 1):
        dump(f"{step}_{shard}.h5", N=3000, step=step, run="r", shard=shard, shards=2)
        dump(f"plain_{step}_{shard}.h5", N=3000, step=step, run="r")
for name in ("2_1.h5", "plain_2_1.h5"):
    with open(name, "rb+") as f:
        f.truncate(50000)
)");
  const auto steps = [&] {
    std::vector<int> found;
    const Json results = Json::parse(folder_.read("x.json"));
    for (const Json& checkpoint : results.at("checkpoints")) {
      found.push_back(checkpoint.at("step"));
    }
    return found;
  };
  const Finished told = expect_status(1, folder_, {"analyze", "[12]_?.h5", "--shards", "-q", "-o", "x.json"});
  EXPECT_THAT(told.err,
              HasSubstr("2_0.h5: found 1 of 2 shards, and 2_1.h5 cannot be used; expected all of them"));
  EXPECT_THAT(steps(), ElementsAre(1));
  std::filesystem::remove(folder_.path() / "x.json");
  const Arguments plain{"analyze", "plain_*.h5", "--shards", "-q", "-o", "x.json"};
  EXPECT_THAT(expect_status(2, folder_, plain).err,
              HasSubstr("plain_1_0.h5: plain_2_1.h5 cannot be used, and may be a shard of this checkpoint"));
  EXPECT_FALSE(folder_.has("x.json"));
  std::filesystem::remove(folder_.path() / "plain_2_1.h5");
  expect_status(0, folder_, plain);
  EXPECT_THAT(steps(), ElementsAre(1, 2));
}

// A file that has another checkpoint still lacks one; a layer that fails, wherever it lies, loses no shard.
TEST_F(Inputs, WhatIsLostOfAFileIsToldFromALayer) {
  make_dumps(folder_, R"(
def of(path, shard, lacks=False, **more):
    with h5py.File(path, "w") as f:
        f.attrs["format"], f.attrs["format_version"] = "collapscope-dump", 1
        for step in (1, 2):
            g = f.create_group(f"checkpoints/e{step}")
            g.attrs["run"], g.attrs["step"] = "r", step
            if not (lacks and step == 2):
                g["targets"] = normal(60, 2)
            g["layers/fc1/activations"] = normal(60, 5, step)
            g["layers/fc2/activations"] = normal(60, 5, step)
of("a0.h5", 0)
of("a1.h5", 1, lacks=True)
of("b1.h5", 1)
with h5py.File("ext.h5x", "w") as f:
    f["rows"] = normal(7, 5)
with h5py.File("b1.h5", "a") as f:
    del f["checkpoints/e2/layers/fc2/activations"]
    f["checkpoints/e2/layers/fc2/activations"] = h5py.ExternalLink("ext.h5x", "/rows")
)");
  EXPECT_THAT(expect_status(2, folder_, {"analyze", "a0.h5", "a1.h5", "--shards", "-q", "-o", "x.json"}).err,
              HasSubstr("a1.h5 cannot be used, and may be a shard of this checkpoint"));
  expect_status(1, folder_, {"analyze", "a0.h5", "b1.h5", "--shards", "-q", "-o", "x.json"});
  const Json results = Json::parse(folder_.read("x.json"));
  EXPECT_EQ(results.at("checkpoints").size(), 2U);
  for (const Json& checkpoint : results.at("checkpoints")) {
    EXPECT_EQ(checkpoint.at("samples"), 120);
  }
}

TEST_F(Inputs, ShardsOfDifferentNetworksAreRefused) {
  make_dumps(folder_, R"(
def shard(path, bias=1.0, pool="first", **attributes):
    def edit(f):
        del f["targets"], f["layers/fc1/activations"]
        f["targets"] = np.arange(60) % 2
        f["layers/fc1/activations"] = normal(60 * 3, 5).reshape(60, 3, 5)
        f["layers/fc1"].attrs["pool"] = pool
        f["layers/fc1/bias"] = np.array([bias, 0])
    dump(path, layers=["fc1"], edit=edit, task="classification", **attributes)
shard("a.h5", lambda_w=0.1, shard=0, shards=2, split="train")
shard("other_bias.h5", bias=-1.0, lambda_w=0.1)
shard("other_pool.h5", pool="last", lambda_w=0.1)
shard("other_lambda.h5", lambda_w=0.2)
shard("no_lambda.h5")
shard("copy.h5", lambda_w=0.1, shard=0, shards=2)
shard("other_split.h5", lambda_w=0.1, shard=1, shards=2, split="test")
shard("other_step.h5", lambda_w=0.1, step=7)
)");
  const auto joined = [&](const char* second, int status) {
    return expect_status(status, folder_, {"analyze", "a.h5", second, "--shards", "-q", "-o", "x.json"}).err;
  };
  EXPECT_THAT(joined("other_bias.h5", 2), HasSubstr("bias: differs from the bias in an earlier shard"));
  EXPECT_THAT(joined("other_pool.h5", 2), HasSubstr("found pool \"last\"; the first shard has \"first\""));
  EXPECT_THAT(joined("other_lambda.h5", 2),
              HasSubstr("found lambda_w = 0.2; the first shard, a.h5, has lambda_w = 0.1"));
  EXPECT_THAT(joined("no_lambda.h5", 2), HasSubstr("found no lambda_w; the first shard"));
  EXPECT_THAT(joined("copy.h5", 2), HasSubstr("found shard 0 once more; a.h5 is that, too"));
  EXPECT_THAT(joined("other_split.h5", 0), HasSubstr("a.h5: other shards have other values of split;"));
  EXPECT_THAT(joined("other_step.h5", 0), HasSubstr("--shards joined nothing: no two of 2 dumps"));
}

// A dump is its own first shard, and NaN is not equal to NaN.
TEST_F(Inputs, AttributesThatAreNanAreNoOtherShards) {
  make_dumps(folder_,
             "dump('a.h5', layers=['fc1'], weight_decay=float('nan'), lambda_w=float('nan'), lambda_h=1.0)");
  const Finished finished = expect_status(0, folder_, {"analyze", "a.h5", "-q", "-o", "x.json"});
  EXPECT_THAT(finished.err, HasSubstr("attribute 'lambda_w': found nan"));
  EXPECT_THAT(finished.err, Not(HasSubstr("shard")));
}

TEST_F(Inputs, LayersOfOneIndexAreTold) {
  make_dumps(folder_, R"(
def places(**indices):
    def edit(f):
        for layer, index in indices.items():
            f[f"layers/{layer}"].attrs["index"] = index
    return edit
dump("first.h5", edit=places(fc1=0, fc2=1))
dump("same.h5", edit=places(fc1=0, fc2=1))
dump("turned.h5", edit=places(fc1=1, fc2=0))
dump("unsaid.h5")
dump("twice.h5", edit=places(fc1=4, fc2=4))
)");
  const auto joined = [&](const char* second, int status) {
    return expect_status(status, folder_, {"analyze", "first.h5", second, "--shards", "-q", "-o", "x.json"})
        .err;
  };
  EXPECT_EQ(joined("same.h5", 0), "");
  EXPECT_EQ(joined("unsaid.h5", 0), "");
  EXPECT_THAT(joined("turned.h5", 2),
              HasSubstr("turned.h5: fc1: attribute 'index': found 1; the first shard, first.h5, has 0"));
  EXPECT_THAT(expect_status(0, folder_, {"analyze", "twice.h5", "-q", "-o", "x.json"}).err,
              HasSubstr("attribute 'index': found 4 in the layers fc1 and fc2; expected another for each"));
}

TEST_F(Inputs, RefusedPredictionsAreTheReasonOfWhatNeedsThem) {
  make_dumps(folder_, R"(
def predictions(shape, **attributes):
    def edit(f):
        f["predictions"] = normal(60, 9).reshape(-1)[:np.prod(shape)].reshape(shape)
        if shape == (60, 2):
            f["predictions"][3] = np.nan
    return edit
def labels(f):
    del f["targets"]
    f["targets"] = np.arange(60) % 2
    f["predictions"] = normal(60, 9)[:, :8].reshape(60, 2, 4)
dump("shape.h5", edit=predictions((60, 3)))
dump("nan.h5", edit=predictions((60, 2)))
dump("whole.h5", edit=lambda f: f.__setitem__("predictions", normal(60, 2)))
dump("logits.h5", edit=labels, task="classification")
)");
  const auto notes = [&](const std::vector<std::string>& dumps) {
    std::vector<std::string> arguments{"analyze", "-q", "-o", "x.json"};
    arguments.insert(arguments.end(), dumps.begin(), dumps.end());
    (void)expect_status(1, folder_, arguments);
    return Json::parse(folder_.read("x.json")).at("checkpoints").at(0);
  };
  const Json shape = notes({"shape.h5"});
  const std::string reason =
      "predictions refused: /predictions: found predictions of shape [60, 3]; expected [60, 2], as the "
      "targets "
      "have";
  EXPECT_EQ(shape.at("target_notes").at("model_mse"), reason);
  EXPECT_EQ(shape.at("layers").at(0).at("notes").at("linear_excess"), reason);
  EXPECT_EQ(notes({"nan.h5"}).at("target_notes").at("model_r2"),
            "predictions refused: /predictions: found NaN or Inf, first in row 3; expected finite numbers");
  EXPECT_THAT(
      notes({"logits.h5"}).at("target_notes").at("model_accuracy").get<std::string>(),
      HasSubstr("predictions refused: /predictions: found predictions of shape [60, 2, 4]; expected"));
  EXPECT_THAT(
      notes({"whole.h5", "shape.h5", "--shards"}).at("target_notes").at("model_mse").get<std::string>(),
      HasSubstr("refused in this shard, while others have them (/predictions: found predictions of"));
}

TEST_F(Inputs, MissingStrengthsAreNamed) {
  make_dumps(folder_,
             "dump('none.h5')\n"
             "dump('one.h5', lambda_w=0.1)\n"
             "dump('odd.h5', lambda_w=-0.1, lambda_h=0.1)\n"
             "dump('text.h5', lambda_w='strong')\n");
  const auto note = [&](const char* name) {
    (void)expect_status(0, folder_, {"analyze", name, "-q", "-o", "x.json"});
    const Json checkpoint = Json::parse(folder_.read("x.json")).at("checkpoints").at(0);
    return checkpoint.at("target_notes").at("ufm_c").get<std::string>();
  };
  EXPECT_EQ(note("none.h5"),
            "no lambda_w, lambda_h; expected both as attributes of the checkpoint, numbers from 0 on");
  EXPECT_THAT(note("one.h5"), HasSubstr("no lambda_h; expected both"));
  EXPECT_THAT(note("odd.h5"), HasSubstr("lambda_w = -0.1 is below 0; expected both"));
  EXPECT_THAT(note("text.h5"), HasSubstr("no lambda_h, lambda_w is no number; expected both"));
}

TEST_F(Inputs, FilesNotWrittenForUsAreNamedPartByPart) {
  make_dumps(folder_,
             "dump('ours.h5')\n"
             "with h5py.File('ours.h5', 'a') as a, h5py.File('theirs.h5', 'w') as b:\n"
             "    a['predictions'] = normal(60, 2, 9)\n"
             "    b['labels/y'] = a['targets'][:]\n"
             "    b['out'] = a['predictions'][:]\n"
             "    for layer in a['layers']:\n"
             "        a[f'layers/{layer}/bias'] = normal(2, 1, 3)[:, 0]\n"
             "        b[f'acts/{layer}'] = a[f'layers/{layer}/activations'][:]\n"
             "        b[f'params/{layer}/kernel'] = a[f'layers/{layer}/weight'][:].T\n"
             "        b[f'params/{layer}/bias'] = a[f'layers/{layer}/bias'][:]\n");
  const Json ours = analyzed(folder_, {"ours.h5"});
  const Json theirs = analyzed(
      folder_, {"theirs.h5", "--activations", "acts/*", "--targets", "labels/y", "--predictions", "out",
                "--weight", "params/{layer}/kernel", "--bias", "params/{layer}/bias", "--transpose-weight"});
  expect_same_metrics(theirs, ours, 0, 0);
  EXPECT_GT(target_metric(theirs, "model_mse"), 0);
  EXPECT_THAT(expect_status(2, folder_, {"analyze", "theirs.h5"}).err, HasSubstr("theirs.h5"));
  EXPECT_THAT(
      expect_status(2, folder_, {"analyze", "theirs.h5", "--activations", "acts/*", "--targets", "nope"}).err,
      HasSubstr("nope"));
  EXPECT_THAT(expect_status(2, folder_, {"analyze", "theirs.h5", "--targets", "labels/y"}).err,
              HasSubstr("--activations"));
}

TEST_F(Inputs, WhatNamesNothingIsAUsageError) {
  folder_.write("empty.list", "# nothing\n");
  folder_.write("loop.list", "@loop.list\n");
  std::filesystem::create_directory(folder_.path() / "empty");
  for (const char* name :
       {"no*.h5", "empty", "@missing.list", "missing.h5", "@empty.list", "@loop.list", ""}) {
    SCOPED_TRACE(name);
    for (const char* command : {"analyze", "inspect"}) {
      const Finished finished = expect_status(2, folder_, {command, name});
      EXPECT_EQ(finished.out, "");
      EXPECT_FALSE(finished.err.empty());
      EXPECT_THAT(finished.err, HasSubstr(name[0] == '@' ? name + 1 : name));
    }
  }
}

}  // namespace
}  // namespace collapscope::cli
