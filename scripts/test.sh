#!/usr/bin/env bash
# Runs everything that proves Cairn: build, form, laws, tests. What the tests need and the machine lacks is installed from
# the distribution (as root or with sudo) and from the Go module proxy.
#   scripts/test.sh            all of it, in under 20 minutes on two cores
#   scripts/test.sh quick      without the race detector and without fuzzing
set -euo pipefail
usage() { sed -n '2,5s/^# //p' "$0"; }
if [ "${1:-}" = --help ]; then usage; exit; fi
[[ $# = 0 || $* = quick ]] || { usage >&2; exit 2; }
cd "$(dirname "$0")/.."

quick=${1:-}
searchSeconds=920 fuzzSeconds=1020 # when the searches end, at the latest about
step() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }

install() {
	local missing=()
	command -v redis-server >/dev/null || missing+=(redis-server)
	command -v ip >/dev/null || missing+=(iproute2) # network namespaces, for cuts between real processes
	command -v redis-cli >/dev/null && command -v redis-benchmark >/dev/null || missing+=(redis-tools)
	command -v script >/dev/null || missing+=(bsdutils) # a terminal for the console
	/usr/bin/python3 -c 'import redis.sentinel' 2>/dev/null || missing+=(python3-redis) # a client that finds the leader by sentinels
	[ "$quick" = quick ] || command -v gcc >/dev/null || missing+=(gcc libc6-dev) # the race detector needs cgo
	[ ${#missing[@]} -gt 0 ] || return 0
	local sudo=""
	[ "$(id -u)" = 0 ] || sudo=sudo
	echo "installing ${missing[*]}"
	$sudo apt-get update -qq
	# RUNLEVEL keeps the package from starting a server of its own.
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

step "what the tests need"
install
redis-server --version

step "build"
CGO_ENABLED=0 go build -o /dev/null ./cmd/cairn
go build ./...

step "gofmt, vet, staticcheck"
unformatted=$(gofmt -l cmd resp fsm storage scripts)
[ -z "$unformatted" ] || { echo "not gofmt'ed: $unformatted"; exit 1; }
go vet ./...
go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

step "the laws of the house"
go test ./scripts/...

if [ "$quick" = quick ]; then
	step "tests"
	go test ./cmd/... ./resp/... ./fsm/... ./storage/...
	exit
fi

# Whole clusters and real processes keep time: one package of them at a time.
# The faults on real processes and the simulator, which draw fresh seeds, have steps of their own; scripts/faults.sh and
# scripts/soak.sh go on for as long as they are told to.
clusters=$(go list ./cmd/cairn ./cmd/node ./cmd/internal/clustertest)
searching=$(go list ./cmd/internal/faults ./cmd/internal/sim)
comparing=$(go list ./cmd/internal/difftest)
units=$(go list ./cmd/... ./resp/... ./fsm/... ./storage/... | grep -vxF "$clusters"$'\n'"$searching"$'\n'"$comparing")

step "unit and transcript tests, with the race detector"
# shellcheck disable=SC2086 # lists of packages
go test -race -timeout 10m $units

# One goroutine, and millions of steps: the race detector would find nothing, slowly.
step "random commands on Cairn and on redis-server"
# shellcheck disable=SC2086
go test -timeout 10m $comparing

step "clusters and processes"
# shellcheck disable=SC2086
go test -p 1 -timeout 10m $clusters

# Where networks and disks of a test's own can be made, a test that cannot make them has failed.
if ip netns add "cairn-$$" 2>/dev/null && ip netns del "cairn-$$" && [ -w /dev/net/tun ]; then
	export CI=true
else
	echo "no right to make network namespaces, or no /dev/net/tun: the tests that need them are SKIPPED"
fi
seed=${CAIRN_FAULTS_SEED:-$(date +%s%N)}
step "faults on real processes, CAIRN_FAULTS_SEED=$seed"
CAIRN_FAULTS_SEED=$seed go test -count=1 -timeout 10m ./cmd/internal/faults

step "benchmarks compile and run once"
go test -run '^$' -bench . -benchtime 1x ./resp/... ./fsm/... ./storage/... >/dev/null

# What searches with fresh seeds has the time that is left: two minutes and 20000 inputs on a machine that is quick enough.
left=$((searchSeconds - SECONDS))
budget=$((left > 120 ? 120 : left < 25 ? 25 : left))
step "simulated clusters, $budget seconds of fresh seeds"
go test -count=1 -timeout 15m -v ./cmd/internal/sim -sim.budget="${budget}s" -sim.length=1m -sim.jobs="$(nproc)"

# By count: Go before 1.27 fails at times when a -fuzztime in seconds ends (go.dev/issue/75804). The seeds of all targets have run above.
step "fuzz targets, 20000 inputs each"
targets=$(go list -f '{{.Dir}} {{.ImportPath}}' ./... | while read -r dir pkg; do
	{ grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null || true; } | sed "s|^func |$pkg |"
done | sort)
[ "$fuzzSeconds" -gt $((SECONDS + 30)) ] || fuzzSeconds=$((SECONDS + 30)) # some always run
# Each commit begins seven targets further on, so that none is left out for long.
first=$(($(git rev-list --count HEAD 2>/dev/null || echo 0) * 7 % $(wc -l <<<"$targets")))
{ tail -n "+$((first + 1))" <<<"$targets"; head -n "$first" <<<"$targets"; } | while read -r pkg target; do
	[ "$SECONDS" -lt "$fuzzSeconds" ] || { echo "$pkg $target: no time left"; continue; }
	echo "$pkg $target"
	out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "${CAIRN_FUZZ:-20000x}" "$pkg" 2>&1 </dev/null) || { echo "$out"; exit 1; }
	tail -n 2 <<<"$out"
done

step "done"
