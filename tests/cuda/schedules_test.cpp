// Whatever the order in which the device gets its work done, the result has the same bits.
#include "collapscope/gpu/gpu.hpp"
#include "cuda/pipeline.hpp"

namespace collapscope {
namespace {

// Beside the 32 MiB of cuBLAS's workspace.
const std::string little = "33216K";
const std::string plenty = "8G";

class Schedules : public test::Pipeline {
 protected:
  // Enough that a device has memory for all else where it has none for the rows.
  Schedules() { rows_ = 4000; }

  // With little memory rows are read twice; else the device keeps them for the second look, if there is one.
  void expect_equal_bits(const std::string& device, const std::string& memory, int seeds) {
    const test::FakeCuda::Settings settings{{"MEMORY", memory}};
    fake().restart(settings);
    const Results found = analyzed(device);
    EXPECT_EQ(found.provenance.bytes_read,
              (memory == little ? 2 : 1) * noise_.size() * rows_ * features_ * sizeof(double));
    EXPECT_TRUE(messages_.lines.empty()) << messages_.lines[0];
    Pipeline::expect_equal_bits(device, digits(found), seeds, settings);
  }
};

TEST_F(Schedules, WithRowsKept) { expect_equal_bits("cuda", plenty, 100); }

TEST_F(Schedules, WithRowsReadTwice) { expect_equal_bits("cuda", little, 100); }

TEST_F(Schedules, OnThreeDevices) { expect_equal_bits("cuda:all", plenty, 20); }

// Nothing but the ring holds the host back.
class LargeBands : public Schedules {
 protected:
  LargeBands() { options_.memory = std::uint64_t{64} << 20U; }
};

TEST_F(LargeBands, HaveTheSameBits) { expect_equal_bits("cuda", little, 30); }

class OneLook : public Schedules {
 protected:
  OneLook() { options_.looks = Looks::one; }
};

TEST_F(OneLook, HasTheSameBits) { expect_equal_bits("cuda", plenty, 30); }

class Fast : public Schedules {
 protected:
  Fast() { options_.precision = Precision::fast; }
};

TEST_F(Fast, HasTheSameBitsWithRowsKept) { expect_equal_bits("cuda", plenty, 30); }

TEST_F(Fast, HasTheSameBitsWithRowsReadTwice) { expect_equal_bits("cuda", little, 30); }

class FastOneLook : public Fast {
 protected:
  FastOneLook() { options_.looks = Looks::one; }
};

TEST_F(FastOneLook, HasTheSameBits) { expect_equal_bits("cuda:all", plenty, 20); }

}  // namespace
}  // namespace collapscope
