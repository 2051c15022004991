// Layers: which there are, in what order, how they are laid out, and which are refused.
#include <gmock/gmock.h>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A dump of 4 samples whose layers are made by `make`.
class Layers : public ::testing::Test {
 protected:
  template <class Make>
  DumpIndex index(Make make, const IndexOptions& options = {}) {
    {
      const TestFile file(path());
      file.ramp("targets", {4});
      make(file);
    }
    return index_dump(path(), options);
  }

  // The one failure of a dump with a sound layer "ok" and one called "bad" that `make` fills.
  template <class Make>
  std::string failure(Make make) {
    const DumpIndex dump = index([&](const TestFile& file) {
      file.ramp("layers/ok/activations", {4, 3});
      make(file);
    });
    EXPECT_EQ(names(dump), std::vector<std::string>{"ok"});
    EXPECT_EQ(dump.failures.size(), 1U);
    return dump.failures.empty()
               ? std::string()
               : dump.failures[0].path + ": " + dump.failures[0].object + ": " + dump.failures[0].message;
  }

  static std::vector<std::string> names(const DumpIndex& dump) {
    std::vector<std::string> names;
    for (const LayerIndex& layer : dump.checkpoints.at(0).layers) {
      names.push_back(layer.name);
    }
    return names;
  }

  [[nodiscard]] std::string path() const { return dir_ / "dump.h5"; }

  TempDir dir_;
};

TEST_F(Layers, MayHaveDotsAndBeNested) {
  const DumpIndex dump = index([](const TestFile& file) {
    for (const char* name : {"model.layers.3.mlp", "encoder/0/fc", "encoder/0", "encoder"}) {
      file.ramp("layers/" + std::string(name) + "/activations", {4, 3});
    }
  });
  EXPECT_THAT(names(dump), ElementsAre("encoder", "encoder/0", "encoder/0/fc", "model.layers.3.mlp"));
  EXPECT_EQ(dump.checkpoints[0].layers[2].activations.object, "/layers/encoder/0/fc/activations");
  EXPECT_THAT(dump.failures, IsEmpty());
}

TEST_F(Layers, AreOrderedByIndexThenNaturallyByName) {
  const DumpIndex dump = index([](const TestFile& file) {
    for (const char* name : {"fc10", "fc2", "z", "a", "b", "last"}) {
      file.ramp("layers/" + std::string(name) + "/activations", {4, 3});
    }
    file.attribute("layers/z", "index", 0);
    file.attribute("layers/a", "index", 7);
    file.attribute("layers/b", "index", 7.0);
    file.attribute("layers/last", "index", 11);
  });
  EXPECT_THAT(names(dump), ElementsAre("z", "a", "b", "last", "fc2", "fc10"));
  EXPECT_EQ(dump.checkpoints[0].layers[2].index, 7);
  EXPECT_EQ(dump.checkpoints[0].layers[5].index, std::nullopt);
}

TEST_F(Layers, HaveTheirPlaceAmongThoseThatFailedOrAreLeftOut) {
  const auto make = [](const TestFile& file) {
    for (const char* name : {"a", "b", "c", "e"}) {
      const std::string layer = "layers/" + std::string(name);
      file.ramp(layer + "/activations", {name[0] == 'b' ? 3U : 4U, 3});
      file.attribute(layer, "index", 'e' - name[0]);
    }
    file.ramp("layers/d/weight", {2, 3});  // without activations
    file.attribute("layers/d", "index", 1);
  };
  const auto places = [](const CheckpointIndex& checkpoint) {
    std::vector<std::pair<std::string, std::size_t>> found;
    for (const LayerIndex& layer : checkpoint.layers) {
      found.emplace_back(layer.name, layer.place);
    }
    return found;
  };
  const CheckpointIndex all = index(make).checkpoints.at(0);
  EXPECT_THAT(places(all), ElementsAre(std::pair("e", 0), std::pair("c", 2), std::pair("a", 4)));
  ASSERT_EQ(all.failed_layers.size(), 2U);
  EXPECT_EQ(all.failed_layers[0].name, "d");
  EXPECT_EQ(all.failed_layers[0].place, 1U);
  EXPECT_EQ(all.failed_layers[1].name, "b");
  EXPECT_EQ(all.failed_layers[1].place, 3U);
  EXPECT_EQ(all.places, 5U);
  IndexOptions some;
  some.layers = {"[ac]"};
  const CheckpointIndex chosen = index(make, some).checkpoints.at(0);
  EXPECT_THAT(places(chosen), ElementsAre(std::pair("c", 2), std::pair("a", 4)));
  EXPECT_THAT(chosen.failed_layers, IsEmpty());
}

