import { ClusterBatch, GlideClusterClient, Logger } from '@valkey/valkey-glide'
import { drive } from './load.mjs'

const connects = {
  cluster: {
    default: (addresses) => GlideClusterClient.createClient({ addresses }),
    recommended: (addresses) => GlideClusterClient.createClient({
      addresses,
      requestTimeout: 5000,
    }),
  },
}

Logger.init('off')
drive(async (mode, settings, nodes) => {
  const c = await connects[mode][settings](nodes)
  return {
    set: (k, v) => c.set(k, v),
    get: (k) => c.get(k),
    incr: (k) => c.incr(k),
    pipeline: async (keys) => {
      const b = new ClusterBatch(false)
      for (const k of keys) b.set(k, k)
      await c.exec(b, true)
    },
    mset: (pairs) => c.mset(pairs),
    mget: (keys) => c.mget(keys),
  }
})
