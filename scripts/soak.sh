#!/usr/bin/env bash
# Simulates clusters under faults for a long time, each with a fresh seed, and goes on after a failure.
#   scripts/soak.sh HOURS [cluster time under faults of a dense world, default 2m]
# HOURS of wall time. Every second round has sparse worlds only: more cluster time, fewer faults. A line is printed each
# round; failures, with the command that runs them again, are kept in soak.log.
set -euo pipefail
usage() { sed -n '2,5s/^# //p' "$0"; }
if [ "${1:-}" = --help ]; then usage; exit; fi
[[ $# -ge 1 && $# -le 2 && $1 =~ ^[0-9]*[.]?[0-9]+$ && ${2:-2m} =~ ^[0-9.]+(ms|s|m|h)([0-9.]+(ms|s|m))*$ ]] ||
	{ usage >&2; exit 2; }
cd "$(dirname "$0")/.."

hours=$1
length=${2:-2m}
log=soak.log
seconds=$(awk -v h="$hours" 'BEGIN { print int(h * 3600) }')
total=0 worlds=0 faults=0 operations=0 failures=0 pace=
out=$(mktemp)
trap 'rm -f "$out"' EXIT

sum() { printf '%s cluster-hours, %d worlds, %d faults, %d operations, %d failures' "$total" "$worlds" "$faults" "$operations" "$failures"; }

while [ "$SECONDS" -lt "$seconds" ]; do
	left=$((seconds - SECONDS))
	if ! go test ./cmd/internal/sim -count=1 -timeout 0 -v -run '^TestSim$' -sim.jobs="$(nproc)" -sim.length="$length" \
		-sim.pace="$pace" -sim.budget="$((left < 300 ? left : 300))s" >"$out" 2>&1; then
		failures=$((failures + 1))
		cat "$out" >>"$log"
		grep -aE -m 3 'go test ./cmd/internal/sim|^ *panic|build the world' "$out" || tail -n 3 "$out"
	fi
	w=0 h=0 f=0 o=0
	read -r w h f o < <(sed -nE 's/.* ([0-9]+) worlds, ([0-9.]+) cluster-hours in .*; ([0-9]+) faults, ([0-9]+) operations checked.*/\1 \2 \3 \4/p' \
		"$out" | tail -n 1) || true
	worlds=$((worlds + w)) faults=$((faults + f)) operations=$((operations + o))
	total=$(awk -v a="$total" -v b="$h" 'BEGIN { printf "%.2f", a + b }')
	printf '%5d min: %s\n' "$((SECONDS / 60))" "$(sum)"
	[ -z "$pace" ] && pace=sparse || pace=
done
printf 'soak of %s: %s\n' "$(git log -1 --format=%h 2>/dev/null || echo '?')" "$(sum)"
[ "$failures" -eq 0 ] || { echo "see $log"; exit 1; }
