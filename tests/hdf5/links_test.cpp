// Links: inside the dump's folder they are followed, out of it nothing is opened.
#include <gmock/gmock.h>

#include <functional>

#include "hdf5/support.hpp"
#include "hdf5/walk.hpp"

namespace collapscope::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A dump "run/dump.h5" whose layer is made by `link`, and "run/data/acts.h5" and "secret.h5" with datasets
// "acts" [4, 3] beside it.
class Links : public ::testing::Test {
 protected:
  Links() {
    fs::create_directories(dir_.path() / "run" / "data");
    for (const char* name : {"run/data/acts.h5", "secret.h5"}) {
      const TestFile file(dir_ / name);
      file.ramp("acts", {4, 3});
    }
  }

  template <class Link>
  std::string dump(Link link) {
    std::string path = dir_ / "run/dump.h5";
    const TestFile file(path);
    file.ramp("targets", {4});
    link(file);
    return path;
  }

  std::string external(const std::string& file, const std::string& object = "/acts") {
    return dump([&](const TestFile& dump) { dump.external_link("layers/fc/activations", file, object); });
  }

  TempDir dir_;
};

TEST_F(Links, SoftOnesAreFollowed) {
  const auto index = activations_of(dump([](const TestFile& file) {
    file.ramp("data/deep/acts", {4, 3});
    file.soft_link("data/alias", "deep");                           // relative to its own group
    file.soft_link("layers/fc/activations", "/data/alias/./acts");  // absolute, through another link
  }));
  EXPECT_EQ(index.object, "/data/deep/acts");
  EXPECT_EQ(read_all(index, 4), counting(12));
}

TEST_F(Links, SoftLinkToAGroupOfLayersIsFollowed) {
  const std::string path = dump([](const TestFile& file) {
    file.ramp("data/fc/activations", {4, 3});
    file.soft_link("layers", "data");
  });
  EXPECT_EQ(activations_of(path).object, "/data/fc/activations");
}

TEST_F(Links, ExternalOnesInsideTheFolderAreFollowed) {
  for (const std::string& name : {std::string("data/acts.h5"), dir_ / "run/data/acts.h5"}) {
    const auto index = activations_of(external(name));
    EXPECT_EQ(index.file, dir_ / "run/data/acts.h5");
    EXPECT_EQ(index.object, "/acts");
    EXPECT_EQ(index.folder, dir_ / "run");
    EXPECT_EQ(read_all(index, 3), counting(12));
  }
}

TEST_F(Links, ExternalOnesAreRelativeToTheirOwnFile) {
  {
    const TestFile file(dir_ / "run/data/hop.h5");
    file.external_link("acts", "acts.h5", "acts");
  }
  EXPECT_EQ(activations_of(external("data/hop.h5")).file, dir_ / "run/data/acts.h5");
}

TEST_F(Links, OutOfTheFolderAreRefused) {
  fs::create_symlink(dir_ / "secret.h5", dir_.path() / "run" / "inside.h5");
  fs::create_directory_symlink(dir_.path(), dir_.path() / "run" / "up");
  for (const std::string& name :
       {dir_ / "secret.h5", std::string("../secret.h5"), std::string("data/../../secret.h5"),
        std::string("inside.h5"), std::string("up/secret.h5"), std::string("/etc/passwd"),
        std::string("../missing.h5")}) {
    SCOPED_TRACE(name);
    EXPECT_THAT(index_error(external(name)),
                AllOf(HasSubstr("run/dump.h5: /layers/fc/activations: "), HasSubstr(name),
                      HasSubstr("outside the dump's folder " + dir_ / "run"), HasSubstr("not opened")));
  }
}

TEST_F(Links, OutOfTheFolderAreRefusedBehindASoftLink) {
  const std::string path = dump([](const TestFile& file) {
    file.external_link("elsewhere", "../secret.h5", "/acts");
    file.soft_link("layers/fc/activations", "/elsewhere");
  });
  EXPECT_THAT(index_error(path),
              AllOf(HasSubstr("run/dump.h5: /elsewhere: "), HasSubstr("outside the dump's folder")));
}

TEST_F(Links, OutOfTheFolderAreRefusedOnTheWay) {
  const std::string path =
      dump([](const TestFile& file) { file.external_link("layers", "../secret.h5", "/"); });
  EXPECT_THAT(index_error(path),
              AllOf(HasSubstr("run/dump.h5: /layers: "), HasSubstr("outside the dump's folder")));
  EXPECT_THAT(
      index_error(dump([](const TestFile& file) { file.external_link("layers/fc", "../secret.h5", "/"); })),
      AllOf(HasSubstr("run/dump.h5: /layers/fc: "), HasSubstr("outside the dump's folder")));
}

TEST_F(Links, HDF5ItselfFollowsNoExternalLink) {
  const std::string path = external("data/acts.h5");
  (void)index_dump(path);
  const Handle file(must(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)), H5Fclose);
  const hdf5::Session quiet;
  EXPECT_LT(H5Dopen2(file.get(), "layers/fc/activations", H5P_DEFAULT), 0);
}

