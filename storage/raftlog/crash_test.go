package raftlog

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// crashed opens a copy of fs as a crash would leave it now: everything synced, and a share of what was not.
func crashed(t testing.TB, fs *vfs.MemFS, unsyncedPercent int, seed uint64, o Options) *Store {
	t.Helper()
	return mustOpen(t, crashClone(fs, unsyncedPercent, seed), o)
}

func crashClone(fs *vfs.MemFS, unsyncedPercent int, seed uint64) *vfs.MemFS {
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsyncedPercent, RNG: rand.New(rand.NewPCG(seed, 1))})
}

// crashPoint is what a crash before one operation of the file system would leave.
type crashPoint struct {
	op        errorfs.Op
	fs        *vfs.MemFS
	done, try int // steps acknowledged, and steps begun
}

// crashScript runs steps one after another and collects a crash point before every write operation of the file system,
// or, if crashes leave only what was synced, before every sync.
type crashScript struct {
	mu struct {
		sync.Mutex
		done, try int
		points    []crashPoint
	}
	mem             *vfs.MemFS
	unsyncedPercent int
	states          []map[uint64]uint64 // terms by index: before the first step, and after each
}

func isSync(op errorfs.Op) bool {
	return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
}

func (c *crashScript) before(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead || c.unsyncedPercent == 0 && !isSync(op) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clones := 1
	if c.unsyncedPercent%100 != 0 && isSync(op) {
		clones = 8 // what survives is random, and most is at stake just before a sync
	}
	for range clones {
		clone := crashClone(c.mem, c.unsyncedPercent, uint64(len(c.mu.points)))
		c.mu.points = append(c.mu.points, crashPoint{op, clone, c.mu.done, c.mu.try})
	}
	return nil
}

// run does one step, after which the entries lo..hi have the given term, or are gone if it is 0.
func (c *crashScript) run(t *testing.T, lo, hi, term uint64, step func() error) {
	t.Helper()
	state := maps.Clone(c.states[len(c.states)-1])
	if state == nil {
		state = make(map[uint64]uint64)
	}
	for i := lo; i <= hi; i++ {
		state[i] = term
		if term == 0 {
			delete(state, i)
		}
	}
	c.states = append(c.states, state)
	c.mu.Lock()
	c.mu.try++
	c.mu.Unlock()
	if err := step(); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.mu.done = c.mu.try
	c.mu.Unlock()
}

// TestCrashAtEveryFileOperation crashes before every single write, sync, create, rename and remove of a script, and
// expects the log as some step left it, between the last acknowledged and the last begun; only the first index may be
// that of an earlier step.
func TestCrashAtEveryFileOperation(t *testing.T) {
	for _, percent := range []int{0, 50, 100} {
		t.Run(fmt.Sprintf("unsynced=%d", percent), func(t *testing.T) {
			c := &crashScript{mem: vfs.NewCrashableMem(), unsyncedPercent: percent, states: []map[uint64]uint64{nil}}
			o := Options{TruncateEvery: 20}
			fs := errorfs.Wrap(c.mem, errorfs.InjectorFunc(c.before))
			var s *Store
			open := func() error { s = mustOpen(t, fs, o); return nil }
			flush := func() error { return s.db.Flush() }
			closed := func() error { return s.Close() }
			store := func(lo, hi, term uint64) {
				c.run(t, lo, hi, term, func() error { return s.StoreLogs(makeEntries(lo, hi, term)) })
			}
			remove := func(lo, hi uint64) {
				c.run(t, lo, hi, 0, func() error { return s.DeleteRange(lo, hi) })
			}

			c.run(t, 1, 0, 0, open)
			store(1, 10, 1)
			store(11, 40, 1)
			c.run(t, 1, 0, 0, flush)
			remove(1, 10)  // logical
			remove(11, 25) // physical
			store(41, 60, 1)
			remove(50, 60) // conflict
			store(50, 52, 2)
			c.run(t, 1, 0, 0, closed)
			c.run(t, 1, 0, 0, open)
			store(53, 90, 2)
			remove(26, 60)
			c.run(t, 1, 0, 0, flush)
			store(91, 92, 2)
			remove(0, 92) // all
			store(200, 230, 3)
			c.run(t, 1, 0, 0, flush)
			c.run(t, 1, 0, 0, closed)
			for _, p := range c.mu.points {
				checkCrashPoint(t, p, c.states, o)
			}
			t.Logf("%d crashes", len(c.mu.points))
		})
	}
}

