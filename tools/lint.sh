#!/bin/sh
# clang-format and clang-tidy over our own files; needs a configured build/release.
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files '*.hpp' '*.cpp' '*.cu' '*.cuh')
# shellcheck disable=SC2086
clang-format --dry-run --Werror $files
sources=$(git ls-files 'src/*.cpp' 'tools/*.cpp')
printf '%s\n' $sources | xargs -P "$(nproc)" -n 4 clang-tidy --quiet --extra-arg=-Wno-unknown-warning-option -p build/release 2>build/release/clang-tidy.log || {
  cat build/release/clang-tidy.log
  exit 1
}
echo "clang-format: $(printf '%s\n' $files | wc -l) files; clang-tidy: $(printf '%s\n' $sources | wc -l) files; clean"
