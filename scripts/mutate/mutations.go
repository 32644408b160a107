package main

import "slices"

// mutation is one way to break Cairn.
type mutation struct {
	name     string
	file     string
	old, new string   // old stands in file once
	tests    []string // arguments of go test: what is to notice
	extra    string   // a file more in the same folder, which new needs
}

// clusters are tests of whole clusters by name.
func clusters(run string) []string { return []string{"./cmd/internal/clustertest", "-run", run} }

// in are tests of one package by name.
func in(dir, run string) []string { return []string{dir, "-run", run} }

func mutations() []mutation {
	return slices.Concat(readMutations(), localMutations(), writeMutations(), applyMutations(), logMutations(), storeMutations(), electionMutations(),
		memberMutations(), strangerMutations())
}

// readMutations let a linearizable read see the past.
func readMutations() []mutation {
	const read = "fsm/replica/readindex.go"
	return []mutation{
		{"a read without a round", read, "if err := r.confirmTerm(until, r.raft.CurrentTerm(), time.Now()); err != nil {",
			"if err := r.ctx.Err(); err != nil {", clusters("TestDeposedRead"), ""},
		{"a round that counts answers to older requests", read, "return !r.confirmers.answers.Majority(term, r.o.ID, voters).Before(since), nil",
			"return !r.confirmers.answers.Majority(term, r.o.ID, voters).IsZero(), nil", in("./fsm/replica", "TestOldAnswers"), ""},
		{"a round that counts voters of another term", "fsm/replica/confirm.go", "case got.index == to.term:", "case got.index > 0:",
			in("./fsm/replica", "TestAskNow"), ""},
		{"a round takes what a voter still owes for its answer", "fsm/replica/confirm.go", "|| !to.sent.IsZero() {\n\t\treturn false", "{\n\t\treturn false",
			in("./fsm/replica", "TestOwedAnswer"), ""},
		{"a follower's word counts in any term", read, "case r.agreed(by, term):", "case r.agreed(by, r.raft.CurrentTerm()):", in("./fsm/replica", "TestOneRoundTrip"), ""},
		{"two of five voters confirm a read", read, "return n == 2 && n > len(voters)/2", "return n == 2", in("./fsm/replica", "TestPairs"), ""},
		{"a node that has lost its past says its term", read, "	if r.guard.Rejoining() {\n		term = 0\n	}\n", "", in("./fsm/replica", "TestTermQuestion"), ""},
		{"a round that counts a minority", "fsm/replica/raftfix/contacts.go", "needed := len(voters)/2 + 1", "needed := len(voters) / 2",
			in("./fsm/replica/raftfix", "TestMajority"), ""},
		{"a new leader is ready before an entry of its term is applied", "fsm/replica/node.go",
			"func (n *node) ready() bool { return n.machine.Applied().Term == n.raft.CurrentTerm() }",
			"func (n *node) ready() bool { return true }", in("./fsm/replica", "TestReady"), ""},
		{"a read that does not wait for its index", read, "err = r.awaitApplied(ctx, got.index)", "_ = got.index", clusters("TestLinearizable"), ""},
		{"the read index is what the leader has applied", read, "index := r.store.Clamp(r.raft.CommitIndex())\n\tif !r.ready() || !ready {",
			"index := r.machine.Applied().Index\n\tif !r.ready() || !ready {", clusters("TestLeaderAppliesLate"), ""},
		{"an applied index that is told before the commit", "fsm/machine.go", "	last := logs[n-1]\n",
			"	last := logs[n-1]\n	m.applied.reach(Position{last.Index, last.Term})\n", in("./fsm", "TestAppliedIsCommitted"), ""},
		{"a key is gone by the reader's clock alone", "fsm/replica/read.go", "if err != nil || !a.Doubted {", "if err != nil || true {",
			in("./cmd/internal/sim", "TestExpiredStaysExpired"), ""},
	}
}