TEST_F(Layers, ThatCannotBeReadHaveThePlaceThatIsFree) {
  const auto make = [](const TestFile& file) {
    for (const char* name : {"a", "b", "d"}) {
      file.ramp("layers/" + std::string(name) + "/activations", {4, 3});
    }
    file.attribute("layers/a", "index", 1);  // from 1 on
    file.attribute("layers/b", "index", 1.5);
    file.attribute("layers/d", "index", 4);
    file.external_link("layers/c", "nowhere.h5", "/x");
  };
  IndexOptions some;
  some.layers = {"a", "d"};
  for (const IndexOptions& options : {IndexOptions{}, some}) {
    const CheckpointIndex found = index(make, options).checkpoints.at(0);
    ASSERT_EQ(found.layers.size(), 2U);
    EXPECT_EQ(found.layers[0].place, 0U);
    EXPECT_EQ(found.layers[1].place, 3U);
    EXPECT_EQ(found.failed_layers.size(), options.layers.empty() ? 2U : 0U);
    EXPECT_EQ(found.places, 4U);
  }
}

TEST_F(Layers, CarryTheirAttributes) {
  const DumpIndex dump = index([](const TestFile& file) {
    file.ramp("layers/conv/activations", {4, 2, 3, 5});
    file.attribute("layers/conv", "kind", "conv2d");
    file.variable_attribute("layers/conv", "layout", "nhwc");
    file.attribute("layers/conv", "pool", "max");
    file.ramp("layers/conv/weight", {7, 5, 3, 3});
    file.ramp("layers/conv/bias", {7});
  });
  const LayerIndex& layer = dump.checkpoints.at(0).layers.at(0);
  EXPECT_EQ(layer.kind, "conv2d");
  EXPECT_EQ(layer.layout, Layout::nhwc);
  EXPECT_EQ(layer.pool, Pool::max);
  EXPECT_EQ(layer.weight->shape, (std::vector<std::uint64_t>{7, 5, 3, 3}));
  EXPECT_EQ(layer.bias->shape, std::vector<std::uint64_t>{7});
  EXPECT_FALSE(layer.weight_transposed);
}

TEST_F(Layers, HaveALayoutByTheirNumberOfAxes) {
  const DumpIndex dump = index([](const TestFile& file) {
    file.ramp("layers/2d/activations", {4, 3});
    file.ramp("layers/3d/activations", {4, 3, 2});
    file.ramp("layers/4d/activations", {4, 3, 2, 2});
  });
  const auto& layers = dump.checkpoints.at(0).layers;
  EXPECT_EQ(layers[0].layout, Layout::rows);
  EXPECT_EQ(layers[1].layout, Layout::ntd);
  EXPECT_EQ(layers[2].layout, Layout::nchw);
  EXPECT_EQ(layers[0].pool, std::nullopt);
}

TEST_F(Layers, TakeTheLayoutThatTheUserNamesWhereItFits) {
  IndexOptions options;
  options.naming.layout = Layout::nhwc;
  const DumpIndex dump = index(
      [](const TestFile& file) {
        file.ramp("layers/3d/activations", {4, 3, 2});
        file.ramp("layers/4d/activations", {4, 3, 2, 2});
        file.attribute("layers/4d", "layout", "NCHW");
      },
      options);
  EXPECT_EQ(dump.checkpoints.at(0).layers.at(0).layout, Layout::ntd);
  EXPECT_EQ(dump.checkpoints.at(0).layers.at(1).layout, Layout::nhwc);
}

