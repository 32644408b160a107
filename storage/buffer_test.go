package storage

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cairn/storage/hashtable"
	"cairn/storage/layout"
	"cairn/storage/storagetest"
)

// stalled is a store whose flushes to disk stand still while stall is set, and no flush that nobody asks for.
func stalled(t *testing.T, fs FS) (s *Store, stall *atomic.Bool, gate chan struct{}) {
	t.Helper()
	stall, gate = new(atomic.Bool), make(chan struct{})
	return unhurried(t, errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if stall.Load() && strings.HasSuffix(op.Path, ".log") && op.Kind == errorfs.OpFileSyncData {
			<-gate
		}
		return nil
	}))), stall, gate
}

// TestFlushMeanwhile: while a flush is on its way to the disk, transactions and views read what is in Pebble, in the
// flush and behind it as one state, each its own; and so they do afterwards.
func TestFlushMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := storagetest.Rand(t)
		w := &world{t: t, r: rnd, m: newModel()}
		s, stall, gate := stalled(t, vfs.NewMem())
		w.s = s
		write := func(n int) {
			x, err := s.Begin()
			must(t, err)
			for range n {
				k, v := randomRow(rnd), fmt.Sprint(rnd.Uint64())
				switch n := rnd.IntN(60); {
				case n < 15:
					must(t, x.Delete([]byte(k)))
					delete(w.m.rows, k)
				case n < 17:
					lo, hi := randomRange(rnd)
					must(t, x.DeleteRange([]byte(lo), []byte(hi)))
					w.m.deleteRange(lo, hi)
				default:
					must(t, x.Set([]byte(k), []byte(v)))
					w.m.rows[k] = v
				}
				must(t, w.m.checkReader(rnd, x))
			}
			w.m.state.Index++
			must(t, x.Commit(Applied{w.m.state.Index, w.m.state.Term}))
		}
		look := func() {
			v, err := s.View(0)
			must(t, err)
			w.views = append(w.views, viewed{v, w.m.clone()})
			for _, v := range w.views {
				for range 20 {
					must(t, v.m.checkReader(rnd, v))
				}
				must(t, v.m.checkScan(v, "M", "N", 1000))
			}
		}
		for range 5 {
			write(60)
			look()
			stall.Store(true)
			done := make(chan error, 1)
			go func() { done <- s.Sync() }()
			synctest.Wait()
			select {
			case err := <-done:
				t.Fatalf("the sync returned %v while the disk stood still", err)
			default:
			}
			for range 5 {
				write(10)
				look()
			}
			stall.Store(false)
			gate <- struct{}{}
			must(t, <-done)
			look()
			write(10)
			look()
			for _, v := range w.views {
				must(t, v.Close())
			}
			w.views = nil
		}
		must(t, s.Close())
	})
}

// TestSyncFlushes: what was committed before Sync outlives the loss of everything that is not on disk; so do the
// record, and what was deleted as a range.
func TestSyncFlushes(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := unhurried(t, fs)
	put(t, s, "Ma", "1")
	put(t, s, "Mb", "1")
	must(t, s.Sync())
	x, err := s.Begin()
	must(t, err)
	must(t, x.DeleteRange([]byte("Ma"), []byte("Mb")))
	must(t, x.Commit(Applied{3, 1}))
	put(t, s, "Mc", "2")
	must(t, s.SaveRecord(layout.Record{Index: 4}))
	must(t, s.Sync())
	put(t, s, "Md", "3")
	found := opened(t, crash(fs, storagetest.Rand(t), 0))
	must(t, s.Close())
	m := newModel()
	m.rows, m.state, m.record = map[string]string{"Mb": "1", "Mc": "2"}, found.State(), layout.Record{Index: 4}
	if must(t, m.checkStore(found)); m.state.Index != 4 {
		t.Errorf("the state is at %d, want 4", m.state.Index)
	}
}

