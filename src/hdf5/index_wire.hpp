// What the program asks a helper, and what it answers, as bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "collapscope/dump/dump.hpp"

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

[[nodiscard]] std::vector<std::byte> index_request(std::string path, IndexOptions options);
[[nodiscard]] std::vector<std::byte> open_request(DatasetIndex dataset, ReadOptions options);
[[nodiscard]] std::vector<std::byte> read_request(ReadRequest request);

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

[[nodiscard]] std::vector<std::byte> index_answer(DumpIndex index);
// Of an opened reader.
[[nodiscard]] std::vector<std::byte> open_answer(std::uint64_t preferred_samples);
[[nodiscard]] std::vector<std::byte> piece_answer(std::uint64_t samples);
// Of the exception that is being handled.
[[nodiscard]] std::vector<std::byte> failure_answer();

// Each throws the failure that the answer tells of, or WireError.
[[nodiscard]] DumpIndex read_index_answer(std::span<const std::byte> bytes);
[[nodiscard]] std::uint64_t read_number_answer(std::span<const std::byte> bytes);

}  // namespace collapscope::hdf5