// localMutations let leases and local reads see more of the past than they may.
func localMutations() []mutation {
	const read = "fsm/replica/read.go"
	return []mutation{
		{"a lease ten times as long", read, "r.o.Heartbeat*leaseShare/10", "r.o.Heartbeat*leaseShare", clusters("TestDeposedRead"), ""},
		{"a lease that outlives an offer of leadership", read, " && r.transfer.transferTerm.Load() < term", "", in("./fsm/replica", "TestOfferedLease"), ""},
		{"READONLY reads of any age", "fsm/replica/progress.go", "return time.Since(m.at) <= age", "return true", clusters("TestStaleLocalRead"), ""},
		{"READONLY reads of any age on a leader", read, "time.Since(r.contacts.Majority(term, r.o.ID, r.voters())) <= age", "r.raft.State() == raft.Leader",
			clusters("TestDeposedLocalRead"), ""},
	}
}

// writeMutations answer wrongly.
func writeMutations() []mutation {
	const propose = "fsm/replica/propose.go"
	return []mutation{
		{"an answer before the entry is committed and applied", propose, "		err := f.future.Error()\n		var results fsm.Results\n		if err == nil {\n			results, _ = f.future.Response().(fsm.Results)\n		}",
			"		var err error\n		var results fsm.Results = early(f.parts)", clusters("TestAnswersOfAGroup"),
			"package replica\n\nimport (\n\t\"cairn/fsm\"\n\t\"cairn/fsm/reply\"\n)\n\nfunc early(parts []*proposal) (r fsm.Results) {\n\tfor _, p := range parts {\n\t\tfor range p.calls {\n\t\t\tr = append(r, reply.OK())\n\t\t}\n\t}\n\treturn r\n}\n"},
		{"answers of a group commit swapped", propose, "for _, p := range f.parts {", "for _, p := range reversed(f.parts) {", clusters("TestAnswersOfAGroup"),
			"package replica\n\nimport \"slices\"\n\nfunc reversed(p []*proposal) []*proposal {\n\tslices.Reverse(p)\n\treturn p\n}\n"},
		{"a redirect after an unknown outcome", propose, "if errors.Is(err, raft.ErrNotLeader) ||",
			"if errors.Is(err, raft.ErrLeadershipLost) || errors.Is(err, raft.ErrNotLeader) ||", in("./fsm/replica", "TestWriteError"), ""},
		{"replies of a batch go to the wrong clients", "resp/batch.go", "own, replies = replies[:len(c.run.calls)], replies[len(c.run.calls):]",
			"own, replies = replies[len(replies)-len(c.run.calls):], replies[:len(replies)-len(c.run.calls)]", in("./resp", "TestBatches"), ""},
		{"what comes while a connection is had is not looked at", "resp/ownership.go", "if t.state.CompareAndSwap(owned, ownedWithNews) {", "if true {",
			in("./resp", "TestTurn"), ""},
		{"a redirect to the node itself", propose, " && l.Addr != r.o.Addr {", " {", in("./fsm/replica", "TestNotLeaderYet"), ""},
		{"any secret opens a link", "fsm/replica/link/handshake.go", "if hmac.Equal(proof, l.proof(\"opener\", first, answer)) {", "if len(proof) > 0 {",
			in("./fsm/replica/link", "TestHandshake"), ""},
	}
}

// applyMutations let states differ, from the log or from each other.
func applyMutations() []mutation {
	const machine, txn, flush = "fsm/machine.go", "storage/txn.go", "storage/flush.go"
	const clock = "import \"time\"\n\nfunc localNow() int64 { return time.Now().UnixMilli() }\n"
	return []mutation{
		{"no replay guard", machine, "for at := m.applied.now(); done < len(logs) && logs[done].Index <= at.Index;", "for at := m.applied.now(); done < 0;", in("./fsm", "TestOneLogOneState|TestAppliedTwice"), ""},
		{"an entry that cannot be applied is skipped", machine, "t.Discard()\n\t\t\t\treturn 0, fmt.Errorf(\"entry %d: %w\", l.Index, err)", "results = nil",
			in("./fsm", "TestUnknownEntryStops"), ""},
		{"expiry by the local clock inside Apply", txn, "return expireAt != 0 && expireAt <= t.state.Time }", "return expireAt != 0 && expireAt <= localNow() }",
			[]string{"./storage", "./fsm", "-run", "TestTimes|TestOneLogOneState"}, "package storage\n\n" + clock},
		{"time from the local clock inside Apply", "fsm/run.go", "t.SetTime(e.Time)", "t.SetTime(localNow())", in("./fsm", "TestOneLogOneState"), "package fsm\n\n" + clock},
		{"the log's time runs backwards", txn, "t.state.Time = max(t.state.Time, now)", "t.state.Time = now",
			[]string{"./storage", "-run", "TestTimes"}, ""},
		{"the applied index is committed apart from the data", flush, "err = b.Set([]byte(layout.StateRow), layout.AppendState(nil, p.state), nil)",
			"err = e.db.Set([]byte(layout.StateRow), layout.AppendState(nil, p.state), pebble.NoSync)",
			in("./storage", "TestIndexComesWithData"), ""},
		{"a checksum that is not of its index", machine, "t.Size() < maxBatchBytes && !sum {", "t.Size() < maxBatchBytes {", in("./fsm", "TestChecksumAtIndex"), ""},
		{"a cached row outlives a FLUSHDB", flush, "if d := p.rows.Deleted(); len(d) > 0 {", "if d := p.rows.Deleted(); false {", in("./storage", "TestRowCache"), ""},
		{"a row in Pebble outlives a FLUSHDB", flush, "return deleteRange(b, lo, hi) })", "return nil })", in("./storage", "TestRandom|TestSyncFlushes"), ""},
	}
}

