// Work done behind: in order, to its end, failures told to whoever gives more of it.
#include "core/done_behind.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <latch>
#include <stdexcept>
#include <thread>
#include <vector>

namespace collapscope {
namespace {

TEST(DoneBehind, AllOfItInOrder) {
  std::vector<int> done;
  DoneBehind<int> behind([&](int item) { done.push_back(item); });
  std::vector<int> given;
  for (int item = 0; item < 1000; ++item) {
    given.push_back(item);
    behind.put(item);
  }
  behind.finish();
  EXPECT_EQ(done, given);
}

TEST(DoneBehind, NobodyWaitsForIt) {
  std::latch given(1);
  const std::thread::id caller = std::this_thread::get_id();
  DoneBehind<int> behind([&](int) {
    EXPECT_NE(std::this_thread::get_id(), caller);
    given.wait();
  });
  behind.put(1);
  behind.put(2);
  given.count_down();
  behind.finish();
}

TEST(DoneBehind, AFailureComesOutAndNothingIsDoneAfterIt) {
  std::vector<int> done;
  DoneBehind<int> behind([&](int item) {
    if (item == 2) {
      throw std::runtime_error("spilt");
    }
    done.push_back(item);
  });
  try {
    for (int item = 0; item < 1000; ++item) {
      behind.put(item);  // at some time later
    }
  } catch (const DoneBehind<int>::HasFailed&) {
    // Not the failure itself, which `finish` throws.
  }
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_THROW(behind.finish(), std::runtime_error);
  }
  EXPECT_EQ(done, (std::vector<int>{0, 1}));
}

// The first item ends long after its giver has left, unless that one is held up as long: then once more.
TEST(DoneBehind, WhatIsNotBegunIsLeftUndone) {
  int done = 0;
  for (int tries = 0; tries < 5 && done != 1; ++tries) {
    done = 0;
    std::latch begun(1);
    DoneBehind<int> behind([&](int) {
      if (done == 0) {
        begun.count_down();
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
      ++done;
    });
    behind.put(1);
    begun.wait();
    behind.put(2);
  }
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace collapscope
