package fsm

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/storage"
	"cairn/storage/layout"
)

// randomLog is a log of n entries whose commands are not idempotent, with expiries that come due on the way.
func randomLog(rng *rand.Rand, n int) []*raft.Log {
	key := func() string { return fmt.Sprintf("k%d{%d}", rng.IntN(30), rng.IntN(3)) }
	now := int64(1_700_000_000_000)
	command := func() []string {
		switch rng.IntN(22) {
		case 17:
			return scored("zadd", "z"+key(), fmt.Sprint(rng.IntN(3)), rng.IntN(150)+1)
		case 18:
			return []string{"zadd", "z" + key(), "incr", fmt.Sprint(rng.IntN(9), ".1"), fmt.Sprint("f0", rng.IntN(150))}
		case 19:
			return []string{[]string{"zpopmin", "zpopmax"}[rng.IntN(2)], "z" + key(), fmt.Sprint(rng.IntN(30))}
		case 20:
			return []string{"zunionstore", "z" + key(), "2", "z" + key(), "z" + key(), "weights", "1.1", "0.3"}
		case 21:
			return []string{"geosearchstore", "z" + key(), "z" + key(), "fromlonlat", "1", "2", "byradius", "9000", "km", "storedist"}
		case 13:
			return []string{"hset", "h" + key(), fmt.Sprint("f", rng.IntN(200)), fmt.Sprint(rng.IntN(100))}
		case 14:
			return fields("hset", "h"+key(), fmt.Sprint(rng.IntN(3)), rng.IntN(200)+1)
		case 15:
			return fields("hdel", "h"+key(), fmt.Sprint(rng.IntN(3)), rng.IntN(200)+1)
		case 16:
			return []string{[]string{"rename", "copy"}[rng.IntN(2)], "h" + key(), "h" + key()}
		case 0:
			return []string{"append", key(), fmt.Sprint(rng.IntN(10))}
		case 1, 2:
			return []string{"incrby", "n" + key(), fmt.Sprint(rng.IntN(100))}
		case 3:
			return []string{"set", key(), fmt.Sprint(rng.Uint32()), "px", fmt.Sprint(1 + rng.IntN(400))}
		case 4:
			return []string{"getdel", key()}
		case 5:
			return []string{"rename", key(), key()}
		case 6:
			return []string{"setrange", key(), fmt.Sprint(rng.IntN(20)), "xyz"}
		case 7:
			return []string{"copy", key(), key(), "db", fmt.Sprint(rng.IntN(3)), "replace"}
		case 8:
			return []string{"swapdb", fmt.Sprint(rng.IntN(3)), fmt.Sprint(rng.IntN(3))}
		case 9:
			return []string{"cairn.sweep", "3"}
		case 10:
			return []string{"pexpire", key(), fmt.Sprint(rng.IntN(300) - 50)}
		case 11:
			if rng.IntN(20) == 0 {
				return []string{"flushdb"}
			}
			return []string{"incrbyfloat", "f" + key(), "0.1"}
		}
		return []string{"set", key(), fmt.Sprint(rng.Uint32())}
	}
	var logs []*raft.Log
	for i := range n {
		l := &raft.Log{Index: uint64(i + 1), Term: uint64(1 + i/97), Type: raft.LogCommand}
		if rng.IntN(12) == 0 {
			l.Type = raft.LogNoop // the machine never sees it: an index is missing from its log
			logs = append(logs, l)
			continue
		}
		e := entry.Entry{Time: now + rng.Int64N(50) - 10, Seed: rng.Uint64()}
		now += rng.Int64N(30)
		for range 1 + rng.IntN(3) {
			g := entry.Group{}
			for range 1 + rng.IntN(3) {
				c := entry.Call{DB: uint8(rng.IntN(3))}
				for _, w := range command() {
					c.Argv = append(c.Argv, []byte(w))
				}
				g.Calls = append(g.Calls, c)
			}
			e.Groups = append(e.Groups, g)
		}
		l.Data = entry.Append(nil, e)
		logs = append(logs, l)
	}
	return slices.DeleteFunc(logs, func(l *raft.Log) bool { return l.Type == raft.LogNoop })
}

// digest sums up the logical content of a store.
func digest(t *testing.T, s *storage.Store) storage.Checksum {
	t.Helper()
	v, err := s.View(0)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := v.Checksum(t.Context())
	if err := errors.Join(err, v.Close()); err != nil {
		t.Fatal(err)
	}
	return sum
}