// logMutations lose what the log has promised.
func logMutations() []mutation {
	const log = "storage/raftlog/"
	return []mutation{
		{"log appends are not synced", log + "journal.go", "at := j.writeRecord(b, p)", "at := j.writeRecord(b, nil)", in("./storage/raftlog", "TestAcknowledgedEntriesSurvive"), ""},
		{"a start believes what is not synced", log + "replay.go", "if err := s.writeAgain(l.Num, end); err != nil {",
			"if err := func(int64) error { return nil }(end); err != nil {", in("./storage/raftlog", "TestOpenWrites"), ""},
		{"a torn end stays", log + "replay.go", "io.NewSectionReader(from, 0, end)", "io.NewSectionReader(from, 0, 1<<40)", in("./storage/raftlog", "TestCrashAtEvery|TestFilesGoLate"), ""},
		{"a file of entries goes before that is known", log + "replay.go", "err = b.Commit(pebble.Sync)\n	}\n	if err != nil {\n		return err\n	}\n	unused",
			"err = b.Commit(pebble.NoSync)\n	}\n	if err != nil {\n		return err\n	}\n	unused", in("./storage/raftlog", "TestRandomOperations|TestFilesGoLate"), ""},
		{"votes are not synced", log + "stable.go", "s.db.Set(pkey, encodeStable(pkey, value), pebble.Sync)",
			"s.db.Set(pkey, encodeStable(pkey, value), pebble.NoSync)", in("./storage/raftlog", "TestStable|TestCrash|TestAcknowledged"), ""},
		{"a leader applies what its disk does not have", "fsm/replica/raftfix/parallellog.go", "for d.mu.synced < index {", "for false {", in("./fsm/replica/raftfix", "TestEarly"), ""},
		{"followers are told of what is not synced", "fsm/replica/raftfix/pipeline.go", "req.LeaderCommitIndex = p.clamp(req.LeaderCommitIndex)\n", "", in("./fsm/replica/raftfix", "TestPipelineClamps"), ""},
		{"a node answers for what its disk does not have", "fsm/replica/raftfix/transport.go", "		t.store.awaitEarly()\n", "", in("./fsm/replica/raftfix", "TestAnswersWhenSynced"), ""},
		{"a deleted entry counts for the next one", "fsm/replica/raftfix/parallellog.go", "min(d.mu.synced, first-1)", "d.mu.synced", in("./fsm/replica/raftfix", "TestEarlyGone"), ""},
		{"a cut tail is not synced", log + "truncate.go", "s.remove(entryKey(lo), entriesEnd(), new(pending))",
			"s.remove(entryKey(lo), entriesEnd(), nil)", in("./storage/raftlog", "TestTailDeletion"), ""},
		{"the log is cut one entry too far", log + "truncate.go", "s.remove(entryKey(physical), entryKey(end), nil)",
			"s.remove(entryKey(physical), entryKey(end+1), nil)", in("./storage/raftlog", "TestHeadTruncation"), ""},
		{"the log is cut before the state is synced", "cmd/node/node.go", "Durable: n.store.Durable", "Durable: nil", in("./cmd/node", "TestPowerCutAfterTruncation"), ""},
		{"a file of entries keeps what it does not need", log + "journal.go", "if j.fs != vfs.Default {", "if true {", in("./storage/raftlog", "TestFilesTakeWhatTheyAre"), ""},
		{"large entries stay on the disk", log + "truncate.go", " || s.journal.frees(end)", "", in("./storage/raftlog", "TestLargeEntriesLeaveTheDisk"), ""},
		{"the log is bounded in entries only", "fsm/replica/retention.go", "min(r.o.TrailingLogs, max(leastTrailing, r.o.Log.Within(r.o.LogBytes)))", "r.o.TrailingLogs",
			in("./fsm/replica", "TestLogBytes"), ""},
		{"a log that is retained whole is cut for its length", "fsm/replica/retention.go", "if !r.retainsAll() {", "if true {", in("./fsm/replica", "TestLogBytes"), ""},
		{"a damaged entry is believed", log + "layout.go", "if got, want := checksum(pkey, v[:n]), binary.BigEndian.Uint32(v[n:]); got != want {",
			"if got, want := checksum(pkey, v[:n]), binary.BigEndian.Uint32(v[n:]); got == want+1 {", in("./storage/raftlog", "TestEveryFlippedBit"), ""},
		{"a node whose log has lost its end goes on", "cmd/node/node.go", "	if err := n.fitEnd(); err != nil {\n		return err\n	}\n", "", in("./cmd/node", "TestFit"), ""},
		{"a snapshot that comes late empties the log", "fsm/replica/raftfix/appendfilter.go", "held, err = t.appends.holds(req.LastLogIndex, req.LastLogTerm)", "held = false",
			in("./fsm/replica", "TestLateSnapshot"), ""},
		{"a request commits more than it is about", "fsm/replica/raftfix/appendfilter.go", "	limitCommit(req)\n", "", in("./fsm/replica", "TestCommitBound"), ""},
	}
}

