package storage

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
	"cairn/storage/storagetest"
)

// world is one store and what it should be. history holds the model after each commit and record since the last
// restart; those before durable may not be lost.
type world struct {
	t       *testing.T
	r       *rand.Rand
	fs      *vfs.MemFS
	s       *Store
	m       *model
	history []*model
	durable int
	views   []viewed
}

type viewed struct {
	*View
	m *model
}

// TestRandom runs random operations against a plain map, with restarts, crashes and restores in between. After a
// crash the store must be what it was after some prefix of its batches, with data, state row and record of that same
// moment, and no prefix that ends before the last sync.
func TestRandom(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewCrashableMem()
			w := &world{t: t, r: storagetest.Rand(t), fs: fs, s: mustOpen(t, fs), m: newModel()}
			w.note()
			for range 600 {
				w.step()
			}
			w.restart()
			must(t, w.s.Close())
		})
	}
}

func (w *world) step() {
	switch n := w.r.IntN(1000); {
	case n < 600:
		w.transaction()
	case n < 750:
		w.view()
	case n < 850:
		w.saveRecord()
	case n < 900:
		must(w.t, w.s.Sync())
		w.durable = len(w.history) - 1
	case n < 910:
		w.restart()
	case n < 990:
		w.mayCrash(n < 920)
	default:
		w.restore()
	}
}

// note adds the model to the history.
func (w *world) note() { w.history = append(w.history, w.m.clone()) }

func (w *world) transaction() {
	x, err := w.s.Begin()
	must(w.t, err)
	before := w.m.clone()
	for range w.r.IntN(12) {
		w.operation(x)
		must(w.t, w.m.checkReader(w.r, x))
	}
	if w.r.IntN(10) == 0 {
		x.Discard()
		w.m = before
		return
	}
	s := &w.m.state
	s.Index, s.Term = s.Index+1+w.r.Uint64N(3), s.Term+w.r.Uint64N(2)
	must(w.t, x.Commit(Applied{s.Index, s.Term}))
	x.Discard() // does nothing now
	if got := w.s.State(); got != *s {
		w.t.Fatalf("the state is %+v, want %+v", got, *s)
	}
	w.note()
}

func (w *world) operation(x *Txn) {
	m, k := w.m, randomRow(w.r)
	switch w.r.IntN(12) {
	case 0, 1, 2, 3:
		v := strings.Repeat(string(rune('a'+w.r.IntN(26))), w.r.IntN(900))
		must(w.t, x.Set([]byte(k), []byte(v)))
		m.rows[k] = v
	case 4:
		must(w.t, x.Set([]byte(k), nil))
		m.rows[k] = ""
	case 5, 6:
		must(w.t, x.Delete([]byte(k)))
		delete(m.rows, k)
	case 7, 8:
		lo, hi := randomRange(w.r)
		must(w.t, x.DeleteRange([]byte(lo), []byte(hi)))
		m.deleteRange(lo, hi)
	case 9:
		a, b := uint8(w.r.IntN(layout.Databases)), uint8(w.r.IntN(layout.Databases))
		x.SwapDatabases(a, b)
		m.state.Databases[a], m.state.Databases[b] = m.state.Databases[b], m.state.Databases[a]
	case 10:
		db, keys := uint8(w.r.IntN(layout.Databases)), w.r.IntN(1000)
		x.AddKeys(db, keys, keys/2)
		m.state.Databases[db].Keys += uint64(keys)
		m.state.Databases[db].Expires += uint64(keys / 2)
		if x.Database(db) != m.state.Databases[db] {
			w.t.Fatalf("database %d is %+v, want %+v", db, x.Database(db), m.state.Databases[db])
		}
	case 11:
		now := w.r.Int64N(1 << 40)
		x.SetTime(now)
		x.SetCluster(fmt.Sprint(now))
		m.state.Time, m.state.Cluster = max(m.state.Time, now), fmt.Sprint(now)
	}
}

// view opens, reads or closes a view. Views show their moment, whatever has happened since.
func (w *world) view() {
	if len(w.views) < 5 {
		v, err := w.s.View(w.r.Int64N(1 << 40))
		must(w.t, err)
		w.views = append(w.views, viewed{v, w.m.clone()})
	}
	i := w.r.IntN(len(w.views))
	v := w.views[i]
	must(w.t, v.m.checkReader(w.r, v))
	if v.State() != v.m.state {
		w.t.Fatalf("the view's state is %+v, want %+v", v.State(), v.m.state)
	}
	if w.r.IntN(3) == 0 {
		must(w.t, v.Close())
		w.views = slices.Delete(w.views, i, i+1)
	}
}

func (w *world) closeViews() {
	for _, v := range w.views {
		must(w.t, v.m.checkReader(w.r, v))
		must(w.t, v.Close())
	}
	w.views = nil
}

func (w *world) saveRecord() {
	index := w.m.state.Index
	if index == 0 {
		return
	}
	r := layout.Record{Index: index, Term: w.m.state.Term, Config: fmt.Append(nil, w.r.Uint32())}
	must(w.t, w.s.SaveRecord(r))
	w.m.record = r
	w.note()
}

func (w *world) restart() {
	w.closeViews()
	must(w.t, w.s.Close())
	w.s = mustOpen(w.t, w.fs)
	must(w.t, w.m.checkStore(w.s))
	w.history, w.durable = nil, 0
	w.note()
}

// mayCrash opens what a crash at this moment may leave, and, if stay is set, goes on with it.
func (w *world) mayCrash(stay bool) {
	promised := w.s.Durable()
	fs := crash(w.fs, w.r, []int{0, 20, 50, 80, 100}[w.r.IntN(5)])
	s := mustOpen(w.t, fs)
	if r, _, err := s.Record(); err != nil || r.Index < promised || s.State().Index < promised {
		w.t.Fatalf("the crash left index %d with a record of %d, %v, and Durable was %d", s.State().Index, r.Index, err, promised)
	}
	at := slices.IndexFunc(w.history[w.durable:], func(m *model) bool { return m.checkStore(s) == nil })
	if at < 0 {
		r, _, err := s.Record()
		w.t.Fatalf("the crash left index %d with record %+v, %v: no moment of %d since the sync at index %d was so",
			s.State().Index, r, err, len(w.history)-w.durable, w.history[w.durable].state.Index)
	}
	if !stay {
		must(w.t, s.Close())
		return
	}
	w.closeViews()
	must(w.t, w.s.Close())
	w.m = w.history[w.durable+at].clone()
	w.fs, w.s, w.history, w.durable = fs, s, nil, 0
	w.note()
}

// restore makes the store adopt a checkpoint of itself.
func (w *world) restore() {
	if w.m.state.Index == 0 {
		return
	}
	w.closeViews()
	c, err := w.s.Checkpoint()
	must(w.t, err)
	g, err := w.s.NewStage()
	must(w.t, err)
	n, err := io.Copy(g, c)
	must(w.t, err)
	if n != c.Size() {
		w.t.Fatalf("the stream has %d bytes, Size said %d", n, c.Size())
	}
	must(w.t, c.Close())
	must(w.t, g.Finish())
	w.m.record = layout.Record{Index: w.m.state.Index, Config: fmt.Append(nil, w.r.Uint32())}
	must(w.t, w.s.Adopt(g, w.m.record))
	must(w.t, g.Abort()) // does nothing now
	must(w.t, w.m.checkStore(w.s))
	w.history, w.durable = nil, 0
	w.note()
}