TEST_F(Layers, OfOneAndThreeDimensionsHaveLayoutsOfTheirOwn) {
  const DumpIndex dump = index([](const TestFile& file) {
    for (const auto& [name, shape] : {std::pair{"NCL", Shape{4, 3, 2}},
                                      {"NCW", {4, 3, 2}},
                                      {"NLC", {4, 2, 3}},
                                      {"NCDHW", {4, 3, 2, 2, 1}},
                                      {"NDHWC", {4, 2, 2, 1, 3}}}) {
      const std::string layer = std::string("layers/") + name;
      file.ramp(layer + "/activations", shape);
      file.attribute(layer, "layout", name);
      file.ramp(layer + "/weight", shape.size() == 3 ? Shape{5, 3} : Shape{5, 3, 2, 2, 1});
    }
  });
  EXPECT_THAT(dump.failures, IsEmpty());
  for (const LayerIndex& layer : dump.checkpoints.at(0).layers) {
    const bool first = layer.name.starts_with("NC");
    EXPECT_EQ(layer.layout, first                                 ? Layout::nchw
                            : layer.activations.shape.size() == 3 ? Layout::ntd
                                                                  : Layout::nhwc)
        << layer.name;
  }
  EXPECT_THAT(failure([](const TestFile& file) {
                file.ramp("layers/bad/activations", {4, 3, 2, 2});
                file.attribute("layers/bad", "layout", "NCL");
              }),
              AllOf(HasSubstr("NCL"), HasSubstr("expected 3 axes")));
}

// Activations, their layout, a kernel, what the weight's attribute says.
struct Kernel {
  Shape activations;
  const char* layout;
  Shape weight;
  const char* says;
  KernelOrder order;  // unsaid: refused
};

TEST_F(Layers, HaveKernelsInEitherOrder) {
  constexpr auto oihw = KernelOrder::outputs_first;
  constexpr auto hwio = KernelOrder::outputs_last;
  constexpr auto refused = KernelOrder::unsaid;
  const std::vector<Kernel> kernels{{{4, 3, 8, 8}, "NCHW", {16, 3, 5, 5}, "", oihw},
                                    {{4, 3, 8, 8}, "NCHW", {16, 3, 3, 3}, "", oihw},
                                    {{4, 3, 8, 8}, "NCHW", {3, 3, 3, 3}, "", oihw},
                                    {{4, 3, 8, 8}, "NCHW", {5, 5, 3, 16}, "", refused},
                                    {{4, 3, 8, 8}, "NCHW", {5, 5, 3, 16}, "HWIO", hwio},
                                    {{4, 3, 8, 8}, "NCHW", {3, 3, 3, 16}, "", refused},
                                    {{4, 3, 8, 8}, "NCHW", {3, 3, 3, 16}, "HWIO", hwio},
                                    {{4, 8, 8, 3}, "NHWC", {5, 5, 3, 16}, "", hwio},
                                    {{4, 8, 8, 3}, "NHWC", {16, 3, 5, 5}, "", oihw},
                                    {{4, 8, 8, 3}, "NHWC", {16, 3, 3, 3}, "", refused},
                                    {{4, 8, 8, 3}, "NHWC", {3, 3, 3, 16}, "", refused},
                                    {{4, 8, 8, 3}, "NHWC", {3, 3, 3, 16}, "hwio", hwio},
                                    {{4, 8, 8, 3}, "NHWC", {3, 3, 3, 16}, "OIHW", oihw},
                                    {{4, 8, 8, 3}, "NHWC", {16, 3, 5, 5}, "HWIO", refused},
                                    {{4, 8, 20}, "NCL", {5, 8, 3}, "", oihw},
                                    {{4, 8, 20}, "NCL", {3, 8, 5}, "WIO", hwio},
                                    {{4, 20, 8}, "NTD", {5, 8, 3}, "", refused},
                                    {{4, 20, 8}, "NTD", {3, 8, 5}, "WIO", hwio},
                                    {{4, 20, 8}, "NTD", {5, 8, 1, 3}, "", oihw},
                                    {{4, 2, 6, 6, 6}, "NCDHW", {7, 2, 3, 3, 3}, "", oihw},
                                    {{4, 6, 6, 6, 2}, "NDHWC", {3, 3, 3, 2, 7}, "", hwio}};
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const Kernel& kernel = kernels[i];
    SCOPED_TRACE(i);
    const auto make = [&](const TestFile& file, const std::string& name) {
      const std::string layer = "layers/" + name;
      file.ramp(layer + "/activations", kernel.activations);
      file.attribute(layer, "layout", kernel.layout);
      file.ramp(layer + "/weight", kernel.weight);
      file.ramp(layer + "/bias", {kernel.order == hwio ? kernel.weight.back() : kernel.weight.front()});
      if (*kernel.says != '\0') {
        file.attribute(layer + "/weight", "layout", kernel.says);
      }
    };
    if (kernel.order == refused) {
      const std::string said = failure([&](const TestFile& file) { make(file, "bad"); });
      EXPECT_THAT(said, HasSubstr("/layers/bad/weight: found a weight of shape"));
      EXPECT_THAT(said, *kernel.says != '\0' ? HasSubstr("expected 3 inputs") : HasSubstr("--weight-layout"));
      continue;
    }
    const DumpIndex dump = index([&](const TestFile& file) { make(file, "conv"); });
    EXPECT_THAT(dump.failures, IsEmpty());
    EXPECT_EQ(dump.checkpoints.at(0).layers.at(0).kernel_order, kernel.order);
  }
}

