// Values made ahead: in order, no more than there is room for, failures in their place.
#include "core/made_ahead.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace collapscope {
namespace {

// Gives others time to do what they should not.
void linger() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

TEST(MadeAhead, InOrderAsFarAsThereIsRoom) {
  constexpr std::uint64_t count = 50;
  constexpr std::uint64_t room = 2;
  std::atomic<std::uint64_t> begun = 0;
  std::uint64_t given_back = 0;
  MadeAhead<std::string> ahead(count, room, [&](std::uint64_t number) {
    ++begun;
    return std::to_string(number);
  });
  for (std::uint64_t number = 0; number < count; ++number) {
    EXPECT_EQ(ahead.take(), std::to_string(number));
    if (number % 10 == 0) {
      linger();
    }
    EXPECT_LE(begun, given_back + room);
    ahead.give_back();
    ++given_back;
  }
  EXPECT_EQ(begun, count);
}

TEST(MadeAhead, IsMadeBeforeItIsAskedFor) {
  std::atomic<std::uint64_t> begun = 0;
  const MadeAhead<int> ahead(5, 2, [&](std::uint64_t) {
    ++begun;
    return 0;
  });
  for (int tries = 0; begun < 2 && tries < 5000; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(begun, 2U);
}

TEST(MadeAhead, AFailureComesInItsPlace) {
  MadeAhead<std::uint64_t> ahead(5, 2, [](std::uint64_t number) {
    if (number == 1) {
      throw std::runtime_error("unreadable");
    }
    return number;
  });
  linger();
  EXPECT_EQ(ahead.take(), 0U);
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_THROW((void)ahead.take(), std::runtime_error);
  }
}

TEST(MadeAhead, WhatNobodyTakesIsGivenUp) {
  std::atomic<std::uint64_t> begun = 0;
  {
    MadeAhead<int> ahead(1000, 2, [&](std::uint64_t) {
      ++begun;
      return 0;
    });
    (void)ahead.take();
  }
  EXPECT_LE(begun, 2U);
}

}  // namespace
}  // namespace collapscope