// world is one machine with its disk, which may crash.
type world struct {
	t     *testing.T
	disk  *vfs.MemFS
	store *storage.Store
	m     *Machine
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, disk: vfs.NewCrashableMem()}
	w.open()
	t.Cleanup(func() { w.store.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	s, err := storage.Open("/state", storage.Options{FS: w.disk, MemTableBytes: 1 << 20})
	if err != nil {
		w.t.Fatal(err)
	}
	w.store, w.m = s, New(Options{Store: s})
}

// crash loses a part of what was not synced.
func (w *world) crash(rng *rand.Rand) {
	w.disk = w.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
	_ = w.store.Close() // of the disk that is left behind
	w.open()
}

func (w *world) restart() {
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// snapshot takes one as hashicorp/raft does, covering what is applied.
func (w *world) snapshot() *Snapshots {
	w.t.Helper()
	ss := NewSnapshots(w.store)
	at := w.m.Applied()
	sink, err := ss.Create(1, at.Index, at.Term, raft.Configuration{}, 1, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	snap, err := w.m.Snapshot()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := snap.Persist(sink); err != nil {
		w.t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		w.t.Fatal(err)
	}
	return ss
}

// restoreFrom streams a snapshot of another machine into w.
func (w *world) restoreFrom(from *world) {
	w.t.Helper()
	metas, err := from.snapshot().List()
	if err != nil || len(metas) != 1 {
		w.t.Fatalf("list: %v, %v", metas, err)
	}
	meta, stream, err := NewSnapshots(from.store).Open(metas[0].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	defer stream.Close()
	ss := NewSnapshots(w.store)
	sink, err := ss.Create(1, meta.Index, meta.Term, meta.Configuration, meta.ConfigurationIndex, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if n, err := io.Copy(sink, stream); err != nil || n != meta.Size {
		w.t.Fatalf("copied %d of %d bytes: %v", n, meta.Size, err)
	}
	if err := sink.Close(); err != nil {
		w.t.Fatal(err)
	}
	_, received, err := ss.Open(sink.ID())
	if err != nil {
		w.t.Fatal(err)
	}
	defer received.Close()
	if err := w.m.Restore(received); err != nil {
		w.t.Fatal(err)
	}
}

// TestOneLogOneState applies one log in many batchings, with restarts, crashes and restores in between: one checksum.
// After a crash or a restore the log is applied again from before; what is applied already must be skipped.
func TestOneLogOneState(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	logs := fragmented(rng, randomLog(rng, 600))

	plain := newWorld(t)
	for _, l := range logs {
		plain.m.Apply(l)
	}
	want := digest(t, plain.store)

	for run := range 6 {
		w := newWorld(t)
		ahead := newWorld(t) // a leader that w restores from
		for i := 0; i < len(logs); {
			n := min(1+rng.IntN(40), len(logs)-i)
			apply := func(logs []*raft.Log) { w.m.ApplyBatch(logs) }
			if rng.IntN(2) == 0 {
				apply = w.m.Replay
			}
			apply(logs[i : i+n])
			i += n
			switch rng.IntN(6) {
			case 0:
				w.restart()
			case 1:
				w.snapshot()
				w.crash(rng)
				i = max(0, i-rng.IntN(60)) // Raft replays from its snapshot, which may be older than the state
				for i > 0 && logs[i-1].Index > w.m.Applied().Index {
					i-- // and must replay all that the crash took
				}
			case 2:
				if ahead.m.Applied().Index < logs[i-1].Index {
					ahead.m.ApplyBatch(logs[:min(len(logs), i+rng.IntN(30))])
				}
				w.restoreFrom(ahead)
			}
		}
		if got := digest(t, w.store); got != want {
			t.Errorf("run %d of seed %d: the state differs from that of one plain run", run, seed)
		}
	}
}

// TestAppliedTwice: an entry at or below the applied index changes nothing, though its command is not idempotent.
func TestAppliedTwice(t *testing.T) {
	w := newWorld(t)
	l := &raft.Log{Index: 7, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, entry.Entry{
		Groups: []entry.Group{{Calls: []entry.Call{{Argv: [][]byte{[]byte("incr"), []byte("n")}}}}},
	})}
	first, _ := w.m.Apply(l).(Results)
	if len(first) != 1 || first[0].Int != 1 {
		t.Fatalf("INCR answers %v", first)
	}
	if again := w.m.Apply(l); again != nil {
		t.Errorf("the second time it answers %v", again)
	}
	a, err := w.m.Query(0, 0, []entry.Call{{Argv: [][]byte{[]byte("get"), []byte("n")}}})
	if err != nil || string(a.Replies[0].Str) != "1" {
		t.Errorf("the counter is %v, %v", a.Replies, err)
	}
}

// TestContradictionStops: an entry that the state holds already was not one of a later term. Else entries that it
// holds are missing from the log, which goes on where the state does not know it.
func TestContradictionStops(t *testing.T) {
	at := func(index, term uint64) *raft.Log {
		return &raft.Log{Index: index, Term: term, Type: raft.LogConfiguration}
	}
	for name, l := range map[string]*raft.Log{"another entry": at(7, 2), "a later term before": at(6, 4), "the same again": at(7, 3)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.m.Apply(at(7, 3))
			defer func() {
				if stopped := recover() != nil; stopped != (name != "the same again") {
					t.Errorf("stopped: %v", stopped)
				}
			}()
			w.m.Apply(l)
		})
	}
}

// TestUnknownEntryStops: an entry that this program cannot apply must not be skipped.
func TestUnknownEntryStops(t *testing.T) {
	for name, data := range map[string][]byte{
		"version": {99},
		"command": entry.Append(nil, entry.Entry{Groups: []entry.Group{{Calls: []entry.Call{{Argv: [][]byte{[]byte("nosuch")}}}}}}),
		"arity":   entry.Append(nil, entry.Entry{Groups: []entry.Group{{Calls: []entry.Call{{Argv: [][]byte{[]byte("get")}}}}}}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer func() {
				if recover() == nil {
					t.Error("the machine went on")
				}
			}()
			w.m.Apply(&raft.Log{Index: 1, Term: 1, Type: raft.LogCommand, Data: data})
		})
	}
}

// TestSupersededRecord: a snapshot that was begun before a restore must not move the record back behind it.
func TestSupersededRecord(t *testing.T) {
	w := newWorld(t)
	ss := NewSnapshots(w.store)
	w.m.Apply(tickLog(10))
	save := func(index uint64) error { return ss.save(layout.Record{Index: index, Term: 1}) }
	if err := save(10); err != nil {
		t.Fatal(err)
	}
	if err := save(9); err == nil {
		t.Error("the record went back")
	}
	if r, _, _ := w.store.Record(); r.Index != 10 {
		t.Errorf("the record is at %d, want 10", r.Index)
	}
}