// TestFlushInterval: what is committed goes to Pebble by itself, after the interval, or when there is much of it, and
// to the disk.
func TestFlushInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := small(vfs.NewMem())
		o.BufferBytes, o.FlushInterval = 256<<10/writtenOver, time.Minute
		s, err := Open("db", o)
		must(t, err)
		stored := func(k string) bool {
			_, closer, err := s.mu.engine.db.Get([]byte(k))
			if err == nil {
				must(t, closer.Close())
			}
			return err == nil
		}
		put(t, s, "Ma", "1")
		must(t, s.SaveRecord(layout.Record{Index: 1}))
		synctest.Wait()
		if stored("Ma") || s.Durable() != 0 {
			t.Error("a row went to Pebble at once")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !stored("Ma") || s.Durable() != 1 {
			t.Errorf("a row did not go to Pebble after a minute, or not to the disk: Durable is %d", s.Durable())
		}
		for n := range 30 {
			put(t, s, "Mb", strings.Repeat("v", 10<<10)) // one row: what counts is what the log would have to say again
			if n == 22 && stored("Mb") {
				t.Error("230 KiB went to Pebble, which takes them 256 at a time")
			}
		}
		synctest.Wait()
		if !stored("Mb") {
			t.Error("300 KiB did not go to Pebble, which takes 256")
		}
		must(t, s.Close())
	})
}

// TestLongRowsAreSynced: rows that go to Pebble with their commit are on the disk before they have become much: the
// log waits for that.
func TestLongRowsAreSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := small(vfs.NewMem())
		o.BufferBytes, o.FlushInterval = 1<<20, 1000*time.Hour
		s, err := Open("db", o)
		must(t, err)
		for n := range uint64(5) {
			put(t, s, "Ma", strings.Repeat("v", 1<<20))
			must(t, s.SaveRecord(layout.Record{Index: n + 1}))
			if synctest.Wait(); s.Durable() != 0 && n < writtenOver-1 {
				t.Errorf("%d MiB were synced, which may be %d", n+1, writtenOver)
			}
		}
		if s.Durable() < 3 { // the sync comes with the fifth; the records of the last two may be later
			t.Errorf("5 MiB were written, and the state is durable up to %d", s.Durable())
		}
		must(t, s.Close())
	})
}

// TestAskedFlushes: what a crash makes a start apply again is bounded by what Pebble is asked for, too.
func TestAskedFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := unhurried(t, vfs.NewMem())
		put(t, s, "Ma", "1")
		asked := 0
		ask := func(n int) {
			x, err := s.Begin()
			must(t, err)
			for range n {
				v, err := x.Get(fmt.Appendf(nil, "Mk%d", asked))
				if asked++; err != nil || v != nil {
					t.Fatalf("a key that is absent has %q, %v", v, err)
				}
			}
			must(t, x.Commit(Applied{uint64(asked), 1}))
			synctest.Wait()
		}
		const most = 16 << 10
		ask(most - 100)
		if s.mu.engine.newest().bufs[0].Size() == 0 {
			t.Errorf("the buffer was flushed after %d look-ups", asked)
		}
		if ask(200); s.mu.engine.newest().bufs[0].Size() > 0 {
			t.Errorf("the buffer was not flushed after %d look-ups", asked)
		}
		ask(most + 100)
		if n := s.mu.engine.newest().bufs[0].Asked(); n > 0 { // or each commit would flush from now on
			t.Errorf("%d look-ups are left of a buffer in which nothing was written", n)
		}
		must(t, s.Close())
	})
}

// TestBehind: what waits for Pebble is bounded altogether. While a buffer is being written no transaction begins once
// that one and the next hold as much as two are to hold.
func TestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := unhurried(t, vfs.NewMem())
		e := s.mu.engine
		n := 0
		ask := func(rows int) {
			x, err := s.Begin()
			must(t, err)
			for range rows {
				n++
				if v, err := x.Get(fmt.Appendf(nil, "Mk%d", n)); err != nil || v != nil {
					t.Fatalf("a key that is absent has %q, %v", v, err)
				}
			}
			must(t, x.Set([]byte("Ma"), []byte("1")))
			must(t, x.Commit(Applied{uint64(n), 1}))
		}
		e.flushing.lock() // by a flush that does not end
		ask(mostAsked * 3 / 2)
		_, err := e.seal()
		must(t, err)
		ask(mostAsked / 4)
		ask(mostAsked / 2) // now it is more than two buffers
		began := make(chan struct{})
		go func() {
			ask(1)
			close(began)
		}()
		synctest.Wait()
		select {
		case <-began:
			t.Error("a transaction began while Pebble was a whole buffer behind")
		default:
		}
		e.flushing.unlock()
		<-began
		must(t, s.Close())
	})
}

