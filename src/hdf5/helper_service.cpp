#include "hdf5/helper_service.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "collapscope/core/error.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/in_process.hpp"
#include "hdf5/index_wire.hpp"
#include "process/channel.hpp"
#include "process/sandbox.hpp"
#include "process/work_mark.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::uint64_t most_request_bytes = std::uint64_t{1} << 30;
constexpr std::uint64_t piece_bytes = std::uint64_t{8} << 20;

// A file's metadata takes some times its bytes in memory, up to what the user gives.
void allow_memory_for(const std::string& path, const IndexOptions& options) {
  constexpr std::uint64_t times = 8;
  std::error_code failure;
  const std::uintmax_t size = std::filesystem::file_size(path, failure);
  if (!failure && options.memory != 0) {
    process::allow_data(std::min<std::uint64_t>(size, options.memory / times) * times);
  }
}

class Service {
 public:
  explicit Service(int socket) : socket_(socket) {}

  void run() {
    while (true) {
      const Asked asked = read_asked(process::receive_message(socket_, most_request_bytes));
      try {
        answer(asked);
        if (asked.kind == Request::index) {
          return;  // nothing else is asked of this helper
        }
      } catch (const process::ChannelClosed&) {
        throw;
      } catch (const std::exception&) {
        process::send_message(socket_, failure_answer());
      }
    }
  }

 private:
  void answer(const Asked& asked) {
    switch (asked.kind) {
      case Request::index:
        process::at_work(asked.path, "");
        allow_memory_for(asked.path, asked.indexing);
        return process::send_message(socket_, index_answer(index_in_process(asked.path, asked.indexing)));
      case Request::open:
        open(asked.dataset, asked.reading);
        return process::send_message(socket_, open_answer(reader_->preferred_samples()));
      case Request::read:
        return read(asked.read);
    }
  }

  void open(const DatasetIndex& dataset, const ReadOptions& options) {
    process::at_work(dataset.file, dataset.object);
    const std::uint64_t samples = std::max<std::uint64_t>(dataset.samples(), 1);
    sample_bytes_ = dataset.bytes() / samples;
    samples_ = dataset.samples();
    file_ = dataset.file;
    object_ = dataset.object;
    reader_.reset();
    constexpr std::uint64_t copies = 8;  // of a chunk, as filters make them
    const std::uint64_t chunk = element_count(dataset.chunk) * dataset.element.size();
    process::allow_data(options.cache_bytes + options.buffer_bytes + dataset.hdf5_bytes + copies * chunk +
                        2 * piece_bytes);
    reader_ = open_in_process(dataset, options);
  }

  // In pieces, so that one is sent while the next is decoded: whole rows of chunks, which are decoded at
  // once.
  void read(const ReadRequest& request) {
    if (!reader_ || request.first > samples_ || request.count > samples_ - request.first) {
      throw UsageError("asked for samples that are not there");
    }
    const std::uint64_t preferred = std::max<std::uint64_t>(1, reader_->preferred_samples());
    const std::uint64_t at_once =
        std::max<std::uint64_t>(1, piece_bytes / sample_bytes_ / preferred) * preferred;
    for (std::uint64_t done = 0; done < request.count;) {
      const std::uint64_t first = request.first + done;
      const std::uint64_t count = std::min(at_once - first % preferred, request.count - done);
      process::at_work(file_, object_, 1 + count * sample_bytes_ / slowest_bytes);
      bytes_.resize(count * sample_bytes_);
      reader_->read(first, count, bytes_);
      process::send_message(socket_, piece_answer(count));
      process::send_bytes(socket_, bytes_);
      done += count;
    }
  }

  static constexpr std::uint64_t slowest_bytes = 1000;  // a millisecond of a decoder

  int socket_;
  std::unique_ptr<RowReader> reader_;
  std::uint64_t sample_bytes_ = 1;
  std::uint64_t samples_ = 0;
  std::string file_;
  std::string object_;
  std::vector<std::byte> bytes_;
};

}  // namespace

void serve_requests(int socket) { Service(socket).run(); }

}  // namespace collapscope::hdf5
