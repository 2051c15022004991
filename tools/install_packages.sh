#!/bin/sh
# Installs what building and testing needs on Debian 12, as root or with sudo. Quick when all is there.
set -eu
packages="g++ cmake ninja-build pkg-config libhdf5-dev libdeflate-dev libopenblas-dev liblapacke-dev libspectra-dev libcli11-dev
  nlohmann-json3-dev libfmt-dev libgtest-dev libgmock-dev libbenchmark-dev python3 python3-numpy python3-h5py
  libjs-chart.js chromium-headless-shell"
missing=""
for package in $packages "$@"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing
