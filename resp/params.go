package resp

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// param is one parameter of CONFIG. A parameter without set cannot be set.
type param struct {
	name string
	get  func(s *Server) string
	set  func(next *settings, value string) error
}

// params returns every parameter: those that can be set, those that are as they are, and Options.Config.
func (s *Server) params() []param {
	all := append(settableParams(), fixedParams()...)
	old := oldNames()
	for _, p := range all {
		if name := old[p.name]; name != "" {
			p.name = name
			all = append(all, p)
		}
	}
	if s.o.LogLevel == nil {
		i := slices.IndexFunc(all, func(p param) bool { return p.name == "loglevel" })
		all[i].set = nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.o.Config)) {
		p := immutable(name, s.o.Config[name])
		switch i := slices.IndexFunc(all, func(p param) bool { return p.name == name }); {
		case i < 0:
			all = append(all, p)
		case all[i].set == nil:
			all[i] = p
		}
	}
	return all
}

func settableParams() []param {
	return []param{
		integer("maxclients", 1, math.MaxUint32, func(s *settings) int64 { return int64(s.maxClients) },
			func(s *settings, n int64) { s.maxClients = int(n) }),
		memory("proto-max-bulk-len", func(s *settings) *int64 { return &s.maxBulk }),
		memory("client-query-buffer-limit", func(s *settings) *int64 { return &s.queryBuffer }),
		boundOrNone("maxmemory-clients", func(s *settings) *int64 { return &s.clientMemory }),
		integer("timeout", 0, math.MaxInt32, func(s *settings) int64 { return int64(s.timeout / time.Second) },
			func(s *settings, n int64) { s.timeout = time.Duration(n) * time.Second }),
		integer("tcp-keepalive", 0, math.MaxInt32, func(s *settings) int64 { return int64(s.keepAlive / time.Second) },
			func(s *settings, n int64) { s.keepAlive = time.Duration(n) * time.Second }),
		{name: "requirepass", get: func(s *Server) string { return s.settings.load().requirePass },
			set: func(next *settings, value string) error { next.requirePass = value; return nil }},
		yesNo("protected-mode", func(s *settings) *bool { return &s.protected }),
		encoding("hash-max-listpack-entries", func(e *command.Encodings) *int64 { return &e.HashEntries }),
		encoding("hash-max-ziplist-entries", func(e *command.Encodings) *int64 { return &e.HashEntries }),
		encoding("hash-max-listpack-value", func(e *command.Encodings) *int64 { return &e.HashValue }),
		encoding("hash-max-ziplist-value", func(e *command.Encodings) *int64 { return &e.HashValue }),
		encoding("set-max-intset-entries", func(e *command.Encodings) *int64 { return &e.SetEntries }),
		encoding("zset-max-listpack-entries", func(e *command.Encodings) *int64 { return &e.ZsetEntries }),
		encoding("zset-max-ziplist-entries", func(e *command.Encodings) *int64 { return &e.ZsetEntries }),
		encoding("zset-max-listpack-value", func(e *command.Encodings) *int64 { return &e.ZsetValue }),
		encoding("zset-max-ziplist-value", func(e *command.Encodings) *int64 { return &e.ZsetValue }),
		{name: "loglevel", get: func(s *Server) string { return s.settings.load().logLevel }, set: setLogLevel},
	}
}

// fixedParams are what clients ask for, or set, though there is nothing to choose.
func fixedParams() []param {
	return []param{
		only("activedefrag", "no"), only("appendfsync", "always"), only("appendonly", "yes"), immutable("bind", ""),
		only("client-output-buffer-limit", ""), immutable("cluster-enabled", "yes"), only("cluster-require-full-coverage", "yes"),
		immutable("daemonize", "no"), immutable("databases", strconv.Itoa(databases)), immutable("dir", ""), immutable("io-threads", "1"),
		immutable("logfile", ""), only("maxmemory", "0"), only("maxmemory-policy", "noeviction"), only("maxmemory-samples", "5"),
		only("notify-keyspace-events", ""), immutable("port", "0"), only("replica-read-only", "yes"),
		only("replica-serve-stale-data", "yes"), only("replica-priority", "100"), only("replica-lazy-flush", "no"),
		only("replica-ignore-maxmemory", "yes"), only("replica-announce-ip", ""), only("replica-announce-port", "0"),
		only("min-replicas-to-write", "0"), only("min-replicas-max-lag", "10"), only("repl-ping-replica-period", "10"),
		only("cluster-replica-validity-factor", "10"), only("cluster-replica-no-failover", "no"), immutable("replicaof", ""),
		only("hash-max-listpack-entries", "512"), only("hash-max-listpack-value", "64"), only("list-max-listpack-size", "-2"),
		only("hll-sparse-max-bytes", "3000"), only("zset-max-listpack-entries", "128"), only("zset-max-listpack-value", "64"), only("busy-reply-threshold", "5000"),
		only("save", ""), only("slowlog-log-slower-than", "-1"), only("slowlog-max-len", "0"), immutable("supervised", "no"),
		immutable("tls-port", "0"), immutable("unixsocket", ""),
	}
}

// oldNames are the names under which Redis 7.0 still knows parameters, by their new ones.
func oldNames() map[string]string {
	return map[string]string{
		"busy-reply-threshold": "lua-time-limit", "cluster-replica-no-failover": "cluster-slave-no-failover",
		"cluster-replica-validity-factor": "cluster-slave-validity-factor", "hash-max-listpack-entries": "hash-max-ziplist-entries",
		"hash-max-listpack-value": "hash-max-ziplist-value", "list-max-listpack-size": "list-max-ziplist-size",
		"min-replicas-max-lag": "min-slaves-max-lag", "min-replicas-to-write": "min-slaves-to-write",
		"repl-ping-replica-period": "repl-ping-slave-period", "replica-announce-ip": "slave-announce-ip",
		"replica-announce-port": "slave-announce-port", "replica-ignore-maxmemory": "slave-ignore-maxmemory",
		"replica-lazy-flush": "slave-lazy-flush", "replica-priority": "slave-priority", "replica-read-only": "slave-read-only",
		"replica-serve-stale-data": "slave-serve-stale-data", "replicaof": "slaveof", "zset-max-listpack-entries": "zset-max-ziplist-entries",
		"zset-max-listpack-value": "zset-max-ziplist-value",
	}
}

// immutable is a parameter that Redis does not let anybody set while it runs, or that this node got when it started.
func immutable(name, value string) param {
	return param{name: name, get: func(*Server) string { return value }}
}

// only is a parameter that Redis lets one set and that has one value here; setting it to that is no error.
func only(name, value string) param {
	p := immutable(name, value)
	p.set = func(_ *settings, to string) error {
		if to != value {
			return reply.Errorf("Cairn knows only the value '%s'", value)
		}
		return nil
	}
	return p
}
