#!/bin/sh
# Installs build/release into a temporary prefix and builds a small program against the package; then the same from the
# Debian packages.
set -eu
cd "$(dirname "$0")/../.."
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
check() { # PREFIX
  "$1/bin/collapscope" --version
  "$1/bin/collapscope" analyze examples/arm/dumps/arm_wd0_epoch12000.h5 -q -o - >"$prefix/results.json"
  for file in man/man1/collapscope.1 bash-completion/completions/collapscope zsh/vendor-completions/_collapscope \
    fish/vendor_completions.d/collapscope.fish doc/collapscope/copyright; do
    [ -s "$1/share/$file" ] || { echo "missing: share/$file"; exit 1; }
  done
  rm -rf "$prefix/build"
  cmake -S tests/install -B "$prefix/build" -G Ninja -DCMAKE_PREFIX_PATH="$1" >"$prefix/configure.log"
  cmake --build "$prefix/build" >"$prefix/build.log"
  "$prefix/build/consumer"
}

cmake --install build/release --prefix "$prefix/usr" >"$prefix/install.log"
check "$prefix/usr"

(cd build/release && cpack -G DEB -B "$prefix/packages" >"$prefix/cpack.log") || { cat "$prefix/cpack.log"; exit 1; }
for package in "$prefix"/packages/*.deb; do
  dpkg-deb --info "$package" | grep -E '^ (Package|Version|Depends|Installed-Size):'
  dpkg-deb --extract "$package" "$prefix/debian"
done
check "$prefix/debian/usr"
for module in $(find "$prefix" -name libcollapscope_cuda.so); do # it finds its toolkit without LD_LIBRARY_PATH
  readelf -d "$module" | grep -q 'RUNPATH.*\$ORIGIN:/' || { echo "no way to CUDA's libraries: $module"; exit 1; }
done
"$prefix/debian/usr/bin/collapscope" devices >"$prefix/devices"
"$prefix/usr/bin/collapscope" devices | cmp - "$prefix/devices" # the GPU module is found in the same way
