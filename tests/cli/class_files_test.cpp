// Labels as files have them that were not written for this: without a task, beside bits of floats, with
// logits that mean nothing, in shards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

nlohmann::json only_checkpoint(const Finished& finished) {
  return nlohmann::json::parse(finished.out).at("checkpoints").at(0);
}

// 60 rows of 4 classes, with logits.
constexpr const char* foreign =
    "rng = np.random.default_rng(1)\n"
    "y = np.arange(60) % 4\n"
    "h = rng.normal(size=(4, 5))[y] + 0.3 * rng.normal(size=(60, 5))\n"
    "logits = rng.normal(size=(60, 4))\n"
    "def write(name, h, y, **attributes):\n"
    "    with h5py.File(name, 'w') as f:\n"
    "        f.attrs.update(attributes)\n"
    "        f['acts/fc'], f['y'], f['logits'] = h, y, logits\n";

TEST(ClassFiles, TheTaskMayBeSaidByAnOption) {
  const TempFolder folder;
  make_dumps(folder,
             std::string(foreign) + "write('a.h5', h, y)\nwrite('own.h5', h, y, task='classification')");
  const Arguments named{"analyze", "a.h5",          "--activations", "acts/*", "--targets", "y",
                        "-q",      "--predictions", "logits",        "-o",     "-"};
  const Finished unsaid = expect_status(2, folder, named);
  EXPECT_THAT(unsaid.err, AllOf(HasSubstr("found predictions of shape [60, 4]"),
                                HasSubstr("--task classification says that the targets are labels")));
  Arguments said = named;
  said.insert(said.end(), {"--task", "classification"});
  const nlohmann::json found = only_checkpoint(expect_status(0, folder, said));
  EXPECT_EQ(found.at("task"), "classification");
  EXPECT_TRUE(found.at("targets").at("model_accuracy").is_number());
  said[1] = "own.h5";
  EXPECT_EQ(only_checkpoint(expect_status(0, folder, said)).at("layers"), found.at("layers"));
}

TEST(ClassFiles, ATaskThatTheFileContradictsIsRefused) {
  const TempFolder folder;
  make_dumps(folder, "dump('a.h5', task='regression')\ndump('b.h5')");
  const Finished finished = expect_status(2, folder, {"analyze", "a.h5", "--task", "classification"});
  EXPECT_THAT(finished.err, HasSubstr("found \"regression\"; expected \"classification\", as --task says"));
  EXPECT_EQ(expect_status(0, folder, {"analyze", "b.h5", "--task", "regression", "-o", "-"}).status, 0);
  EXPECT_THAT(expect_status(2, folder, {"analyze", "b.h5", "--task", "ranking"}).err, HasSubstr("--task"));
}

TEST(ClassFiles, LabelsOf16BitsAreNoBitsOfFloats) {
  const TempFolder folder;
  make_dumps(folder, std::string(foreign) +
                         "bits = (h.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)\n"
                         "def edit(f):\n"
                         "    del f['targets'], f['layers/fc1/activations']\n"
                         "    f['targets'] = y.astype(np.uint16)\n"
                         "    f['layers/fc1/activations'] = bits\n"
                         "dump('a.h5', ('fc1',), n=4, task='classification', edit=edit)");
  const nlohmann::json found =
      only_checkpoint(expect_status(0, folder, {"analyze", "a.h5", "-q", "--dtype", "bfloat16", "-o", "-"}));
  EXPECT_EQ(found.at("targets").at("classes"), 4);
  EXPECT_LT(found.at("layers").at(0).at("metrics").at("total_variance").get<double>(), 100);
}

TEST(ClassFiles, LogitsOfIgnoredSamplesCostNothing) {
  const TempFolder folder;
  const std::string dumps = std::string(foreign) +
                            "y[::5] = -100\n"
                            "logits[::5] = np.nan\n"
                            "def edit(f):\n"
                            "    del f['targets']\n"
                            "    f['targets'], f['predictions'] = y, logits\n";
  make_dumps(folder, dumps + "dump('a.h5', task='classification', edit=edit)");
  const Arguments arguments{"analyze", "a.h5", "-q", "--ignore-label", "-100", "-o", "-"};
  EXPECT_TRUE(
      only_checkpoint(expect_status(0, folder, arguments)).at("targets").at("model_accuracy").is_number());
  make_dumps(folder, dumps + "logits[33, 1] = np.inf\ndump('a.h5', task='classification', edit=edit)");
  EXPECT_THAT(expect_status(1, folder, arguments).err, HasSubstr("found NaN or Inf, first in row 33"));
}

