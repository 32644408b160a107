package resp

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// section is one section of INFO. optional sections are shown when they, "all" or "everything" are asked for.
type section struct {
	name     string // in lower case
	title    string
	optional bool
	write    func(w *infoWriter, s *Server, st replica.Status)
}

func infoSections() []section {
	return []section{
		{"server", "Server", false, infoServer},
		{"clients", "Clients", false, infoClients},
		{"memory", "Memory", false, infoMemory},
		{"persistence", "Persistence", false, infoPersistence},
		{"stats", "Stats", false, infoStats},
		{"replication", "Replication", false, infoReplication},
		{"cpu", "CPU", false, infoCPU},
		{"modules", "Modules", false, func(*infoWriter, *Server, replica.Status) {}},
		{"commandstats", "Commandstats", true, infoCommandStats},
		{"errorstats", "Errorstats", false, infoErrorStats},
		{"cluster", "Cluster", false, infoCluster},
		{"raft", "Raft", false, infoRaft},
		{"keyspace", "Keyspace", false, infoKeyspace},
	}
}

// runInfo answers the sections that were asked for, each once, in the table's order. A section that does not exist is
// empty.
func runInfo(c *conn, argv [][]byte) reply.Reply {
	st := c.srv.o.Backend.Status()
	var w infoWriter
	for _, s := range infoSections() {
		if !s.wanted(argv[1:]) {
			continue
		}
		if w.text.Len() > 0 {
			w.text.WriteString("\r\n")
		}
		w.text.WriteString("# " + s.title + "\r\n")
		s.write(&w, c.srv, st)
	}
	return reply.VerbatimText(w.text.String())
}

func (s section) wanted(names [][]byte) bool {
	if len(names) == 0 {
		return !s.optional
	}
	for _, name := range names {
		switch strings.ToLower(string(name)) {
		case s.name, "all", "everything":
			return true
		case "default":
			if !s.optional {
				return true
			}
		}
	}
	return false
}

// infoWriter writes the lines of INFO.
type infoWriter struct{ text strings.Builder }

// writeLine writes name and value.
func (w *infoWriter) writeLine(name string, value any) {
	fmt.Fprintf(&w.text, "%s:%v\r\n", name, value)
}

func infoClients(w *infoWriter, s *Server, _ replica.Status) {
	blocked := 0
	for _, c := range s.clients.allClients() {
		if c.activity.blocked.Load() {
			blocked++
		}
	}
	w.writeLine("connected_clients", s.clients.countClients())
	w.writeLine("cluster_connections", s.clients.countLinks())
	w.writeLine("maxclients", s.settings.load().maxClients)
	w.writeLine("client_recent_max_input_buffer", 0)
	w.writeLine("client_recent_max_output_buffer", 0)
	w.writeLine("blocked_clients", blocked)
	w.writeLine("tracking_clients", 0)
	w.writeLine("clients_in_timeout_table", 0)
}

func infoStats(w *infoWriter, s *Server, st replica.Status) {
	calls := s.stats.calls.Load()
	w.writeLine("total_connections_received", s.stats.connections.Load())
	w.writeLine("total_commands_processed", calls)
	w.writeLine("instantaneous_ops_per_sec", int64(s.stats.rate.sample(calls, time.Now())))
	w.writeLine("total_net_input_bytes", s.stats.in.Load())
	w.writeLine("total_net_output_bytes", s.stats.out.Load())
	w.writeLine("rejected_connections", s.stats.refused.Load())
	w.writeLine("expired_keys", since(st.ExpiredKeys, &s.stats.expired))
	w.writeLine("evicted_keys", 0)
	w.writeLine("evicted_clients", s.memory.evicted.Load())
	w.writeLine("keyspace_hits", since(st.Hits, &s.stats.hits))
	w.writeLine("keyspace_misses", since(st.Misses, &s.stats.misses))
	w.writeLine("pubsub_channels", 0)
	w.writeLine("pubsub_patterns", 0)
	w.writeLine("total_error_replies", s.stats.errors.Load())
	w.writeLine("total_reads_processed", s.stats.reads.Load())
}

func infoCommandStats(w *infoWriter, s *Server, _ replica.Status) {
	for _, r := range s.sortedRoutes() {
		calls, micros := r.stats.calls.Load(), r.stats.micros.Load()
		rejected, failed := r.stats.rejected.Load(), r.stats.failed.Load()
		if calls+rejected == 0 {
			continue
		}
		w.writeLine("cmdstat_"+r.name, fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			calls, micros, float64(micros)/float64(max(calls, 1)), rejected, failed))
	}
}

func infoErrorStats(w *infoWriter, s *Server, _ replica.Status) {
	codes := s.stats.codes.snapshot()
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		w.writeLine("errorstat_"+code, fmt.Sprintf("count=%d", codes[code]))
	}
}

func infoKeyspace(w *infoWriter, _ *Server, st replica.Status) {
	for i, db := range st.Databases {
		if db.Keys > 0 {
			w.writeLine(fmt.Sprintf("db%d", i), fmt.Sprintf("keys=%d,expires=%d,avg_ttl=0", db.Keys, db.Expires))
		}
	}
}
