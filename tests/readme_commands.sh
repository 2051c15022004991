#!/usr/bin/env bash
# readme_commands.sh FILE.md...: runs every sh block of the files as a script, those of a file one after another in a scratch
# folder with examples/ in it, those of CONTRIBUTING.md in the checkout. Set-up commands (tools/...) are run by .ci/run itself, pages that tests/python names by its tests.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PATH="$root/build/release/bin:$PATH" PYTHONPATH="$root/tools/python${PYTHONPATH:+:$PYTHONPATH}"

# run_block FILE: one block, in the current folder.
run_block() {
  if grep -q '^tools/' "$1"; then
    while IFS= read -r line; do
      grep -qxF "$line" "$root/.ci/run" || { echo "not run by .ci/run: $line"; return 1; }
    done <"$1"
    return
  fi
  sed 's/^/+ /' "$1"
  bash -euo pipefail "$1" >"$scratch/output" </dev/null
  [ -s "$scratch/output" ] || grep -q -e ' -o ' "$1" || { echo "no output"; return 1; }
}

total=0
for page in "$@"; do
  name=$(basename "$page")
  if grep -rqsF "\"docs/$name\"" "$root/tests/python" --include='*.py'; then
    echo "$page: run by tests/python"
    continue
  fi
  folder="$scratch/${name%.md}"
  mkdir -p "$folder/blocks"
  ln -s "$root/examples" "$folder/examples"
  awk -v prefix="$folder/blocks/" \
    '/^```sh$/ {file = sprintf("%s%03d", prefix, ++count); next} /^```$/ {file = ""} file {print > file}' "$page"
  place="$folder"
  [ "$name" != CONTRIBUTING.md ] || place="$root"
  blocks=0
  for block in "$folder"/blocks/*; do
    [ -e "$block" ] || continue
    (cd "$place" && run_block "$block") || { echo "$page: block $((blocks + 1)) failed"; exit 1; }
    blocks=$((blocks + 1))
  done
  case "$name" in
    README.md) [ "$blocks" -ge 6 ] || { echo "only $blocks blocks found in $page"; exit 1; } ;;
  esac
  echo "$page: $blocks blocks"
  total=$((total + blocks))
done
echo "commands: $total blocks"
