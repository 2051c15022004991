// What is in a safetensors file: 8 bytes of header length, a JSON header, then the numbers.
// Source: the format's description, https://huggingface.co/docs/safetensors.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

struct Tensor {
  std::string type;       // as the file says: F32, BF16, ...
  DatasetIndex dataset;   // its element only counts if `readable`
  bool readable = false;  // the type is one that collapscope reads
};

// The tensors of a file by name. The header is checked in full: every tensor lies inside of the file, is as
// long as its shape says, and they follow one another without gaps. Throws InputError for a file that is not
// sound.
[[nodiscard]] std::map<std::string, Tensor> index_safetensors(const std::string& path);

}  // namespace collapscope
