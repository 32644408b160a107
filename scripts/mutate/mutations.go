package main

import "slices"

// mutation is one way to break Cairn.
type mutation struct {
	name     string
	file     string
	old, new string   // old stands in file once
	tests    []string // the package's own, and others that should notice
	extra    string   // a file more in the same folder, which new needs
}

var (
	machine = []string{"./fsm"}
	store   = []string{"./storage"}
	raftLog = []string{"./storage/raftlog"}
	nodes   = []string{"./fsm/replica"}
)

func mutations() []mutation {
	return slices.Concat(readMutations(), writeMutations(), diskMutations(), electionMutations())
}

// readMutations let a read see the past.
func readMutations() []mutation {
	return []mutation{
		{"read without a round", "fsm/replica/read.go", "if err := r.confirmTerm(ctx, r.raft.CurrentTerm(), time.Now()); err != nil {",
			"if err := ctx.Err(); err != nil {", nodes, ""},
		{"a round that counts old answers", "fsm/replica/read.go", "if !r.contacts.majority(term, r.o.ID, r.voters()).Before(since) {",
			"if _ = since; true {", nodes, ""},
		{"a new leader is ready at once", "fsm/replica/read.go", "func (r *Replica) ready() bool { return r.machine.Applied().Term == r.raft.CurrentTerm() }",
			"func (r *Replica) ready() bool { return true }", nodes, ""},
		{"read before apply", "fsm/replica/read.go", "err = r.machine.WaitApplied(ctx, got.index)", "_ = got.index", nodes, ""},
		{"read index is what the leader has applied", "fsm/replica/read.go", "index := r.raft.CommitIndex()\n\tif !r.ready() {",
			"index := r.machine.Applied().Index\n\tif !r.ready() {", []string{"./cmd/internal/clustertest", "-run", "TestLeaderAppliesLate"}, ""},
		{"lease kept across a transfer", "fsm/replica/read.go", " && r.offered.Load() < term", "", nodes, ""},
		{"lease ten times too long", "fsm/replica/read.go", "r.o.Heartbeat*leaseShare/10", "r.o.Heartbeat*leaseShare", nodes, ""},
		{"a key is gone by the reader's clock alone", "fsm/replica/read.go", "if err != nil || !a.Doubted {", "if err != nil || true {", []string{"./cmd/internal/sim", "-run", "TestExpiredStaysExpired"}, ""},
		{"READONLY reads of any age", "fsm/replica/peers.go", "return time.Since(m.at) <= age", "return true", nodes, ""},
	}
}

// writeMutations apply or answer wrongly.
func writeMutations() []mutation {
	return []mutation{
		{"no replay guard", "fsm/machine.go", "for len(logs) > 0 && logs[0].Index <= m.applied.now().Index {", "for false {", machine, ""},
		{"redirect after an unknown outcome", "fsm/replica/propose.go", "if errors.Is(err, raft.ErrNotLeader) ||",
			"if errors.Is(err, raft.ErrLeadershipLost) || errors.Is(err, raft.ErrNotLeader) ||", nodes, ""},
		{"expiry by the local clock in Apply", "storage/txn.go", "return expireAt != 0 && expireAt <= t.state.Time }",
			"return expireAt != 0 && expireAt <= localNow() }",
			[]string{"./storage", "./fsm"}, "package storage\n\nimport \"time\"\n\nfunc localNow() int64 { return time.Now().UnixMilli() }\n"},
		{"applied index committed apart from the data", "storage/txn.go", "if err := t.batch.Set([]byte(layout.StateRow), layout.AppendState(nil, t.state), nil); err != nil {",
			"defer func() { _ = t.e.db.Set([]byte(layout.StateRow), layout.AppendState(nil, t.state), pebble.NoSync) }()\n\tif err := error(nil); err != nil {", []string{"./storage", "./fsm"}, ""},
		{"the log's time runs backwards", "storage/txn.go", "t.state.Time = max(t.state.Time, now)", "t.state.Time = now", []string{"./storage", "./fsm"}, ""},
		{"an entry that cannot be applied is skipped", "fsm/machine.go", "t.Discard()\n\t\t\t\treturn 0, fmt.Errorf(\"entry %d: %w\", l.Index, err)", "results = nil", machine, ""},
	}
}

// diskMutations lose what must not be lost.
func diskMutations() []mutation {
	return []mutation{
		{"log appends are not synced", "storage/raftlog/append.go", "batch.Commit(pebble.Sync)", "batch.Commit(pebble.NoSync)", raftLog, ""},
		{"votes are not synced", "storage/raftlog/stable.go", "s.db.Set(pkey, encodeStable(pkey, value), pebble.Sync)",
			"s.db.Set(pkey, encodeStable(pkey, value), pebble.NoSync)", raftLog, ""},
		{"a cut tail is not synced", "storage/raftlog/truncate.go", "s.db.DeleteRange(entryKey(lo), entriesEnd(), pebble.Sync)",
			"s.db.DeleteRange(entryKey(lo), entriesEnd(), pebble.NoSync)", raftLog, ""},
		{"log truncated before the state is synced", "cmd/node/node.go", "BeforeTruncate: n.store.Sync", "BeforeTruncate: nil", nodes, ""},
		{"snapshot record may move back", "fsm/snapshot.go", "if ok && old.Index > r.Index {", "if _ = old; ok && false {", machine, ""},
		{"a received file is not synced", "storage/stage.go", "err = f.Sync()", "err = nil", store, ""},
		{"adopt without naming the new state", "storage/adopt.go", "if err := s.setCurrent(e.name); err != nil {", "if err := error(nil); err != nil {", store, ""},
		{"adopt an incomplete stage", "storage/stage.go", "if got := binary.BigEndian.Uint32(n[:]); got != want {", "if got := want; got != want {", store, ""},
	}
}

// electionMutations let the wrong node lead.
func electionMutations() []mutation {
	return []mutation{
		{"a node with a lost disk votes", "fsm/replica/ballot.go", "case b.rejoining.Load():", "case false:", nodes, ""},
		{"a restarted node votes at once", "fsm/replica/ballot.go", "case !transfer && time.Now().Before(b.until):", "case false && transfer:", nodes, ""},
	}
}
