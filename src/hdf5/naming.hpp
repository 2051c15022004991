// Where the parts of a checkpoint are: in the dump layout, or where the user says (DumpNaming).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

// The paths of one layer's parts, below the checkpoint.
struct LayerParts {
  std::string name;
  std::string group;  // holds the layer's attributes; empty when there is none
  std::string activations;
  std::string weight;  // empty: none
  std::string bias;
};

// What the one wildcard of `pattern` stands for in `path`: '*' within a component, '**' across components.
// Without a wildcard, the last component of an equal path. nullopt when the path does not match.
[[nodiscard]] std::optional<std::string> wildcard_match(std::string_view pattern, std::string_view path);

// Whether one of the globs is the layer's; all layers are wanted when there are none.
[[nodiscard]] bool is_wanted(const std::string& layer, const std::vector<std::string>& globs);

// As those of DumpIndex.
struct IndexProblems {
  std::vector<Failure> failures;
  std::vector<Failure> remarks;
  std::vector<LayerParts> lost;           // layers, or groups of them, that are among the failures
  std::vector<LayerParts> lost_unwanted;  // likewise, but that nobody wants

  // is_meant: it is wanted, or may be.
  void lose(LayerParts layer, Failure failure, bool is_meant);
};

// The layers of a checkpoint, unordered, wanted or not. What may be a wanted one and leads nowhere, or has
// lost its activations, is added to the failures. Throws InputError when there are no layers.
[[nodiscard]] std::vector<LayerParts> find_layers(FileSet& files, const Object& checkpoint,
                                                  const IndexOptions& options, IndexProblems& problems);

// "the file holds 'a', 'b', ...": some datasets, for messages.
[[nodiscard]] std::string datasets_text(FileSet& files, const Object& checkpoint);

}  // namespace collapscope::hdf5