// storeMutations lose or mix up states.
func storeMutations() []mutation {
	const ring, row = "storage/rowcache/ring.go", "storage/memtable/row.go"
	return []mutation{
		{"the snapshot record is ahead of the data", "fsm/snapshot.go", "		return k.s.save(k.record)\n", "		k.record.Index += 3\n		return k.s.save(k.record)\n",
			in("./fsm", "TestRecordIsOfWhatIsApplied"), ""},
		{"the snapshot record may move back", "fsm/snapshot.go", "if ok && old.Index > r.Index {", "if _ = old; ok && false {", in("./fsm", "TestSuperseded"), ""},
		{"a received state is named before it is complete", "storage/stage.go", "	r, w := io.Pipe()\n", "	if err := s.setCurrent(g.name); err != nil {\n		return nil, err\n	}\n	r, w := io.Pipe()\n",
			in("./storage", "TestStageLife|TestCutStream|TestCrashInAdopt"), ""},
		{"a flush that fails is tried again at once", "storage/background/work.go", "		p.work.flush.wait()\n", "", in("./storage/background", "TestOpenOnFullDisk|TestFlushOnFullDisk"), ""},
		{"a compaction that fails is tried again at once", "storage/background/work.go", " && c.compact.left() <= 0", "", in("./storage/background", "TestCompactionOnFullDisk"), ""},
		{"a store is opened without room", "storage/background/space.go", "u.AvailBytes < needed", "false", in("./storage", "TestFullDisk"), ""},
		{"what long rows wrote is never synced", "storage/flush.go", "e.unsynced > writtenOver*e.bufferBytes", "false", in("./storage", "TestLongRowsAreSynced"), ""},
		{"a received state is not named", "storage/adopt.go", "if err := s.setCurrent(e.name); err != nil {", "if err := error(nil); err != nil {", in("./storage", "TestCrashInAdopt"), ""},
		{"a received file is not synced", "storage/stage.go", "err = f.Sync()", "err = nil", in("./storage", "TestAdoptedIsDurable"), ""},
		{"a damaged stream is believed", "storage/stage.go", "if got := binary.BigEndian.Uint32(n[:]); got != want {", "if got := want; got != want {", in("./storage", "TestFlippedBits"), ""},
		{"a stream without the newest commits", "storage/checkpoint.go", "pebble.WithFlushedWAL()", "pebble.WithRestrictToSpans(nil)", in("./storage", "TestRoundTrip"), ""},
		{"a stream without what waits in memory", "storage/checkpoint.go", "e.flush(pebble.NoSync, nil)", "error(nil)", in("./storage", "TestCheckpointHasNewest"), ""},
		{"a sync leaves what waits in memory", "storage/store.go", "e.flush(pebble.Sync, nil)", "e.db.LogData(nil, pebble.Sync)", in("./storage", "TestSyncFlushes"), ""},
		{"nobody notes how far the state has got", "storage/flush.go", "	notify(e.reached.grown)\n", "", in("./storage", "TestReached"), ""},
		{"a flush takes half a transaction along", "storage/flush.go", "	e.committing.lock()\n	e.writing.lock()\n	defer e.writing.unlock()\n	p, err := e.seal()\n	e.committing.unlock()\n",
			"	e.writing.lock()\n	defer e.writing.unlock()\n	p, err := e.seal()\n", in("./storage", "TestTogether|TestRandom"), ""},
		{"a version that a view shows is thrown away", row, "if r.seq <= oldest {", "if true {",
			[]string{"./storage", "./storage/memtable", "-run", "TestFlushMeanwhile|TestRowVersions"}, ""},
		{"a key row is looked up before its collection is written", "storage/locator.go", "	if t.writeDeferred(); t.failed != nil {\n		return nil, t.failed\n	}\n", "", in("./storage/list", "TestModel"), ""},
		{"a list that comes back goes on counting its nodes", "storage/tree/edit.go", "	e.next = 1\n", "", in("./storage/list", "TestModel"), ""},
		{"a joined node keeps a separator that counted for nothing", "storage/tree/edit.go", "		moved[0].separator, moved[0].cut = right.separator, right.cut // that of a first child counted for nothing\n", "", in("./storage/tree", "TestJoinInner"), ""},
		{"a cut separator is taken for a whole one", "storage/tree/tree.go", "!c.cut || !bytes.HasPrefix(key, c.separator)", "true", in("./storage/tree", "TestModel"), ""},
		{"a node that goes stays stored", "storage/tree/edit.go", "			n.part.Remove()\n", "", in("./storage/list", "TestModel"), ""},
		{"a discarded transaction leaves its rows", "storage/txn.go", "if !t.kept && t.size > 0 {", "if false {", in("./storage", "TestRandom"), ""},
		{"a view reads what came after it from the buffer", row, "case r.seq <= seq:", "case r.seq != undone:", in("./storage", "TestFlushMeanwhile"), ""},
		{"a reader fills the cache with a row of before the one it has dropped", ring, "s.forgotten = max(s.forgotten, s.since(at))", "", in("./storage/rowcache", "TestRing"), ""},
		{"a row too long for the cache leaves the shorter one of before to a reader", ring, "		s.forgotten = s.newest\n		return", "		return", in("./storage/rowcache", "TestRing"), ""},
		{"a view reads what came after it from the cache", ring, "!ok || s.since(at) > seq", "!ok", in("./storage/rowcache", "TestRing"), ""},
		{"what is asked for is dropped like all else", ring, "mark.Or(bit)", "_ = bit", in("./storage/rowcache", "TestRing"), ""},
		{"a freed bucket hides the rows behind it", "storage/hashtable/buckets.go", "if (j-s[j].Tag)&mask >= (j-i)&mask {", "if false {", in("./storage/rowcache", "TestRing"), ""},
		{"who reads the cache sees what becomes of its memory", ring, "to.Copy(s.rowValue(at)), true", "s.rowValue(at), true", in("./storage/rowcache", "TestRingCopies"), ""},
		{"a row that was asked for once stays for ever", ring, "		s.unmark(to)\n", "", in("./storage/rowcache", "TestRingForgets"), ""},
		{"a row that was asked for ahead hides what was written since", "storage/txn.go", "p.row, p.pkey, t.seq); known {", "p.row, p.pkey, t.seq); known && !p.asked {", in("./storage", "TestExpect"), ""},
		{"a row that was asked for ahead is there after its range was deleted", "storage/expect.go", "; !deleted {", "; !deleted || deleted {", in("./storage", "TestAskedAheadBehind"), ""},
		{"a range that is deleted takes along what is written after it", "storage/txn.go", "	t.seq++ // what", "	// what", in("./storage", "TestRandom|TestExpect"), ""},
		{"a view sees what was deleted with a range after it", "storage/memtable/deletions.go", "		if s <= seq {\n			return s", "		if true {\n			return s", in("./storage", "TestFlushMeanwhile"), ""},
		{"a discarded transaction leaves its deleted ranges", "storage/memtable/memtable.go", "t.Deleted().before(seq); len(d)", "t.Deleted(); len(d)", in("./storage", "TestRandom"), ""},
		{"a flush writes rows that were deleted with their range", "storage/memtable/memtable.go", "d != nil && since > 0 && d.Newest(r.Key(), undone) >= since {", "d != nil && false {", in("./storage", "TestRandom|TestRowCache"), ""},
		{"a scan finds in Pebble what was deleted with a range since", "storage/rowiter.go", "; deleted {\n				r.stored", "; deleted && false {\n				r.stored", in("./storage", "TestRandom|TestFlushMeanwhile"), ""},
		{"a reader fills the cache with a row whose range was deleted since", ring, "	s.forgotten = s.newest\n}", "}", in("./storage/rowcache", "TestRing"), ""},
		{"the marker of a long row is taken for the row", "storage/expect.go", " || len(v) > 0 && layout.IsChunked(v)", "", in("./storage", "TestAskedAhead"), ""},
		{"a collection's parts outlive it", "storage/keys/keys.go", "	if err := h.moveParts(0); err != nil {", "	if err := error(nil); err != nil {", in("./storage/keys", "TestParts"), ""},
		{"a renamed collection loses its parts", "storage/keys/parts.go", "	h.parts = 0 // they are dst's\n", "", in("./storage/keys", "TestParts"), ""},
		{"two collections have one id", "storage/txn.go", "	t.state.Parts++\n", "	t.state.Parts = max(t.state.Parts, 1)\n", in("./storage/keys", "TestParts"), ""},
		{"a locator that was peeked at hides what was written since", "storage/locator.go", "if p.row == nil || !bytes.Equal(p.row.Key(), p.pkey) {", "if p.row != nil && !bytes.Equal(p.row.Key(), p.pkey) {", in("./storage", "TestExpect"), ""},
		{"what waits for Pebble is bounded by buffer only", "storage/flush.go", "e.over(2, e.newest().bufs)", "e.over(2, [2]*memtable.Table{e.newest().bufs[0]})", in("./storage", "TestBehind"), ""},
	}
}

