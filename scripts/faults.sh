#!/usr/bin/env bash
# Three real nodes under checked clients for MINUTES, while processes are killed and stopped and networks cut and slowed.
# A line a fault says how far it is; it ends with the figures, or with the history that has no explanation.
#   scripts/faults.sh MINUTES        needs root and iproute2, for networks of the nodes' own
set -euo pipefail
usage() { sed -n '2,4s/^# //p' "$0"; }
if [ "${1:-}" = --help ]; then usage; exit; fi
[[ $# = 1 && $1 =~ ^[0-9]+([.][0-9]+)?$ ]] || { usage >&2; exit 2; }
cd "$(dirname "$0")/.."
CAIRN_FAULTS_MINUTES=$1 exec go test -count=1 -v -timeout 0 -run '^TestSoak$' ./cmd/internal/faults
