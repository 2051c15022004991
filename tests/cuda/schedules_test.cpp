// Whatever the order in which the device gets its work done, the result has the same bits.
#include "collapscope/gpu.hpp"
#include "cuda/pipeline.hpp"

namespace collapscope {
namespace {

class Schedules : public test::Pipeline {
 protected:
  // With little memory rows are read twice; else the device keeps them for the second look.
  void expect_equal_bits(const std::string& device, const std::string& memory, int seeds) {
    const test::FakeCuda::Settings settings{{"MEMORY", memory}};
    fake().restart(settings);
    Pipeline::expect_equal_bits(device, digits(analyzed(device)), seeds, settings);
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