// electionMutations let the wrong node lead.
func electionMutations() []mutation {
	const ballot = "fsm/replica/raftfix/voteguard.go"
	return []mutation{
		{"a node with a lost disk votes", ballot, "case b.rejoining.Load():", "case false:", []string{"./fsm/replica/raftfix", "./cmd/internal/clustertest", "-run", "TestVoteGuard|TestLostDisk"}, ""},
		{"a restarted node votes at once", ballot, "case !transfer && time.Now().Before(b.until):", "case false && transfer:", in("./fsm/replica/raftfix", "TestVoteGuard"), ""},
		{"a node forgets that it has lost its disk", ballot, "if b.mu.origin, err = b.log.GetUint64(OriginKey); b.mu.origin == originRejoining {",
			"if b.mu.origin, err = b.log.GetUint64(OriginKey); false {", in("./fsm/replica/raftfix", "TestVoteGuard"), ""},
		{"an only voter never waits for a lease to end", "fsm/replica/solevoter.go", "return first || noted != 0, nil", "return first || noted < 2, nil",
			in("./fsm/replica", "TestStandsAtOnce"), ""},
		{"an only voter's note outlives a change of members", "fsm/replica/solevoter.go", "err = a.log.SetUint64(soleVoterKey, 0)", "err = nil", in("./fsm/replica", "TestRecordsSoleVoter"), ""},
		{"members that are not committed are taken for settled", "fsm/replica/configuration.go", "slices.Equal(all[0].Configuration.Servers, m.servers)", "slices.Equal(m.servers, m.servers)",
			in("./fsm/replica", "TestUnsettled"), ""},
		{"a change of members rests on any configuration", "fsm/replica/configuration.go", "m.index = all[0].ConfigurationIndex", "m.index = 0", in("./fsm/replica", "TestSettled"), ""},
	}
}
