// Commands that tell and compute nothing: inspect, devices, metrics, --version, --help.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void expect_told(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    EXPECT_THAT(text, HasSubstr(word));
  }
}

TEST(Inspect, TellsWhatIsThereAndWhatItCosts) {
  const TempFolder folder;
  make_dumps(folder,
             "def edit(f):\n"
             "    f.create_dataset('layers/conv/activations', data=normal(300, 72).reshape(300, 8, 3, "
             "3).astype('f4'),\n"
             "                     chunks=(100, 8, 3, 3), compression='gzip', shuffle=True)\n"
             "    f['predictions'] = normal(300, 2)\n"
             "dump('a.h5', layers=['fc1'], N=300, d=7, run='night', step=12, edit=edit)");
  const Finished finished = expect_status(0, folder, {"inspect", "a.h5", "--memory", "64MiB"});
  EXPECT_EQ(finished.err, "");
  expect_told(finished.out,
              {"a.h5", "night", "12", "targets: float64 [300, 2]", "predictions [300, 2]",
               "fc1: float64 [300, 7], contiguous, weight [2, 7]", "300 rows x 7 features",
               "conv: float32 [300, 8, 3, 3], chunks [100, 8, 3, 3] shuffle deflate", "NCHW pooled by mean",
               "no weight", "300 rows x 8 features", "two looks", "all eigenpairs", "84.4 KiB",
               "\ndevice: ", "2 layers can be analysed", "budget 64.0 MiB"});
  const std::string flat =
      expect_status(0, folder, {"inspect", "a.h5", "--layers", "conv", "--pool", "flatten"}).out;
  expect_told(flat, {"300 rows x 72 features", "1 layer can"});
  EXPECT_THAT(flat, Not(HasSubstr("fc1")));
}

TEST(Inspect, ComputesNothing) {
  const TempFolder folder;
  make_dumps(folder,
             "def ruin(f):\n"
             "    for name in ['targets', 'layers/fc1/activations', 'layers/fc1/weight']:\n"
             "        f[name][...] = np.nan\n"
             "dump('a.h5', layers=['fc1'], edit=ruin)\n"
             "with h5py.File('huge.h5', 'w') as f:  # sparse: takes no room\n"
             "    f.attrs['format'] = 'collapscope-dump'; f.attrs['format_version'] = 1\n"
             "    create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)\n"
             "    create.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)\n"
             "    create.set_fill_time(h5py.h5d.FILL_TIME_NEVER)\n"
             "    f['targets'] = np.zeros((2_000_000, 1), 'i1')\n"
             "    space = h5py.h5s.create_simple((2_000_000, 256))\n"
             "    group = f.create_group('layers/fc1').id\n"
             "    h5py.h5d.create(group, b'activations', h5py.h5t.IEEE_F32LE, space, create)\n");
  expect_told(expect_status(0, folder, {"inspect", "a.h5"}).out, {"1 layer can be analysed"});
  expect_status(2, folder, {"analyze", "a.h5"});
  const Finished huge = expect_status(0, folder, {"inspect", "huge.h5", "--memory", "256M"});
  expect_told(huge.out, {"[2000000, 256]", "3.8 GiB to read in two passes", "1 layer can be analysed"});
  EXPECT_LT(huge.peak_memory, std::uint64_t{512} << 20U);
}

TEST(Inspect, ExitStatusSaysWhatCanBeAnalysed) {
  const TempFolder folder;
  make_dumps(folder,
             "dump('good.h5')\n"
             "def wide(f):\n"
             "    f['layers/wide/activations'] = normal(60, 60000).astype('f4')\n"
             "dump('wide.h5', edit=wide)");
  folder.write("bad.h5", "hello");
  expect_status(0, folder, {"inspect", "good.h5"});
  const Finished mixed = expect_status(1, folder, {"inspect", "bad.h5", "good.h5"});
  EXPECT_THAT(mixed.err, HasSubstr("bad.h5"));
  EXPECT_THAT(mixed.out, HasSubstr("good.h5"));
  EXPECT_THAT(expect_status(1, folder, {"inspect", "wide.h5", "--memory", "32M"}).err,
              HasSubstr("60 x 60000"));
  expect_status(0, folder, {"inspect", "wide.h5", "--memory", "1G"});
  EXPECT_EQ(expect_status(2, folder, {"inspect", "bad.h5"}).out, "");
  expect_status(2, folder, {"inspect", "good.h5", "--memory", "nonsense"});
  expect_status(2, folder, {"inspect", "good.h5", "--metrics", "nope"});
}