TEST_F(Layers, TakeTheKernelOrderThatTheUserNames) {
  IndexOptions options;
  options.naming.weight_layout = "HWIO";
  const DumpIndex dump = index(
      [](const TestFile& file) {
        file.ramp("layers/conv/activations", {4, 3, 8, 8});
        file.ramp("layers/conv/weight", {3, 3, 3, 16});
        file.ramp("layers/fc/activations", {4, 3});
        file.ramp("layers/fc/weight", {5, 3});
      },
      options);
  EXPECT_THAT(dump.failures, IsEmpty());
  EXPECT_EQ(dump.checkpoints.at(0).layers.at(0).kernel_order, KernelOrder::outputs_last);
  EXPECT_EQ(dump.checkpoints.at(0).layers.at(1).kernel_order, KernelOrder::unsaid);
}

TEST_F(Layers, ThatAreNotWantedAreLeftAlone) {
  const auto make = [](const TestFile& file) {
    file.ramp("layers/fc1/activations", {4, 3});
    file.ramp("layers/ids/activations", {7});
  };
  EXPECT_EQ(index(make).failures.size(), 1U);
  IndexOptions options;
  options.layers = {"fc*"};
  const DumpIndex dump = index(make, options);
  EXPECT_THAT(dump.failures, IsEmpty());
  EXPECT_THAT(names(dump), ElementsAre("fc1"));
  options.layers = {"conv*"};
  EXPECT_THAT(index_error(path(), options), HasSubstr("no layer is selected by --layers"));
}

TEST_F(Layers, AreTheOnesThatAGlobNames) {
  const auto make = [](const TestFile& file) {
    for (const char* name : {"h0", "h1", "h[0]", "h*"}) {
      file.ramp(std::string("layers/") + name + "/activations", {4, 3});
    }
  };
  const auto chosen = [&](std::vector<std::string> globs) {
    IndexOptions options;
    options.layers = std::move(globs);
    return names(index(make, options));
  };
  EXPECT_THAT(chosen({"h[0]"}), ElementsAre("h[0]"));
  EXPECT_THAT(chosen({"h*"}), ElementsAre("h*"));
  EXPECT_THAT(chosen({"h[1]"}), ElementsAre("h1"));
  EXPECT_THAT(chosen({"h[0]", "h?"}), ElementsAre("h*", "h0", "h1", "h[0]"));
}

TEST_F(Layers, ThatAreNotWantedMayBeBroken) {
  const auto make = [](const TestFile& file) {
    file.ramp("layers/fc1/activations", {4, 3});
    file.ramp("layers/head/weight", {5, 3});  // without activations
    file.soft_link("layers/old", "/nowhere");
  };
  EXPECT_EQ(index(make).failures.size(), 2U);
  const auto failures_of = [&](const std::string& glob) {
    IndexOptions options;
    options.layers = {"fc1", glob};
    const DumpIndex dump = index(make, options);
    EXPECT_THAT(names(dump), ElementsAre("fc1"));
    std::vector<std::string> objects;
    for (const Failure& failure : dump.failures) {
      objects.push_back(failure.object);
    }
    return objects;
  };
  EXPECT_THAT(failures_of("fc1"), IsEmpty());
  EXPECT_THAT(failures_of("he*"), ElementsAre("/layers/head"));
  EXPECT_THAT(failures_of("old"), ElementsAre("/layers/old"));
  EXPECT_THAT(failures_of("old/block*"), ElementsAre("/layers/old")) << "it may lead to a wanted layer";
}

TEST_F(Layers, ThatAreNotWantedMayBeBrokenInForeignFiles) {
  const auto make = [](const TestFile& file) {
    file.ramp("acts/fc1", {4, 3});
    file.soft_link("acts/old", "/nowhere");
  };
  IndexOptions options;
  options.naming.activations = "acts/*";
  EXPECT_EQ(index(make, options).failures.size(), 1U);
  options.layers = {"fc*"};
  EXPECT_THAT(index(make, options).failures, IsEmpty());
}

