#!/usr/bin/env bash
# Compares Cairn with redis-server (appendonly yes, appendfsync always) by redis-benchmark, in turns on the same machine, and
# prints medians and ratios. Everything runs on 127.0.0.1 in a temporary folder and is stopped at the end.
set -euo pipefail

usage() {
	cat <<'EOF'
usage: scripts/bench.sh [options]
redis-benchmark against redis-server and Cairn in turns, on this machine; medians and ratios.
  -P DEPTHS   pipeline depths, comma separated (1,16,64)
  -d BYTES    value size (64)
  -r KEYS     key space (100000)
  -c CLIENTS  clients (50)
  -n COUNT    requests per run at depth 1; deeper runs make four times as many (60000)
  -t TURNS    turns; each runs every server once, medians are printed (3)
  -w WHAT     servers beside redis-server, comma separated: one,three (one,three)
  -f FLAGS    more flags for cairn serve, as one word ("")
EOF
}

if [ "${1:-}" = --help ]; then usage; exit; fi
depths=1,16,64 size=64 keys=100000 clients=50 count=60000 turns=3 what=one,three flags=""
while getopts P:d:r:c:n:t:w:f: opt; do
	case $opt in
	P) depths=$OPTARG ;; d) size=$OPTARG ;; r) keys=$OPTARG ;; c) clients=$OPTARG ;;
	n) count=$OPTARG ;; t) turns=$OPTARG ;; w) what=$OPTARG ;; f) flags=$OPTARG ;;
	*) usage >&2; exit 2 ;;
	esac
done
[ $# -lt "$OPTIND" ] || { echo "bench.sh: unknown word ${!OPTIND}" >&2; usage >&2; exit 2; }

root=$(cd "$(dirname "$0")/.." && pwd)
port=${CAIRN_BENCH_PORT:-7301}
tmp=$(mktemp -d -p "${CAIRN_BENCH_DIR:-$root}" .bench.XXXXXX) # beside the tree: /tmp may be memory, where fsync costs nothing
pids=()
# shellcheck disable=SC2329 # called by trap
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT

(cd "$root" && CGO_ENABLED=0 go build -o "$tmp/cairn" ./cmd/cairn)

redis=$port one=$((port + 1)) three=$((port + 2))
peers="n1=127.0.0.1:$three,n2=127.0.0.1:$((three + 1)),n3=127.0.0.1:$((three + 2))"

start() {
	"$@" >"$tmp/log.${#pids[@]}" 2>&1 &
	pids+=($!)
}

mkdir "$tmp/redis"
start redis-server --port "$redis" --dir "$tmp/redis" --appendonly yes --appendfsync always --save ''
# shellcheck disable=SC2086 # flags are words
case ,$what, in *,one,*) start "$tmp/cairn" serve --port "$one" --dir "$tmp/one" $flags ;; esac
# shellcheck disable=SC2086
case ,$what, in *,three,*) for i in 1 2 3; do start "$tmp/cairn" serve --id n$i --peers "$peers" --dir "$tmp/n$i" $flags; done ;; esac

# leader_of PORT prints the port that takes writes, once there is one.
leader_of() {
	local answer
	for _ in $(seq 200); do
		answer=$(redis-cli -p "$1" SET bench ready 2>/dev/null || true)
		case $answer in
		OK) echo "$1"; return ;;
		MOVED*) echo "${answer##*:}" | tr -d '[:space:]'; return ;;
		esac
		read -rt 0.05 <> <(:) || true
	done
	echo "the server on port $1 does not serve; see $tmp" >&2
	exit 1
}

# measure PORT COMMAND DEPTH prints requests per second.
measure() {
	local n=$count
	[ "$3" = 1 ] || n=$((count * 4))
	redis-benchmark -p "$1" -t "$2" -n "$n" -c "$clients" -P "$3" -d "$size" -r "$keys" --csv 2>/dev/null |
		tail -n 1 | cut -d, -f2 | tr -d '"'
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

leader_of "$redis" >/dev/null
servers=(redis)
case ,$what, in *,one,*) leader_of "$one" >/dev/null; servers+=(one) ;; esac
case ,$what, in *,three,*) leader_of "$three" >/dev/null; servers+=(three) ;; esac

for turn in $(seq "$turns"); do
	for depth in ${depths//,/ }; do
		for command in set get; do
			for server in "${servers[@]}"; do
				at=${!server}
				[ "$server" != three ] || at=$(leader_of "$three")
				measure "$at" "$command" "$depth" >>"$tmp/$server.$command.$depth"
				printf '\rturn %d/%d depth %s %s %s      ' "$turn" "$turns" "$depth" "$command" "$server" >&2
			done
		done
	done
done
printf '\r%60s\r' '' >&2

echo "$(nproc) cores, $(uname -sr), $clients clients, values of $size B, $keys keys, median of $turns turns"
printf '%-26s' 'requests per second'
for depth in ${depths//,/ }; do printf '%22s' "depth $depth"; done
echo
for command in set get; do
	for server in "${servers[@]}"; do
		case $server in
		redis) name='redis-server fsync always' ;;
		one) name='cairn, one node' ;;
		*) name='cairn, three nodes' ;;
		esac
		printf '%-4s%-26s' "${command^^}" "$name"
		for depth in ${depths//,/ }; do
			base=$(median <"$tmp/redis.$command.$depth")
			this=$(median <"$tmp/$server.$command.$depth")
			printf '%22s' "$(awk -v a="$this" -v b="$base" 'BEGIN { printf "%d (%.2f)", a, a / b }')"
		done
		echo
	done
done
