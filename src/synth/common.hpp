// What all synthetic dumps have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collapscope/synth/synth.hpp"
#include "hdf5/dump_writer.hpp"

namespace collapscope {

// Throws UsageError unless it holds.
void require_synth(bool holds, const std::string& message);
// What any specification must be.
void require_common(const SynthSpec& spec);

// That the stored type holds features up to `largest`, which `what` makes.
void require_held(const SynthSpec& spec, double largest, const std::string& what);

// What rounding to the stored type adds to the variance of rows whose features have together variance 1 and a
// mean of `offset` rms deviations each, about.
[[nodiscard]] double rounding_share(const SynthSpec& spec, double offset);
// Of a value that was asked for.
[[nodiscard]] bool is_coarse(double rounding, double wanted);

// The chunk of activations [samples, d] that the specification asks for; empty: contiguous.
[[nodiscard]] std::vector<std::uint64_t> synth_chunk(const SynthSpec& spec, std::uint64_t samples);

// The attributes of the root.
void write_synth_head(hdf5::DumpWriter& file, const SynthSpec& spec, const std::string& task,
                      const std::string& model);

}  // namespace collapscope
