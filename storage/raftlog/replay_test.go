package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// oldStore makes a store as programs before the journal had it: entries 5 to 60 are in Pebble.
func oldStore(t *testing.T, fs vfs.FS) {
	t.Helper()
	db, err := pebble.Open("log", Options{FS: fs}.withDefaults().pebble())
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range makeEntries(5, 60, 1) {
		if err := db.Set(entryKey(log.Index), encodeEntry(nil, entryKey(log.Index), log), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	row := stableKey([]byte("term"))
	if err := errors.Join(db.Set(row, encodeStable(row, []byte("7")), pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestOldStore: a store that has its entries in Pebble is refused, and stays as it is. An old program would not take
// the new store for an empty one.
func TestOldStore(t *testing.T) {
	fs := vfs.NewMem()
	oldStore(t, fs)
	for _, o := range []Options{{ReadOnly: true}, {}, {}} {
		o.FS = fs
		if _, err := Open("log", o); !errors.Is(err, ErrUnknownFormat) {
			t.Errorf("read only %v: %v", o.ReadOnly, err)
		}
	}

	fs = vfs.NewMem()
	mustClose(t, mustOpen(t, fs, Options{}))
	db, err := pebble.Open("log", Options{FS: fs}.withDefaults().pebble())
	if err != nil {
		t.Fatal(err)
	}
	v, closer, err := db.Get(begunRow())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeEntry(begunRow(), v); !errors.Is(err, ErrUnknownFormat) {
		t.Errorf("the row is read as an entry: %v", err)
	}
	if err := errors.Join(closer.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestFilesComeAndGo: as the head of the log is cut its files go, or become the newest; entries are read from those
// that are left, in any order, and a start and a copy find them.
func TestFilesComeAndGo(t *testing.T) {
	fs := vfs.NewMem()
	durable := uint64(0)
	o := noCache(Options{FileBytes: 256 << 10, TruncateEvery: 1, Durable: func() uint64 { return durable }})
	s := mustOpen(t, fs, o)
	entry := func(i uint64) *raft.Log {
		log := makeEntry(i, 1)
		log.Data = make([]byte, 20<<10)
		return log
	}
	check := func(s *Store, first, last uint64) {
		t.Helper()
		wantBounds(t, s, first, last)
		for i := first; i <= last; i++ {
			wantEntry(t, s, entry(i))
			wantEntry(t, s, entry(first+(i*7)%(last-first+1)))
		}
		next := first
		if err := s.Entries(first, last, func(log *raft.Log) error {
			if next++; log.Index != next-1 {
				return fmt.Errorf("entry %d after %d", log.Index, next-2)
			}
			return nil
		}); err != nil || next != last+1 {
			t.Fatalf("entries up to %d of %d: %v", next-1, last, err)
		}
	}
	files := func() int {
		names, err := fs.List(fs.PathJoin("log", entriesDir))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	most := 0
	for i := uint64(1); i <= 400; i++ {
		if err := s.StoreLog(entry(i)); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 && i > 40 {
			durable = i - 30
			mustDelete(t, s, 1, i-20)
			first, _ := bounds(t, s)
			check(s, first, i)
			most = max(most, files())
		}
		if i%100 == 0 {
			mustClose(t, s)
			s = mustOpen(t, fs, o)
			check(s, durable+1, i)
			copied := fmt.Sprint("copy", i)
			if err := s.Backup(copied); err != nil {
				t.Fatal(err)
			}
			b, err := Open(copied, Options{FS: fs, CacheEntries: 1, CacheBytes: 1})
			if err != nil {
				t.Fatal(err)
			}
			check(b, durable+1, i)
			mustClose(t, b)
		}
	}
	if s.journal.num < 30 || most > 3+keptFiles+4 {
		t.Errorf("file %d is the newest, there were up to %d", s.journal.num, most)
	}
}

// deafFS does not sync files while deaf is set.
type deafFS struct {
	vfs.FS
	deaf *atomic.Bool
}

type deafFile struct {
	vfs.File
	deaf *atomic.Bool
}

func (fs deafFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	return deafFile{f, fs.deaf}, err
}

func (f deafFile) Sync() error {
	if f.deaf.Load() {
		return nil
	}
	return f.File.Sync()
}

func (f deafFile) SyncData() error { return f.Sync() }

func (f deafFile) SyncTo(int64) (bool, error) { return true, f.Sync() }

// cleanFS takes for written what is in the files that are there: to sync them does nothing.
type cleanFS struct{ vfs.FS }

type cleanFile struct{ vfs.File }

func (fs cleanFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.OpenReadWrite(name, c, o...)
	return cleanFile{f}, err
}

func (cleanFile) Sync() error { return nil }

// TestOpenWrites: what a start finds, it may say to others. So it is on the disk then, though the process that wrote
// it was killed before it had synced it, or because a sync had failed, after which a system may take what it has in
// memory for written. What the file takes of the disk beyond its last record is given back.
func TestOpenWrites(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fs := deafFS{mem, new(atomic.Bool)}
	s := mustOpen(t, fs, Options{})
	mustStore(t, s, 1, 3, 1)
	fs.deaf.Store(true)
	mustStore(t, s, 4, 6, 1)
	path := s.journal.path(s.journal.num)
	mustClose(t, s)
	wantEntries(t, crashed(t, mem, 0, 1, Options{}), 1, 3, 1)
	s = mustOpen(t, cleanFS{mem}, Options{})
	wantEntries(t, s, 1, 6, 1)
	wantEntries(t, crashed(t, mem, 0, 1, Options{}), 1, 6, 1)
	if info, err := mem.Stat(path); err != nil || info.Size() > 2000 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
}

// TestFilesOfAnotherStore: files and database that do not belong to each other are not taken for an empty log, and
// stay as they are.
func TestFilesOfAnotherStore(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs, Options{})
	mustStore(t, s, 1, 9, 1)
	path := s.journal.path(1)
	mustClose(t, s)
	other, err := pebble.Open("other", Options{FS: fs}.withDefaults().pebble())
	if err := errors.Join(err, other.Close(), fs.MkdirAll("other/entries", 0o755), vfs.Copy(fs, path, "other/entries/000001.log")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Open("other", Options{FS: fs}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("the database of another store: %v", err)
		}
	}
	if err := fs.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Open("log", Options{FS: fs}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("no files: %v", err)
		}
	}
}

// TestFilesGoLate crashes before every sync while files come and go, some of them torn before: what a start finds is
// what was said to be there, and no file is missing that it looks for.
func TestFilesGoLate(t *testing.T) {
	for _, percent := range []int{0, 50} {
		c := &crashScript{mem: vfs.NewCrashableMem(), unsyncedPercent: percent, states: []map[uint64]uint64{nil}}
		o := Options{FileBytes: 256 << 10, TruncateEvery: 1}
		fs := errorfs.Wrap(c.mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if !isSync(op) && op.Kind != errorfs.OpRemove && op.Kind != errorfs.OpReuseForWrite {
				return nil
			}
			return c.before(op)
		}))
		s := mustOpen(t, fs, o)
		for i := uint64(1); i <= 40; i++ {
			c.run(t, i, i, 1, func() error {
				log := makeEntry(i, 1)
				log.Data = make([]byte, 50<<10)
				return s.StoreLog(log)
			})
			if i%3 == 0 && i > 6 {
				c.run(t, 1, i-6, 0, func() error { return s.DeleteRange(1, i-6) })
			}
		}
		if s.oldest < 5 {
			t.Errorf("file %d is the oldest", s.oldest)
		}
		c.mu.Lock()
		points := c.mu.points
		c.mu.Unlock()
		for _, p := range points {
			checkCrashPoint(t, p, c.states, o)
		}
		t.Logf("%d crashes", len(points))
		mustClose(t, s)
	}
}

// FuzzRecord: whatever bytes a record has, it is read or refused.
func FuzzRecord(f *testing.F) {
	s := &Store{db: mustOpen(f, vfs.NewMem(), Options{}).db}
	b, err := s.batchOf(makeEntries(5, 7, 1))
	if err != nil {
		f.Fatal(err)
	}
	if err := b.DeleteRange(entryKey(6), entriesEnd(), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Clone(b.Repr()))
	f.Add(make([]byte, batchrepr.HeaderLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < batchrepr.HeaderLen {
			return
		}
		s := &Store{journal: &journal{}, cache: newCache(4, 1000)}
		s.mu.physical = 3
		s.first.Store(3)
		s.last.Store(4)
		if err := s.replayRecord(b, 1, 0); err == nil {
			if first, last := s.first.Load(), s.last.Load(); first > last || (first == 0) != (last == 0) {
				t.Fatalf("%x makes the log %d to %d", b, first, last)
			}
		}
		_, _ = entriesOf(b) // refused or not
	})
}
