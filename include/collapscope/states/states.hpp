// What is done of an analysis, kept in files from which another run goes on (docs/states.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/analysis/parts.hpp"
#include "collapscope/analysis/state.hpp"

namespace collapscope {

// What an analysis is, as names and values: a state belongs to those of equal identity only.
using Identity = std::vector<std::pair<std::string, std::string>>;

// Of sums of rows that lay in no file.
[[nodiscard]] Identity identity_of_memory();

// The part of it that the input makes: every file with its size and time of change, every checkpoint. Options
// that change numbers are the caller's to add: the state of another --metrics would be taken up.
[[nodiscard]] Identity input_identity(const std::vector<Checkpoint>& checkpoints);

// A line for each file of the input, without its folder, for processes that may each have copies of their
// own: its size and time of change or, where those differ, what takes longer.
enum class FileFacts : unsigned char { size_and_time, size_and_sample };
[[nodiscard]] std::vector<std::string> file_facts(const std::vector<Checkpoint>& checkpoints, FileFacts what);

// "--metrics: 'nrc1' there, 'nrc2' here", at most three of them; empty: they are equal.
[[nodiscard]] std::string difference(const Identity& there, const Identity& here);

// What a state says of itself.
struct StateHead {
  Identity identity;
  std::string started;  // ISO 8601, UTC: when its run began
  std::string saved;
  std::uint64_t number = 0;  // of this save; later ones are greater
  std::uint64_t layers = 0;  // of the analysis
  std::vector<LayerPlace> finished;
  std::uint64_t finished_before = 0;  // by earlier runs
  std::vector<std::string> work;      // a line for each layer at work
};

struct WorkFolderOptions {
  std::string path;  // made when it is missing
  Identity identity;
  double interval = 300;  // seconds between saves; 0: after every segment
  std::size_t rank = 0;   // of the process, whose files bear its number
};

// Keeps the two newest states of this process in a folder, and takes up those of all. Throws Error: a state
// there belongs to another analysis, the folder cannot be written. tell: a line about a state that is
// damaged, in place of which the one before it is used.
[[nodiscard]] std::unique_ptr<StateKeeper> open_work_folder(const WorkFolderOptions& options,
                                                            std::function<void(const std::string&)> tell);

// A part of an analysis as a file; there whole when `finish` returns, else not at all.
class PartFile : public PartSink {
 public:
  virtual void finish() = 0;
};
// Throws Error.
[[nodiscard]] std::unique_ptr<PartFile> make_part_file(const std::string& path, const Identity& identity,
                                                       const PartChoice& choice);

// All parts of one analysis. Throws InputError: a file is no part, is damaged, is one of another analysis, is
// given twice, or one is missing; with what differs.
struct OpenParts {
  std::unique_ptr<PartSource> source;
  Identity identity;
};
[[nodiscard]] OpenParts open_parts(const std::vector<std::string>& paths);

// What the states in a folder say, of each process the newest sound one, in order of the processes. Throws
// InputError when there is none.
[[nodiscard]] std::vector<StateHead> read_work_folder(const std::string& path);

}  // namespace collapscope
