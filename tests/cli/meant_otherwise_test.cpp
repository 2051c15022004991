// What a dump or the command line says in another way than the program expects: it is heeded, or a line tells
// that it is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class MeantOtherwise : public ::testing::Test {
 protected:
  // What `analyze ARGUMENTS -q -o x.json` writes to standard error.
  std::string told(Arguments arguments, int status = 0) {
    arguments.insert(arguments.begin(), "analyze");
    arguments.insert(arguments.end(), {"-q", "-o", "x.json"});
    return expect_status(status, folder_, arguments).err;
  }

  TempFolder folder_;
};

TEST_F(MeantOtherwise, LayoutAndPoolOfTheActivationsThemselves) {
  make_dumps(folder_,
             "def images(place, **attributes):\n"
             "    def edit(f):\n"
             "        f['layers/c/activations'] = (normal(60, 72) ** 2).reshape(60, 3, 4, 6)\n"
             "        f['layers/c' + place].attrs.update(attributes)\n"
             "    return edit\n"
             "own = '/activations'\n"
             "dump('group.h5', layers=[], edit=images('', layout='NHWC', pool='max'))\n"
             "dump('own.h5', layers=[], edit=images(own, layout='NHWC', pool='max'))\n"
             "dump('letters.h5', layers=[], edit=images('', layout=np.bytes_('nhwc    '), pool='Max'))\n"
             "dump('odd.h5', layers=[], edit=images(own, layout='C order', pool=3))\n"
             "dump('plain.h5', layers=[], edit=images(own))\n"
             "dump('torn.h5', layers=[], edit=images(own, layout='NHWC'))\n"
             "dump('torn_pool.h5', layers=[], edit=images(own, pool='max'))\n"
             "with h5py.File('torn.h5', 'a') as f: f['layers/c'].attrs['layout'] = 'NCHW'\n"
             "with h5py.File('torn_pool.h5', 'a') as f: f['layers/c'].attrs['pool'] = 'mean'\n");
  const Json group = analyzed(folder_, {"group.h5"});
  EXPECT_EQ(layer_metric(group, "c", "features"), 6);
  expect_same_metrics(analyzed(folder_, {"own.h5"}), group, 0, 0);
  EXPECT_EQ(told({"own.h5"}), "");
  expect_same_metrics(analyzed(folder_, {"letters.h5"}), group, 0, 0);
  EXPECT_THAT(told({"odd.h5"}),
              AllOf(HasSubstr("odd.h5: /layers/c/activations: attribute 'layout': found \"C order\""),
                    HasSubstr("attribute 'pool': found 3"), HasSubstr("it is not heeded")));
  expect_same_metrics(analyzed(folder_, {"odd.h5"}), analyzed(folder_, {"plain.h5"}), 0, 0);
  EXPECT_THAT(told({"torn.h5"}, 2),
              HasSubstr("torn.h5: /layers/c: attribute 'layout': found \"NCHW\", and \"NHWC\" on "
                        "/layers/c/activations; expected one of them"));
  EXPECT_THAT(told({"torn_pool.h5"}, 2), HasSubstr("attribute 'pool': found \"mean\", and \"max\" on"));
}

TEST_F(MeantOtherwise, TheOptionLayoutGoesBeforeTheAttribute) {
  make_dumps(folder_,
             "def images(f):\n"
             "    f['layers/c/activations'] = normal(60, 72).reshape(60, 3, 4, 6)\n"
             "    f['layers/c'].attrs['layout'] = 'NHWC'\n"
             "dump('a.h5', layers=[], edit=images)\n");
  EXPECT_THAT(told({"a.h5", "--layout", "NCHW"}),
              HasSubstr("a.h5: /layers/c: attribute 'layout': found \"NHWC\"; --layout NCHW is taken"));
  EXPECT_EQ(told({"a.h5", "--layout", "NHWC"}), "");
  EXPECT_EQ(layer_metric(analyzed(folder_, {"a.h5", "--layout", "NCHW"}), "c", "features"), 3);
}

