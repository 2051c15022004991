// A user's program: writes a dump with known answers, analyses it through the library.
#include <collapscope/analysis/analysis.hpp>
#include <collapscope/report/report.hpp>
#include <collapscope/synth/synth.hpp>
#include <cstdio>
#include <filesystem>

int main() {
  const std::string path = std::filesystem::temp_directory_path() / "collapscope_consumer.h5";
  collapscope::write_ufm(path, {});
  const auto backend = collapscope::make_cpu_backend(1);
  const auto progress = collapscope::make_quiet_progress();
  const auto index = collapscope::index_dump(path);
  const auto results = collapscope::analyze(collapscope::arrange_checkpoints(index.checkpoints, false),
                                            *backend, collapscope::AnalysisOptions(), *progress);
  std::filesystem::remove(path);
  const double nrc1 = results.checkpoints.at(0).layers.at(0).metrics.find("nrc1")->number().value();
  std::printf("installed library: nrc1 = %g\n", nrc1);
  return nrc1 < 1e-12 ? 0 : 1;
}
