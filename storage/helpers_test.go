package storage

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// small makes buffers and Pebble flush, Pebble compact, and the row cache forget, within a test.
func small(fs FS) Options {
	return Options{
		FS: fs, MemTableBytes: 64 << 10, CacheBytes: 1 << 20, RowCacheBytes: 256 << 10,
		BufferBytes: 16 << 10, FlushInterval: time.Millisecond,
	}
}

// unhurried flushes no buffer that nobody asks to be flushed.
func unhurried(t testing.TB, fs FS) *Store {
	t.Helper()
	o := small(fs)
	o.BufferBytes, o.FlushInterval = 1<<30, 1000*time.Hour
	s, err := Open("db", o)
	must(t, err)
	return s
}

func mustOpen(t testing.TB, fs FS) *Store {
	t.Helper()
	s, err := Open("db", small(fs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// opened is mustOpen for tests that leave closing to their end.
func opened(t testing.TB, fs FS) *Store {
	t.Helper()
	s := mustOpen(t, fs)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// crash returns what a crash may leave of fs: all that was synced, and percent of the rest.
func crash(fs *vfs.MemFS, r *rand.Rand, percent int) *vfs.MemFS {
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: r})
}

// model is what a store should hold.
type model struct {
	rows   map[string]string
	state  layout.State
	record layout.Record // Index 0 is none
}

func newModel() *model { return &model{rows: map[string]string{}, state: layout.NewState()} }

func (m *model) clone() *model {
	c := *m
	c.rows = maps.Clone(m.rows)
	return &c
}

func (m *model) deleteRange(lo, hi string) {
	maps.DeleteFunc(m.rows, func(k, _ string) bool { return lo <= k && k < hi })
}

type pair struct{ k, v string }

func (m *model) scan(lo, hi string) (rows []pair) {
	for _, k := range slices.Sorted(maps.Keys(m.rows)) {
		if lo <= k && k < hi {
			rows = append(rows, pair{k, m.rows[k]})
		}
	}
	return rows
}

// checkReader compares one random Get and one random Scan of r with the model.
func (m *model) checkReader(rnd *rand.Rand, r Reader) error {
	k := randomRow(rnd)
	got, err := r.Get([]byte(k))
	if err != nil {
		return err
	}
	if want, ok := m.rows[k]; ok != (got != nil) || want != string(got) {
		return fmt.Errorf("get %q is %q, want %q, %v", k, got, want, ok)
	}
	lo, hi := randomRange(rnd)
	limit := len(m.rows) + 1
	if rnd.IntN(3) == 0 {
		limit = rnd.IntN(5) + 1
	}
	return m.checkScan(r, lo, hi, limit)
}

func (m *model) checkScan(r Reader, lo, hi string, limit int) error {
	var rows []pair
	err := r.Scan([]byte(lo), []byte(hi), func(k, v []byte) (bool, error) {
		rows = append(rows, pair{string(k), string(v)})
		return len(rows) < limit, nil
	})
	want := m.scan(lo, hi)
	want = want[:min(limit, len(want))]
	if err == nil && !slices.Equal(rows, want) {
		err = fmt.Errorf("scan [%q, %q) to %d is\n%q, want\n%q", lo, hi, limit, rows, want)
	}
	return err
}

// checkStore compares everything in s with the model.
func (m *model) checkStore(s *Store) error {
	v, err := s.View(0)
	if err != nil {
		return err
	}
	defer v.Close()
	if v.State() != m.state || s.State() != m.state {
		return fmt.Errorf("the state is %+v and %+v, want %+v", v.State(), s.State(), m.state)
	}
	r, ok, err := s.Record()
	if err == nil && (ok != (m.record.Index != 0) || r.Index != m.record.Index || string(r.Config) != string(m.record.Config)) {
		err = fmt.Errorf("the record is %+v, %v, want %+v", r, ok, m.record)
	}
	return errors.Join(err, m.checkScan(v, "D", "N", len(m.rows)+1))
}

// randomRow returns one of some hundred Pebble keys, of key rows and of parts. Deleted ranges are between such keys
// too.
func randomRow(r *rand.Rand) string { return fmt.Sprintf("%c%03d", "DMM"[r.IntN(3)], r.IntN(80)) }

func randomRange(r *rand.Rand) (lo, hi string) {
	lo, hi = randomRow(r), randomRow(r)
	if r.IntN(4) > 0 { // most are short
		lo = randomRow(r)
		hi = fmt.Sprintf("%s%d", lo[:3], r.IntN(10))
	}
	if lo > hi && r.IntN(8) > 0 {
		lo, hi = hi, lo
	}
	return lo, hi
}

// put commits one row with the next index.
func put(t testing.TB, s *Store, k, v string) {
	t.Helper()
	x, err := s.Begin()
	must(t, err)
	must(t, x.Set([]byte(k), []byte(v)))
	must(t, x.Commit(Applied{s.State().Index + 1, 1}))
}

// flush makes Pebble have all that was committed, and tables of it.
func flush(t testing.TB, s *Store) {
	t.Helper()
	must(t, s.mu.engine.flush(pebble.NoSync, nil))
	must(t, s.mu.engine.db.Flush())
}

// list returns the names in a folder, in order.
func list(t testing.TB, fs FS, dir string) []string {
	t.Helper()
	names, err := fs.List(dir)
	must(t, err)
	slices.Sort(names)
	return names
}

// fill makes s hold rows named after tag, at index n, with a record there, partly in tables and partly in the WAL.
func fill(t testing.TB, s *Store, tag string, n int) *model {
	t.Helper()
	m := newModel()
	for i := range n {
		x, err := s.Begin()
		must(t, err)
		k, v := fmt.Sprintf("M%s%04d", tag, i), fmt.Sprintf("%s %d %01000d", tag, i, i)
		must(t, x.Set([]byte(k), []byte(v)))
		x.AddKeys(1, 1, 0)
		m.rows[k] = v
		must(t, x.Commit(Applied{uint64(i) + 1, 2}))
	}
	m.state = s.State()
	m.record = layout.Record{Index: uint64(n), Term: 2, Config: []byte(tag)}
	must(t, s.SaveRecord(m.record))
	return m
}
