#!/usr/bin/env bash
# cuda12.sh BUILD: compiles the GPU module against the headers of CUDA 12.5, the oldest toolkit that it is meant for, and links it with that
# toolkit's libraries. They come from NVIDIA's Python packages, which have no nvcc: the compiler is the installed toolkit's. BUILD is a
# configured build folder, for its generated headers. Needs pip and some 400 MB for the packages.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
toolkit=$(dirname "$(dirname "$(readlink -f "$nvcc")")")

python3 -m pip download --quiet --no-deps --dest "$work/packages" nvidia-cuda-nvcc-cu12==12.5.82 nvidia-cuda-runtime-cu12==12.5.82 \
  nvidia-cuda-cccl-cu12==12.5.39 nvidia-cublas-cu12==12.5.3.2 nvidia-cusolver-cu12==11.6.3.83
for package in "$work"/packages/*.whl; do
  python3 -m zipfile -e "$package" "$work/found"
done

# A toolkit with the headers of 12.5. What nvcc's own output calls (host_runtime.h) must be nvcc's own.
mkdir -p "$work/toolkit/bin" "$work/toolkit/include" "$work/objects"
cp -r "$work"/found/nvidia/*/include/. "$work/toolkit/include"
cp -r "$toolkit"/bin/. "$work/toolkit/bin"
cp "$toolkit/include/crt/host_runtime.h" "$work/toolkit/include/crt"
ln -s "$toolkit/nvvm" "$work/toolkit/nvvm"
cat >"$work/toolkit/bin/nvcc.profile" <<'END'
TOP = $(_HERE_)/..
CICC_PATH = $(TOP)/nvvm/bin
NVVMIR_LIBRARY_DIR = $(TOP)/nvvm/libdevice
PATH += $(CICC_PATH):$(_HERE_):
INCLUDES += "-I$(TOP)/include" $(_SPACE_)
END
grep -q 'define CUDART_VERSION *12050' "$work/toolkit/include/cuda_runtime_api.h"

cd "$root"
for source in kernels/*.cu; do
  "$work/toolkit/bin/nvcc" -std=c++20 -arch=sm_75 -Xcompiler=-fPIC -c "$source" -o "$work/objects/$(basename "$source").o" -Ikernels -Iinclude
done
# The module's own list.
sources=$(sed -n 's|^  \([a-z0-9_./]*\.cpp\).*|src/cuda/\1|p' src/cuda/CMakeLists.txt)
for source in $sources; do
  c++ -std=c++20 -fPIC -isystem "$work/toolkit/include" -Iinclude -Isrc -Ikernels -I. -I"$build/generated" -c "$source" \
    -o "$work/objects/$(basename "$source").o"
done
libraries=$(find "$work/found/nvidia" -name 'lib*.so.*' \( -name 'libcudart*' -o -name 'libcublas.*' -o -name 'libcublasLt*' -o -name 'libcusolver.*' \))
# What cuSOLVER itself needs besides is not there.
# shellcheck disable=SC2086
c++ -shared -Wl,--no-undefined -Wl,--allow-shlib-undefined -o "$work/module.so" "$work"/objects/*.o $libraries -lfmt
echo "built with CUDA 12.5: $(readelf -d "$work/module.so" | grep -o 'libcu[a-z]*\.so\.[0-9]*' | tr '\n' ' ')"