TEST_F(MeantOtherwise, OneNameForTheWeightsOfSeveralLayers) {
  make_dumps(folder_,
             "dump('ours.h5', layers=['a', 'b'])\n"
             "with h5py.File('ours.h5') as a, h5py.File('theirs.h5', 'w') as b:\n"
             "    b['y'] = a['targets'][:]\n"
             "    for name in 'ab':\n"
             "        b[f'acts/{name}'] = a[f'layers/{name}/activations'][:]\n"
             "        b[f'w/{name}'] = a[f'layers/{name}/weight'][:]\n"
             "    b['acts/odd'] = b['acts/a'][:]\n"
             "    b['bias'] = np.zeros(2)\n");
  const Arguments named{"theirs.h5", "--activations", "acts/*", "--targets", "y"};
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), named.begin(), named.end());
    return more;
  };
  EXPECT_THAT(told(with({"--weight", "w/a"}), 2),
              AllOf(HasSubstr("--weight 'w/a' names one dataset for 3 layers; expected {layer}"),
                    HasSubstr("--layers")));
  EXPECT_THAT(told(with({"--weight", "w/{layer}", "--bias", "bias"}), 2),
              HasSubstr("--bias 'bias' names one dataset for 3 layers"));
  EXPECT_EQ(told(with({"--weight", "w/a", "--layers", "a"})), "");
  EXPECT_EQ(told(with({"--weight", "w/{layer}"})),
            "theirs.h5: /: no weight at 'w/{layer}' for 1 of 3 layers, first odd\n");
  EXPECT_EQ(told(with({"--weight", "w/{layer}", "--layers", "[ab]"})), "");
}

TEST_F(MeantOtherwise, LabelsOfPadding) {
  make_dumps(folder_,
             "def labelled(name, labels):\n"
             "    def edit(f):\n"
             "        del f['targets']; f['targets'] = np.resize(labels, 60)\n"
             "    dump(name + '.h5', layers=['fc'], task='classification', edit=edit)\n"
             "labelled('torch', [0, 1, 2, -100]); labelled('image', [0, 1, 255]); labelled('unknown', [-1, "
             "0, 1, 2])\n"
             "labelled('signs', [-1, 1]); labelled('three', [-1, 0, 1]); labelled('bytes', [0, 254, 255])\n"
             "labelled('plain', [0, 1, 2])\n");
  EXPECT_EQ(
      told({"torch.h5"}),
      "torch.h5: /targets: label -100 occurs in 15 of 60 labels and is measured as a class; if it stands for "
      "none, --ignore-label -100 leaves it out\n");
  EXPECT_EQ(told({"torch.h5", "--ignore-label", "-100"}), "");
  EXPECT_EQ(told({"torch.h5", "--ignore-label", "77"}), told({"torch.h5"})) << "no label is 77";
  EXPECT_EQ(told({"plain.h5", "--ignore-label", "77"}), "");
  EXPECT_THAT(told({"image.h5"}), HasSubstr("label 255 occurs in 20 of 60 labels"));
  EXPECT_THAT(told({"unknown.h5"}), HasSubstr("label -1 occurs in 15 of 60 labels"));
  for (const char* name : {"signs.h5", "three.h5", "bytes.h5", "plain.h5"}) {
    EXPECT_EQ(told({name}), "") << name;
  }
}

TEST_F(MeantOtherwise, InspectTellsOfLabelsThatAreMeasuredAsTargets) {
  make_dumps(folder_,
             "def labels(f):\n"
             "    del f['targets']\n"
             "    f['targets'] = np.arange(60) % 3\n"
             "dump('a.h5', edit=labels)");
  const std::string line = "a.h5: /targets: integers of shape [N] are measured as targets of a regression; ";
  EXPECT_THAT(expect_status(0, folder_, {"inspect", "a.h5"}).err, HasSubstr(line));
  EXPECT_THAT(expect_status(0, folder_, {"inspect", "a.h5", "--task", "classification"}).err,
              Not(HasSubstr(line)));
}

TEST_F(MeantOtherwise, NumbersThatFloat16CannotHold) {
  make_dumps(folder_,
             "def small(f):\n"
             "    for layer, size in (('ok', 1e-3), ('small', 1e-6)):\n"
             "        f[f'layers/{layer}/activations'] = (size * normal(60, 5)).astype('float16')\n"
             "dump('a.h5', layers=[], edit=small)");
  const std::string said = expect_status(0, folder_, {"analyze", "a.h5", "-q", "-o", "x.json"}).err;
  EXPECT_THAT(said,
              HasSubstr("a.h5: /layers/small/activations: found numbers that are mostly below 6.1e-05"));
  EXPECT_THAT(said, Not(HasSubstr("/ok/")));
}

