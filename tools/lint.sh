#!/bin/sh
# lint.sh [--all]: clang-format and clang-tidy over our own files, or over those that changed since the last release (the last
# tag v*), where there is one. With --all, and without a release, clang-tidy reads the units in which the build compiles them:
# 40 of them instead of 170 files, in an eighth of the time.
set -eu
cd "$(dirname "$0")/.."
release=""
if [ "${1:-}" != --all ]; then
  release=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)
fi
changed() { # PATTERN...: of the files in git
  if [ -n "$release" ]; then git diff --name-only --diff-filter=d "$release" -- "$@"; else git ls-files -- "$@"; fi
}

files=$(changed '*.hpp' '*.cpp' '*.cu' '*.cuh')
[ -n "$files" ] || { echo "nothing changed since $release"; exit 0; }
# shellcheck disable=SC2086
clang-format --dry-run --Werror $files

configure() { # NAME OPTION...
  mkdir -p build
  cmake -S . -B "build/$1" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCOLLAPSCOPE_TESTS=OFF -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
    "-DCMAKE_UNITY_BUILD=$2" >"build/$1.log" || { cat "build/$1.log"; exit 1; }
}
if [ -n "$release" ]; then
  folder=build/lint
  configure lint OFF
  units=$(changed 'src/*.cpp' 'tools/*.cpp')
else
  folder=build/lint-units
  configure lint-units ON
  units=$(sed -n 's/^  "file": "\(.*\.c[a-z]*\)",\{0,1\}$/\1/p' $folder/compile_commands.json | grep -v -e '/page_parts\.cpp$' -e '\.cu$' -e '\.c$')
fi
# A unit includes .cpp files; that is its purpose.
printf '%s\n' $units | xargs -r -P "$(nproc)" -n 1 clang-tidy --quiet --checks=-bugprone-suspicious-include \
  --extra-arg=-Wno-unknown-warning-option -p $folder 2>$folder/clang-tidy.log || {
  cat $folder/clang-tidy.log
  exit 1
}
echo "clang-format: $(printf '%s\n' $files | wc -l) files; clang-tidy: $(printf '%s\n' $units | wc -l) units; clean"
