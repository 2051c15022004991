#include "hdf5/index_wire.hpp"

#include <new>
#include <type_traits>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/pack.hpp"
#include "dump/dump_fields.hpp"

namespace collapscope::hdf5 {

[[nodiscard]] constexpr Request last_enumerator(Request /*of*/) { return Request::read; }
[[nodiscard]] constexpr Answer last_enumerator(Answer /*of*/) { return Answer::other_error; }

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, ReadRequest>
void each_field(T& value, const Visit& visit) {
  visit("first", value.first);
  visit("count", value.count);
}

namespace {

template <class... Parts>
Bytes message(const Parts&... parts) {
  Packer packer;
  (packer.put(parts), ...);
  return packer.take();
}

// The failure that an answer tells of; none: goes on after it.
void throw_failure(Unpacker& message) {
  const auto kind = message.get<Answer>();
  if (kind == Answer::done || kind == Answer::more) {
    return;
  }
  std::string file;
  std::string object;
  std::string text;
  if (kind == Answer::input_error) {
    message.get(file);
    message.get(object);
  }
  message.get(text);
  message.end();
  switch (kind) {
    case Answer::input_error:
      throw InputError(file, object, printable(text));
    case Answer::usage_error:
      throw UsageError(printable(text));
    default:
      throw Error(printable(text));
  }
}

}  // namespace

Bytes index_request(const std::string& path, const IndexOptions& options) {
  return message(Request::index, path, options);
}

Bytes open_request(const DatasetIndex& dataset, const ReadOptions& options) {
  return message(Request::open, dataset, options);
}

Bytes read_request(const ReadRequest& request) { return message(Request::read, request); }

Asked read_asked(std::span<const std::byte> bytes) {
  Unpacker message(bytes);
  Asked asked;
  message.get(asked.kind);
  switch (asked.kind) {
    case Request::index:
      message.get(asked.path);
      message.get(asked.indexing);
      break;
    case Request::open:
      message.get(asked.dataset);
      message.get(asked.reading);
      break;
    case Request::read:
      message.get(asked.read);
      break;
  }
  message.end();
  return asked;
}

Bytes index_answer(const DumpIndex& index) { return message(Answer::done, index); }

Bytes open_answer(std::uint64_t preferred_samples) { return message(Answer::done, preferred_samples); }

Bytes piece_answer(std::uint64_t samples) { return message(Answer::more, samples); }

Bytes failure_answer() {
  std::string text;
  try {
    throw;
  } catch (const InputError& error) {
    return message(Answer::input_error, error.file(), error.object(), error.message());
  } catch (const UsageError& error) {
    text = error.what();
    return message(Answer::usage_error, text);
  } catch (const std::bad_alloc&) {
    text = "it takes more memory than a file may";
  } catch (const std::exception& error) {
    text = error.what();
  }
  return message(Answer::other_error, text);
}

DumpIndex read_index_answer(std::span<const std::byte> bytes) {
  Unpacker message(bytes);
  throw_failure(message);
  DumpIndex index;
  message.get(index);
  message.end();
  return index;
}

std::uint64_t read_number_answer(std::span<const std::byte> bytes) {
  Unpacker message(bytes);
  throw_failure(message);
  const auto number = message.get<std::uint64_t>();
  message.end();
  return number;
}

}  // namespace collapscope::hdf5