TEST_F(MeantOtherwise, MisspeltPartsOfADump) {
  make_dumps(
      folder_,
      "def extra(*names, **attributes):\n"
      "    def edit(f):\n"
      "        f.attrs.update(attributes)\n"
      "        for name in names:\n"
      "            f[name] = normal(60, 2) if '/' not in name or name.count('/') == 1 else normal(60, 5)\n"
      "    return edit\n"
      "dump('lost.h5', edit=extra('layers/b/activation'))\n"
      "dump('lost_alone.h5', layers=[], edit=extra('layers/b/acts'))\n"
      "dump('bare.h5', edit=extra('layers/b'))\n"
      "dump('others.h5', edit=extra('layers/b/input', 'layers/c/input', 'layers/fc1/noise', "
      "'layers/fc1/x/y'))\n"
      "dump('preds.h5', edit=extra('preds'))\n"
      "dump('epoch.h5', edit=extra(epoch=3)); dump('step.h5', edit=extra(epoch=3, step=3))\n"
      "def kernel(f):\n"
      "    f.move('layers/fc1/weight', 'layers/fc1/kernel'); f['layers/fc1/biases'] = np.zeros(2)\n"
      "    f.move('layers/fc2/weight', 'layers/fc2/Weights')\n"
      "dump('kernel.h5', edit=kernel)\n");
  EXPECT_EQ(
      told({"lost.h5"}, 1),
      "lost.h5: /layers/b: found a dataset 'activation'; did you mean 'activations'? Without it this is no "
      "layer\n");
  EXPECT_THAT(layer_names(Json::parse(folder_.read("x.json"))), ElementsAre("fc1", "fc2"));
  EXPECT_EQ(told({"lost.h5", "--layers", "fc*"}), "");
  EXPECT_THAT(told({"lost_alone.h5"}, 2), HasSubstr("found a dataset 'acts'; did you mean 'activations'?"));
  EXPECT_EQ(told({"bare.h5"}),
            "bare.h5: /layers/b: belongs to no layer: a layer is a group below /layers with a dataset "
            "'activations'\n");
  EXPECT_EQ(
      told({"others.h5"}),
      "others.h5: /layers/b/input: belongs to no layer, as 1 more datasets do not: a layer is a group below "
      "/layers with a dataset 'activations'\n");
  EXPECT_EQ(told({"preds.h5"}),
            "preds.h5: /: found no dataset 'predictions', but 'preds'; did you mean 'predictions'?\n");
  EXPECT_EQ(told({"epoch.h5"}),
            "epoch.h5: /: attribute 'epoch': found, but no 'step', which orders the checkpoints of a run\n");
  EXPECT_EQ(told({"step.h5"}), "");
  EXPECT_EQ(told({"kernel.h5"}),
            "kernel.h5: /layers/fc1: found no dataset 'weight', but 'kernel'; did you mean 'weight'?\n"
            "kernel.h5: /layers/fc1: found no dataset 'bias', but 'biases'; did you mean 'bias'?\n"
            "kernel.h5: /layers/fc2: found no dataset 'weight', but 'Weights'; did you mean 'weight'?\n");
  EXPECT_THAT(expect_status(0, folder_, {"inspect", "preds.h5"}).err, HasSubstr("but 'preds'"));
}

