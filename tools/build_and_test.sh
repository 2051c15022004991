#!/bin/sh
# From a fresh checkout to a passed test suite: installs packages, builds, tests. An argument chooses the preset:
# release (default), cpu-only, sanitize.
set -eu
cd "$(dirname "$0")/.."
preset=${1:-release}
tools/install_packages.sh chromium-headless-shell mandoc python3-matplotlib python3-pandas python3-pip python3-pytest python3-scipy \
  python3-setuptools python3-sklearn python3-torch python3-wheel
cmake --preset "$preset" -DCOLLAPSCOPE_TESTS=ON
cmake --build --preset "$preset"
ctest --preset "$preset" -j "$(nproc)"
python3 tests/count.py "build/$preset"
