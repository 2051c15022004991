#!/usr/bin/env bash
# story.sh arm|digits|classify [--quick] [OUT]: one example from training to pictures. Trains its networks, records and measures them,
# and leaves in OUT (default: arm-story, digits-story or classify-story here) dumps/, results.json, report.html and figures/.
# The interpreter is PYTHON, else python3; the program COLLAPSCOPE, else the one on PATH, else the newest build of the checkout.
set -euo pipefail
examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$examples")
python=${PYTHON:-python3}
export PYTHONPATH="$root/tools/python${PYTHONPATH:+:$PYTHONPATH}"

fail() {
  echo "story.sh: $1" >&2
  exit 2
}

usage="expected story.sh arm|digits|classify [--quick] [OUT]"
name=${1-}
modules=(h5py matplotlib numpy pandas torch)
options=()
measure=()
script=$examples/$name/record.py
case $name in
  arm) options+=(--data "$examples/arm/dumps/arm_wd0_epoch12000.h5") ;; # so that MuJoCo is not needed
  digits) modules+=(scipy sklearn) ;;
  classify)
    modules+=(scipy sklearn)
    script=$examples/digits/classify.py
    measure+=(--per-class)
    ;;
  *) fail "$usage" ;;
esac
shift
if [ "${1-}" = --quick ]; then
  options+=(--quick)
  shift
fi
out=${1:-$name-story}
if [ $# -gt 1 ] || [ "$out" != "${out#-}" ]; then fail "$usage"; fi
[ ! -e "$out/dumps" ] || fail "$out/dumps is there already; remove it, or name another folder"

program=$("$python" - "${modules[@]}" <<'PYTHON'
import importlib.util
import sys

missing = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
if missing:
    sys.exit(f"{sys.executable} lacks the modules {', '.join(missing)}; in Debian {' '.join('python3-' + name for name in missing)}, "
             f"with pip {' '.join(missing).replace('sklearn', 'scikit-learn')}")
from collapscope.errors import ProgramError
from collapscope.program import find_program

try:
    print(find_program())
except ProgramError as error:
    sys.exit(str(error))
PYTHON
) || fail "cannot begin"

step() { printf '\n== %s\n' "$1"; }

step "train, and record into $out/dumps"
"$python" "$script" --out "$out/dumps" "${options[@]}"
step "measure: $out/results.json"
"$program" analyze "$out/dumps" -q "${measure[@]}" -o "$out/results.json"
step "what the runs show together: $out/report.html"
"$program" report "$out/results.json" --title "Example: $name" -o "$out/report.html"
"$program" report "$out/results.json"
step "draw: $out/figures"
"$python" -m collapscope plot all "$out/results.json" -o "$out/figures" --format png
ls "$out/figures"
