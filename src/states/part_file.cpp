// A part of an analysis as an HDF5 file: docs/states.md has the layout.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/core/version.hpp"
#include "hdf5/tree_file.hpp"
#include "states/state_tree.hpp"

namespace collapscope {

namespace {

using hdf5::TreeReader;
using hdf5::TreeWriter;

constexpr const char* part_kind = "collapscope part 6";

std::string_view text_view(const PartBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

PartBytes bytes_of(const std::string& text) {
  const auto* const data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

PartBytes input_of(const TreeReader& part) { return bytes_of(part.text("input")); }

std::string layer_group(const LayerPlace& place) {
  return fmt::format("layers/{}_{}", place.checkpoint, place.layer);
}

class PartWriter final : public PartFile {
 public:
  PartWriter(const std::string& path, const Identity& identity, const PartChoice& choice)
      : file_(path, part_kind, hdf5::Drafts::on_disk) {
    file_.text("identity", text_of(identity));
    file_.attribute("/", "part", std::uint64_t{choice.part});
    file_.attribute("/", "parts", std::uint64_t{choice.parts});
    file_.group("checkpoints");
    file_.group("layers");
  }

  void put_input(const PartBytes& input) override { file_.text("input", text_view(input)); }
  void put_checkpoint(std::size_t number, const PartBytes& targets) override {
    file_.text(fmt::format("checkpoints/{}", number), text_view(targets));
  }
  void put_layer(const LayerOfPart& layer) override {
    const std::string group = layer_group(layer.facts.place);
    file_.group(group);
    file_.attribute(group, "name", printable(layer.facts.name));
    file_.attribute(group, "segments", layer.facts.segments);
    file_.attribute(group, "segment_samples", layer.facts.segment_samples);
    file_.attribute(group, "workers", layer.facts.workers);
    if (!layer.weight.empty()) {
      file_.text(group + "/weight", text_view(layer.weight));
    }
    if (layer.failure) {
      file_.text(group + "/failure/path", layer.failure->path);
      file_.text(group + "/failure/object", layer.failure->object);
      file_.text(group + "/failure/message", layer.failure->message);
    }
    write_subtrees(file_, group + "/moments", layer.moments);
  }
  void finish() override { file_.finish(); }

 private:
  TreeWriter file_;
};

struct OpenPart {
  std::string path;
  std::unique_ptr<TreeReader> file;
};

class PartFiles final : public PartSource {
 public:
  // In the order of the parts.
  explicit PartFiles(std::vector<OpenPart> parts) : parts_(std::move(parts)) {}

  [[nodiscard]] std::vector<PartBytes> inputs() override {
    std::vector<PartBytes> inputs;
    for (const OpenPart& part : parts_) {
      inputs.push_back(input_of(*part.file));
    }
    return inputs;
  }

  [[nodiscard]] std::optional<PartBytes> checkpoint(std::size_t number) override {
    const std::string object = fmt::format("checkpoints/{}", number);
    for (const OpenPart& part : parts_) {
      if (part.file->has(object)) {
        return bytes_of(part.file->text(object));
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::vector<LayerOfPart> layer(const LayerPlace& place) override {
    const std::string group = layer_group(place);
    std::vector<LayerOfPart> found;
    for (const OpenPart& part : parts_) {
      const TreeReader& file = *part.file;
      if (!file.has(group)) {
        continue;
      }
      LayerOfPart& layer = found.emplace_back();
      layer.facts = {place, file.word(group, "name"), file.count(group, "segments"),
                     file.count(group, "segment_samples"), file.word(group, "workers")};
      if (file.has(group + "/weight")) {
        layer.weight = bytes_of(file.text(group + "/weight"));
      }
      if (file.has(group + "/failure")) {
        layer.failure = Failure{file.text(group + "/failure/path"), file.text(group + "/failure/object"),
                                file.text(group + "/failure/message")};
      }
    }
    return found;
  }

  void each_moments(const LayerPlace& place,
                    const std::function<void(const Subtree&, Moments)>& visit) override {
    const std::string group = layer_group(place) + "/moments";
    for (const OpenPart& part : parts_) {
      if (!part.file->has(layer_group(place))) {
        continue;
      }
      for (const std::string& name : part.file->names(group)) {
        visit(subtree_of(name), read_sums<Moments>(*part.file, fmt::format("{}/{}", group, name)));
      }
    }
  }

 private:
  std::vector<OpenPart> parts_;
};

// A part holds what only the build that wrote it reads. Of sums in memory no build is known.
void require_this_build(const std::string& path, const Identity& identity) {
  const BuildInfo build = build_info();
  const std::string here = build.version + " " + build.commit;
  for (const auto& [name, value] : identity) {
    if (name == "version" && value != here) {
      throw InputError(
          path, "",
          fmt::format("was written by collapscope {}; this is {}; expected the same build", value, here));
    }
  }
}

std::string missing_ones(const std::map<std::uint64_t, OpenPart>& found, std::uint64_t parts) {
  std::string text;
  std::size_t count = 0;
  for (std::uint64_t part = 1; part <= parts; ++part) {
    if (!found.contains(part) && ++count <= 10) {
      text += fmt::format("{}{}", text.empty() ? "" : ", ", part);
    }
  }
  return count > 10 ? text + fmt::format(" and {} more", count - 10) : text;
}

}  // namespace

std::unique_ptr<PartFile> make_part_file(const std::string& path, const Identity& identity,
                                         const PartChoice& choice) {
  return std::make_unique<PartWriter>(path, identity, choice);
}

OpenParts open_parts(const std::vector<std::string>& paths) {
  std::map<std::uint64_t, OpenPart> found;
  std::optional<Identity> identity;
  std::string first;
  std::uint64_t parts = 0;
  for (const std::string& path : paths) {
    auto file = std::make_unique<TreeReader>(path, part_kind);
    const Identity its = identity_of(file->text("identity"));
    const std::uint64_t of = file->count("/", "parts");
    if (!identity) {
      identity = its;
      first = path;
      parts = of;
    }
    require_this_build(path, its);
    if (const std::string differs = difference(*identity, its); !differs.empty()) {
      throw InputError(path, "",
                       fmt::format("is a part of another analysis than {} ({})", printable(first), differs));
    }
    if (!found.empty() && !have_same_options(input_of(*found.begin()->second.file), input_of(*file))) {
      throw InputError(path, "", fmt::format("was folded with other options than {}", printable(first)));
    }
    if (of != parts) {
      throw InputError(path, "",
                       fmt::format("is one of {} parts, {} one of {}", of, printable(first), parts));
    }
    const std::uint64_t part = file->count("/", "part");
    const auto [place, is_new] = found.try_emplace(part, OpenPart{path, nullptr});
    if (!is_new) {
      throw InputError(path, "",
                       fmt::format("is part {} of {}, as {} is", part, parts, printable(place->second.path)));
    }
    place->second.file = std::move(file);
  }
  if (found.size() < parts || found.empty() || found.rbegin()->first > parts) {
    throw InputError(paths.empty() ? "" : paths.front(), "",
                     fmt::format("is one of {} parts; missing: {}", parts, missing_ones(found, parts)));
  }
  std::vector<OpenPart> ordered;
  for (auto& [part, open] : found) {
    ordered.push_back(std::move(open));
  }
  return {std::make_unique<PartFiles>(std::move(ordered)), *identity};
}

}  // namespace collapscope
