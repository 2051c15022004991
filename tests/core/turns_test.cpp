// Who has a device's turn when several want it.
#include "backend/turns.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace collapscope {
namespace {

void wait_until_wanted_ahead(const Turn& turn) {
  while (!turn.is_wanted_ahead()) {
    std::this_thread::yield();
  }
}

TEST(Turn, ComesFirstToThoseWhoTakeItAhead) {
  for (int round = 0; round < 50; ++round) {
    Turn turn;
    turn.take();
    std::mutex mutex;
    std::vector<std::string> order;
    const auto note = [&](const std::string& who) {
      const std::lock_guard lock(mutex);
      order.push_back(who);
    };
    std::thread behind([&] {
      turn.take();
      note("behind");
      turn.give_back();
    });
    std::thread ahead([&] {
      turn.take_ahead();
      note("ahead");
      turn.give_back();
    });
    wait_until_wanted_ahead(turn);
    turn.give_back();
    behind.join();
    ahead.join();
    EXPECT_EQ(order, (std::vector<std::string>{"ahead", "behind"}));
  }
}

// Tiles are summed until an eigenbasis is wanted, and again from its end on.
TEST(Turn, IsLeftBetweenTilesByWhoSums) {
  Turn turn;
  std::vector<std::string> order;  // written by whoever has the turn
  std::thread other;
  for (int tile = 0; tile < 4; ++tile) {
    turn.take();
    order.push_back("tile");
    if (tile == 1) {
      other = std::thread([&] {
        turn.take_ahead();
        order.push_back("eigenbasis");
        turn.give_back();
      });
      wait_until_wanted_ahead(turn);
    }
    turn.give_back();
  }
  other.join();
  EXPECT_EQ(order, (std::vector<std::string>{"tile", "tile", "eigenbasis", "tile", "tile"}));
}

TEST(HeldTurn, IsTakenOnceAndGivenBackAtTheEnd) {
  Turn turn;
  {
    HeldTurn held(&turn);
    held.take();
    held.take_ahead();
    held.give_back();
    held.give_back();
    turn.take();
    turn.give_back();
    for (const Order order : {Order::ahead, Order::behind}) {
      {
        const InTurn computes(&held, order);
        EXPECT_FALSE(turn.is_free());
      }
      EXPECT_TRUE(turn.is_free());
    }
    try {
      const InTurn computes(&held, Order::ahead);
      throw std::runtime_error("an eigenbasis that fails");
    } catch (const std::runtime_error&) {
      EXPECT_TRUE(turn.is_free());
    }
    held.take();
  }
  turn.take();  // would wait for ever
  HeldTurn nobodys(nullptr);
  nobodys.take();
  nobodys.take_ahead();
  nobodys.give_back();
  const InTurn of_nobody(nullptr, Order::ahead);
}

}  // namespace
}  // namespace collapscope
