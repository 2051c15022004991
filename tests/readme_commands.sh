#!/usr/bin/env bash
# Runs every sh block of the README in a scratch folder; the two set-up commands are run by .ci/run itself.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ln -s "$root/examples" "$scratch/examples"
export PATH="$root/build/release/bin:$PATH"
awk '/^```sh$/ {inside = 1; next} /^```$/ {inside = 0} inside' "$root/README.md" >"$scratch/commands"
count=0
cd "$scratch"
while IFS= read -r line; do
  [ -n "$line" ] || continue
  case "$line" in
    tools/*) grep -qxF "$line" "$root/.ci/run" || { echo "not run by .ci/run: $line"; exit 1; } ;;
    *) echo "+ $line"; bash -euc "$line" >"$scratch/output" </dev/null; [ -s "$scratch/output" ] || [[ $line == *" -o "* ]] ;;
  esac
  count=$((count + 1))
done <"$scratch/commands"
[ "$count" -ge 10 ] || { echo "only $count commands found in the README"; exit 1; }
echo "README: $count commands"