TEST_F(MeantOtherwise, AttributesThatAreNotHeeded) {
  make_dumps(folder_,
             "def own(**attributes):\n"
             "    return lambda f: f['layers/fc/activations'].attrs.update(attributes)\n"
             "def order(f):\n"
             "    f['layers/b'].attrs['index'] = 0; f['layers/d'].attrs['index'] = 1\n"
             "one = ['fc']\n"
             "dump('text.h5', layers=one, lambda_w='1e-3', lambda_h=0.1)\n"
             "dump('several.h5', layers=one, lambda_w=0.1, lambda_h=np.array([0.1, 0.2]))\n"
             "dump('negative.h5', layers=one, lambda_w=-1.0, lambda_h=0.1)\n"
             "dump('valid.h5', layers=one, edit=own(valid_range=np.array([-1.0, 1.0])))\n"
             "dump('missing.h5', layers=one, edit=own(missing_value=np.array([1.0, 2.0])))\n"
             "dump('order.h5', layers=['a', 'b', 'c', 'd'], edit=order)\n"
             "def codes(f):\n"
             "    f['layers/q/activations'] = (np.arange(300) % 50).astype('i1').reshape(60, 5)\n"
             "    f['layers/q/activations'].attrs['dtype'] = 'torch.qint8'\n"
             "dump('codes.h5', edit=codes)\n");
  EXPECT_EQ(told({"text.h5"}),
            "text.h5: /: attribute 'lambda_w': found \"1e-3\"; expected a finite number; it is not heeded\n");
  EXPECT_EQ(told({"several.h5"}),
            "several.h5: /: attribute 'lambda_h': found 2 values; expected one number; it is not heeded\n");
  EXPECT_EQ(
      told({"negative.h5"}),
      "negative.h5: /: attribute 'lambda_w': found -1; expected a number from 0 on; it is not heeded\n");
  EXPECT_EQ(told({"valid.h5"}),
            "valid.h5: /layers/fc/activations: attribute 'valid_range' is not heeded: numbers beyond it are "
            "measured\n");
  EXPECT_THAT(told({"missing.h5"}, 2),
              HasSubstr("attribute 'missing_value': found 2 values; expected one number"));
  EXPECT_EQ(told({"order.h5"}),
            "order.h5: /: 2 of 4 layers have no attribute 'index' and come last, first a\n");
  EXPECT_THAT(
      told({"codes.h5"}, 1),
      HasSubstr("codes.h5: /layers/q/activations: attribute 'dtype': found \"torch.qint8\" on int8 numbers; "
                "expected the numbers themselves: dequantize them"));
}

TEST_F(MeantOtherwise, ShapesThatTakeAnotherForm) {
  make_dumps(
      folder_,
      "def with_weight(w):\n"
      "    def edit(f):\n"
      "        f['layers/c/activations'] = normal(60, 120).reshape(60, 6, 4, 5)\n"
      "        f['layers/c/weight'] = w\n"
      "    return edit\n"
      "dump('depthwise.h5', edit=with_weight(np.ones((6, 1, 3, 3))))\n"
      "dump('grouped.h5', edit=with_weight(np.ones((4, 3, 3, 3))))\n"
      "dump('scale.h5', edit=with_weight(np.ones(6)))\n"
      "def put(**parts):\n"
      "    def edit(f):\n"
      "        for name, values in parts.items():\n"
      "            if name in f: del f[name]\n"
      "            f[name] = values\n"
      "    return edit\n"
      "labels = np.arange(60) % 3\n"
      "dump('logits.h5', task='classification', edit=put(targets=labels, predictions=np.ones((60, 5, 3))))\n"
      "dump('pixels.h5', task='classification', edit=put(targets=np.zeros((60, 2, 3), 'i8')))\n"
      "dump('tokens.h5', edit=put(targets=np.zeros((60, 2, 3))))\n"
      "def single(f):\n"
      "    f['layers/one/activations'] = np.arange(60.0)\n"
      "dump('single.h5', edit=single)\n");
  EXPECT_THAT(told({"depthwise.h5"}, 1), HasSubstr("; a convolution in 6 groups? Store its weight in full"));
  EXPECT_THAT(told({"grouped.h5"}, 1), HasSubstr("; a convolution in 2 groups? Store its weight in full"));
  EXPECT_THAT(told({"scale.h5"}, 1), HasSubstr("; of a normalization's scale leave it out"));
  EXPECT_THAT(
      told({"logits.h5"}, 1),
      HasSubstr("expected logits of shape [N, K]; logits of positions are not measured: leave them out"));
  EXPECT_THAT(told({"pixels.h5"}, 2), HasSubstr("labels of pixels take the shape [N, H W]"));
  EXPECT_THAT(told({"tokens.h5"}, 2), HasSubstr("targets of positions take the shape [N T, n]"));
  EXPECT_THAT(told({"single.h5"}, 1), HasSubstr("a single feature takes the shape [N, 1]"));
}

TEST_F(MeantOtherwise, StepsOfSeveralUnits) {
  make_dumps(folder_,
             "dump('a.h5', layers=['fc'], run='r', step=1, step_unit='epoch')\n"
             "dump('b.h5', layers=['fc'], run='r', step=2, step_unit='step')\n"
             "dump('c.h5', layers=['fc'], run='q', step=2, step_unit='step')\n");
  EXPECT_EQ(told({"."}),
            "./b.h5: attribute 'step_unit': found \"step\", and \"epoch\" in other dumps of run r, which are "
            "ordered by 'step' all the same\n");
  EXPECT_EQ(told({"a.h5", "c.h5"}), "");
}

