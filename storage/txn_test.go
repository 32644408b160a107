package storage

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"cairn/storage/storagetest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestLongTransaction is one transaction with thousands of writes over a store with rows of its own: what it reads of
// itself is what the next view reads.
func TestLongTransaction(t *testing.T) {
	w := &world{t: t, r: storagetest.Rand(t), s: opened(t, vfs.NewMem()), m: newModel()}
	for range 30 {
		w.transaction()
	}
	x, err := w.s.Begin()
	must(t, err)
	for range 3 {
		for range 100 { // without a Scan or DeleteRange in between
			k, v := randomRow(w.r), fmt.Sprint(w.r.Uint32())
			must(t, x.Set([]byte(k), []byte(v)))
			w.m.rows[k] = v
		}
		must(t, w.m.checkScan(x, "M", "N", 1000))
	}
	for i := range 3000 {
		w.operation(x)
		if i%100 < 20 { // long runs of writes without a read, too
			must(t, w.m.checkReader(w.r, x))
		}
	}
	if n := len(x.on.bufs[0].Deleted()); n > 2*160 { // they part where one has begun or ended: at a key of randomRow or randomRange
		t.Errorf("%d deleted ranges are kept", n)
	}
	w.m.state.Index++
	must(t, x.Commit(Applied{w.m.state.Index, w.m.state.Term}))
	must(t, w.m.checkStore(w.s))
}

// TestOwnRowsInScan: what a transaction wrote replaces, joins and hides stored rows, at both ends of the range too.
func TestOwnRowsInScan(t *testing.T) {
	s := opened(t, vfs.NewMem())
	for _, k := range []string{"b", "d", "f", "h"} {
		put(t, s, k, "old")
	}
	x, err := s.Begin()
	must(t, err)
	defer x.Discard()
	for _, k := range []string{"a", "d", "e", "i", "z"} {
		must(t, x.Set([]byte(k), []byte("new")))
	}
	must(t, x.Delete([]byte("b")))
	must(t, x.Delete([]byte("c")))
	must(t, x.DeleteRange([]byte("e"), []byte("g")))
	must(t, x.Set([]byte("f"), nil))
	scan := func(lo, hi string, limit int) string {
		var got []string
		must(t, x.Scan([]byte(lo), []byte(hi), func(k, v []byte) (bool, error) {
			got = append(got, fmt.Sprintf("%s=%s", k, v))
			return len(got) < limit, nil
		}))
		return strings.Join(got, " ")
	}
	for _, c := range []struct {
		lo, hi string
		limit  int
		want   string
	}{
		{"a", "z", 9, "a=new d=new f= h=old i=new"},
		{"a", "zz", 9, "a=new d=new f= h=old i=new z=new"},
		{"b", "d", 9, ""},
		{"d", "h", 9, "d=new f="},
		{"a", "z", 1, "a=new"},
		{"d", "z", 3, "d=new f= h=old"},
		{"d", "d", 9, ""},
		{"h", "d", 9, ""},
	} {
		if got := scan(c.lo, c.hi, c.limit); got != c.want {
			t.Errorf("scan [%s, %s) to %d is %q, want %q", c.lo, c.hi, c.limit, got, c.want)
		}
	}
	stop := errors.New("stop")
	for _, from := range []string{"a", "h"} { // a row of its own, a stored row
		if err := x.Scan([]byte(from), []byte("z"), func(_, _ []byte) (bool, error) { return true, stop }); err != stop {
			t.Errorf("scan from %s returns %v, want fn's error", from, err)
		}
	}
}

// TestEmptyIsNotAbsent: an empty value is a value, in a transaction and after it.
func TestEmptyIsNotAbsent(t *testing.T) {
	s := opened(t, vfs.NewMem())
	x, err := s.Begin()
	must(t, err)
	must(t, x.Set([]byte("k"), nil))
	if v, err := x.Get([]byte("k")); v == nil || err != nil {
		t.Errorf("the transaction reads %v, %v", v, err)
	}
	must(t, x.Commit(Applied{1, 1}))
	v, err := s.View(0)
	must(t, err)
	defer v.Close()
	if got, err := v.Get([]byte("k")); got == nil || err != nil {
		t.Errorf("the view reads %v, %v", got, err)
	}
}

// TestIndexNeverGoesBack: such a commit writes nothing.
func TestIndexNeverGoesBack(t *testing.T) {
	s := opened(t, vfs.NewMem())
	put(t, s, "k", "1")
	put(t, s, "k", "2")
	x, err := s.Begin()
	must(t, err)
	must(t, x.Set([]byte("k"), []byte("3")))
	if err := x.Commit(Applied{1, 1}); err == nil {
		t.Error("a commit took the index back")
	}
	v, err := s.View(0)
	must(t, err)
	defer v.Close()
	if got, _ := v.Get([]byte("k")); string(got) != "2" || v.State().Index != 2 {
		t.Errorf("k is %q at %d, want 2 at 2", got, v.State().Index)
	}
}

// TestTimes: the time of a transaction and of a view never runs behind the newest entry's, and a view knows when it has
// gone by the clock alone.
func TestTimes(t *testing.T) {
	s := opened(t, vfs.NewMem())
	x, err := s.Begin()
	must(t, err)
	x.SetTime(100)
	x.SetTime(50)
	if x.Time() != 100 || x.Expired(101) || !x.Expired(100) || x.Expired(0) {
		t.Errorf("the transaction's time is %d", x.Time())
	}
	must(t, x.Commit(Applied{1, 1}))
	for _, c := range []struct {
		now, expireAt    int64
		expired, doubted bool
	}{
		{50, 100, true, false}, {50, 101, false, false}, {200, 100, true, false},
		{200, 150, true, true}, {200, 200, true, true}, {200, 201, false, false}, {200, 0, false, false},
	} {
		v, err := s.View(c.now)
		must(t, err)
		if got := v.Expired(c.expireAt); got != c.expired || v.Doubted() != c.doubted {
			t.Errorf("at %d a key of %d is expired %v, doubted %v", c.now, c.expireAt, got, v.Doubted())
		}
		if want := max(100, c.now); v.Time() != want {
			t.Errorf("the view's time is %d, want %d", v.Time(), want)
		}
		must(t, v.Close())
	}
}

// TestViewsDoNotWaitForCommit: while Pebble holds a commit up because it cannot flush, views, State and Record answer.
func TestViewsDoNotWaitForCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
				<-gate
			}
			return nil
		}))
		s := mustOpen(t, fs)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 500 {
				put(t, s, fmt.Sprint("k", i%9), strings.Repeat("v", 8<<10))
			}
		}()
		synctest.Wait() // every goroutine is blocked: the flush at the gate, the commit in Pebble
		select {
		case <-done:
			t.Error("no commit was held up")
		default:
		}
		v, err := s.View(0)
		must(t, err)
		if got, err := v.Get([]byte("k1")); len(got) != 8<<10 || err != nil {
			t.Errorf("the view reads %d bytes, %v", len(got), err)
		}
		if s.State() != v.State() || v.State().Index == 500 {
			t.Errorf("the view is at %d, the store at %d", v.State().Index, s.State().Index)
		}
		must(t, v.Close())
		close(gate)
		<-done
		must(t, s.Close())
	})
}
