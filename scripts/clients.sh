#!/usr/bin/env bash
# Real client libraries against three real nodes, through hand-overs and kill -9 of the leader under load: the table of
# cmd/cairn/CLIENTS.md. Fails when a promise of that page breaks.
#   scripts/clients.sh [-rounds 3] [-only cluster,recommended] [-port 21500] [client ...]
# Clients: ioredis iovalkey node-redis glide go-redis rueidis redis-py; without any, all of them, in some 30 minutes.
# Installs what they need from npm and the Go module proxy into a folder that goes away at the end (or CAIRN_CLIENTS,
# which stays); redis-py is that of /usr/bin/python3, as scripts/test.sh installs it.
set -euo pipefail
usage() { sed -n '2,7s/^# //p' "$0"; }
for word in "$@"; do
	case ${before:-} in -rounds | -only | -port) before= && continue ;; esac
	case $word in
	-h | -help | --help) usage && exit ;;
	-rounds | -only | -port | ioredis | iovalkey | node-redis | glide | go-redis | rueidis | redis-py) before=$word ;;
	*) { echo "what is $word?" && usage; } >&2 && exit 2 ;;
	esac
done
cd "$(dirname "$0")/.."

npm=(ioredis@6.0.0 iovalkey@0.4.0 redis@6.3.1 @valkey/valkey-glide@2.5.2)

packages=${CAIRN_CLIENTS:-}
if [ -z "$packages" ]; then
	packages=$(mktemp -d)
	trap 'rm -rf "$packages"' EXIT
fi
mkdir -p "$packages"
command -v node >/dev/null || { echo "node is not installed" >&2; exit 1; }
/usr/bin/python3 -c 'import redis.sentinel' || { echo "python3-redis is not installed" >&2; exit 1; }
echo "the packages: ${npm[*]} and those of scripts/clients/go/go.mod" >&2
npm install --prefix "$packages" --no-audit --no-fund --ignore-scripts --loglevel=error "${npm[@]}" >&2
go build -C scripts/clients/go -o "$packages/godriver" .
cp scripts/clients/*.mjs scripts/clients/*.py "$packages"
go build -o "$packages/trial" ./scripts/clients
"$packages/trial" -packages "$packages" "$@"
