#!/usr/bin/env bash
# Three local nodes on ports 7001 to 7003, for trying things out and for the tests by hand.
set -euo pipefail

usage() {
	cat <<'EOF'
usage: scripts/cluster.sh COMMAND
Three local nodes, for trying things out.
  start        start the three nodes (building cairn if it is stale) and wait until a leader serves
  stop         stop them in order
  status       what each node says of itself
  kill N       kill -9 node N (1 to 3)
  start N      start node N again
  clean        stop them and remove their data
Data and logs are in .cluster/ (CAIRN_CLUSTER_DIR), ports begin at 7001 (CAIRN_CLUSTER_PORT).
EOF
}
refuse() { usage >&2; exit 2; }

root=$(cd "$(dirname "$0")/.." && pwd)
dir=${CAIRN_CLUSTER_DIR:-$root/.cluster}
port=${CAIRN_CLUSTER_PORT:-7001}
cairn=$dir/cairn
flags=${CAIRN_CLUSTER_FLAGS:-}
unset CAIRN_CLUSTER_DIR CAIRN_CLUSTER_PORT CAIRN_CLUSTER_FLAGS # no flags of cairn, which would warn

addr() { echo "127.0.0.1:$((port + $1 - 1))"; }
peers="n1=$(addr 1),n2=$(addr 2),n3=$(addr 3)"
all="$(addr 1),$(addr 2),$(addr 3)"

build() {
	mkdir -p "$dir"
	if [ ! -x "$cairn" ] || [ -n "$(find "$root" -path "$dir" -prune -o \( -name '*.go' -o -name go.mod \) -newer "$cairn" -print -quit)" ]; then
		echo "building cairn ..."
		(cd "$root" && CGO_ENABLED=0 go build -o "$cairn" ./cmd/cairn)
	fi
}

pid_of() {
	local pid
	pid=$(cat "$dir/n$1.pid" 2>/dev/null) || return 1
	# A pid may have been given to somebody else since: it must still be our binary.
	[ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$cairn" ] || [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$cairn (deleted)" ] || return 1
	echo "$pid"
}

launch() {
	if pid_of "$1" >/dev/null; then
		echo "node $1 runs already"
		return
	fi
	# shellcheck disable=SC2086 # flags is words
	setsid "$cairn" serve --id "n$1" --peers "$peers" --dir "$dir/n$1" $flags >>"$dir/n$1.log" 2>&1 </dev/null &
	echo $! >"$dir/n$1.pid"
}

wait_leader() {
	for _ in $(seq 100); do
		if "$cairn" cli --addr "$all" PING >/dev/null 2>&1 && "$cairn" cli --addr "$all" EXISTS cairn >/dev/null 2>&1; then
			return 0
		fi
		read -rt 0.1 <> <(:) || true
	done
	echo "no leader after ten seconds; see $dir/n*.log" >&2
	return 1
}

terminate() {
	local pid
	pid=$(pid_of "$1") || return 0
	kill "-$2" "$pid"
	while [ -d "/proc/$pid" ]; do read -rt 0.05 <> <(:) || true; done
	rm -f "$dir/n$1.pid"
}

status() {
	for n in 1 2 3; do
		if pid=$(pid_of $n); then
			# shellcheck disable=SC2046 # words are wanted
			echo "node $n  $(addr $n)  pid $pid " $("$cairn" cli --addr "$(addr $n)" INFO raft 2>/dev/null | tr -d '\r' |
				grep -E '^raft_(state|term|applied_index|snapshot_index|leader_id):')
		else
			echo "node $n  $(addr $n)  down"
		fi
	done
}

node_number() { [[ ${1:-} =~ ^[123]$ ]] || refuse; }

case "${1:-}:$#" in
start:[12] | kill:2 | stop:1 | status:1 | clean:1 | -h:1 | --help:1 | help:1) ;;
*) refuse ;;
esac
case "${1:-}" in
start)
	[ $# = 1 ] || node_number "$2"
	build
	if [ $# -gt 1 ]; then
		launch "$2"
	else
		for n in 1 2 3; do launch $n; done
	fi
	wait_leader
	echo "serving. Connect with one of:"
	echo "  redis-cli -c -p $port"
	echo "  $cairn cli --addr $all"
	;;
stop) for n in 1 2 3; do terminate $n TERM; done ;;
status) status ;;
kill)
	node_number "${2:-}"
	terminate "$2" KILL
	;;
clean)
	for n in 1 2 3; do terminate $n KILL; done
	rm -rf "$dir"
	;;
-h | --help | help) usage ;;
*) refuse ;;
esac
