#include "results/run_key.hpp"

namespace collapscope {

namespace {

template <class Named>
std::string key_of(const Named& checkpoint) {
  if (!checkpoint.run.empty()) {
    return "run " + checkpoint.run;
  }
  return checkpoint.id.empty() ? std::string() : "file " + checkpoint.path;
}

}  // namespace

std::string run_key(const CheckpointIndex& checkpoint) { return key_of(checkpoint); }
std::string run_key(const CheckpointResult& checkpoint) { return key_of(checkpoint); }

}  // namespace collapscope