TEST(ClassFiles, LabelsOfPositionsSayWhichShapeWouldFit) {
  const TempFolder folder;
  make_dumps(folder,
             "def edit(f):\n"
             "    del f['targets'], f['layers/fc1/activations']\n"
             "    f['targets'] = np.arange(60 * 6).reshape(60, 6) % 3\n"
             "    f['layers/fc1/activations'] = normal(60 * 7 * 5, 1).reshape(60, 7, 5)\n"
             "dump('a.h5', ('fc1',), task='classification', edit=edit)");
  EXPECT_THAT(expect_status(2, folder, {"analyze", "a.h5", "--pool", "none"}).err,
              AllOf(HasSubstr("labels of positions are integers of shape [N, 7] here, as layer fc1"),
                    Not(HasSubstr("take --pool none"))));
}

TEST(ClassFiles, ShardsThatContradictEachOtherAreRefused) {
  const TempFolder folder;
  const std::string labels =
      "def edit(names):\n"
      "    def add(f):\n"
      "        del f['targets']\n"
      "        f['targets'] = np.arange(60) % 3\n"
      "        f['class_names'] = names\n"
      "    return add\n";
  make_dumps(folder, labels +
                         "dump('a.h5', task='classification', edit=edit(['x', 'y', 'z']))\n"
                         "dump('b.h5', task='classification', edit=edit(['x', 'z', 'y']))\n"
                         "dump('c.h5', task='regression', n=1)\n");
  EXPECT_THAT(
      expect_status(2, folder, {"analyze", "a.h5", "b.h5", "--shards"}).err,
      AllOf(HasSubstr("b.h5"), HasSubstr("class_names"), HasSubstr("other names than the first shard")));
  EXPECT_THAT(expect_status(2, folder, {"analyze", "a.h5", "c.h5", "--shards"}).err,
              AllOf(HasSubstr("c.h5"), HasSubstr("found task \"regression\"; the first shard")));
  EXPECT_THAT(expect_status(2, folder, {"analyze", "c.h5", "a.h5", "--shards"}).err,
              HasSubstr("found task \"classification\"; the first shard"));
}

TEST(ClassFiles, ShardsOfADistributedTrainingThatAreNotJoinedAreTold) {
  const TempFolder folder;
  make_dumps(folder,
             "dump('a.rank0.h5', shard=0, shards=3)\n"
             "dump('a.rank1.h5', shard=1, shards=3)\n"
             "dump('a.rank2.h5', shard=2, shards=3)");
  const auto told = [&](Arguments more) {
    more.insert(more.begin(), {"analyze", "-q", "-o", "a.json", "a.rank0.h5", "a.rank1.h5"});
    return expect_status(0, folder, more).err;
  };
  EXPECT_THAT(told({}), AllOf(HasSubstr("a.rank0.h5: one of 3 shards is measured by itself; --shards joins"),
                              HasSubstr("so in 1 checkpoints more")));
  EXPECT_THAT(told({"--shards"}), HasSubstr("a.rank0.h5: found 2 of 3 shards"));
  EXPECT_THAT(told({"--shards", "a.rank2.h5"}), Not(HasSubstr("shards")));
  const auto attributes = [&](const Arguments& more) {
    Arguments arguments{"analyze", "a.rank0.h5", "-q", "-o", "x.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_status(0, folder, arguments);
    return Json::parse(folder.read("x.json")).at("checkpoints").at(0).at("attributes");
  };
  EXPECT_EQ(attributes({}).at("shard"), 0);
  EXPECT_FALSE(attributes({}).contains("shards_joined"));
  EXPECT_EQ(attributes({"a.rank1.h5", "--shards"}).at("shards_joined"), 2);
  EXPECT_FALSE(attributes({"a.rank1.h5", "--shards"}).contains("shard"));
}

TEST(ClassFiles, NoOutputTakesTheNameOfThatOfClasses) {
  const TempFolder folder;
  make_dumps(folder, std::string(foreign) + "write('a.h5', h, y)");
  const Finished finished =
      expect_status(2, folder, {"analyze", "a.h5", "--per-class", "-o", "y.csv", "-o", "./y.classes.csv"});
  EXPECT_THAT(finished.err, HasSubstr("--per-class writes this file beside y.csv"));
}

}  // namespace
}  // namespace collapscope::cli
