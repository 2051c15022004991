// A feature scatter that stays on the device: decomposed there, it gives the bits that it gives when it goes
// up again. Whoever says something wrong of it is not believed.
#include <algorithm>
#include <random>

#include "collapscope/core/error.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "cuda/pipeline.hpp"

namespace collapscope {
namespace {

constexpr std::size_t d = 520;  // smaller ones are the CPU's
constexpr std::size_t rows = 700;

class ScatterOnDevice : public test::Pipeline {
 protected:
  // Makes a fold of random rows, whose scatter stays, and what it gives.
  struct Folded {
    std::unique_ptr<MomentFold> fold;
    Matrix covariance;
    DeviceSums known;
  };
  static Folded folded(Backend& backend, Precision precision = Precision::float64) {
    FoldSpec spec;
    spec.format.element = {ElementKind::float64, false};
    spec.format.channels = d;
    spec.targets = 1;
    spec.rows = rows;
    spec.precision = precision;
    spec.scatter_stays = true;
    const auto buffer = backend.make_host_buffer(rows * spec.format.sample_bytes());
    std::mt19937 random(3);
    std::normal_distribution<double> normal(0.5, 3);
    auto* const numbers = reinterpret_cast<double*>(buffer->bytes().data());
    std::generate_n(numbers, rows * d, [&] { return normal(random); });
    Folded made{backend.make_fold(spec), {}, {}};
    made.fold->add({buffer->bytes(), 0, rows, 0}, Matrix(rows, 1).view());
    Moments moments = made.fold->finish();
    made.known = {made.fold->take_scatter(), rows};
    made.covariance = std::move(moments.feature_scatter.products);
    for (double& value : made.covariance.values()) {
      value /= rows;
    }
    return made;
  }

  static void expect_equal(const Eigenbasis& found, const Eigenbasis& wanted) {
    EXPECT_EQ(found.values, wanted.values);
    EXPECT_EQ(found.vectors, wanted.vectors);
    EXPECT_EQ(found.rest_trace, wanted.rest_trace);
    EXPECT_EQ(found.rest_norm, wanted.rest_norm);
    ASSERT_EQ(found.factors == nullptr, wanted.factors == nullptr);
    if (found.factors) {
      EXPECT_EQ(found.factors->brought_home(), wanted.factors->brought_home());
    }
  }
};

TEST_F(ScatterOnDevice, HasTheBitsOfOneThatGoesUp) {
  for (const char* schedule : {"lazy", "eager", "reverse", "random"}) {
    SCOPED_TRACE(schedule);
    fake().restart({{"SCHEDULE", schedule}, {"SEED", "5"}});
    const ChosenBackend chosen = make_backend("cuda", 2);
    Backend& backend = *chosen.backend;
    const Folded made = folded(backend);
    ASSERT_NE(made.known.sums, nullptr);
    for (const std::size_t pairs : {d, std::size_t{9}}) {
      const auto sent = [before = fake().count("bytes_pinned_to_device")] {
        return fake().count("bytes_pinned_to_device") - before;
      };
      const Eigenbasis there = backend.decompose(made.covariance, pairs, 4, made.known);
      EXPECT_LT(sent(), long{8 * d * d}) << "the matrix went up";
      expect_equal(there, backend.decompose(made.covariance, pairs, 4, {}));
      EXPECT_GT(sent(), long{8 * d * d});
    }
    EXPECT_TRUE(backend.take_fallbacks() == Fallbacks{});
    EXPECT_EQ(fake().violations(), 0);
  }
}

TEST_F(ScatterOnDevice, IsNotTakenForAnotherMatrix) {
  fake().restart({});
  const ChosenBackend chosen = make_backend("cuda", 2);
  Folded made = folded(*chosen.backend);
  for (const std::size_t pairs : {d, std::size_t{9}}) {
    const Eigenbasis wanted = make_cpu_backend(1)->decompose(made.covariance, pairs, pairs, {});
    made.known.count = rows + 1;
    const Eigenbasis found = chosen.backend->decompose(made.covariance, pairs, pairs, made.known);
    EXPECT_EQ(found.values, wanted.values) << "not the CPU's";
    EXPECT_EQ(chosen.backend->take_fallbacks().rejected_eigenbases, 1U);
  }
}

// Another device sends the matrix up.
TEST_F(ScatterOnDevice, IsItsDevicesOwn) {
  fake().restart({});
  const ChosenBackend first = make_backend("cuda:0", 2);
  const ChosenBackend second = make_backend("cuda:1", 2);
  const Folded made = folded(*first.backend);
  const Eigenbasis there = first.backend->decompose(made.covariance, d, 4, made.known);
  expect_equal(second.backend->decompose(made.covariance, d, 4, made.known), there);
}

// Its diagonal is not what has come down.
TEST_F(ScatterOnDevice, DoesNotStayWhereProductsAreRounded) {
  fake().restart({});
  const ChosenBackend chosen = make_backend("cuda", 2);
  for (const Precision precision : {Precision::fast, Precision::float64_emulated}) {
    EXPECT_EQ(folded(*chosen.backend, precision).known.sums, nullptr);
  }
}

TEST_F(ScatterOnDevice, LeavesNoRoomForAnotherSegment) {
  fake().restart({});
  const ChosenBackend chosen = make_backend("cuda", 2);
  const Folded made = folded(*chosen.backend);
  const std::vector<std::byte> bytes(8 * d);
  EXPECT_THROW(made.fold->add({bytes, 0, 1, rows}, Matrix(1, 1).view()), UsageError);
}

}  // namespace
}  // namespace collapscope
