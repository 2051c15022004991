// Ranks that are threads of one process.
#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

#include "collapscope/core/error.hpp"
#include "collapscope/ranks/ranks.hpp"

namespace collapscope {

namespace {

// What all of them share.
struct Post {
  using Box = std::tuple<std::size_t, std::size_t, int>;  // from, to, tag

  std::size_t size = 1;
  std::mutex mutex;
  std::condition_variable arrived;
  std::map<Box, std::deque<std::vector<std::byte>>> boxes;
  std::function<void(std::uint64_t)> progress;
  bool broken = false;  // a rank has failed: nobody waits any more
};

class LocalRanks final : public Ranks {
 public:
  LocalRanks(Post& post, std::size_t rank) : post_(post), rank_(rank) {}

  [[nodiscard]] std::size_t rank() const override { return rank_; }
  [[nodiscard]] std::size_t size() const override { return post_.size; }
  [[nodiscard]] std::string host() const override { return "this machine"; }
  [[nodiscard]] std::size_t on_this_machine() const override { return post_.size; }
  [[nodiscard]] std::size_t on_these_cpus() const override { return post_.size; }

  void send(std::size_t to, int tag, std::span<const std::byte> bytes) override {
    const std::lock_guard lock(post_.mutex);
    post_.boxes[{rank_, to, tag}].emplace_back(bytes.begin(), bytes.end());
    post_.arrived.notify_all();
  }

  std::vector<std::byte> receive(std::size_t from, int tag) override {
    std::unique_lock lock(post_.mutex);
    auto& box = post_.boxes[{from, rank_, tag}];
    post_.arrived.wait(lock, [&] { return post_.broken || !box.empty(); });
    if (box.empty()) {
      throw Error("another rank has failed");
    }
    std::vector<std::byte> bytes = std::move(box.front());
    box.pop_front();
    return bytes;
  }

  void tell_progress(std::uint64_t bytes) override {
    const std::lock_guard lock(post_.mutex);
    if (post_.progress) {
      post_.progress(bytes);
    }
  }
  void on_progress(std::function<void(std::uint64_t)> listener) override {
    const std::lock_guard lock(post_.mutex);
    post_.progress = std::move(listener);
  }
  void share_stop(StopRequest* /*stop*/) override {}

  [[noreturn]] void abort(int /*status*/, const std::string& message) override {
    throw Error(prefix() + message);
  }

 private:
  Post& post_;
  std::size_t rank_;
};

}  // namespace

void on_local_ranks(std::size_t count, const std::function<void(Ranks&)>& work) {
  Post post;
  post.size = count;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < count; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        LocalRanks ranks(post, rank);
        work(ranks);
      } catch (...) {
        const std::lock_guard lock(post.mutex);
        first = post.broken ? first : std::current_exception();
        post.broken = true;
        post.arrived.notify_all();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  if (first) {
    std::rethrow_exception(first);
  }
}

}  // namespace collapscope
