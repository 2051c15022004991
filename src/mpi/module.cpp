// The MPI module: what the program loads when a launcher started it as one of several.
#include <fmt/format.h>

#include <cstdio>

#include "build_config.hpp"
#include "collapscope/ranks/ranks.hpp"
#include "mpi/job.hpp"
#include "ranks/mpi_interface.hpp"

namespace collapscope::mpi {

namespace {

class MpiRanks final : public Ranks {
 public:
  [[nodiscard]] std::size_t rank() const override { return job_.place().rank; }
  [[nodiscard]] std::size_t size() const override { return job_.place().size; }
  [[nodiscard]] std::string host() const override { return job_.place().host; }
  [[nodiscard]] std::size_t on_this_machine() const override { return job_.place().on_this_machine; }
  [[nodiscard]] std::size_t on_these_cpus() const override { return job_.place().on_these_cpus; }

  void send(std::size_t to, int tag, std::span<const std::byte> bytes) override { job_.send(to, tag, bytes); }
  std::vector<std::byte> receive(std::size_t from, int tag) override { return job_.receive(from, tag); }
  void tell_progress(std::uint64_t bytes) override { job_.tell_progress(bytes); }
  void on_progress(std::function<void(std::uint64_t)> listener) override {
    job_.on_progress(std::move(listener));
  }
  void share_stop(StopRequest* stop) override { job_.share_stop(stop); }

  [[noreturn]] void abort(int status, const std::string& message) override {
    fmt::print(stderr, "{}{}\n", prefix(), message);
    job_.abort(status);
  }

 private:
  Job job_;
};

}  // namespace

}  // namespace collapscope::mpi

extern "C" __attribute__((visibility("default"))) const char* collapscope_mpi_version() {
  return collapscope::config::version;
}

extern "C" __attribute__((visibility("default"))) collapscope::Ranks* collapscope_mpi_join() {
  return new collapscope::mpi::MpiRanks();
}
