// A read that fails (EIO) at any place gives the right results or a status, never other results with status
// 0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "results.hpp"

namespace collapscope::cli {
namespace {

#ifdef COLLAPSCOPE_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

// Six small dumps, each stored in another way.
constexpr const char* six_dumps = R"(
H, Y = normal(40, 4, 1), normal(40, 2)

def stored(path, libver="earliest", **storage):
    with h5py.File(path, "w", libver=libver) as f:
        f.attrs.update(format="collapscope-dump", format_version=1, run="a run", step=3)
        f["targets"] = f["predictions"] = Y
        for i in (1, 2):
            layer = f.create_group(f"layers/block/fc{i}")
            layer.attrs.update(index=i, kind="linear", note="a longer text that lies in the global heap")
            layer.create_dataset("activations", data=H + i, **storage)
            layer["weight"], layer["bias"] = normal(2, 4, 5 + i), np.ones(2)

stored("plain.h5")
stored("gzip.h5", chunks=(7, 3), compression="gzip", shuffle=True)
stored("newest.h5", libver=("v110", "v110"), chunks=(7, 3), maxshape=(None, 4), compression="lzf")
stored("pieces.h5", libver=("v110", "v110"), chunks=(1, 4), maxshape=(None, None))

with h5py.File("groups.h5", "w") as f:
    f["checkpoints/10/targets"] = Y
    for i in range(9):  # more links than a node of a group's tree holds
        f[f"checkpoints/10/layers/fc{i}/activations"] = H[:, :2] * (i + 1)

stored("beside.h5")
with h5py.File("linked.h5", "w") as f:
    layout = h5py.VirtualLayout((40, 4), "f8")
    layout[:20] = h5py.VirtualSource("plain.h5", "layers/block/fc1/activations", (40, 4))[:20]
    layout[20:] = h5py.VirtualSource("gzip.h5", "layers/block/fc2/activations", (40, 4))[20:]
    f.create_virtual_dataset("layers/virtual/activations", layout)
    f["layers/external"] = h5py.ExternalLink("beside.h5", "/layers/block/fc1")
    f["targets"] = h5py.ExternalLink("beside.h5", "/targets")
    f["layers/soft/activations"] = h5py.SoftLink("/layers/external/activations")
)";

Json without_provenance(const std::string& text) {
  Json results = Json::parse(text);
  results.erase("provenance");
  return results;
}

// Whether each value that was measured is as it should be. Without predictions some are null.
void expect_right_layers(const Json& found, const Json& right) {
  const Json& all = right.at("checkpoints").at(0).at("layers");
  for (const Json& layer : found.at("checkpoints").at(0).at("layers")) {
    const auto same = std::find_if(all.begin(), all.end(),
                                   [&](const Json& other) { return other.at("name") == layer.at("name"); });
    ASSERT_NE(same, all.end());
    for (const auto& [name, value] : layer.at("metrics").items()) {
      EXPECT_TRUE(value.is_null() || value == same->at("metrics").at(name))
          << layer.at("name") << " " << name;
    }
  }
}

TEST(IoErrors, AtAnyReadAreNeverOtherResults) {
  if (sanitized) {
    GTEST_SKIP() << "LD_PRELOAD and the address sanitizer do not mix";
  }
  const TempFolder folder;
  make_dumps(folder, six_dumps);
  for (const char* dump : {"plain.h5", "gzip.h5", "newest.h5", "pieces.h5", "groups.h5", "linked.h5"}) {
    // In this process: a helper could not leave the mark.
    const Arguments arguments{"analyze", dump, "-q", "-o", "-", "--threads", "1", "--trust"};
    const Json right = without_provenance(expect_status(0, folder, arguments).out);
    int reads = 0;
    for (bool failed = true; failed; ++reads) {
      std::filesystem::remove(folder.path() / "mark");
      const Finished run =
          cli::run(folder, arguments,
                   {.environment = {{"LD_PRELOAD", COLLAPSCOPE_FAILING_PREAD},
                                    {"FAIL_PREAD", std::to_string(reads + 1)},
                                    {"FAIL_PREAD_MARK", (folder.path() / "mark").string()}}});
      failed = folder.has("mark");
      SCOPED_TRACE(std::string(dump) + ", read " + std::to_string(reads + 1) + ": " + run.err);
      if (run.status == 0) {
        EXPECT_EQ(without_provenance(run.out), right);
      } else {
        EXPECT_TRUE(failed);
        EXPECT_NE(run.err, "");
      }
      if (run.status == 1) {
        expect_right_layers(Json::parse(run.out), right);
        EXPECT_FALSE(Json::parse(run.out).at("failures").empty());
      }
    }
    EXPECT_GT(reads, 10) << dump;
  }
}

// The read of that number in each process fails, the helper's and the program's.
TEST(IoErrors, InHelpersAreNeverOtherResults) {
  if (sanitized) {
    GTEST_SKIP() << "LD_PRELOAD and the address sanitizer do not mix";
  }
  const TempFolder folder;
  make_dumps(folder, six_dumps);
  for (const char* dump : {"gzip.h5", "newest.h5", "linked.h5"}) {
    const Arguments arguments{"analyze", dump, "-q", "-o", "-", "--threads", "1"};
    const Json right = without_provenance(expect_status(0, folder, arguments).out);
    int failed = 0;
    for (int read = 1; read <= 40; ++read) {
      const Finished run = cli::run(
          folder, arguments,
          {.environment = {{"LD_PRELOAD", COLLAPSCOPE_FAILING_PREAD}, {"FAIL_PREAD", std::to_string(read)}}});
      SCOPED_TRACE(std::string(dump) + ", read " + std::to_string(read) + ": " + run.err);
      failed += run.status == 0 ? 0 : 1;
      if (run.status == 0) {
        EXPECT_EQ(without_provenance(run.out), right);
      } else {
        EXPECT_NE(run.err, "");
      }
      if (run.status == 1) {
        expect_right_layers(Json::parse(run.out), right);
      }
    }
    EXPECT_GT(failed, 10) << dump;
  }
}

TEST(IoErrors, ALayerThatLostItsActivationsIsNamed) {
  const TempFolder folder;
  make_dumps(folder, R"(
def lose(part):
    def edit(f):
        del f["layers/fc1/activations"]
        f["layers/fc1/bias"] = np.ones(2)
        if part == "bias":
            del f["layers/fc1/weight"]
    return edit
dump("weight.h5", edit=lose("weight"))
dump("bias.h5", edit=lose("bias"))
)");
  for (const char* part : {"weight", "bias"}) {
    const Finished run = expect_status(1, folder, {"analyze", std::string(part) + ".h5", "-q", "-o", "-"});
    EXPECT_THAT(run.err, ::testing::HasSubstr("/layers/fc1"));
    EXPECT_THAT(run.err, ::testing::HasSubstr("found a " + std::string(part) + " without activations"));
    const Json layers = Json::parse(run.out).at("checkpoints").at(0).at("layers");
    ASSERT_EQ(layers.size(), 1U);
    EXPECT_EQ(layers.at(0).at("name"), "fc2");
  }
}

}  // namespace
}  // namespace collapscope::cli