// What `analyze` refuses beside values of rows, and the words that it has for it.
TEST(Inspect, RefusesWhatAnalyzeRefuses) {
  const TempFolder folder;
  make_dumps(folder,
             "def sequences(f):\n"
             "    f['layers/s/activations'] = normal(60, 21).reshape(60, 3, 7)\n"
             "    f['layers/s/weight'] = normal(5, 7)\n"
             "dump('seq.h5', layers=[], edit=sequences)\n"
             "dump('mixed.h5', edit=sequences)\n"
             "def tokens(f):\n"
             "    del f['targets']\n"
             "    f['targets'] = np.arange(120).reshape(60, 2) % 3\n"
             "    f.attrs['task'] = 'classification'\n"
             "    f['layers/t/activations'] = normal(60, 10).reshape(60, 2, 5)\n"
             "    f['layers/wide/activations'] = normal(60, 15).reshape(60, 3, 5)\n"
             "dump('tokens.h5', layers=[], edit=tokens)\n"
             "dump('a.h5')\n"
             "part('a.h5', 'p0.h5', 0, 30)\n"
             "def other(name, value):\n"
             "    part('a.h5', name, 30, 60)\n"
             "    with h5py.File(name, 'a') as f:\n"
             "        value(f)\n"
             "def put(path, data):\n"
             "    def edit(f):\n"
             "        del f[path]\n"
             "        f[path] = data\n"
             "    return edit\n"
             "other('weights.h5', put('layers/fc1/weight', normal(2, 5, 7)))\n"
             "other('floats.h5', put('targets', normal(30, 2).astype('f4')))\n"
             "other('columns.h5', put('targets', normal(30, 3)))\n"
             "other('task.h5', lambda f: f.attrs.update(task='classification'))\n"
             "other('strength.h5', lambda f: f.attrs.update(lambda_w=0.5))\n"
             "def predict(f):\n"
             "    f['predictions'] = normal(30, 2)\n"
             "other('predicting.h5', predict)\n");
  struct Case {
    Arguments arguments;
    int status;
    std::string words;
  };
  const std::vector<Case> cases{
      {{"seq.h5", "--pool", "flatten"}, 2, "expected 21 input features as the pooled activations have"},
      {{"mixed.h5", "--pool", "flatten"}, 1, "expected 21 input features as the pooled activations have"},
      {{"seq.h5", "--pool", "flatten", "--metrics", "deep_nrc1"}, 0, ""},
      {{"tokens.h5", "--pool", "none"}, 1, "expected 2, as many as its labels"},
      {{"a.h5", "--precision", "float64-emulated", "--device", "cpu"}, 2, "expected a GPU"},
      {{"a.h5", "--part", "3/2"}, 2, "--part takes I/N"},
      {{"a.h5", "--max-time", "soon"}, 2, "--max-time takes a time"},
      {{"p0.h5", "weights.h5", "--shards"}, 1, "differs from the weight in an earlier shard"},
      {{"p0.h5", "floats.h5", "--shards"}, 2, "found other components or another type"},
      {{"p0.h5", "columns.h5", "--shards"}, 2, "found other components or another type"},
      {{"p0.h5", "task.h5", "--shards"}, 2, ""},
      {{"p0.h5", "strength.h5", "--shards"}, 2, "found lambda_w = 0.5"},
      {{"p0.h5", "predicting.h5", "--shards"}, 1, "found in some shards only"}};
  for (const Case& one : cases) {
    for (const char* command : {"inspect", "analyze"}) {
      Arguments arguments{command};
      arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
      EXPECT_THAT(expect_status(one.status, folder, arguments).err, HasSubstr(one.words)) << command;
    }
  }
}

TEST(Inspect, TakesTheLayersThatAnalyzeTakes) {
  const TempFolder folder;
  make_dumps(folder, "dump('a.h5', layers=['h0', 'h[0]', 'h1'])");
  for (const char* command : {"inspect", "analyze"}) {
    const std::string named = expect_status(0, folder, {command, "a.h5", "--layers", "h[0]"}).out;
    EXPECT_THAT(named, HasSubstr("h[0]")) << command;
    EXPECT_THAT(named, Not(HasSubstr("h0"))) << command;
  }
  const std::string several = expect_status(0, folder, {"inspect", "a.h5", "--layers", "h[01]"}).out;
  EXPECT_THAT(several, HasSubstr("2 layers can be analysed"));
}

