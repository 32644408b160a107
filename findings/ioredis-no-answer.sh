#!/usr/bin/env bash
# Guess: in ioredis, autoResendUnfulfilledCommands: false makes a command whose connection broke an error, as it is not sent again.
# So it is not: the command is dropped when the client is connected again, and its promise is neither resolved nor rejected, ever.
# Only maxRetriesPerRequest: 0 makes it an error. iovalkey 0.4 does the same.
# Seen 2026-12-01 with ioredis 6.0.0.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --no-audit --no-fund --ignore-scripts --loglevel=error ioredis@6.0.0 >/dev/null
cat > main.mjs <<'JS'
import net from 'node:net'
import { Redis } from 'ioredis'

// A server that hangs up when it is asked for a key the first time, and answers OK to all else.
let asked = 0
const server = net.createServer((socket) => {
  socket.on('error', () => {})
  socket.on('data', (data) => {
    if (/get/i.test(data) && asked++ === 0) return socket.destroy()
    for (const _ of String(data).matchAll(/^\*\d+\r\n/gm)) socket.write('+OK\r\n')
  })
})
await new Promise((done) => server.listen(0, '127.0.0.1', done))

async function ask(options) {
  asked = 0
  const redis = new Redis(server.address().port, '127.0.0.1',
    { protocol: 2, disableClientInfo: true, enableReadyCheck: false, ...options })
  redis.on('error', () => {})
  let fate = 'unanswered'
  redis.get('k').then(() => { fate = 'answered' }, (e) => { fate = `an error: ${e.message.slice(0, 50)}` })
  await new Promise((done) => setTimeout(done, 3000))
  console.log(JSON.stringify(options), '-> the client is', redis.status, 'again,', await redis.ping(), 'and the GET is', fate)
  redis.disconnect()
}

await ask({})
await ask({ autoResendUnfulfilledCommands: false })
await ask({ maxRetriesPerRequest: 0 })
process.exit(0)
JS
node main.mjs
