#!/usr/bin/env bash
# libfuzzer.sh [RUNS]: builds the targets in tests/fuzz/targets with clang, libFuzzer and the address and undefined-behaviour sanitizers,
# and runs each on RUNS inputs (default 1,000,000). Inputs that show a fault stay in build/fuzz. Debian: clang libhdf5-dev libfmt-dev libdeflate-dev.
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-1000000}
root=$PWD
work=$root/build/fuzz
mkdir -p "$work"
flags="-std=c++20 -O1 -g -fno-omit-frame-pointer -I$root/include -I$root/src -I$root/kernels -I$root/tests/fuzz/targets"
flags+=" $(pkg-config --cflags hdf5-serial fmt libdeflate)"

# A room is one unit, as in the build.
for room in core json process dump hdf5 results; do
  find "src/$room" -name '*.cpp' ! -name version.cpp ! -name deflate_zlib.cpp | sort | sed "s|.*|#include \"$root/&\"|" > "$work/$room.cpp"
done
echo "#include \"$root/src/weights/safetensors.cpp\"" > "$work/weights.cpp"
cd "$work"
printf '%s\n' core json process dump hdf5 results weights |
  xargs -P 2 -I{} sh -c "clang++ $flags -fsanitize=fuzzer-no-link,address,undefined -c {}.cpp -o {}.o"
for target in json safetensors headers chunks answers; do
  # shellcheck disable=SC2086
  clang++ $flags -fsanitize=fuzzer,address,undefined "$root/tests/fuzz/targets/$target.cpp" ./*.o \
    $(pkg-config --libs hdf5-serial fmt libdeflate) -lpthread -o "fuzz_$target"
done
/usr/bin/python3 -B "$root/tests/fuzz/seeds.py" .
for target in json safetensors headers chunks answers; do
  mkdir -p "corpus_$target"
  printf '\n== %s\n' "$target"
  "./fuzz_$target" "corpus_$target" -runs="$runs" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 > "$target.log" 2>&1 ||
    { tail -40 "$target.log"; exit 1; }
  grep -E "^(Done|stat::number_of_executed_units|stat::peak_rss_mb)" "$target.log"
done