TEST(Inspect, TakesTheOptionsOfInterruptionAndWritesNothing) {
  const TempFolder folder;
  make_dumps(folder, "dump('a.h5')");
  const std::string plain = expect_status(0, folder, {"inspect", "a.h5", "--memory", "1GiB"}).out;
  const Finished with = expect_status(
      0, folder,
      {"inspect", "a.h5", "--memory", "1GiB", "--work", "w", "--save-every", "1m", "--max-time", "1:00:00"});
  EXPECT_THAT(with.out, HasSubstr("2 layers can be analysed"));
  EXPECT_NE(with.out, plain);  // states take memory
  EXPECT_EQ(expect_status(0, folder, {"inspect", "a.h5", "--memory", "1GiB", "--part", "1/2"}).out, plain);
  EXPECT_FALSE(folder.has("w"));
  EXPECT_THAT(expect_status(0, folder, {"inspect", "a.h5", "--save-every", "5m"}).err,
              HasSubstr("--save-every: without --work nothing is saved"));
}

TEST(Info, VersionNamesTheLibraries) {
  const TempFolder folder;
  const Finished finished = expect_status(0, folder, {"--version"});
  EXPECT_EQ(finished.err, "");
  EXPECT_THAT(finished.out, ::testing::StartsWith("collapscope "));
  expect_told(finished.out, {"BLAS: OpenBLAS 0.", " kernels", "HDF5: 1.", "CUDA: "});
}

TEST(Info, DevicesListsTheCpu) {
  const TempFolder folder;
  expect_told(expect_status(0, folder, {"devices"}).out, {"cpu: OpenBLAS", "thread"});
}

TEST(Info, MetricsListsEveryMetricThatIsReported) {
  const TempFolder folder;
  const std::string list = expect_status(0, folder, {"metrics"}).out;
  expect_status(0, folder, {"synth", "ufm", "-o", "u.h5"});
  const Json results = analyzed(folder, {"u.h5"});
  for (const Json& metrics :
       {results.at("checkpoints").at(0).at("targets"), layer_of(results, "head").at("metrics")}) {
    EXPECT_GT(metrics.size(), 10U);
    for (const auto& metric : metrics.items()) {
      EXPECT_THAT("\n" + list, HasSubstr("\n" + metric.key() + " "));
    }
  }
}

TEST(Info, HelpMentionsEveryCommandAndOption) {
  const TempFolder folder;
  expect_told(expect_status(0, folder, {"--help"}).out,
              {"analyze", "inspect", "synth", "bench", "metrics", "devices", "--version", "COMMAND --help"});
  const std::vector<std::string> shared{
      "DUMP",       "--layers",  "--signal-dim",  "--top",     "--pool",        "--metrics", "--looks",
      "--spectrum", "--device",  "--threads",     "--memory",  "--shards",      "--weight",  "--bias",
      "--layout",   "intrinsic", "--activations", "--targets", "--predictions", "{layer}"};
  const std::string analyze = expect_status(0, folder, {"analyze", "--help"}).out;
  expect_told(analyze, shared);
  expect_told(analyze, {"--output", "--quiet", "Examples:", "collapscope analyze dumps/", "Exit status:"});
  expect_told(expect_status(0, folder, {"inspect", "--help"}).out, shared);
  expect_told(expect_status(0, folder, {"synth", "--help"}).out, {"ufm", "planted"});
  const std::vector<std::string> made{"--output",  "--samples", "--features", "--targets", "--dtype",
                                      "--storage", "--chunk",   "--run",      "--step"};
  expect_told(expect_status(0, folder, {"synth", "ufm", "--help"}).out, made);
  const std::string planted = expect_status(0, folder, {"synth", "planted", "--help"}).out;
  expect_told(planted, made);
  expect_told(planted, {"--noise", "--offset", "bfloat16", "gzip"});
  EXPECT_THAT(planted, Not(HasSubstr("->")));
  for (const char* command : {"devices", "metrics"}) {
    EXPECT_THAT(expect_status(0, folder, {command, "--help"}).out, HasSubstr("Usage:"));
  }
}

}  // namespace
}  // namespace collapscope::cli
