package storage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cairn/storage/layout"
	"cairn/storage/storagetest"
)

// probe is a file system that runs before for each operation that changes it.
func probe(fs FS, before func(errorfs.Op) error) FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			return nil
		}
		return before(op)
	}))
}

// tidy checks that the store's folder holds the store and nothing else.
func tidy(fs FS) error {
	names, err := fs.List("db")
	slices.Sort(names)
	if err == nil && (len(names) != 3 || names[0] != currentFile || names[1] != lockFile) {
		err = fmt.Errorf("the folder holds %q", names)
	}
	return err
}

// crashes collects what crashes at different moments leave.
type crashes struct {
	sync.Mutex
	r    *rand.Rand
	fs   []*vfs.MemFS
	when []string
}

// at notes what crashes now leave, without and with part of what is not synced.
func (c *crashes) at(t testing.TB, fs *vfs.MemFS, when string) {
	c.Lock()
	defer c.Unlock()
	if c.r == nil {
		c.r = storagetest.Rand(t)
	}
	for _, percent := range []int{0, 50, 100} {
		c.fs = append(c.fs, crash(fs, c.r, percent))
		c.when = append(c.when, fmt.Sprintf("crash %d, with %d %% of the unsynced, %s", len(c.fs), percent, when))
	}
}

// check opens them all; the store must be one of the models, with nothing beside it, and take a write.
func (c *crashes) check(t *testing.T, models ...*model) (counts []int) {
	t.Helper()
	counts = make([]int, len(models))
	for i, fs := range c.fs {
		s, err := Open("db", small(fs))
		if err != nil {
			t.Errorf("%s: %v", c.when[i], err)
			continue
		}
		n := slices.IndexFunc(models, func(m *model) bool { return m.checkStore(s) == nil })
		if n < 0 {
			t.Errorf("%s: %v", c.when[i], models[0].checkStore(s))
		} else {
			counts[n]++
		}
		if err := tidy(fs); err != nil {
			t.Errorf("%s: %v", c.when[i], err)
		}
		put(t, s, "M", "goes on")
		must(t, s.Close())
	}
	t.Logf("%d crashes ended in %v", len(c.fs), counts)
	return counts
}

// TestCrashInAdopt: a crash before any operation of a restore leaves the old state or the new, and one after it the
// new.
func TestCrashInAdopt(t *testing.T) {
	leader := opened(t, vfs.NewMem())
	newer := fill(t, leader, "new", 120)
	stream := streamOf(t, leader)
	newer.record = layout.Record{Index: 110, Config: []byte("adopted")}

	mem := vfs.NewCrashableMem()
	var during crashes
	armed := atomic.Bool{}
	s := unhurried(t, probe(mem, func(op errorfs.Op) error {
		if armed.Load() {
			during.at(t, mem, fmt.Sprintf("before %v of %s", op.Kind, op.Path))
		}
		return nil
	}))
	older := fill(t, s, "old", 70)
	must(t, s.Sync())
	armed.Store(true)
	g, err := receive(s, stream)
	must(t, err)
	must(t, s.Adopt(g, newer.record))
	armed.Store(false)
	var after crashes
	after.at(t, mem, "after Adopt")
	must(t, s.Close())

	if counts := during.check(t, older, newer); counts[0] < 30 || counts[1] < 3 {
		t.Errorf("of the crashes, %v ended in the old and the new state", counts)
	}
	after.check(t, newer)
}

// TestCrashInOpen: a crash while the store is made, or while it is opened, does no harm.
func TestCrashInOpen(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var made, reopened crashes
	into := &made
	fs := probe(mem, func(op errorfs.Op) error {
		into.at(t, mem, fmt.Sprintf("before %v of %s", op.Kind, op.Path))
		return nil
	})
	must(t, mustOpen(t, fs).Close())
	made.at(t, mem, "after Close")
	made.check(t, newModel())

	s := mustOpen(t, mem)
	m := fill(t, s, "x", 100)
	must(t, s.Sync())
	for _, leftover := range []string{"state-0000000000000007", "checkpoint-0000000000000007"} {
		must(t, mem.MkdirAll("db/"+leftover, 0o755))
		must(t, WriteFile(mem, "db/"+leftover+"/x", []byte("x")))
	}
	mem2 := crash(mem, storagetest.Rand(t), 100) // the process dies
	must(t, s.Close())
	mem, into = mem2, &reopened
	fs = probe(mem, func(op errorfs.Op) error {
		into.at(t, mem, fmt.Sprintf("before %v of %s", op.Kind, op.Path))
		return nil
	})
	must(t, mustOpen(t, fs).Close())
	reopened.check(t, m)
}

// TestCrashInCheckpoint: a crash while a checkpoint is there leaves only the store.
func TestCrashInCheckpoint(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var c crashes
	armed := atomic.Bool{}
	s := unhurried(t, probe(mem, func(op errorfs.Op) error { // vfs.MemFS cannot be cloned while it links: no other work meanwhile
		if armed.Load() {
			c.at(t, mem, fmt.Sprintf("before %v of %s", op.Kind, op.Path))
		}
		return nil
	}))
	defer s.Close()
	m := fill(t, s, "x", 70)
	flush(t, s)
	must(t, s.Sync())
	armed.Store(true)
	streamOf(t, s)
	armed.Store(false)
	c.check(t, m)
}

