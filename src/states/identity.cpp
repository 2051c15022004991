// What an analysis is, for states that belong to it.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <span>
#include <system_error>
#include <vector>

#include "collapscope/core/files.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/states/states.hpp"
#include "core/checksum.hpp"

namespace collapscope {

namespace {

constexpr std::string_view checkpoint_name = "checkpoint ";

void add_file(std::set<std::string>& files, const std::optional<DatasetIndex>& dataset) {
  if (dataset) {
    files.insert(dataset->file);
  }
}

// Each under one name: that by which its datasets know it, else that by which it was given.
std::set<std::string> files_of(const std::vector<Checkpoint>& checkpoints) {
  std::set<std::string> files;
  std::set<std::string> given;
  for (const Checkpoint& checkpoint : checkpoints) {
    for (const CheckpointIndex& shard : checkpoint.shards) {
      given.insert(shard.path);
      add_file(files, shard.targets);
      add_file(files, shard.predictions);
      for (const LayerIndex& layer : shard.layers) {
        add_file(files, layer.activations);
        add_file(files, layer.weight);
        add_file(files, layer.bias);
      }
    }
  }
  for (const std::string& path : given) {
    std::error_code unknown;
    if (!files.contains(std::filesystem::canonical(path, unknown).string())) {
      files.insert(path);
    }
  }
  return files;
}

// Of some bytes from all over a file: dumps of several runs have the same names and sizes. 0: unreadable.
std::uint64_t sample_of(const std::string& path, std::uint64_t size) {
  constexpr std::uint64_t places = 32;
  constexpr std::size_t length = 4096;
  std::ifstream file(path, std::ios::binary);
  std::vector<char> some(std::min<std::uint64_t>(length, size));
  Checksum checksum;
  for (std::uint64_t i = 0; i < places; ++i) {
    const double share = static_cast<double>(i) / (places - 1);
    file.seekg(static_cast<std::streamoff>(share * static_cast<double>(size - some.size())));
    if (!file.read(some.data(), static_cast<std::streamsize>(some.size()))) {
      return 0;
    }
    checksum.add(std::as_bytes(std::span(some)));
  }
  return checksum.value();
}

std::string state_of_file(const std::string& path, bool with_sample, bool with_time) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return "cannot be found";
  }
  std::string text = fmt::format("{} bytes", status.st_size);
  if (with_sample) {
    text += fmt::format(", sample {:016x}", sample_of(path, static_cast<std::uint64_t>(status.st_size)));
  }
  if (with_time) {
    constexpr std::int64_t ns_per_second = 1'000'000'000;
    text += fmt::format(", changed {}",
                        time_text(status.st_mtim.tv_sec * ns_per_second + status.st_mtim.tv_nsec));
  }
  return text;
}

std::string value_or_nothing(const std::string* value) {
  return value == nullptr ? "nothing" : "'" + printable(*value) + "'";
}

}  // namespace

Identity identity_of_memory() { return {{"rows", "in memory"}}; }

Identity input_identity(const std::vector<Checkpoint>& checkpoints) {
  Identity identity;
  for (const std::string& file : files_of(checkpoints)) {
    identity.emplace_back(file, state_of_file(file, true, true));
  }
  for (std::size_t i = 0; i < checkpoints.size(); ++i) {
    std::string shards;
    for (const CheckpointIndex& shard : checkpoints[i].shards) {
      shards += fmt::format("{}{}:{} of {} layers", shards.empty() ? "" : ", ", shard.path, shard.id,
                            shard.layers.size());
    }
    identity.emplace_back(fmt::format("{}{}", checkpoint_name, i), shards);
  }
  return identity;
}

std::vector<std::string> file_facts(const std::vector<Checkpoint>& checkpoints, FileFacts what) {
  const bool with_sample = what == FileFacts::size_and_sample;
  std::vector<std::string> facts;
  for (const std::string& file : files_of(checkpoints)) {
    facts.push_back(fmt::format("{}: {}", printable(std::filesystem::path(file).filename().string()),
                                state_of_file(file, with_sample, !with_sample)));
  }
  return facts;
}

std::string difference(const Identity& there, const Identity& here) {
  constexpr std::size_t most = 3;
  const std::map<std::string, std::string> theirs(there.begin(), there.end());
  const std::map<std::string, std::string> mine(here.begin(), here.end());
  std::set<std::string> names;
  for (const auto& [name, value] : there) {
    names.insert(name);
  }
  for (const auto& [name, value] : here) {
    names.insert(name);
  }
  const auto value_of = [](const std::map<std::string, std::string>& all, const std::string& name) {
    const auto found = all.find(name);
    return found == all.end() ? nullptr : &found->second;
  };
  // Checkpoints differ where files or options do, and are told where nothing else is.
  std::vector<std::string> unlike;
  std::vector<std::string> checkpoints;
  for (const std::string& name : names) {
    const std::string* const theirs_here = value_of(theirs, name);
    const std::string* const mine_here = value_of(mine, name);
    if (theirs_here == nullptr || mine_here == nullptr || *theirs_here != *mine_here) {
      (name.starts_with(checkpoint_name) ? checkpoints : unlike).push_back(name);
    }
  }
  std::string text;
  std::size_t found = 0;
  for (const std::string& name : unlike.empty() ? checkpoints : unlike) {
    if (++found > most) {
      continue;
    }
    const std::string* const theirs_here = value_of(theirs, name);
    const std::string* const mine_here = value_of(mine, name);
    text += fmt::format("{}{}: {} there, {} here", text.empty() ? "" : "; ", printable(name),
                        value_or_nothing(theirs_here), value_or_nothing(mine_here));
  }
  return found > most ? fmt::format("{}; and {} more", text, found - most) : text;
}

}  // namespace collapscope