TEST_F(Layers, MayHaveWeightsForFlattenedRows) {
  const DumpIndex dump = index([](const TestFile& file) {
    file.ramp("layers/flat/activations", {4, 3, 2, 2});
    file.ramp("layers/flat/weight", {5, 12});
    file.ramp("layers/pooled/activations", {4, 3, 2, 2});
    file.ramp("layers/pooled/weight", {5, 3});
  });
  EXPECT_THAT(dump.failures, IsEmpty());
  EXPECT_THAT(names(dump), ElementsAre("flat", "pooled"));
}

TEST_F(Layers, WithOtherSamplesThanTheTargetsFail) {
  EXPECT_THAT(
      failure([](const TestFile& file) {
        file.ramp("layers/bad/activations", {5, 3});
      }),
      AllOf(HasSubstr("dump.h5: /layers/bad/activations: "), HasSubstr("found 5 samples (shape [5, 3])"),
            HasSubstr("expected 4, as the targets /targets have")));
}

TEST_F(Layers, OfAnotherNumberOfAxesFail) {
  EXPECT_THAT(
      failure([](const TestFile& file) { file.ramp("layers/bad/activations", {4}); }),
      AllOf(HasSubstr("/layers/bad"), HasSubstr("found activations of shape [4]"), HasSubstr("[N, d]")));
  EXPECT_THAT(failure([](const TestFile& file) {
                file.ramp("layers/bad/activations", {4, 1, 1, 1, 1, 1});
              }),
              HasSubstr("found activations of shape [4, 1, 1, 1, 1, 1]"));
}

TEST_F(Layers, WhoseActivationsAreAGroupFail) {
  EXPECT_THAT(failure([](const TestFile& file) { file.group("layers/bad/activations"); }),
              AllOf(HasSubstr("/layers/bad/activations: "), HasSubstr("found a group; expected a dataset")));
}

TEST_F(Layers, WithALayoutThatDoesNotFitFail) {
  const auto with_layout = [&](const Shape& shape, const char* layout) {
    return failure([&](const TestFile& file) {
      file.ramp("layers/bad/activations", shape);
      file.attribute("layers/bad", "layout", layout);
    });
  };
  EXPECT_THAT(with_layout({4, 3}, "NTD"),
              AllOf(HasSubstr("/layers/bad: "), HasSubstr("'layout' is NTD"),
                    HasSubstr("found activations of shape [4, 3], expected 3 axes")));
  EXPECT_THAT(with_layout({4, 3, 2, 2}, "CNHW"),
              AllOf(HasSubstr("found \"CNHW\""), HasSubstr("expected \"NTD\"")));
}

TEST_F(Layers, WithBadAttributesFail) {
  const auto with = [&](const char* name, const auto& value) {
    return failure([&](const TestFile& file) {
      file.ramp("layers/bad/activations", {4, 3});
      file.attribute("layers/bad", name, value);
    });
  };
  EXPECT_THAT(with("pool", "median"),
              AllOf(HasSubstr("'pool'"), HasSubstr("median"), HasSubstr("expected mean")));
  EXPECT_THAT(with("index", "first\x1b"), AllOf(HasSubstr("'index'"), HasSubstr("found \"first\\x1b\"")));
  EXPECT_THAT(with("index", 1.5), AllOf(HasSubstr("found 1.5"), HasSubstr("expected an integer")));
  EXPECT_THAT(with("index", true), AllOf(HasSubstr("found true"), HasSubstr("number")));
  EXPECT_THAT(with("kind", 3),
              AllOf(HasSubstr("'kind'"), HasSubstr("found 3"), HasSubstr("expected a string")));
}

TEST_F(Layers, WithWeightsThatDoNotFitFail) {
  const auto with_weight = [&](const Shape& activations, const Shape& weight) {
    return failure([&](const TestFile& file) {
      file.ramp("layers/bad/activations", activations);
      file.ramp("layers/bad/weight", weight);
    });
  };
  EXPECT_THAT(with_weight({4, 3}, {5, 4}),
              AllOf(HasSubstr("/layers/bad/weight: "), HasSubstr("found a weight of shape [5, 4]"),
                    HasSubstr("expected [m, d] with d = 3,"), HasSubstr("activations of shape [4, 3]")));
  EXPECT_THAT(with_weight({4, 3, 2, 2}, {5, 6}), HasSubstr("d = 3 or 12"));
  EXPECT_THAT(with_weight({4, 3, 2, 2}, {5, 2, 3, 3}), HasSubstr("[m, 3, kh, kw]"));
  EXPECT_THAT(with_weight({4, 3}, {3}), HasSubstr("found a weight of shape [3]"));
  EXPECT_THAT(with_weight({4, 3}, {5, 3, 1}), HasSubstr("found a weight of shape [5, 3, 1]"));
}

