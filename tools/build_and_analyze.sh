#!/bin/sh
# From a fresh checkout to the metrics of the example: installs packages, builds, analyses.
set -eu
cd "$(dirname "$0")/.."
tools/install_packages.sh
cmake --preset release -DCOLLAPSCOPE_TESTS=OFF
cmake --build --preset release
build/release/bin/collapscope analyze examples/arm/dumps
