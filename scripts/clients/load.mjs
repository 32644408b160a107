// What every driver of a JavaScript client does: it obeys lines on stdin and says on stdout what became of each call.
//   node CLIENT.mjs MODE SETTINGS HOST:PORT,...
import readline from 'node:readline'

const now = () => (performance.timeOrigin + performance.now()).toFixed(2)
const pause = (ms) => new Promise((r) => setTimeout(r, ms))
const say = (...words) => process.stdout.write(words.join(' ').replaceAll('\n', ' ') + '\n')
const same = (what, got, want) => {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`${what}: ${JSON.stringify(got)}`)
}
// textOf takes the replies out of a TypeError's or an aggregate's wrapping.
const textOf = (e) => `${e?.message || e?.errors?.[0]?.message || e?.code || e}`

async function basics(c) {
  same('SET', await c.set('basics:k', 'v'), 'OK')
  same('GET', await c.get('basics:k'), 'v')
  const n = Number(await c.incr('basics:n'))
  same('INCR', Number(await c.incr('basics:n')), n + 1)
  const keys = Array.from({ length: 50 }, (_, i) => `basics:${i}`)
  await c.pipeline(keys)
  for (const k of keys) same('pipeline', await c.get(k), k)
  same('MSET', await c.mset({ '{b}1': 'x', '{b}2': 'y' }), 'OK')
  same('MGET', await c.mget(['{b}1', '{b}2']), ['x', 'y'])
}

// whole reads 300 times while another client writes; a read that shows two writes is torn.
async function whole(c, writer, prefix) {
  const keys = Array.from({ length: 100 }, (_, i) => prefix + i)
  let ended = false, torn = 0
  const write = async () => {
    for (let n = 0; !ended; n++) await writer.mset(Object.fromEntries(keys.map((k) => [k, `${n}`.padEnd(1000)])))
  }
  await writer.mset(Object.fromEntries(keys.map((k) => [k, '-'])))
  const writing = write()
  try {
    for (let i = 0; i < 300; i++) if (new Set(await c.mget(keys)).size > 1) torn++
  } finally {
    ended = true
    await writing
  }
  return torn
}

async function caller(c, id, key, run) {
  while (run.on) {
    const began = now()
    try {
      const value = await c.incr(key)
      say('ack', id, began, now(), value)
    } catch (e) {
      say('err', id, began, now(), textOf(e))
      await pause(10)
    }
  }
}

// drive makes a client with connect(mode, settings, [{host, port}]) and obeys.
export async function drive(connect) {
  const [mode, settings, addrs] = process.argv.slice(2)
  const nodes = addrs.split(',').map((a) => ({ host: a.split(':')[0], port: Number(a.split(':')[1]) }))
  let c, writer, run, callers
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [word, arg] = line.split(' ')
    try {
      if (word === 'connect') {
        c = await connect(mode, settings, nodes)
        writer = await connect(mode, settings, nodes)
        say('done')
      }
      if (word === 'basics') say('done', (await basics(c)) ?? '')
      if (word === 'whole') say('done', await whole(c, writer, arg))
      if (word === 'load') {
        run = { on: true }
        callers = [0, 1, 2, 3].map((id) => caller(c, id, `${arg}:${id}`, run))
      }
      if (word === 'rest') {
        run.on = false
        await Promise.all(callers)
        say('done')
      }
    } catch (e) {
      say('fail', textOf(e))
    }
  }
  process.exit(0)
}

// A connection that breaks shows in the calls; without a listener Node ends the process.
process.on('unhandledRejection', (e) => process.stderr.write(`unhandled: ${e?.stack ?? e}\n`))
