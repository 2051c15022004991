// Helpers: what they answer, and what is said of those that crash, hang, or want too much.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include "process/nursery.hpp"

namespace collapscope::process {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t limit = 1 << 20;

Bytes bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string text_of(const Bytes& bytes) {
  std::string text(bytes.size(), '\0');
  std::memcpy(text.data(), bytes.data(), bytes.size());
  return text;
}

// Does what it is told.
void obey(int socket) {
  while (true) {
    const std::string order = text_of(receive_message(socket, limit));
    at_work("dump.h5", "/layers/" + order);
    if (order == "crash") {
      ::raise(SIGSEGV);
    } else if (order == "abort") {
      std::abort();
    } else if (order == "leave") {
      ::_exit(3);
    } else if (order == "hang") {
      for (volatile bool forever = true; forever;) {
      }
    } else if (order == "steps") {
      for (int step = 0; step < 3; ++step) {  // each shorter than what is allowed, all together longer
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(600);
        while (std::chrono::steady_clock::now() < end) {
        }
        at_work("dump.h5", "/");
      }
    } else if (order == "much") {
      const std::unique_ptr<char, decltype(&std::free)> room(
          static_cast<char*>(std::malloc(std::size_t{1} << 30)), &std::free);
      send_message(socket, bytes_of(room ? "got it" : "did not get it"));
      continue;
    } else if (order == "long") {
      send_message(socket, Bytes(limit + 1));
      continue;
    }
    send_message(socket, bytes_of(order + " done"));
  }
}

std::unique_ptr<Nursery> nursery() {
  return Nursery::start({[] {}, obey, std::uint64_t{64} << 20});
}

std::string ask(Helper& helper, const std::string& order) {
  helper.ask(bytes_of(order));
  return text_of(helper.answer(limit));
}

// How a helper that was told this ended.
HelperEnded end_of(Nursery& from, const std::string& order) {
  Helper helper = from.take();
  try {
    ADD_FAILURE() << ask(helper, order);
  } catch (const HelperEnded& end) {
    return end;
  }
  return {"", "", ""};
}

TEST(Nursery, MakesHelpersThatAnswer) {
  const auto from = nursery();
  for (int i = 0; i < 5; ++i) {
    Helper helper = from->take();
    EXPECT_EQ(ask(helper, "one"), "one done");
    EXPECT_EQ(ask(helper, "two"), "two done");
  }
}

TEST(Nursery, NamesWhatAHelperWasAtWorkOnWhenItCrashed) {
  const auto from = nursery();
  for (const auto& [order, how] : {std::pair("crash", "signal 11"), std::pair("abort", "signal 6"),
                                   std::pair("leave", "ended with status 3")}) {
    const HelperEnded end = end_of(*from, order);
    EXPECT_THAT(end.what(), HasSubstr(how));
    EXPECT_EQ(end.file, "dump.h5");
    EXPECT_EQ(end.object, std::string("/layers/") + order);
    Helper next = from->take();
    EXPECT_EQ(ask(next, "more"), "more done");
  }
}

TEST(Nursery, EndsAHelperThatDoesNotComeOn) {
  const auto from = nursery();
  const HelperEnded end = end_of(*from, "hang");
  EXPECT_THAT(end.what(), HasSubstr("did not come on"));
  EXPECT_EQ(end.object, "/layers/hang");
}

TEST(Nursery, LetsAHelperComeOn) {
  const auto from = nursery();
  Helper helper = from->take();
  EXPECT_EQ(ask(helper, "steps"), "steps done");
}

TEST(Nursery, BoundsTheirMemoryAndTheirAnswers) {
  const auto from = nursery();
  Helper helper = from->take();
  EXPECT_EQ(ask(helper, "much"), "did not get it");
  EXPECT_THAT(end_of(*from, "long").what(), HasSubstr("expected at most"));
}

TEST(Nursery, ServesSeveralThreads) {
  const auto from = nursery();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 5; ++i) {
        if (thread % 2 == 0) {
          EXPECT_THAT(end_of(*from, "crash").what(), HasSubstr("signal 11"));
        } else {
          Helper helper = from->take();
          EXPECT_EQ(ask(helper, "one"), "one done");
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace collapscope::process
