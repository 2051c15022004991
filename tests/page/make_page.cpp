// make_page DATA.json OUT.html: report_page on a file, for the tests of the page in a browser.
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>

#include "collapscope/core/files.hpp"
#include "collapscope/report/report.hpp"

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fputs("usage: make_page DATA.json OUT.html\n", stderr);
    return 2;
  }
  std::ifstream in(argv[1], std::ios::binary);
  const std::string data{std::istreambuf_iterator<char>(in), {}};
  if (!in) {
    std::fprintf(stderr, "make_page: %s cannot be read\n", argv[1]);
    return 1;
  }
  collapscope::write_file_atomically(argv[2], collapscope::report_page(data));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "make_page: %s\n", error.what());
  return 1;
}
