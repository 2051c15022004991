#include "hdf5/remote.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/dump/isolation.hpp"
#include "core/memory.hpp"
#include "core/pack.hpp"
#include "core/threads.hpp"
#include "hdf5/failure.hpp"
#include "hdf5/helper_service.hpp"
#include "hdf5/index_check.hpp"
#include "hdf5/index_wire.hpp"
#include "hdf5/warm_up.hpp"
#include "process/nursery.hpp"

namespace collapscope {

namespace hdf5 {

namespace {

constexpr std::uint64_t data_bytes = std::uint64_t{192} << 20;
constexpr std::uint64_t most_answer_bytes = std::uint64_t{1} << 30;
constexpr std::size_t most_helpers = 8;
constexpr std::uint64_t most_number_bytes = std::uint64_t{64} << 10;

// Kept until the end of the program, like its helpers.
std::unique_ptr<process::Nursery>& nursery() {
  static std::unique_ptr<process::Nursery> only;
  return only;
}

[[noreturn]] void refuse(const process::HelperEnded& end, const std::string& file,
                         const std::string& object) {
  const bool elsewhere = !end.file.empty() && end.file != file;
  throw InputError(
      file, end.object.empty() ? object : end.object,
      fmt::format("damaged: the process that read it with HDF5 {}{}", end.what(),
                  elsewhere ? fmt::format(", at work on {}", printable(end.file)) : std::string()));
}

// What helpers do, with what goes wrong as an InputError of the file.
template <class Work>
auto guarded(const std::string& file, const std::string& object, Work work) {
  try {
    return work();
  } catch (const process::HelperEnded& end) {
    refuse(end, file, object);
  } catch (const MessageError&) {
    throw InputError(file, object,
                     "damaged: the process that read it with HDF5 answered what makes no sense");
  } catch (const InputError&) {
    throw;
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    throw InputError(file, object, error.what());
  }
}

class RemoteReader final : public RowReader {
 public:
  RemoteReader(const DatasetIndex& dataset, const ReadOptions& options)
      : file_(dataset.file),
        object_(dataset.object),
        samples_(dataset.samples()),
        sample_bytes_(dataset.bytes() / std::max<std::uint64_t>(dataset.samples(), 1)),
        helper_(nursery()->take()) {
    helper_.ask(open_request(dataset, options));
    const std::uint64_t preferred = read_number_answer(helper_.answer(most_number_bytes));
    preferred_ = std::clamp<std::uint64_t>(preferred, 1, std::max<std::uint64_t>(samples_, 1));
  }

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    if (first > samples_ || count > samples_ - first || out.size() != count * sample_bytes_) {
      throw UsageError(fmt::format("asked for samples {} to {} of {}", first, first + count, samples_));
    }
    guarded(file_, object_, [&] {
      helper_.ask(read_request({first, count}));
      while (!out.empty()) {
        const std::uint64_t samples = read_number_answer(helper_.answer(most_number_bytes));
        if (samples == 0 || samples > out.size() / sample_bytes_) {
          throw MessageError();
        }
        helper_.receive(out.first(samples * sample_bytes_));
        out = out.subspan(samples * sample_bytes_);
      }
      return 0;
    });
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return preferred_; }

 private:
  std::string file_;
  std::string object_;
  std::uint64_t samples_;
  std::uint64_t sample_bytes_;
  std::uint64_t preferred_ = 1;
  process::Helper helper_;
};

IndexOptions with_memory(IndexOptions options) {
  options.memory = options.memory != 0 ? options.memory : usable_memory() / 2;
  return options;
}

// A file that a helper indexes.
class Indexing {
 public:
  Indexing(std::string path, IndexOptions options)
      : path_(std::move(path)), options_(std::move(options)), helper_(nursery()->take()) {
    helper_.ask(index_request(path_, options_));
  }

  // None where there can be no further helper now.
  static std::optional<Indexing> ask(const std::string& path, const IndexOptions& options) {
    try {
      return Indexing(path, options);
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  [[nodiscard]] DumpIndex answer() {
    DumpIndex index = read_index_answer(helper_.answer(most_answer_bytes));
    check_index(index, path_, options_);
    return index;
  }

 private:
  std::string path_;
  IndexOptions options_;
  process::Helper helper_;
};

}  // namespace

bool is_isolated() { return nursery() != nullptr; }

DumpIndex index_by_helper(const std::string& path, const IndexOptions& options) {
  return guarded(path, "", [&] { return Indexing(path, with_memory(options)).answer(); });
}

DumpIndex index_by_helpers(const std::vector<std::string>& paths, const IndexOptions& options) {
  const IndexOptions chosen = with_memory(options);
  const std::size_t at_once = std::clamp<std::size_t>(usable_threads(), 1, most_helpers);
  std::deque<std::optional<Indexing>> asked;
  std::size_t next = 0;
  DumpIndex all;
  for (const std::string& path : paths) {
    add_index(all, path, [&]() -> DumpIndex {
      while (next < paths.size() && asked.size() < at_once) {
        asked.push_back(Indexing::ask(paths[next], chosen));
        ++next;
      }
      std::optional<Indexing> mine = std::move(asked.front());
      asked.pop_front();
      return guarded(path, "", [&] { return mine ? mine->answer() : Indexing(path, chosen).answer(); });
    });
  }
  return all;
}

std::unique_ptr<RowReader> open_by_helper(const DatasetIndex& dataset, const ReadOptions& options) {
  return guarded(dataset.file, dataset.object,
                 [&] { return std::make_unique<RemoteReader>(dataset, options); });
}

}  // namespace hdf5

void isolate_hdf5() {
  hdf5::nursery() = process::Nursery::start({hdf5::warm_up, hdf5::serve_requests, hdf5::data_bytes});
}

void end_isolation() { hdf5::nursery().reset(); }

}  // namespace collapscope
