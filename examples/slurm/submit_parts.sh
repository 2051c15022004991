#!/bin/bash
# submit_parts.sh N RESULTS NAME DUMP...: N parts of an analysis, then their merge into RESULTS/NAME.json, then a report of RESULTS.
# Options of sbatch for all three go into the variables SBATCH_PARTITION, SBATCH_ACCOUNT and so on (man sbatch).
set -euo pipefail
scripts=$(dirname "$0")
count=$1
results=$2
name=$3
shift 3

parts="$results/$name.parts"
PARTS=$count
export PARTS
job=$(sbatch --parsable --array="1-$count" "$scripts/parts.sbatch" "$parts" "$@")
echo "parts: job $job"
# afterok: when all parts are there. When one fails, what waits for it is given up. One in which a layer failed (status 1) is there all
# the same: merge.sbatch, submitted by hand, takes it.
job=$(sbatch --parsable --dependency="afterok:${job%%;*}" --kill-on-invalid-dep=yes "$scripts/merge.sbatch" "$results/$name.json" "$parts")
echo "merge: job $job"
job=$(sbatch --parsable --dependency="afterok:${job%%;*}" --kill-on-invalid-dep=yes "$scripts/report.sbatch" "$results" "$results/report.html")
echo "report: job $job"
