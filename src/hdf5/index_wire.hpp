// What the program asks a helper, and what it answers, as bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "collapscope/dump/dump.hpp"
#include "core/pack.hpp"

namespace collapscope::hdf5 {

enum class Request : std::uint8_t { index, open, read };

struct ReadRequest {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

// How a request ended, before what it gives.
enum class Answer : std::uint8_t {
  done,
  more,         // of what is read, which follows: its bytes
  input_error,  // of which the parts follow
  usage_error,  // its text
  other_error,  // likewise
};

[[nodiscard]] Bytes index_request(const std::string& path, const IndexOptions& options);
[[nodiscard]] Bytes open_request(const DatasetIndex& dataset, const ReadOptions& options);
[[nodiscard]] Bytes read_request(const ReadRequest& request);

// A request as it came.
struct Asked {
  Request kind = Request::index;
  std::string path;
  IndexOptions indexing;
  DatasetIndex dataset;
  ReadOptions reading;
  ReadRequest read;
};
[[nodiscard]] Asked read_asked(std::span<const std::byte> bytes);

[[nodiscard]] Bytes index_answer(const DumpIndex& index);
// Of an opened reader.
[[nodiscard]] Bytes open_answer(std::uint64_t preferred_samples);
[[nodiscard]] Bytes piece_answer(std::uint64_t samples);
// Of the exception that is being handled.
[[nodiscard]] Bytes failure_answer();

// Each throws the failure that the answer tells of, or MessageError.
[[nodiscard]] DumpIndex read_index_answer(std::span<const std::byte> bytes);
[[nodiscard]] std::uint64_t read_number_answer(std::span<const std::byte> bytes);

}  // namespace collapscope::hdf5
