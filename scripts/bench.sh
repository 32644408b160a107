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
  -m COMMANDS what to measure, comma separated: tests of redis-benchmark, or hset-1000, sadd-1000, zadd-1000 and
              rpoplpush-1000, on a thousand collections of a thousand elements (set,get)
  --full      all of that at depth 16, on one key and on many, five turns; and that a whole redis-benchmark -q runs
              to its end on the leader of three nodes
EOF
}

if [ "${1:-}" = --help ]; then usage; exit; fi
depths=1,16,64 size=64 keys=100000 clients=50 count=60000 turns=3 what=one,three flags="" commands=set,get
if [ "${1:-}" = --full ]; then
	shift
	default=incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,mset,lrange_100,lrange_300,lrange_500,lrange_600
	bash "$0" -P 16 -t 5 -r 1 -m "$default" "$@"
	bash "$0" -P 16 -t 5 -m "$default,hset-1000,sadd-1000,zadd-1000,rpoplpush-1000" "$@"
	exec bash "$0" -w three -m all "$@"
fi
while getopts P:d:r:c:n:t:w:f:m: opt; do
	case $opt in
	P) depths=$OPTARG ;; d) size=$OPTARG ;; r) keys=$OPTARG ;; c) clients=$OPTARG ;;
	n) count=$OPTARG ;; t) turns=$OPTARG ;; w) what=$OPTARG ;; f) flags=$OPTARG ;;
	m) commands=$OPTARG ;;
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
	local n=$count args
	[ "$3" = 1 ] || n=$((count * 4))
	case $2 in
	hset-1000) args=(-r 1000 hset hash:__rand_int__ field:__rand_int__ value) ;;
	sadd-1000) args=(-r 1000 sadd set:__rand_int__ member:__rand_int__) ;;
	zadd-1000) args=(-r 1000 zadd sorted:__rand_int__ __rand_int__ member:__rand_int__) ;;
	rpoplpush-1000) args=(-r 1000 rpoplpush list:__rand_int__ list:__rand_int__) ;;
	lrange*) n=$((n / 10)) args=(-t "$2" -r "$keys") ;;
	*) args=(-t "$2" -r "$keys") ;;
	esac
	redis-benchmark -p "$1" -n "$n" -c "$clients" -P "$3" -d "$size" --csv "${args[@]}" 2>/dev/null |
		tail -n 1 | awk -F'","' '{ print $2 }'
}

# fill PORT COMMAND makes the thousand collections that a command works on.
fill() {
	local words
	case $2 in
	hset-1000) words='hset hash:%012d field:%012d value\n' ;;
	sadd-1000) words='sadd set:%012d member:%012d\n' ;;
	zadd-1000) words='zadd sorted:%012d 5 member:%012d\n' ;;
	rpoplpush-1000) words='rpush list:%012d element:%012d\n' ;;
	*) return 0 ;;
	esac
	awk -v words="$words" 'BEGIN { for (e = 0; e < 1000; e++) for (c = 0; c < 1000; c++) printf words, c, e }' |
		redis-cli -p "$1" --pipe >/dev/null
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

leader_of "$redis" >/dev/null
servers=(redis)
case ,$what, in *,one,*) leader_of "$one" >/dev/null; servers+=(one) ;; esac
case ,$what, in *,three,*) leader_of "$three" >/dev/null; servers+=(three) ;; esac

if [ "$commands" = all ]; then
	redis-benchmark -p "$(leader_of "$three")" -n "$count" -q | tr '\r' '\n' | grep 'requests per second'
	exit
fi

for server in "${servers[@]}"; do
	at=${!server}
	[ "$server" != three ] || at=$(leader_of "$three")
	for command in ${commands//,/ }; do
		fill "$at" "$command"
	done
done

for turn in $(seq "$turns"); do
	for depth in ${depths//,/ }; do
		for command in ${commands//,/ }; do
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
printf '%-41s' 'requests per second'
for depth in ${depths//,/ }; do printf '%22s' "depth $depth"; done
echo
for command in ${commands//,/ }; do
	for server in "${servers[@]}"; do
		case $server in
		redis) name='redis-server fsync always' ;;
		one) name='cairn, one node' ;;
		*) name='cairn, three nodes' ;;
		esac
		printf '%-15s%-26s' "${command^^}" "$name"
		for depth in ${depths//,/ }; do
			base=$(median <"$tmp/redis.$command.$depth")
			this=$(median <"$tmp/$server.$command.$depth")
			printf '%22s' "$(awk -v a="$this" -v b="$base" 'BEGIN { printf "%d (%.2f)", a, a / b }')"
		done
		echo
	done
done
