#!/bin/sh
# Installs build/release into a temporary prefix and builds a small program against the package.
set -eu
cd "$(dirname "$0")/../.."
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install build/release --prefix "$prefix/usr" >"$prefix/install.log"
"$prefix/usr/bin/collapscope" --version
cmake -S tests/install -B "$prefix/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix/usr" >"$prefix/configure.log"
cmake --build "$prefix/build" >"$prefix/build.log"
"$prefix/build/consumer"
