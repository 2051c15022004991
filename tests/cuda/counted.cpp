#include "cuda/counted.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <optional>

#include "collapscope/gpu/gpu.hpp"
#include "cuda/small_tiles.hpp"

namespace collapscope::test {

namespace {

const std::vector<std::string> names{"cudaMalloc",
                                     "cudaFree",
                                     "cudaMallocHost",
                                     "cudaHostAlloc",
                                     "cudaFreeHost",
                                     "cudaHostRegister",
                                     "cudaHostUnregister",
                                     "cudaStreamCreateWithFlags",
                                     "cudaEventCreateWithFlags",
                                     "cublasCreate",
                                     "cusolverDnCreate",
                                     "cusolverDnCreateParams",
                                     "host_waits",
                                     "launches",
                                     "launches_of_unknown_bytes",
                                     "products",
                                     "eigenproblems",
                                     "fills",
                                     "copies_pinned_to_device",
                                     "copies_pageable_to_device",
                                     "copies_device_to_pinned",
                                     "copies_device_to_pageable",
                                     "copies_device_to_device",
                                     "bytes_pinned_to_device",
                                     "bytes_device_to_pinned",
                                     "device_bytes_read",
                                     "device_bytes_written"};

FakeCuda& fake() {
  static FakeCuda instance;
  return instance;
}

double device_bytes() {
  return static_cast<double>(fake().count("device_bytes_read") + fake().count("device_bytes_written"));
}

// The first `k` directions.
Matrix leading(std::size_t k, std::size_t d) {
  Matrix basis(k, d);
  for (std::size_t i = 0; i < k; ++i) {
    basis(i, i) = 1;
  }
  return basis;
}

// The device bytes of both looks at two tiles, of which the second has `rows` rows.
Passes bytes_of_looks(const RowFormat& format, std::size_t k, std::size_t rows) {
  constexpr std::size_t before = 2048;  // no fewer: see CudaMomentFold
  const std::size_t d = format.row_length();
  fake().restart({{"SCHEDULE", "lazy"}, {"PROTECT", "0"}, {"MEMORY", "80G"}});
  const ChosenBackend chosen = make_backend("cuda", 1);
  Backend& backend = *chosen.backend;
  const auto buffer = backend.make_host_buffer((before + rows) * format.sample_bytes());
  const auto bytes = buffer->bytes();
  std::fill(bytes.begin(), bytes.end(), std::byte{0});
  const Matrix targets(before + rows, k);

  const double begin = device_bytes();
  FoldSpec spec{format, k, before + rows};
  spec.kept_rows = before + rows;
  const auto fold = backend.make_fold(spec);
  const std::size_t first_bytes = before * format.sample_bytes();
  fold->add({bytes.first(first_bytes), 0, before, 0}, targets.view().middle_rows(0, before));
  fold->add({bytes.subspan(first_bytes), 0, rows, before}, targets.view().middle_rows(before, rows));
  static_cast<void>(fold->finish());
  fold->close();
  const double middle = device_bytes();

  LookSpec look;
  look.format = format;
  look.rows = before + rows;
  look.feature_mean.assign(d, 0.0);
  look.target_mean.assign(k, 0.0);
  look.feature_rms = 1;
  look.signal = look.weight = look.affine = look.published = leading(k, d);
  EXPECT_TRUE(fold->look_again(look).has_value());
  return {middle - begin, device_bytes() - middle};
}

}  // namespace

Counts Counted::counts(const CountedLayers& what, std::size_t layers) {
  fake().restart({{"SCHEDULE", "lazy"}, {"PROTECT", "0"}, {"MEMORY", what.memory}});
  ::unsetenv("COLLAPSCOPE_GPU_TILE");
  if (what.tile_rows > 0) {
    ::setenv("COLLAPSCOPE_GPU_TILE", std::to_string(what.tile_rows * what.features).c_str(), 1);
  }
  PlantedSpec spec;
  spec.samples = what.rows;
  spec.features = what.features;
  spec.element = what.element;
  spec.noise.assign(layers, 0.5);
  const PlantedDump dump(spec);
  AnalysisOptions options = what.options;
  options.memory = options.memory == 0 ? std::uint64_t{1} << 30U : options.memory;
  Messages messages;
  {
    const ChosenBackend chosen = make_backend("cuda", 1);
    std::optional<SmallTiles> small;
    if (what.tile_rows > 0) {
      small.emplace(*chosen.backend, what.tile_rows, what.tiles_of_segment);
    }
    const Results found = dump.analyzed(small ? *small : *chosen.backend, messages, options);
    EXPECT_TRUE(found.failures.empty());
    EXPECT_TRUE(found.provenance.fallbacks == Fallbacks{});
  }
  EXPECT_TRUE(messages.lines.empty());
  EXPECT_EQ(fake().violations(), 0);
  Counts all;
  for (const std::string& name : names) {
    all[name] = fake().count(name);
  }
  return all;
}

Counts Counted::another(const std::string& name, const CountedLayers& what) {
  Counts more = counts(what, 2);
  for (const auto& [key, before] : counts(what, 1)) {
    more[key] -= before;
  }
  std::cout << name << ":";
  for (const auto& [key, number] : more) {
    std::cout << (number == 0 ? "" : fmt::format(" {} {}", key, number));
  }
  std::cout << std::endl;
  return more;
}

Passes Counted::passes(ElementKind element, std::size_t features, std::size_t k) {
  ::unsetenv("COLLAPSCOPE_GPU_TILE");
  constexpr std::size_t rows = 1024;
  RowFormat format;
  format.element = {element, false};
  format.channels = features;
  const Passes some = bytes_of_looks(format, k, rows);
  const Passes more = bytes_of_looks(format, k, 2 * rows);
  const auto stored = static_cast<double>(rows * format.sample_bytes());
  const Passes found{(more.first - some.first) / stored, (more.second - some.second) / stored};
  std::cout << fmt::format("{} x {}: {:.2f} and {:.2f} x the stored bytes", format.element.name(), features,
                           found.first, found.second)
            << std::endl;
  return found;
}

void Counted::expect_no_allocation(const Counts& counts) {
  for (const char* name :
       {"cudaMalloc", "cudaFree", "cudaMallocHost", "cudaHostAlloc", "cudaFreeHost", "cudaHostRegister",
        "cudaHostUnregister", "cudaStreamCreateWithFlags", "cudaEventCreateWithFlags", "cublasCreate",
        "cusolverDnCreate", "cusolverDnCreateParams", "copies_pageable_to_device",
        "copies_device_to_pageable"}) {
    EXPECT_EQ(counts.at(name), 0) << name;
  }
  EXPECT_EQ(counts.at("launches_of_unknown_bytes"), 0);
}

}  // namespace collapscope::test
