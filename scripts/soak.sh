#!/usr/bin/env bash
# Simulates clusters under faults for a long time, each with a fresh seed, and goes on after a failure.
#   scripts/soak.sh HOURS [cluster time under faults a world, default 5m]
# A line is printed every five minutes; failures, with the command that runs them again, are kept in soak.log.
set -euo pipefail
cd "$(dirname "$0")/.."

hours=${1:?usage: scripts/soak.sh HOURS [LENGTH]}
length=${2:-5m}
log=soak.log
seconds=$(awk -v h="$hours" 'BEGIN { print int(h * 3600) }')
total=0 worlds=0 failures=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

while [ "$SECONDS" -lt "$seconds" ]; do
	left=$((seconds - SECONDS))
	if ! go test ./cmd/internal/sim -count=1 -timeout 0 -v -run '^TestSim$' -sim.jobs="$(nproc)" -sim.length="$length" \
		-sim.budget="$((left < 300 ? left : 300))s" >"$out" 2>&1; then
		failures=$((failures + 1))
		cat "$out" >>"$log"
		grep -aE -m 3 'go test ./cmd/internal/sim|^panic|build the world' "$out" || tail -n 3 "$out"
	fi
	read -r w h < <(sed -nE 's/.* ([0-9]+) worlds, ([0-9.]+) cluster-hours in .*/\1 \2/p' "$out" | tail -n 1) || { w=0 h=0; }
	worlds=$((worlds + ${w:-0}))
	total=$(awk -v a="$total" -v b="${h:-0}" 'BEGIN { printf "%.2f", a + b }')
	printf '%5d min: %d worlds, %s cluster-hours, %d failures\n' "$((SECONDS / 60))" "$worlds" "$total" "$failures"
done
[ "$failures" -eq 0 ] || { echo "see $log"; exit 1; }
