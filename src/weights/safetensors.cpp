#include "weights/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/little_endian.hpp"
#include "json/json_tree.hpp"

namespace collapscope {

namespace {

constexpr std::uint64_t largest_header = 100'000'000;  // bytes; the format's own limit
constexpr std::size_t most_axes = 32;
constexpr std::size_t length_bytes = 8;

constexpr std::array<std::pair<const char*, ElementKind>, 12> types{{{"F64", ElementKind::float64},
                                                                     {"F32", ElementKind::float32},
                                                                     {"F16", ElementKind::float16},
                                                                     {"BF16", ElementKind::bfloat16},
                                                                     {"I64", ElementKind::int64},
                                                                     {"I32", ElementKind::int32},
                                                                     {"I16", ElementKind::int16},
                                                                     {"I8", ElementKind::int8},
                                                                     {"U64", ElementKind::uint64},
                                                                     {"U32", ElementKind::uint32},
                                                                     {"U16", ElementKind::uint16},
                                                                     {"U8", ElementKind::uint8}}};

// The header's text, and how many bytes of numbers follow it.
struct Header {
  std::optional<FileState> state;  // of the file
  std::string text;
  std::uint64_t begin = 0;
  std::uint64_t numbers = 0;
};

// What a file is by its first bytes, where people take it for a safetensors file; empty: unknown.
std::string known_as(std::string_view begin) {
  using namespace std::string_view_literals;
  struct Kind {
    std::string_view signature;
    std::string_view text;
  };
  constexpr std::array kinds{
      Kind{"version https://git-lfs.github.com/spec/",
           "it is a pointer of Git LFS, and the file itself was not fetched: `git lfs pull` fetches it"},
      Kind{"\x89HDF\r\n\x1a\n",
           "it is an HDF5 file; weights that lie in the dumps need no --weights, and --weight 'PATH' says "
           "where"},
      Kind{"PK\x03\x04"sv,
           "it is a zip archive, as torch.save and numpy.savez write; safetensors.torch.save_file writes "
           "safetensors files"},
      Kind{"\x80\x02"sv,
           "it is a pickle, as torch.save wrote once; safetensors.torch.save_file writes safetensors files"},
      Kind{"\x93NUMPY"sv, "it is an array of NumPy; safetensors.numpy.save_file writes safetensors files"},
      Kind{"GGUF", "it is a GGUF file"}};
  const bool is_text = begin.substr(0, length_bytes).find('\0') == std::string_view::npos;  // no length then
  if (begin.starts_with('{') && is_text) {
    return "it is JSON; of an index of several files (model.safetensors.index.json) --weights takes one of "
           "the files, and `python -m collapscope convert` takes all";
  }
  const auto kind =
      std::ranges::find_if(kinds, [&](const Kind& known) { return begin.starts_with(known.signature); });
  return kind == kinds.end() ? "" : std::string(kind->text);
}

[[noreturn]] void refuse_other_file(const std::string& path, const std::string& found) {
  std::string begin(64, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(file.gcount()));
  const std::string kind = known_as(begin);
  throw InputError(path, "", fmt::format("no safetensors file: {}", kind.empty() ? found : kind));
}

Header read_header(const std::string& path) {
  const std::optional<FileState> state = file_state(path);
  std::error_code failure;
  if (std::filesystem::is_directory(path, failure)) {
    throw InputError(path, "", "it is a folder; expected a safetensors file in it");
  }
  const std::uintmax_t size = std::filesystem::file_size(path, failure);
  if (failure) {
    throw InputError(path, "", fmt::format("cannot be read: {}", failure.message()));
  }
  std::ifstream file(path, std::ios::binary);
  std::array<char, length_bytes> start{};
  file.read(start.data(), length_bytes);
  const std::uint64_t length = little_endian(std::as_bytes(std::span(start)), length_bytes);
  const std::uint64_t room = size < length_bytes ? 0 : size - length_bytes;
  if (!file || length < 2 || length > std::min<std::uint64_t>(largest_header, room)) {
    refuse_other_file(path, fmt::format("found a header of {} bytes in a file of {}", length, size));
  }
  Header header{state, std::string(length, '\0'), length_bytes + length, room - length};
  file.read(header.text.data(), static_cast<std::streamsize>(length));
  if (!file) {
    throw InputError(path, "", fmt::format("cannot be read: {}", std::system_category().message(errno)));
  }
  if (header.text.front() != '{') {
    refuse_other_file(path, "found a header that does not begin with '{'");
  }
  return header;
}

JsonNode parse_header(const std::string& path, const std::string& text) {
  try {
    return parse_json_tree(text, path);
  } catch (const InputError& error) {
    throw InputError(path, "header", error.message());
  }
}

std::optional<std::uint64_t> whole(const JsonNode& node) {
  if (const auto* value = std::get_if<std::int64_t>(&node.value)) {
    return *value < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(*value));
  }
  const auto* value = std::get_if<std::uint64_t>(&node.value);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

// A list of whole numbers, or nullopt.
std::optional<std::vector<std::uint64_t>> whole_numbers(const JsonNode* node) {
  const auto* array = node == nullptr ? nullptr : std::get_if<JsonArray>(&node->value);
  if (array == nullptr || array->size() > most_axes) {
    return std::nullopt;
  }
  std::vector<std::uint64_t> numbers;
  for (const JsonNode& entry : *array) {
    const std::optional<std::uint64_t> number = whole(entry);
    if (!number) {
      return std::nullopt;
    }
    numbers.push_back(*number);
  }
  return numbers;
}

const JsonNode* member(const JsonObject& object, std::string_view key) {
  const auto found = std::ranges::find(object, key, &JsonMember::key);
  return found == object.end() ? nullptr : &found->node;
}

// elements * size, or nullopt when that does not fit.
std::optional<std::uint64_t> bytes_of(const std::vector<std::uint64_t>& shape, std::uint64_t size) {
  std::uint64_t bytes = size;
  for (const std::uint64_t length : shape) {
    if (length != 0 && bytes > std::numeric_limits<std::uint64_t>::max() / length) {
      return std::nullopt;
    }
    bytes *= length;
  }
  return bytes;
}

Tensor index_tensor(const std::string& path, const JsonMember& entry, const Header& header) {
  const auto* object = std::get_if<JsonObject>(&entry.node.value);
  const JsonNode* type = object == nullptr ? nullptr : member(*object, "dtype");
  const auto* type_name = type == nullptr ? nullptr : std::get_if<std::string>(&type->value);
  const auto shape = object == nullptr ? std::nullopt : whole_numbers(member(*object, "shape"));
  const auto offsets = object == nullptr ? std::nullopt : whole_numbers(member(*object, "data_offsets"));
  if (type_name == nullptr || !shape || !offsets || offsets->size() != 2) {
    throw InputError(path, entry.key,
                     "expected dtype, a shape of whole numbers and two data_offsets in the header");
  }
  const std::uint64_t first = offsets->front();
  const std::uint64_t end = offsets->back();
  if (first > end || end > header.numbers) {
    throw InputError(
        path, entry.key,
        fmt::format("found bytes {} to {}; expected a range in 0 to {}: the file is damaged or truncated",
                    first, end, header.numbers));
  }
  Tensor tensor{*type_name, {}, false};
  tensor.dataset.file = path;
  tensor.dataset.object = entry.key;
  tensor.dataset.shape = *shape;
  tensor.dataset.storage = Storage::raw;
  tensor.dataset.stored_bytes = end - first;
  tensor.dataset.state = header.state;
  tensor.dataset.address = header.begin + first;
  const auto* const known =
      std::ranges::find_if(types, [&](const auto& candidate) { return *type_name == candidate.first; });
  if (known != types.end()) {
    tensor.readable = true;
    tensor.dataset.element = {known->second, false};
    const std::optional<std::uint64_t> bytes = bytes_of(*shape, tensor.dataset.element.size());
    if (bytes != end - first) {
      throw InputError(path, entry.key,
                       fmt::format("found {} bytes of {} numbers for shape {}", end - first, *type_name,
                                   shape_text(*shape)));
    }
  }
  return tensor;
}

void require_order(const std::string& path, const std::map<std::string, Tensor>& tensors,
                   const Header& header) {
  std::vector<const DatasetIndex*> datasets;
  datasets.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    datasets.push_back(&tensor.dataset);
  }
  std::ranges::sort(datasets, [](const DatasetIndex* a, const DatasetIndex* b) {
    return std::pair(*a->address, a->stored_bytes) < std::pair(*b->address, b->stored_bytes);
  });
  std::uint64_t end = header.begin;
  for (const DatasetIndex* dataset : datasets) {
    if (*dataset->address != end) {
      throw InputError(path, dataset->object,
                       fmt::format("found its first byte at {}; expected {}, where the tensor before it ends",
                                   *dataset->address - header.begin, end - header.begin));
    }
    end += dataset->stored_bytes;
  }
  if (end - header.begin != header.numbers) {
    throw InputError(path, "",
                     fmt::format("found {} bytes of numbers; expected {}, where the last tensor ends",
                                 header.numbers, end - header.begin));
  }
}

}  // namespace

std::map<std::string, Tensor> index_safetensors(const std::string& path) {
  const Header header = read_header(path);
  const JsonNode tree = parse_header(path, header.text);
  const auto* object = std::get_if<JsonObject>(&tree.value);
  if (object == nullptr) {
    throw InputError(path, "", "no safetensors file: the header is no JSON object");
  }
  std::map<std::string, Tensor> tensors;
  for (const JsonMember& entry : *object) {
    if (entry.key != "__metadata__") {
      tensors.emplace(entry.key, index_tensor(path, entry, header));
    }
  }
  require_order(path, tensors, header);
  return tensors;
}

}  // namespace collapscope
