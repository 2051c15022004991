// Whatever the order in which the device gets its work done, the result has the same bits.
#include "collapscope/gpu.hpp"
#include "cuda/pipeline.hpp"

namespace collapscope {
namespace {

class Schedules : public test::Pipeline {
 protected:
  // With little memory rows are read twice; else the device keeps them for the second look.
  void expect_equal_bits(const std::string& device, const std::string& memory, int seeds) {
    const auto settings = [&](const std::string& schedule, int seed) {
      return std::map<std::string, std::string>{{"MEMORY", memory},
                                                {"SCHEDULE", schedule},
                                                {"SEED", std::to_string(seed)},
                                                {"PROTECT", seed <= 3 ? "1" : "0"}};
    };
    fake().restart(settings("eager", 0));
    const Results eager = analyzed(device);
    expect_near_cpu(eager);
    EXPECT_TRUE(messages_.lines.empty()) << messages_.lines[0];
    const std::string expected = digits(eager);
    for (const char* schedule : {"lazy", "reverse"}) {
      fake().restart(settings(schedule, 0));
      EXPECT_EQ(digits(analyzed(device)), expected) << schedule;
    }
    std::map<std::string, std::string> watched = settings("lazy", 0);
    watched["RACES"] = "1";
    fake().restart(watched);
    EXPECT_EQ(digits(analyzed(device)), expected) << "with an eye on races";
    for (int seed = 1; seed <= seeds; ++seed) {
      fake().restart(settings("random", seed));
      ASSERT_EQ(digits(analyzed(device)), expected) << "seed " << seed;
    }
  }
};

TEST_F(Schedules, WithRowsKept) { expect_equal_bits("cuda", "8G", 100); }

TEST_F(Schedules, WithRowsReadTwice) { expect_equal_bits("cuda", "34M", 100); }

TEST_F(Schedules, OnThreeDevices) { expect_equal_bits("cuda:all", "8G", 20); }

// Nothing but the ring holds the host back.
class LargeBands : public Schedules {
 protected:
  LargeBands() { options_.memory = std::uint64_t{64} << 20U; }
};

TEST_F(LargeBands, HaveTheSameBits) { expect_equal_bits("cuda", "34M", 30); }

class OneLook : public Schedules {
 protected:
  OneLook() { options_.looks = Looks::one; }
};

TEST_F(OneLook, HasTheSameBits) { expect_equal_bits("cuda", "8G", 30); }

class Fast : public Schedules {
 protected:
  Fast() { options_.precision = Precision::fast; }
};

TEST_F(Fast, HasTheSameBitsWithRowsKept) { expect_equal_bits("cuda", "8G", 30); }

TEST_F(Fast, HasTheSameBitsWithRowsReadTwice) { expect_equal_bits("cuda", "34M", 30); }

class FastOneLook : public Fast {
 protected:
  FastOneLook() { options_.looks = Looks::one; }
};

TEST_F(FastOneLook, HasTheSameBits) { expect_equal_bits("cuda:all", "8G", 20); }

}  // namespace
}  // namespace collapscope
