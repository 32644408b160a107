package resp

import (
	"cmp"
	"fmt"
	"net"
	"slices"

	"cairn/fsm/replica"
)

func infoCluster(w *infoWriter, _ *Server, _ replica.Status) { w.line("cluster_enabled", 1) }

// infoReplication calls the leader the master, and offsets are applied indexes.
func infoReplication(w *infoWriter, _ *Server, st replica.Status) {
	if st.State == "leader" {
		infoMaster(w, st)
	} else {
		infoReplica(w, st)
	}
	w.line("master_failover_state", "no-failover")
	w.line("master_replid", st.NodeID)
	w.line("master_replid2", "0000000000000000000000000000000000000000")
	w.line("master_repl_offset", st.AppliedIndex)
	w.line("second_repl_offset", -1)
}

func infoMaster(w *infoWriter, st replica.Status) {
	var others []replica.Member
	for _, m := range st.Members {
		if !m.Self {
			others = append(others, m)
		}
	}
	w.line("role", "master")
	w.line("connected_slaves", len(others))
	for i, m := range others {
		host, port, _ := net.SplitHostPort(m.Addr)
		state := "online"
		if !m.Connected {
			state = "wait_bgsave"
		}
		w.line(fmt.Sprintf("slave%d", i), fmt.Sprintf("ip=%s,port=%s,state=%s,offset=%d,lag=%d",
			host, port, state, st.AppliedIndex-min(m.Lag, st.AppliedIndex), m.Lag))
	}
}

func infoReplica(w *infoWriter, st replica.Status) {
	host, port, _ := net.SplitHostPort(st.LeaderAddr)
	link := "up"
	if st.LeaderID == "" {
		link = "down"
	}
	w.line("role", "slave")
	w.line("master_host", host)
	w.line("master_port", port)
	w.line("master_link_status", link)
	w.line("master_last_io_seconds_ago", seconds(st.LastContact))
	infoSync(w, st)
	w.line("slave_read_repl_offset", st.AppliedIndex)
	w.line("slave_repl_offset", st.AppliedIndex)
	w.line("slave_priority", 100)
	w.line("slave_read_only", 1)
	w.line("replica_announced", 1)
	w.line("connected_slaves", 0)
}

// infoSync says how far the stream is that this node is being caught up by.
func infoSync(w *infoWriter, st replica.Status) {
	i := slices.IndexFunc(st.Streams, func(s replica.Stream) bool { return !s.Sending })
	w.line("master_sync_in_progress", boolInt(i >= 0))
	if i < 0 {
		return
	}
	s := st.Streams[i]
	w.line("master_sync_total_bytes", s.Size)
	w.line("master_sync_read_bytes", s.Bytes)
	w.line("master_sync_left_bytes", s.Size-s.Bytes)
	w.line("master_sync_perc", fmt.Sprintf("%.2f", 100*float64(s.Bytes)/float64(max(1, s.Size))))
}

func infoRaft(w *infoWriter, _ *Server, st replica.Status) {
	w.line("raft_state", st.State)
	w.line("raft_membership", st.Standing)
	w.line("raft_ready", boolInt(st.Ready))
	w.line("raft_cluster_id", st.Cluster)
	w.line("raft_node_id", st.ID)
	w.line("raft_leader_id", st.LeaderID)
	w.line("raft_leader_addr", st.LeaderAddr)
	w.line("raft_term", st.Term)
	w.line("raft_commit_index", st.CommitIndex)
	w.line("raft_applied_index", st.AppliedIndex)
	w.line("raft_snapshot_index", st.SnapshotIndex)
	w.line("raft_last_log_index", st.LastLogIndex)
	w.line("raft_log_bytes", st.LogBytes)
	w.line("raft_last_contact_ms", st.LastContact.Milliseconds())
	w.line("raft_num_voters", st.Voters)
	w.line("raft_snapshots", st.Snapshots)
	w.line("raft_read_rounds", st.Reads)
	w.line("raft_entries_proposed", st.Entries)
	for i, s := range st.Streams {
		direction := "from"
		if s.Sending {
			direction = "to"
		}
		w.line(fmt.Sprintf("raft_stream%d", i), fmt.Sprintf("%s=%s,bytes=%d,size=%d,percent=%d,bytes_per_second=%d",
			direction, s.Peer, s.Bytes, s.Size, s.Percent(), s.Rate()))
	}
	for i, m := range st.Members {
		w.line(fmt.Sprintf("raft_node%d", i), fmt.Sprintf("id=%s,addr=%s,state=%s,lag=%d", m.ID, m.Addr, memberState(m), m.Lag))
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
