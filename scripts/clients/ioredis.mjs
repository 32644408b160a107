// The driver of ioredis, and of iovalkey, which is called alike: node ioredis.mjs PACKAGE MODE SETTINGS ADDRESSES.
import { drive } from './load.mjs'

const { Redis, Cluster } = await import(process.argv.splice(2, 1)[0])

const connects = {
  cluster: {
    default: (nodes) => new Cluster(nodes),
    recommended: (nodes) => new Cluster(nodes, {
      retryDelayOnFailover: 0,
      slotsRefreshInterval: 500,
    }),
  },
  sentinel: {
    default: (sentinels) => new Redis({ sentinels, name: 'cairn' }),
    recommended: (sentinels) => new Redis({
      sentinels, name: 'cairn',
      maxRetriesPerRequest: 0,
      reconnectOnError: (err) => err.message.startsWith('MOVED'),
    }),
  },
}

drive(async (mode, settings, nodes) => {
  const c = connects[mode][settings](nodes)
  c.on('error', () => {})
  return {
    set: (k, v) => c.set(k, v),
    get: (k) => c.get(k),
    incr: (k) => c.incr(k),
    pipeline: async (keys) => {
      const p = c.pipeline()
      for (const k of keys) p.set(k, k)
      for (const [err] of await p.exec()) if (err) throw err
    },
    mset: (pairs) => c.mset(pairs),
    mget: (keys) => c.mget(keys),
  }
})
