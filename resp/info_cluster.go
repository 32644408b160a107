package resp

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"time"

	"cairn/fsm/replica"
)

func infoCluster(w *infoWriter, _ *Server, _ replica.Status) { w.writeLine("cluster_enabled", 1) }

// infoReplication calls the leader the master, and offsets are applied indexes.
func infoReplication(w *infoWriter, s *Server, st replica.Status) {
	if m := s.mapOf(st); m.master().Self {
		infoMaster(w, st)
	} else {
		infoReplica(w, m)
	}
	w.writeLine("master_failover_state", "no-failover")
	w.writeLine("master_replid", st.NodeID)
	w.writeLine("master_replid2", "0000000000000000000000000000000000000000")
	w.writeLine("master_repl_offset", st.AppliedIndex)
	w.writeLine("second_repl_offset", -1)
}

func infoMaster(w *infoWriter, st replica.Status) {
	var others []replica.Member
	for _, m := range st.Members {
		if !m.Self {
			others = append(others, m)
		}
	}
	w.writeLine("role", "master")
	w.writeLine("connected_slaves", len(others))
	for i, m := range others {
		host, port, _ := net.SplitHostPort(m.Addr)
		state := "online"
		if !m.Connected {
			state = "wait_bgsave"
		}
		w.writeLine(fmt.Sprintf("slave%d", i), fmt.Sprintf("ip=%s,port=%s,state=%s,offset=%d,lag=%d",
			host, port, state, st.AppliedIndex-min(m.Lag, st.AppliedIndex), unlessNever(m.LastContact, time.Second)))
	}
}

func infoReplica(w *infoWriter, m clusterMap) {
	st := m.status
	link, heard := "up", unlessNever(st.LastContact, time.Second)
	if !m.led {
		link, heard = "down", -1
	}
	w.writeLine("role", "slave")
	w.writeLine("master_host", m.master().host)
	w.writeLine("master_port", m.master().port)
	w.writeLine("master_link_status", link)
	w.writeLine("master_last_io_seconds_ago", heard)
	infoSync(w, st)
	w.writeLine("slave_read_repl_offset", st.AppliedIndex)
	w.writeLine("slave_repl_offset", st.AppliedIndex)
	if !m.led {
		w.writeLine("master_link_down_since_seconds", unlessNever(st.LastContact, time.Second))
	}
	w.writeLine("slave_priority", 100)
	w.writeLine("slave_read_only", 1)
	w.writeLine("replica_announced", 1)
	w.writeLine("connected_slaves", 0)
}

// unlessNever is how many units ago something was, and -1 when it never was.
func unlessNever(ago, unit time.Duration) int64 {
	if ago < 0 {
		return -1
	}
	return int64(ago / unit)
}

// infoSync says how far the stream is that this node is being caught up by.
func infoSync(w *infoWriter, st replica.Status) {
	i := slices.IndexFunc(st.Streams, func(s replica.Stream) bool { return !s.Sending })
	w.writeLine("master_sync_in_progress", boolInt(i >= 0))
	if i < 0 {
		return
	}
	s := st.Streams[i]
	w.writeLine("master_sync_total_bytes", s.Size)
	w.writeLine("master_sync_read_bytes", s.Bytes)
	w.writeLine("master_sync_left_bytes", s.Size-s.Bytes)
	w.writeLine("master_sync_perc", fmt.Sprintf("%.2f", 100*float64(s.Bytes)/float64(max(1, s.Size))))
}

func infoRaft(w *infoWriter, _ *Server, st replica.Status) {
	w.writeLine("raft_state", st.State)
	w.writeLine("raft_membership", st.Standing)
	w.writeLine("raft_ready", boolInt(st.Ready))
	w.writeLine("raft_cluster_id", st.Cluster)
	w.writeLine("raft_node_id", st.ID)
	w.writeLine("raft_leader_id", st.LeaderID)
	w.writeLine("raft_leader_addr", st.LeaderAddr)
	w.writeLine("raft_term", st.Term)
	w.writeLine("raft_commit_index", st.CommitIndex)
	w.writeLine("raft_applied_index", st.AppliedIndex)
	w.writeLine("raft_snapshot_index", st.SnapshotIndex)
	w.writeLine("raft_last_log_index", st.LastLogIndex)
	w.writeLine("raft_log_bytes", st.LogBytes)
	w.writeLine("raft_last_contact_ms", unlessNever(st.LastContact, time.Millisecond))
	w.writeLine("raft_num_voters", st.Voters)
	w.writeLine("raft_snapshots", st.Snapshots)
	w.writeLine("raft_read_rounds", st.Reads)
	w.writeLine("raft_entries_proposed", st.Entries)
	for i, s := range st.Streams {
		direction := "from"
		if s.Sending {
			direction = "to"
		}
		w.writeLine(fmt.Sprintf("raft_stream%d", i), fmt.Sprintf("%s=%s,bytes=%d,size=%d,percent=%d,bytes_per_second=%d",
			direction, s.Peer, s.Bytes, s.Size, s.Percent(), s.Rate()))
	}
	for i, m := range st.Members {
		w.writeLine(fmt.Sprintf("raft_node%d", i), fmt.Sprintf("id=%s,addr=%s,state=%s,lag=%d", m.ID, m.Addr, memberState(m), m.Lag))
	}
}

// memberState is what a member is, as far as this node knows.
func memberState(m replica.Member) string {
	switch {
	case !m.Connected:
		return "disconnected"
	case m.Leader:
		return "leader"
	case !m.Voter:
		return "learner"
	}
	return "follower"
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sortedRoutes returns every route by name.
func (s *Server) sortedRoutes() []*route {
	routes := make([]*route, 0, len(s.routes))
	for _, r := range s.routes {
		routes = append(routes, r)
	}
	slices.SortFunc(routes, func(a, b *route) int { return cmp.Compare(a.name, b.name) })
	return routes
}