// TestViewsOutliveAdopt: a view that was opened before Adopt reads the old state, whatever happens, and Adopt waits
// for it.
func TestViewsOutliveAdopt(t *testing.T) {
	leader, s := opened(t, vfs.NewMem()), opened(t, vfs.NewMem())
	newer, older := fill(t, leader, "new", 50), fill(t, s, "old", 30)
	g, err := receive(s, streamOf(t, leader))
	must(t, err)
	v, err := s.View(0)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Adopt(g, newer.record) }()
	for s.State() != newer.state { // new views see the new state before the old one is gone
		must(t, older.checkScan(v, "M", "N", 31))
	}
	w, err := s.View(0)
	must(t, err)
	must(t, newer.checkScan(w, "M", "N", 51))
	must(t, w.Close())
	select {
	case err := <-done:
		t.Fatalf("Adopt did not wait for the view: %v", err)
	default:
	}
	if v.State() != older.state {
		t.Errorf("the view's state became %+v", v.State())
	}
	must(t, older.checkScan(v, "M", "N", 31))
	must(t, v.Close())
	must(t, <-done)
	must(t, newer.checkStore(s))
	must(t, tidy(s.o.FS))
}

// errDied is what survive returns for a panic.
var errDied = errors.New("the process would have died")

// survive turns a panic of f into errDied.
func survive(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errDied
		}
	}()
	return f()
}

// TestFaultInAdopt lets each operation of a restore fail once. Then Adopt says so and the store goes on with the old
// state or refuses everything; or the process dies; or Adopt succeeds. What a restart finds agrees with that, even
// when the node had gone on.
func TestFaultInAdopt(t *testing.T) {
	leader := opened(t, vfs.NewMem())
	newer := fill(t, leader, "new", 10) // few: a compaction that goes on when Pebble fails to open would be its race
	stream := streamOf(t, leader)
	outcomes := map[string]int{}
	for n := 1; ; n++ {
		mem := vfs.NewCrashableMem()
		count, failed, opening := atomic.Int64{}, atomic.Pointer[errorfs.Op]{}, atomic.Bool{}
		count.Store(-1 << 40)
		s := mustOpen(t, probe(mem, func(op errorfs.Op) error {
			// What Pebble cannot do to its manifest it takes for fatal, on a goroutine of its own: see TestFatal.
			manifest := strings.Contains(op.Path, "MANIFEST") || strings.HasPrefix(mem.PathBase(op.Path), enginePrefix)
			background := strings.HasPrefix(op.Path, "db/"+firstEngine+"/") // the old state's flushes
			if opening.Load() && manifest || background || count.Add(1) != int64(n) {
				return nil
			}
			failed.Store(&op)
			return errorfs.ErrInjected
		}))
		older := fill(t, s, "old", 30)
		must(t, s.Sync())
		count.Store(0)
		g, err := receive(s, stream)
		opening.Store(true)
		if err == nil {
			err = survive(func() error { return s.Adopt(g, newer.record) })
		}
		opening.Store(false)
		if err == errDied {
			outcomes["died"]++
			var c crashes
			c.at(t, mem, fmt.Sprintf("%d: after %v of %s", n, failed.Load().Kind, failed.Load().Path))
			c.check(t, older, newer)
			continue // what is left of the store holds Pebble's locks
		}
		if g != nil {
			_ = g.Abort() // its own operation may be the one that fails
		}
		count.Store(-1 << 40)
		op := failed.Load()
		if op == nil {
			must(t, err)
			must(t, newer.checkStore(s))
			must(t, s.Close())
			break
		}
		when := fmt.Sprintf("%d: after %v of %s: %v", n, op.Kind, op.Path, err)

		var want *model
		v, usable := s.View(0)
		if usable == nil {
			must(t, v.Close())
		}
		switch {
		case err == nil:
			outcomes["adopted"]++
			want = newer
		case usable == nil:
			outcomes["refused"]++
			want = older
			put(t, s, "M", "goes on")
			want.rows["M"], want.state = "goes on", s.State()
			must(t, s.Sync())
		default:
			outcomes["stopped"]++
			if !errors.Is(usable, errorfs.ErrInjected) || !errors.Is(s.Sync(), errorfs.ErrInjected) ||
				!errors.Is(s.Adopt(g, newer.record), errorfs.ErrInjected) {
				t.Errorf("%s: calls return %v", when, usable)
			}
		}
		if want != nil {
			if err := want.checkStore(s); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
		var c crashes
		c.at(t, mem, when)
		if want != nil {
			c.check(t, want)
		} else {
			c.check(t, older, newer)
		}
		_ = s.Close()
		// And with everything that was done, removals too, which vfs.MemFS has no crash keep.
		c = crashes{fs: []*vfs.MemFS{mem}, when: []string{when + ", then Close"}}
		if want != nil {
			c.check(t, want)
		} else {
			c.check(t, older, newer)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("outcomes: %v", outcomes)
	if len(outcomes) != 4 {
		t.Errorf("outcomes are %v, want all four", outcomes)
	}
}
