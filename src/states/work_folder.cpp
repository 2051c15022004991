// The folder of --work: the two newest states of each process.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <system_error>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "states/state_file.hpp"

namespace collapscope {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "state-";
constexpr std::string_view suffix = ".h5";

std::string file_name(std::size_t rank, std::uint64_t number) {
  return fmt::format("{}{:04}-{}{}", prefix, rank, number % 2 == 0 ? "a" : "b", suffix);
}

// "state-0003-a.h5" -> 3; nullopt: no state.
std::optional<std::size_t> rank_of(const std::string& name) {
  if (!name.starts_with(prefix) || !(name.ends_with("-a.h5") || name.ends_with("-b.h5"))) {
    return std::nullopt;
  }
  std::size_t rank = 0;
  const char* const end = name.data() + name.size() - 5;
  const auto [last, failure] = std::from_chars(name.data() + prefix.size(), end, rank);
  return failure == std::errc() && last == end ? std::optional(rank) : std::nullopt;
}

std::map<std::size_t, std::vector<std::string>> states_in(const std::string& folder) {
  std::map<std::size_t, std::vector<std::string>> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (const auto rank = rank_of(entry.path().filename().string())) {
      found[*rank].push_back(entry.path().string());
    }
  }
  for (auto& [rank, paths] : found) {
    std::sort(paths.begin(), paths.end());
  }
  return found;
}

struct Found {
  std::string path;
  StateHead head;
};

// The newest sound one of a process; nullopt: none is.
std::optional<Found> newest(const std::vector<std::string>& paths,
                            const std::function<void(const std::string&)>& tell) {
  std::optional<Found> best;
  for (const std::string& path : paths) {
    try {
      StateHead head = read_state_head(path);
      if (!best || head.number > best->head.number) {
        best = Found{path, std::move(head)};
      }
    } catch (const InputError& error) {
      tell(fmt::format("{}; it is not used", error.what()));
    }
  }
  return best;
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

// One run at a time uses a folder. Where the file system knows no locks, nobody is kept out.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder)
      : number_(::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (number_ >= 0 && ::flock(number_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(number_);
      throw UsageError(fmt::format("--work {}: is in use by another run", printable(folder)));
    }
  }
  ~FolderLock() {
    if (number_ >= 0) {
      ::close(number_);
    }
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  FolderLock(FolderLock&&) = delete;
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  int number_;
};

class WorkFolder : public StateKeeper {
 public:
  WorkFolder(WorkFolderOptions options, std::function<void(const std::string&)> tell)
      : options_(std::move(options)),
        tell_([tell = std::move(tell), told = std::set<std::string>()](const std::string& line) mutable {
          if (told.insert(line).second) {  // a state is looked at more than once
            tell(line);
          }
        }) {
    std::error_code failure;
    fs::create_directories(options_.path, failure);
    if (failure || ::access(options_.path.c_str(), R_OK | W_OK | X_OK) != 0) {
      throw UsageError(fmt::format("--work {}: cannot be used as a folder: {}", printable(options_.path),
                                   failure ? failure.message() : std::strerror(errno)));
    }
    if (options_.rank == 0) {
      lock_.emplace(options_.path);
    }
    for (const auto& [name, value] : options_.identity) {
      head_.identity.emplace_back(printable(name), printable(value));  // as a file has it
    }
    head_.started = now();
  }

  AnalysisState load(const Wants& wants) override {
    AnalysisState all;
    std::set<LayerPlace> finished;
    for (const auto& [rank, paths] : states_in(options_.path)) {
      const std::optional<Found> found = newest(paths, tell_);
      if (!found) {
        continue;
      }
      if (const std::string differs = difference(found->head.identity, head_.identity); !differs.empty()) {
        throw UsageError(fmt::format(
            "--work {}: holds the state of another analysis ({}); expected the same command, files and "
            "version, or an empty folder",
            printable(options_.path), differs));
      }
      number_ = std::max(number_, found->head.number);
      finished.insert(found->head.finished.begin(), found->head.finished.end());
      AnalysisState state = read_state(found->path, wants);
      all.checkpoints.merge(state.checkpoints);
      std::move(state.finished.begin(), state.finished.end(), std::back_inserter(all.finished));
      std::move(state.at_work.begin(), state.at_work.end(), std::back_inserter(all.at_work));
    }
    head_.finished_before = finished.size();
    return all;
  }

  void save(const StateView& state) override {
    head_.saved = now();
    head_.number = number_ + 1;
    write_state(fmt::format("{}/{}", options_.path, file_name(options_.rank, head_.number)), head_, state);
    number_ = head_.number;
  }

  [[nodiscard]] double interval() const override { return options_.interval; }

 private:
  WorkFolderOptions options_;
  std::function<void(const std::string&)> tell_;
  std::optional<FolderLock> lock_;
  StateHead head_;
  std::uint64_t number_ = 0;  // of the newest save
};

}  // namespace

std::unique_ptr<StateKeeper> open_work_folder(const WorkFolderOptions& options,
                                              std::function<void(const std::string&)> tell) {
  return std::make_unique<WorkFolder>(options, std::move(tell));
}

std::vector<StateHead> read_work_folder(const std::string& path) {
  std::vector<StateHead> heads;
  std::error_code failure;
  if (!fs::is_directory(path, failure)) {
    throw InputError(path, "", "is no folder; expected that of --work");
  }
  std::string damaged;
  for (const auto& [rank, paths] : states_in(path)) {
    if (auto found = newest(paths, [&](const std::string& line) { damaged = line; })) {
      heads.push_back(std::move(found->head));
    }
  }
  if (heads.empty()) {
    throw InputError(path, "", damaged.empty() ? "holds no states; expected those of --work" : damaged);
  }
  return heads;
}

}  // namespace collapscope