TEST_F(Layers, WithBiasesThatDoNotFitFail) {
  const auto with_bias = [&](const Shape& bias) {
    return failure([&](const TestFile& file) {
      file.ramp("layers/bad/activations", {4, 3});
      file.ramp("layers/bad/weight", {5, 3});
      file.ramp("layers/bad/bias", bias);
    });
  };
  EXPECT_THAT(with_bias({3}), AllOf(HasSubstr("/layers/bad/bias: "), HasSubstr("found a bias of shape [3]"),
                                    HasSubstr("expected [5] as the weight has shape [5, 3]")));
  EXPECT_THAT(with_bias({5, 1}), HasSubstr("found a bias of shape [5, 1]"));
}

TEST_F(Layers, WithUnreadableWeightsFail) {
  EXPECT_THAT(failure([](const TestFile& file) {
                file.ramp("layers/bad/activations", {4, 3});
                file.dataset<float>("layers/bad/weight", {5, 3}, {});
              }),
              AllOf(HasSubstr("/layers/bad/weight: "), HasSubstr("never written")));
}

TEST_F(Layers, ThatAllFailMakeTheFileUseless) {
  EXPECT_THAT(input_error([&] {
                (void)index([](const TestFile& file) {
                  file.ramp("layers/a/activations", {5, 3});
                  file.ramp("layers/b/activations", {6, 3});
                });
              }),
              AllOf(HasSubstr("/layers/a/activations: found 5 samples"), HasSubstr("1 more"),
                    HasSubstr("no layer can be used")));
}

TEST_F(Layers, WithNamesForTerminalsAreEscapedInMessages) {
  EXPECT_THAT(
      input_error([&] {
        (void)index([](const TestFile& file) { file.ramp("layers/fc\x1b[31m\n/activations", {5, 3}); });
      }),
      HasSubstr("dump.h5: /layers/fc\\x1b[31m\\x0a/activations: found 5 samples"));
}

TEST_F(Layers, NestedTooDeepAreAnError) {
  std::string deep = "layers";
  for (int i = 0; i < 40; ++i) {
    deep += "/g";
  }
  EXPECT_THAT(input_error([&] {
                (void)index([&](const TestFile& file) { file.ramp(deep + "/activations", {4, 3}); });
              }),
              HasSubstr("nested more than 32 deep"));
}

TEST_F(Layers, InTooGreatANumberAreAnError) {
  EXPECT_THAT(input_error([&] {
                (void)index([](const TestFile& file) {
                  file.ramp("layers/x/activations", {4, 3});
                  // 2^k paths with k groups: each holds two links to the next.
                  file.group("layers/g0");
                  for (int i = 0; i < 25; ++i) {
                    const std::string group = "/layers/g" + std::to_string(i);
                    file.group("layers/g" + std::to_string(i + 1));
                    file.hard_link(group + "/a", "/layers/g" + std::to_string(i + 1));
                    file.hard_link(group + "/b", "/layers/g" + std::to_string(i + 1));
                  }
                });
              }),
              HasSubstr("more than 100000 objects"));
}

// HDF5 lists the names of a group whose tree is damaged, and finds none of them.
TEST_F(Layers, WhoseNamesAreDamagedFail) {
  (void)index([](const TestFile& file) {
    for (const char* part : {"layers/fc/activations", "layers/fc/weight", "layers/ok/activations"}) {
      file.ramp(part, {4, 3});
    }
  });
  const std::vector<unsigned char> bytes = file_bytes(path());
  const std::string text(bytes.begin(), bytes.end());
  const std::size_t names_of_fc = text.find(std::string("weight\0", 7));
  // A tree: 24 bytes, where the first name lies, a child, where the last name lies.
  const std::size_t tree = text.rfind("TREE", names_of_fc);
  ASSERT_NE(tree, std::string::npos);
  overwrite(path(), tree + 46, {0xff});
  const DumpIndex dump = index_dump(path());
  EXPECT_THAT(names(dump), ElementsAre("ok"));
  ASSERT_EQ(dump.failures.size(), 1U);
  EXPECT_THAT(dump.failures[0].object, HasSubstr("/layers/fc"));
}

}  // namespace
}  // namespace collapscope::testing