// Each remark once, however many dumps it is of.
TEST_F(MeantOtherwise, OneLineForManyDumps) {
  make_dumps(folder_, "for i in range(4): dump(f'{i}.h5', layers=['fc1'], epoch=i)\n");
  EXPECT_EQ(
      told({"."}),
      "./0.h5: /: attribute 'epoch': found, but no 'step', which orders the checkpoints of a run; so in 3 "
      "places more\n");
}

// The names of all metrics in results of a dump.
std::set<std::string> metrics_in(const Json& results) {
  const Json& checkpoint = results.at("checkpoints").at(0);
  std::set<std::string> names;
  const auto add = [&](const Json& metrics) {
    for (const auto& [name, value] : metrics.items()) {
      names.insert(name);
    }
  };
  add(checkpoint.at("targets"));
  for (const Json& layer : checkpoint.at("layers")) {
    add(layer.at("metrics"));
  }
  for (const auto& [name, value] : checkpoint.at("depth").items()) {
    names.insert({name + "_depth_slope", name + "_depth_pearson", name + "_depth_layers"});
  }
  return names;
}

TEST_F(MeantOtherwise, MetricsOfTheOtherTask) {
  make_dumps(folder_,
             "dump('r.h5', layers=['a', 'b', 'c'])\n"
             "def labels(f):\n"
             "    del f['targets']; f['targets'] = np.arange(60) % 3\n"
             "dump('c.h5', layers=['a', 'b', 'c'], task='classification', edit=labels)\n");
  EXPECT_THAT(
      told({"r.h5", "--metrics", "nc1,nc2_*"}, 2),
      HasSubstr("--metrics: nc1, nc2_* are of classification; r.h5 is measured as regression (the attribute "
                "task = \"classification\", or --task, says otherwise): no metric is left"));
  EXPECT_FALSE(folder_.has("x.json"));
  EXPECT_EQ(told({"c.h5", "--metrics", "nrc1,deep_nrc1"}),
            "--metrics: nrc1 is of regression; c.h5 is measured as classification\n");
  EXPECT_EQ(told({"c.h5", "r.h5", "--metrics", "nrc1,nc1"}), "");
  const std::set<std::string> regression = metrics_in(analyzed(folder_, {"r.h5"}));
  const std::set<std::string> classification = metrics_in(analyzed(folder_, {"c.h5"}));
  std::set<std::string> all = regression;
  all.insert(classification.begin(), classification.end());
  const auto others = [&](const std::set<std::string>& there) {
    std::string list;
    for (const std::string& name : all) {
      list += there.contains(name) ? "" : (list.empty() ? "" : ", ") + name;
    }
    return list;
  };
  std::string list;
  for (const std::string& name : all) {
    list += (list.empty() ? "" : ",") + name;
  }
  EXPECT_THAT(told({"r.h5", "--metrics", list}), HasSubstr("--metrics: " + others(regression) + " are of"));
  EXPECT_THAT(told({"c.h5", "--metrics", list}),
              HasSubstr("--metrics: " + others(classification) + " are of"));
}

TEST_F(MeantOtherwise, OptionsThatDoNothing) {
  make_dumps(folder_, "dump('a.h5', layers=['fc'])\n");
  EXPECT_EQ(told({"a.h5", "--layout", "NHWC"}), "--layout NHWC: no activations have 4 axes\n");
  EXPECT_EQ(told({"a.h5", "--pool", "none"}), "--pool none: no activations are sequences or images\n");
  EXPECT_EQ(told({"a.h5", "--weight-layout", "HWIO"}), "--weight-layout HWIO: no weight has 4 axes\n");
  EXPECT_EQ(told({"a.h5", "--dtype", "bfloat16"}), "--dtype bfloat16: no numbers are integers of 16 bits\n");
  EXPECT_EQ(told({"a.h5", "--save-every", "1m"}), "--save-every: without --work nothing is saved\n");
  EXPECT_THAT(told({"a.h5", "--work", ""}, 2), HasSubstr("--work: found ''"));
  EXPECT_THAT(expect_status(0, folder_, {"inspect", "a.h5", "--per-class"}).err,
              HasSubstr("--per-class: no dump has task"));
}

}  // namespace
}  // namespace collapscope::cli