func checkCrashPoint(t *testing.T, p crashPoint, states []map[uint64]uint64, o Options) {
	t.Helper()
	at := fmt.Sprintf("crash before %v of %s, step %d..%d", p.op.Kind, p.op.Path, p.done, p.try)
	s := mustOpen(t, p.fs, o)
	if _, last := bounds(t, s); last > 0 { // after another crash the next start finds the same, behind whatever this one has left
		mustStore(t, s, last+1, last+1, 9)
		after := crashClone(p.fs, 0, 1)
		mustClose(t, s)
		s = mustOpen(t, after, o)
		wantEntry(t, s, makeEntry(last+1, 9))
		mustDelete(t, s, last+1, last+1)
	}
	defer s.Close()
	got := make(map[uint64]uint64)
	if err := s.Entries(0, 1<<63, func(log *raft.Log) error { got[log.Index] = log.Term; return nil }); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	for _, want := range states[p.done : p.try+1] {
		if agrees(got, want, states[:p.try+1]) {
			return
		}
	}
	first, last := bounds(t, s)
	t.Fatalf("%s: log is %d..%d: %v\nafter step %d it should be %v", at, first, last, got, p.done, states[p.done])
}

// agrees reports whether got is want, except that entries of earlier states may still be there at its head.
func agrees(got, want map[uint64]uint64, earlier []map[uint64]uint64) bool {
	var first uint64 = 1 << 63
	for index, term := range want {
		if got[index] != term {
			return false
		}
		first = min(first, index)
	}
	for index, term := range got {
		if _, ok := want[index]; ok {
			continue
		}
		known := false
		for _, state := range earlier {
			known = known || state[index] == term
		}
		if !known || index > first || len(want) == 0 {
			return false
		}
	}
	return true
}

// TestAcknowledgedEntriesSurvive crashes at any moment while another goroutine appends.
func TestAcknowledgedEntriesSurvive(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := mustOpen(t, fs, Options{FileBytes: 256 << 10})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := uint64(0); i < 300; i++ {
			if err := s.StoreLogs(makeEntries(3*i+1, 3*i+3, 1)); err != nil {
				t.Error(err)
			}
		}
	}()
	type point struct {
		acked uint64
		fs    *vfs.MemFS
	}
	var points []point
	for running := true; running; {
		_, acked := bounds(t, s)
		if n := len(points); n == 0 || points[n-1].acked < acked {
			points = append(points, point{acked, crashClone(fs, 0, 1)})
		}
		select {
		case <-done:
			running = false
		default:
		}
	}
	for _, p := range points {
		after := mustOpen(t, p.fs, Options{})
		_, last := bounds(t, after)
		if last < p.acked || last%3 != 0 {
			t.Fatalf("%d was acknowledged, the log ends at %d", p.acked, last)
		}
		want := uint64(1)
		err := after.Entries(0, 1<<63, func(log *raft.Log) error {
			if !equalLogs(log, makeEntry(want, 1)) {
				t.Fatalf("got %+v, want entry %d", log, want)
			}
			want++
			return nil
		})
		if err != nil || want != last+1 {
			t.Fatalf("entry %d is missing of %d: %v", want, last, err)
		}
		mustClose(t, after)
	}
	t.Logf("%d crashes", len(points))
}

// TestMarkerComesAfterTheFileItNames: no crash leaves a marker without the manifest, see markerFS.
func TestMarkerComesAfterTheFileItNames(t *testing.T) {
	mem := vfs.NewCrashableMem()
	if err := errors.Join(mem.MkdirAll("log", 0o755), syncDir(mem, "/")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"log/MANIFEST-000001", "log/marker.manifest.000001.MANIFEST-000001"} {
		f, err := markerFS{mem}.Create(name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if got, err := crashClone(mem, 0, 1).List("log"); err != nil || len(got) != 1 || got[0] != "MANIFEST-000001" {
		t.Fatalf("the crash left %v, %v", got, err)
	}
	if vfs.Root(markerFS{mem}) != vfs.FS(mem) {
		t.Fatal("the file system below is hidden")
	}
}

// TestFailedSyncIsNeverAcknowledged: the process stops, because nobody knows what the disk holds.
func TestFailedSyncIsNeverAcknowledged(t *testing.T) {
	mem := vfs.NewCrashableMem()
	broken := false
	var mu sync.Mutex
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if broken && isSync(op) && strings.HasSuffix(op.Path, ".log") {
			return errors.New("disk is gone")
		}
		return nil
	}))
	s, err := Open("log", Options{FS: fs}) // never closed: Pebble cannot
	if err != nil {
		t.Fatal(err)
	}
	mustStore(t, s, 1, 3, 1)
	mu.Lock()
	broken = true
	mu.Unlock()
	func() {
		defer func() {
			if msg := fmt.Sprint(recover()); !strings.Contains(msg, "pebble cannot continue") {
				t.Fatalf("recovered %q", msg)
			}
		}()
		t.Fatalf("StoreLogs returned %v", s.StoreLogs(makeEntries(4, 6, 1)))
	}()
	wantBounds(t, s, 1, 3)
	wantEntries(t, crashed(t, mem, 0, 1, Options{}), 1, 3, 1)
}
