#!/usr/bin/env bash
# check_wheel.sh: pip install ./ in a clean virtual environment, and the tests of what it brings: the program, the accumulator, the meter.
# Needs a network for scikit-build-core and nanobind. Debian: python3-venv python3-dev, and for the tests python3-torch and others.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
tools/install_packages.sh python3-venv python3-dev python3-pytest python3-torch python3-h5py python3-pandas python3-sklearn python3-matplotlib
work=build/wheel-check
rm -rf "$work"
/usr/bin/python3 -m venv --system-site-packages "$work"
began=$SECONDS
# Without code for GPUs: these tests need none. The build folder of an earlier run is used again.
"$work/bin/pip" install --quiet ./ --config-settings=cmake.define.COLLAPSCOPE_CUDA=OFF
printf 'pip install ./ took %d s\n' $((SECONDS - began))
unset PYTHONPATH COLLAPSCOPE
cd "$work"
bin/collapscope --version
bin/python -X importtime -c 'import collapscope' 2> import.log
bin/python -c 'import collapscope, sys; print(collapscope.__file__); assert "torch" not in sys.modules; help(collapscope.Meter)' > help.log
COLLAPSCOPE_BUILD=$root/build/release COLLAPSCOPE_INSTALLED=1 bin/python -B -m pytest -q -p no:cacheprovider --rootdir . "$root/tests/python/installed"
