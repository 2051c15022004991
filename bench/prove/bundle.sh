#!/usr/bin/env bash
# Builds what bench/prove_on_gpu needs on a machine with a GPU that lacks our libraries, and packs it:
#   bench/prove/bundle.sh [ARCHITECTURES]        as CMake has them; default: 90-real, the H100 and H200
# makes build/bundle.tar.xz, at most 40 MB. It goes there with the checkout, whose bench/prove_on_gpu unpacks it; or alone:
#   python3 -m tarfile -e bundle.tar.xz && bundle/bench/prove_on_gpu correctness
# There, glibc, libstdc++, the driver, the CUDA libraries (a toolkit's, or those that come with PyTorch) and Python with
# numpy, h5py and PyTorch are needed.
set -euo pipefail
cd "$(dirname "$0")/../.."
programs=(collapscope core_test oracle_test fake_cuda_test floor_bench gpu_ballast kernel_bench products_bench start_bench)
bundle=build/bundle
most=$((40 * 1000 * 1000)) # bytes
mkdir -p build

tools/install_packages.sh python3-pytest
cmake --preset portable -DCMAKE_CUDA_ARCHITECTURES="${1:-90-real}" >build/portable.log || { cat build/portable.log; exit 1; }
cmake --build --preset portable --target collapscope_program collapscope_cuda "${programs[@]:1}"

rm -rf $bundle $bundle.tar.xz
mkdir -p $bundle/bin $bundle/lib/collapscope $bundle/bench/prove $bundle/tests/reference
for program in "${programs[@]}"; do
  strip -o $bundle/bin/"$program" "$(find build/portable -type f -name "$program" -perm -u+x)"
done
strip -o $bundle/lib/collapscope/libcollapscope_cuda.so "$(find build/portable -name libcollapscope_cuda.so)"
cp bench/prove_on_gpu bench/torch_stream.py $bundle/bench
cp bench/prove/*.py $bundle/bench/prove
cp tests/reference/*.py $bundle/tests/reference

needed=$(find $bundle/bin $bundle/lib -type f -exec objdump -p {} + | awk '/NEEDED/ {print $2}' | sort -u)
foreign=$(grep -vE '^(ld-linux-x86-64|libc|libm|libstdc\+\+|libgcc_s|libcudart|libcublas|libcusolver)\.so' <<<"$needed") || true
if [ -n "$foreign" ]; then
  echo "these libraries would be missing there:" $foreign >&2
  exit 1
fi
$bundle/bin/collapscope --version
XZ_OPT='--lzma2=preset=6,dict=192MiB' tar -C build -cJf $bundle.tar.xz bundle
du -sh $bundle $bundle.tar.xz
if [ "$(stat -c %s $bundle.tar.xz)" -gt $most ]; then
  echo "$bundle.tar.xz is larger than $most bytes" >&2
  exit 1
fi
