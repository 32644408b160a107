package replica

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
)

// probePause is how often a node asks the others how far they are.
const probePause = time.Second

// progress is what this node knows of the others from asking them: whether they answer, and how far they have applied.
type progress struct {
	*node
	links      *link.Links
	contacts   *raftfix.Contacts
	index      *readIndex
	lastLeader atomic.Value // string: the id of the newest leader known

	mu struct {
		sync.Mutex
		members map[raft.ServerID]memberProgress
		marks   []freshnessMark // the newest of them, in the order of their times
	}
}

// freshnessMark says that a state that has applied index shows everything acknowledged before a time.
type freshnessMark struct {
	index uint64
	at    time.Time
}

// maxMarks bounds how many marks wait for this node to reach them.
const maxMarks = 64

// memberProgress is what is known of a member from asking it.
type memberProgress struct {
	answered bool
	applied  uint64    // at least
	lag      uint64    // entries that it lacked when it answered, of those that this node had applied when it asked
	heard    time.Time // when it answered last
	err      error     // why it did not answer
	silent   time.Time
	said     int // lines that say that it does not answer
}

// behind returns Member.Lag on a node that has applied an entry: what has been written since the member was asked is
// not held against it, as long as it answers.
func (m memberProgress) behind(applied uint64) uint64 {
	if m.answered {
		return m.lag
	}
	return applied - min(applied, m.applied)
}

// lastContact returns Member.LastContact; beat is when the newest heartbeat was sent that the member has answered.
func (m memberProgress) lastContact(beat time.Time) time.Duration {
	last := m.heard
	if beat.After(last) {
		last = beat
	}
	if last.IsZero() {
		return -1
	}
	return time.Since(last)
}

func newProgress(n *node, l *link.Links, c *raftfix.Contacts, x *readIndex) *progress {
	p := &progress{node: n, links: l, contacts: c, index: x}
	p.lastLeader.Store("")
	p.mu.members = make(map[raft.ServerID]memberProgress)
	return p
}

// probeMembers asks every other member how far it is once a second, each over its own link, and a follower asks the
// leader for a read index as well. Nothing less makes a mark, but what lead knows: a leader that has been deposed does
// not know what was acknowledged since, and one that has just been elected has not applied what was acknowledged
// before.
func (p *progress) probeMembers() {
	askers := map[raft.ServerID]*asker{}
	defer func() {
		for _, a := range askers {
			a.closeConn()
		}
	}()
	pause := min(p.o.paced(probePause), p.o.MaxStaleness/4)
	for ok := true; ok; {
		next := pause
		changed := p.changed.Next() // a new leader is asked at once
		var wg sync.WaitGroup
		if p.raft.State() != raft.Leader {
			wg.Go(p.probeLeader)
		} else if !p.markAsLeader() {
			next = pause / 10 // it has just begun to lead
		}
		for _, s := range p.servers() {
			if string(s.ID) == p.o.ID {
				continue
			}
			a := askers[s.ID]
			if a == nil {
				a = &asker{l: p.links}
				askers[s.ID] = a
			}
			wg.Go(func() { p.probe(a, s) })
		}
		wg.Wait()
		ok = p.pause(next, changed) || p.ctx.Err() == nil
	}
}

func (p *progress) leaderKnown() bool {
	_, ok := p.leaderAt()
	return ok
}

// markAsLeader makes a mark on a leader, for when it leads no more: what was acknowledged before a majority last
// followed it, it has acknowledged, or an earlier leader, and it has applied that. It is false where nothing is known
// yet.
func (p *progress) markAsLeader() bool {
	term := p.raft.CurrentTerm()
	heard := p.contacts.Majority(term, p.o.ID, p.voters())
	at := p.machine.Applied()
	if at.Term != term || heard.IsZero() || p.raft.State() != raft.Leader {
		return false
	}
	p.mark(freshnessMark{at.Index, heard})
	return true
}

func (p *progress) probe(a *asker, s raft.Server) {
	ctx, cancel := context.WithTimeout(p.ctx, p.o.paced(probePause))
	defer cancel()
	own := p.machine.Applied().Index
	got, err := a.query(ctx, raftfix.Located(s), askProgress)
	p.mu.Lock()
	now := p.mu.members[s.ID].asked(own, got.index, err)
	if err == nil {
		now.heard = time.Now()
	}
	if p.ctx.Err() == nil {
		now = p.logAway(s, now)
	}
	p.mu.members[s.ID] = now
	p.mu.Unlock()
}

// asked returns what is known of a member once it has answered that it has applied an entry, or has not answered. own
// is what this node had applied when it asked.
func (m memberProgress) asked(own, applied uint64, err error) memberProgress {
	m.answered, m.err = err == nil, err
	if err == nil {
		m.applied, m.lag = max(m.applied, applied), own-min(own, applied)
	}
	return m
}