// TestOldVersionsGo: a row that is written again and again keeps one older version, unless a view may ask for others.
func TestOldVersionsGo(t *testing.T) {
	s := unhurried(t, vfs.NewMem())
	versions := func() int {
		return s.mu.engine.newest().bufs[0].Find(hashtable.Hash([]byte("Mk")), []byte("Mk")).Versions()
	}
	put(t, s, "Mk", "0")
	v, err := s.View(0)
	must(t, err)
	for i := range 10 {
		put(t, s, "Mk", fmt.Sprint(i))
	}
	if got, err := v.Get([]byte("Mk")); string(got) != "0" || err != nil {
		t.Errorf("the view reads %q, %v", got, err)
	}
	must(t, v.Close())
	for range 10 {
		put(t, s, "Mk", "new")
	}
	if n := versions(); n > 2 {
		t.Errorf("%d versions are kept, and nobody can ask for them", n)
	}
	must(t, s.Close())
}

// TestCheckpointHasNewest: a checkpoint has what was committed a moment before and is nowhere but in the buffer.
func TestCheckpointHasNewest(t *testing.T) {
	s := unhurried(t, vfs.NewMem())
	defer s.Close()
	put(t, s, "Mk", "v")
	c, err := s.Checkpoint()
	must(t, err)
	f := opened(t, vfs.NewMem())
	g, err := f.NewStage()
	must(t, err)
	_, err = io.Copy(g, c)
	must(t, errors.Join(err, c.Close(), g.Finish(), f.Adopt(g, layout.Record{Index: 1})))
	v, err := f.View(0)
	must(t, err)
	defer v.Close()
	if got, err := v.Get([]byte("Mk")); string(got) != "v" || err != nil {
		t.Errorf("the row is %q, %v", got, err)
	}
}

// TestFailedFlush: when Pebble cannot be written to, the next commit says so, and no record is taken.
func TestFailedFlush(t *testing.T) {
	s := unhurried(t, vfs.NewMem())
	put(t, s, "Mk", "v")
	broken := io.ErrUnexpectedEOF
	if err := s.mu.engine.flush(pebble.NoSync, func(*pebble.Batch, layout.State) error { return broken }); err != broken {
		t.Fatalf("the flush returns %v", err)
	}
	if x, err := s.Begin(); err == nil {
		t.Error("a transaction begins")
		x.Discard()
	}
	for name, err := range map[string]error{"Sync": s.Sync(), "SaveRecord": s.SaveRecord(layout.Record{Index: 1}), "Close": s.Close()} {
		if err == nil {
			t.Errorf("%s works", name)
		}
	}
}

// TestFlushInPieces: a large flush goes to the disk piece by piece, or the Raft log's next sync would wait for all of
// it. Pebble keeps back one MiB, and syncs where it cannot ask for a piece, as here.
func TestFlushInPieces(t *testing.T) {
	fs := &piecesFS{MemFS: vfs.NewMem()}
	s := unhurried(t, fs)
	for i := range 256 {
		put(t, s, fmt.Sprint("M", i), strings.Repeat("v", 16<<10))
	}
	fs.pieces.Store(0)
	must(t, s.Sync())
	if n := fs.pieces.Load(); n < 4 { // at the end alone it is 2
		t.Errorf("4 MiB were synced in %d pieces, want one for each of them", n)
	}
	must(t, s.Close())
}

// piecesFS counts how often Pebble's log is synced.
type piecesFS struct {
	*vfs.MemFS
	pieces atomic.Int32
}

func (f *piecesFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.MemFS.Create(name, c)
	if err != nil || c != walCategory {
		return file, err
	}
	return piecesFile{file, f}, nil
}

type piecesFile struct {
	vfs.File
	fs *piecesFS
}

func (f piecesFile) SyncData() error {
	f.fs.pieces.Add(1)
	return f.File.SyncData()
}
