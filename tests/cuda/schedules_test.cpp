// Whatever the order in which the device gets its work done, the result has the same bits.
#include <cstdlib>

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

// All memory is fresh then, which on the fake is NaN: nothing is read that was not written before.
TEST_F(Schedules, HaveTheSameBitsWithoutAPool) {
  for (const std::string& memory : {plenty, little}) {
    fake().restart({{"MEMORY", memory}});
    const std::string expected = digits(analyzed("cuda"));
    const long allocations = fake().count("cudaMalloc");
    ::setenv("COLLAPSCOPE_GPU_POOL", "0", 1);
    Pipeline::expect_equal_bits("cuda", expected, 5, {{"MEMORY", memory}});
    EXPECT_GT(fake().count("cudaMalloc"), allocations);
    ::unsetenv("COLLAPSCOPE_GPU_POOL");
  }
}

// Each takes whole segments, four of every layer.
TEST_F(Schedules, HaveTheBitsOfOneDeviceOnSeveral) {
  options_.memory = 1'000'000;  // of which every device gets bands
  for (const std::string& memory : {plenty, little}) {
    fake().restart({{"MEMORY", memory}});
    const std::string expected = digits(analyzed("cuda"));
    EXPECT_EQ(fake().threads(), 1);
    for (const char* devices : {"1", "2", "3"}) {
      SCOPED_TRACE(testing::Message() << devices << " devices with " << memory);
      fake().restart({{"MEMORY", memory}, {"DEVICES", devices}, {"SCHEDULE", "random"}, {"SEED", "3"}});
      EXPECT_TRUE(digits(analyzed("cuda:all")) == expected);
      EXPECT_EQ(fake().threads() > 1, std::string(devices) != "1") << "every device has a thread of its own";
      EXPECT_TRUE(messages_.lines.empty()) << messages_.lines[0];
    }
  }
}

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