// longAway is how long a member may not answer before that is a warning.
const longAway = 10 * time.Second

// logAway logs that a member does not answer, and that it answers again. While no leader is known, serving.logMissing
// says it.
func (p *progress) logAway(s raft.Server, now memberProgress) memberProgress {
	away := time.Since(now.silent)
	switch {
	case now.answered:
		if now.said > 0 {
			p.log.Info("a member answers again", "peer", string(s.ID), "dur", away.Round(time.Millisecond))
		}
		now.silent, now.said = time.Time{}, 0
		return now
	case now.silent.IsZero():
		now.silent = time.Now()
		return now
	}
	level, line := slog.LevelInfo, 1
	switch {
	case away >= longAway:
		level, line = slog.LevelWarn, 2
	case away < p.o.paced(probePause)/2:
		return now
	}
	if line > now.said && p.leaderKnown() {
		now.said = line
		p.log.Log(p.ctx, level, "a member does not answer", "peer", string(s.ID), "addr", string(s.Address),
			"dur", away.Round(time.Millisecond), "err", inShort(now.err))
	}
	return now
}

// probeLeader asks the leader what a state must have applied that is not older than this moment.
func (p *progress) probeLeader() {
	asked := time.Now()
	if got, err := p.index.remote.join(false); err == nil {
		p.mark(freshnessMark{got.index, asked})
	}
}

func (p *progress) mark(m freshnessMark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mu.marks) == maxMarks {
		p.mu.marks = slices.Delete(p.mu.marks, 0, 1)
	}
	p.mu.marks = append(p.mu.marks, m)
}

// fresh reports whether a state that has applied index is at most so old. Contact with a leader would not show that:
// heartbeats come through where entries do not, as on a full disk.
func (p *progress) fresh(index uint64, age time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, m := range slices.Backward(p.mu.marks) {
		if m.index <= index {
			p.mu.marks = slices.Delete(p.mu.marks, 0, i) // the older ones say nothing more
			return time.Since(m.at) <= age
		}
	}
	return false
}

func (p *progress) of(id raft.ServerID) memberProgress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.members[id]
}

// Status returns what this node knows of itself and of the cluster now.
func (r *Replica) Status() Status {
	state := r.machine.State()
	leader, _ := r.leaderAt()
	s := Status{
		ID: r.o.ID, NodeID: NodeID(r.o.ID), Cluster: state.Cluster, Standing: r.Standing(),
		State: stateName(r.raft.State()), LeaderID: leader.ID, LeaderAddr: leader.Addr,
		Term: r.raft.CurrentTerm(), AppliedIndex: r.machine.Applied().Index,
		LogStatus: LogStatus{CommitIndex: r.raft.CommitIndex(), LastLogIndex: r.raft.LastIndex(), LogBytes: r.o.Log.Size()},
		Figures: Figures{
			Databases: state.Databases, RowCacheBytes: r.machine.RowCacheBytes(), ExpiredKeys: r.expiry.expired.Load(),
			Snapshots: r.snapshots.Count(), Reads: r.index.reads.Load(), Entries: r.proposer.entries.Load(),
			Hits: r.reader.hits.Load(), Misses: r.reader.misses.Load(),
		},
	}
	leads := s.State == "leader"
	s.Ready = leads && r.ready()
	if heard := r.raft.LastContact(); heard.IsZero() && !leads {
		s.LastContact = -1
	} else if !leads {
		s.LastContact = time.Since(heard)
	}
	if metas, err := r.snapshots.List(); err == nil && len(metas) > 0 {
		s.SnapshotIndex = metas[0].Index
	}
	s.Streams = r.retention.streams.All()
	s.Members = r.progress.members(s.AppliedIndex)
	for _, m := range s.Members {
		if m.Voter {
			s.Voters++
		}
	}
	return s
}

func (p *progress) members(applied uint64) []Member {
	leader, _ := p.lastLeader.Load().(string)
	var members []Member
	for _, server := range p.servers() {
		id := string(server.ID)
		m := Member{
			ID: id, NodeID: NodeID(id), Addr: string(server.Address), Voter: server.Suffrage == raft.Voter,
			Leader: id == leader, Self: id == p.o.ID, Connected: true,
		}
		if !m.Self {
			seen := p.of(server.ID)
			m.Connected, m.Applied, m.Lag = seen.answered, seen.applied, seen.behind(applied)
			m.LastContact = seen.lastContact(p.contacts.Of(p.raft.CurrentTerm(), server.ID))
		}
		members = append(members, m)
	}
	return members
}

func stateName(s raft.RaftState) string {
	switch s {
	case raft.Leader:
		return "leader"
	case raft.Candidate:
		return "candidate"
	case raft.Shutdown:
		return "shutdown"
	}
	return "follower"
}