TEST_F(Links, DanglingOnesAreErrors) {
  EXPECT_THAT(index_error(external("data/gone.h5")),
              AllOf(HasSubstr("/layers/fc/activations: "), HasSubstr("data/gone.h5, which does not exist")));
  EXPECT_THAT(
      index_error(external("data/acts.h5", "gone")),
      AllOf(HasSubstr("run/dump.h5: /layers/fc/activations: "), HasSubstr("there is no object /gone")));
  EXPECT_THAT(
      index_error(dump([](const TestFile& file) { file.soft_link("layers/fc/activations", "/gone\n"); })),
      AllOf(HasSubstr("run/dump.h5: /layers/fc/activations: "), HasSubstr("'/gone\\x0a'")));
  EXPECT_THAT(index_error(dump([](const TestFile& file) { file.soft_link("layers/fc", "/gone"); })),
              AllOf(HasSubstr("run/dump.h5: /layers/fc: "), HasSubstr("no object /gone")));
}

TEST_F(Links, ToWhatIsNotHdf5AreErrors) {
  overwrite(dir_ / "run/data/acts.h5", 0, {'n', 'o', 't', ' ', 'i', 't', '!', '!'});
  EXPECT_THAT(index_error(external("data/acts.h5")),
              AllOf(HasSubstr("data/acts.h5: "), HasSubstr("not an HDF5 file")));
}

TEST_F(Links, InCirclesAreErrors) {
  EXPECT_THAT(index_error(dump([](const TestFile& file) {
                file.soft_link("layers/fc/activations", "/a");
                file.soft_link("a", "/b");
                file.soft_link("b", "/a");
              })),
              HasSubstr("links in a circle"));
  EXPECT_THAT(index_error(dump([](const TestFile& file) {
                file.external_link("layers/fc/activations", "dump.h5", "/layers/fc/activations");
              })),
              HasSubstr("links in a circle"));
}

TEST_F(Links, ThatMakeAGroupContainItselfDoNotLoop) {
  const std::string path = dump([](const TestFile& file) {
    file.ramp("layers/fc/activations", {4, 3});
    file.hard_link("layers/fc/again", "layers");
    file.soft_link("layers/fc/soft", "/layers/fc");
    file.external_link("layers/fc/external", "dump.h5", "/layers");
  });
  const auto layers = index_dump(path).checkpoints.at(0).layers;
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].name, "fc");
}

TEST_F(Links, ChainsAsLongAsHdf5AllowsAreFollowed) {
  const auto chain = [&](int length) {
    return dump([&](const TestFile& file) {
      file.ramp("link0", {4, 3});
      for (int i = 1; i < length; ++i) {
        file.soft_link("link" + std::to_string(i), "/link" + std::to_string(i - 1));
      }
      file.soft_link("layers/fc/activations", "/link" + std::to_string(length - 1));
    });
  };
  EXPECT_EQ(activations_of(chain(16)).object, "/link0");
  EXPECT_THAT(index_error(chain(17)), HasSubstr("more than 16 links"));
}

TEST_F(Links, AreBoundByTheFolderTheFileReallyLiesIn) {
  fs::create_directory(dir_.path() / "links");
  external("data/acts.h5");
  fs::create_symlink(dir_ / "run/dump.h5", dir_.path() / "links" / "dump.h5");
  EXPECT_EQ(activations_of(dir_ / "links/dump.h5").file, dir_ / "run/data/acts.h5");
}

// 2^14 paths with 14 groups, for each of many checkpoints: too few for one walk to refuse.
class Mazes : public Links {
 protected:
  template <class Link>
  std::string maze(const Link& link) {
    return dump([&](const TestFile& file) {
      constexpr int depth = 14;
      file.ramp("one/targets", {4});
      file.ramp("deep/g" + std::to_string(depth) + "/activations", {4, 3});
      for (int i = depth; i-- > 0;) {
        const std::string group = "deep/g" + std::to_string(i);
        file.group(group);
        link(file, group + "/a", "/deep/g" + std::to_string(i + 1));
        link(file, group + "/b", "/deep/g" + std::to_string(i + 1));
      }
      link(file, "one/layers", "/deep/g0");
      file.group("checkpoints");
      for (int i = 0; i < 40; ++i) {
        link(file, "checkpoints/c" + std::to_string(i), "/one");
      }
    });
  }
};

TEST_F(Mazes, OfSoftLinksAreRefusedBeforeAllPathsAreWalked) {
  const DumpIndex found = index_dump(maze(std::mem_fn(&TestFile::soft_link)));
  EXPECT_THAT(found.failures.back().message, HasSubstr("more paths than can be walked"));
  EXPECT_FALSE(found.checkpoints.empty()) << "what was found before is used";
}

TEST_F(Mazes, OfHardLinksAreRefusedBeforeAllPathsAreWalked) {
  const std::string path = maze(std::mem_fn(&TestFile::hard_link));
  const hdf5::Session session;
  hdf5::FileSet files(path);
  const hdf5::Object group = files.get(files.root(), "one/layers", "");
  int walks = 0;
  const std::string message = input_error([&] {
    for (; walks < 40; ++walks) {
      hdf5::walk(files, group,
                 {[](const auto&, const auto&) {}, [](const auto&) {}, [](const auto&, const auto&) {}});
    }
  });
  EXPECT_THAT(message, HasSubstr("more paths than can be walked"));
  EXPECT_GE(walks, 1);
}

TEST_F(Links, ThroughADatasetAreErrors) {
  const std::string path = dump([](const TestFile& file) {
    file.ramp("layers/fc/activations", {4, 3});
    file.soft_link("layers/fc/weight", "/targets/inner");
  });
  EXPECT_THAT(index_error(path),
              AllOf(HasSubstr("/targets: "), HasSubstr("found a dataset; expected a group")));
}

}  // namespace
}  // namespace collapscope::testing
