import { createCluster, createSentinel } from 'redis'
import { drive } from './load.mjs'

const connects = {
  cluster: {
    default: (nodes) => createCluster({ rootNodes: nodes.map((socket) => ({ socket })) }),
    recommended: (nodes) => createCluster({
      rootNodes: nodes.map((socket) => ({ socket })),
      topologyRefreshOnReconnectionAttemptStrategy: 1,
    }),
  },
  sentinel: {
    default: (nodes) => createSentinel({ name: 'cairn', sentinelRootNodes: nodes }),
    recommended: (nodes) => createSentinel({
      name: 'cairn', sentinelRootNodes: nodes,
      maxCommandRediscovers: 0,
      scanInterval: 1000,
    }),
  },
}

drive(async (mode, settings, nodes) => {
  const c = connects[mode][settings](nodes)
  c.on('error', () => {})
  await c.connect()
  return {
    set: (k, v) => c.set(k, v),
    get: (k) => c.get(k),
    incr: (k) => c.incr(k),
    pipeline: (keys) => Promise.all(keys.map((k) => c.set(k, k))),
    mset: (pairs) => c.mSet(pairs),
    mget: (keys) => c.mGet(keys),
  }
})
