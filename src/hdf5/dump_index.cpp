// What is in a dump: the file's format and its checkpoints, which are indexed in checkpoint.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/dump/dump.hpp"
#include "core/memory.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/checkpoint.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/failure.hpp"
#include "hdf5/in_process.hpp"
#include "hdf5/links.hpp"
#include "hdf5/remote.hpp"
#include "hdf5/walk.hpp"
#include "process/sandbox.hpp"

namespace collapscope {

namespace {

using hdf5::Attributes;
using hdf5::FileSet;
using hdf5::Object;
using hdf5::Place;

constexpr const char* format_name = "collapscope-dump";
constexpr std::int64_t format_version = 1;
constexpr std::uint64_t most_attribute_bytes = std::uint64_t{64} << 20;
constexpr std::uint64_t attribute_copies = 4;  // as read, as kept, as sent

std::uint64_t attribute_bytes(const CheckpointIndex& checkpoint) {
  std::uint64_t bytes = 0;
  for (const auto& [name, value] : checkpoint.attributes) {
    const auto* text = std::get_if<std::string>(&value);
    bytes += sizeof(AttributeValue) + name.size() + (text == nullptr ? 0 : text->size());
  }
  for (const std::string& name : checkpoint.class_names) {
    bytes += sizeof(std::string) + name.size();
  }
  return bytes;
}

void check_format(const Attributes& attributes, const Place& place) {
  const auto format = attributes.text("format");
  if (!format) {
    return;
  }
  if (*format != format_name) {
    throw InputError(
        place.file, "",
        fmt::format(R"(attribute 'format': found "{}"; expected "{}")", printable(*format), format_name));
  }
  if (const auto version = attributes.integer("format_version"); version && *version != format_version) {
    throw InputError(place.file, "",
                     fmt::format("format_version {} found, this program reads {}", *version, format_version));
  }
}

// Indexes the checkpoints of one file; what cannot be used becomes a failure.
class Indexer {
 public:
  Indexer(FileSet files, const std::string& path, const IndexOptions& options)
      : path_(path),
        options_(options),
        files_(std::move(files)),
        root_(files_.root()),
        attributes_(root_.id.get(), files_.place(root_)) {
    files_.bound_mappings(options.memory != 0 ? options.memory : usable_memory() / 2);
  }

  DumpIndex index() {
    DumpIndex found = index_all();
    files_.require_unchanged();
    return found;
  }

 private:
  DumpIndex index_all() {
    if (hdf5::is_foreign(options_)) {
      index_root();
      return std::move(dump_);
    }
    check_format(attributes_, files_.place(root_));
    const std::optional<Object> all = files_.find(root_, "checkpoints");
    if (!all || !hdf5::is_group(*all)) {
      index_root();
      return std::move(dump_);
    }
    index_groups(*all);
    return std::move(dump_);
  }

  void index_root() { index_checkpoint(files_, root_, attributes_, options_, path_, "", dump_); }

  // /checkpoints/<id>, in natural order of the ids, and the root too when it has layers.
  void index_groups(const Object& all) {
    std::vector<std::string> ids = hdf5::link_names(all, files_.place(all));
    std::sort(ids.begin(), ids.end(), natural_less);
    for (const std::string& id : ids) {
      const std::size_t before = dump_.checkpoints.size();
      keep_failure([&] { index_group(files_.get(all, id, "a checkpoint"), id); });
      if (dump_.checkpoints.size() > before) {
        const std::uint64_t bytes = attribute_bytes(dump_.checkpoints.back());
        attribute_bytes_ += bytes;
        process::allow_data(attribute_copies * bytes);
      }
      require_few_attributes(all, ids.size());
    }
    keep_failure([&] {
      if (files_.find(root_, "layers")) {
        index_root();
      }
    });
    if (dump_.checkpoints.empty()) {
      refuse_all(all);
    }
  }

  // Each checkpoint has the root's attributes beside its own.
  void require_few_attributes(const Object& all, std::size_t checkpoints) const {
    if (attribute_bytes_ > most_attribute_bytes) {
      throw InputError(
          path_, all.path,
          fmt::format("found attributes of more than {} in the first {} of {} checkpoints, which have the "
                      "root's too; expected short attributes: put long texts into datasets",
                      human_bytes(most_attribute_bytes), dump_.checkpoints.size(), checkpoints));
    }
  }

  void index_group(const Object& group, const std::string& id) {
    const Place place = files_.place(group);
    if (!hdf5::is_group(group)) {
      throw InputError(place.file, place.object, "found a dataset; expected the group of a checkpoint");
    }
    Attributes attributes(group.id.get(), place);
    attributes.inherit(attributes_);
    index_checkpoint(files_, group, attributes, options_, path_, id, dump_);
  }

  template <class Index>
  void keep_failure(Index index) {
    try {
      index();
    } catch (const InputError& error) {
      dump_.failures.push_back(hdf5::failure_of(error));
      dump_.lost.push_back(path_);
    }
  }

  [[noreturn]] void refuse_all(const Object& all) const {
    if (dump_.failures.empty()) {
      throw InputError(path_, all.path, "holds no checkpoint");
    }
    const Failure& first = dump_.failures.front();
    throw InputError(first.path, first.object, first.message);
  }

  const std::string& path_;
  const IndexOptions& options_;
  FileSet files_;
  Object root_;
  Attributes attributes_;
  DumpIndex dump_;
  std::uint64_t attribute_bytes_ = 0;  // in all checkpoints
};

}  // namespace

void StorageLoss::add(const StorageLoss& other) {
  step = std::max(step, other.step);
  relative = std::max(relative, other.relative);
  unknown = unknown.empty() ? other.unknown : unknown;
}

std::uint64_t DatasetIndex::bytes() const {
  const std::uint64_t elements = hdf5::element_count(shape);
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  return elements > most / element.size() ? most : elements * element.size();
}

std::optional<double> CheckpointIndex::number(const std::string& attribute) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const auto& entry) { return entry.first == attribute; });
  if (found == attributes.end()) {
    return std::nullopt;
  }
  if (const auto* integer = std::get_if<std::int64_t>(&found->second)) {
    return static_cast<double>(*integer);
  }
  if (const auto* integer = std::get_if<std::uint64_t>(&found->second)) {
    return static_cast<double>(*integer);
  }
  const auto* real = std::get_if<double>(&found->second);
  return real != nullptr ? std::optional(*real) : std::nullopt;
}

DumpIndex hdf5::index_in_process(const std::string& path, const IndexOptions& options) {
  const Session session;
  return Indexer(FileSet(path), path, options).index();
}

DumpIndex hdf5::index_open_file(Handle file, const IndexOptions& options) {
  const Session session;
  const std::string path;
  return Indexer(FileSet(std::move(file)), path, options).index();
}

DumpIndex index_dump(const std::string& path, const IndexOptions& options) {
  return hdf5::is_isolated() ? hdf5::index_by_helper(path, options) : hdf5::index_in_process(path, options);
}

DumpIndex index_dumps(const std::vector<std::string>& paths, const IndexOptions& options) {
  if (hdf5::is_isolated()) {
    return hdf5::index_by_helpers(paths, options);
  }
  DumpIndex all;
  for (const std::string& path : paths) {
    hdf5::add_index(all, path, [&] { return hdf5::index_in_process(path, options); });
  }
  return all;
}

}  // namespace collapscope
