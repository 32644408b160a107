#!/usr/bin/env bash
# Guess: a client of sentinels listens to +switch-master, the channel on which a sentinel says that there is another master.
# So it is not: node-redis subscribes to the pattern "switch-master", without a plus, which no sentinel publishes on; what moves it
# are "+slave" and its own scans. A server that announces +switch-master alone does not move it.
# Seen 2026-12-01 with redis 6.3.1 (npm) and redis-sentinel 7.0.15; needs redis-server, redis-sentinel and node.
set -euo pipefail
dir=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$dir"' EXIT
cd "$dir"
npm install --no-audit --no-fund --ignore-scripts --loglevel=error redis@6.3.1 >/dev/null
read -r port sentinel < <(node -e '
const net = require("net"), a = net.createServer(), b = net.createServer()
a.listen(0, "127.0.0.1", () => b.listen(0, "127.0.0.1", () => { console.log(a.address().port, b.address().port); a.close(); b.close() }))')
printf 'bind 127.0.0.1\nport %s\ndir %s\nsentinel monitor mymaster 127.0.0.1 %s 1\n' "$sentinel" "$dir" "$port" > sentinel.conf
redis-server --bind 127.0.0.1 --port "$port" --dir "$dir" --save '' >/dev/null & pids+=($!)
redis-server sentinel.conf --sentinel >/dev/null & pids+=($!)
for at in "$port" "$sentinel"; do until redis-cli -p "$at" ping >/dev/null 2>&1; do sleep 0.1; done; done
cat > main.mjs <<'JS'
import net from 'node:net'
import { createSentinel } from 'redis'

// Between the client and the sentinel, to see what the client asks for.
const seen = new Set()
const between = net.createServer((socket) => {
  const to = net.connect(Number(process.argv[2]), '127.0.0.1')
  for (const end of [socket, to]) end.on('error', () => {})
  socket.on('data', (data) => { for (const word of String(data).match(/\+?switch-master|\+slave/g) ?? []) seen.add(word) })
  socket.pipe(to).pipe(socket)
})
await new Promise((done) => between.listen(0, '127.0.0.1', done))
const client = createSentinel({ name: 'mymaster', sentinelRootNodes: [{ host: '127.0.0.1', port: between.address().port }] })
client.on('error', () => {})
await client.connect()
await client.set('k', 'v')
while (!seen.has('+slave')) await new Promise((done) => setTimeout(done, 50))
console.log('redis 6.3.1 asks a sentinel for', [...seen].sort().join(', '))
process.exit(seen.has('switch-master') && !seen.has('+switch-master') ? 0 : 1)
JS
timeout 30 node main.mjs "$sentinel"
