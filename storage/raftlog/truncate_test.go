package raftlog

import (
	"errors"
	"math"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

func TestPlanCut(t *testing.T) {
	tests := []struct {
		name                string
		first, last, lo, hi uint64
		want                cut
	}{
		{"empty log", 0, 0, 0, 0, cutNothing},
		{"empty log, any range", 0, 0, 1, 100, cutNothing},
		{"empty range", 5, 9, 7, 6, cutNothing},
		{"before the log", 5, 9, 1, 4, cutNothing},
		{"after the log", 5, 9, 10, 20, cutNothing},
		{"first entry", 5, 9, 5, 5, cutHead},
		{"head", 5, 9, 5, 8, cutHead},
		{"head and before", 5, 9, 1, 8, cutHead},
		{"last entry", 5, 9, 9, 9, cutTail},
		{"tail", 5, 9, 6, 9, cutTail},
		{"tail and after", 5, 9, 6, 100, cutTail},
		{"all", 5, 9, 5, 9, cutAll},
		{"all and more", 5, 9, 0, math.MaxUint64, cutAll},
		{"the only entry", 5, 5, 5, 5, cutAll},
		{"middle", 5, 9, 6, 8, cutMiddle},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := planCut(tt.first, tt.last, tt.lo, tt.hi); got != tt.want {
				t.Fatalf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// TestHeadTruncationIsPhysicalInLargeSteps: compaction every ten entries touches the disk every TruncateEvery
// entries, and takes nothing from it that the state cannot do without.
func TestHeadTruncationIsPhysicalInLargeSteps(t *testing.T) {
	fs := vfs.NewMem()
	durable := uint64(0)
	o := Options{
		TruncateEvery: 30, Durable: func() uint64 { return durable },
		BeforeTruncate: func() error { t.Error("BeforeTruncate called"); return nil },
	}
	s := mustOpen(t, fs, o)
	mustStore(t, s, 1, 100, 1)
	for _, step := range []struct{ hi, durable, physical uint64 }{
		{10, 100, 1}, {29, 100, 1}, {30, 100, 31}, {40, 100, 31}, {59, 100, 31}, // the step
		{62, 0, 31}, {64, 30, 31}, {65, 59, 31}, {66, 60, 61}, // the state
		{93, 89, 61}, {94, 93, 94},
	} {
		durable = step.durable
		mustDelete(t, s, 0, step.hi)
		wantEntries(t, s, step.hi+1, 100, 1)
		wantOnDisk(t, s, step.physical, 100)
	}

	mustDelete(t, s, 95, 97)
	mustClose(t, s)
	s = mustOpen(t, fs, o)
	wantEntries(t, s, 94, 100, 1) // waiting entries are part of the log again
	mustDelete(t, s, 94, 96)
	wantEntries(t, s, 97, 100, 1)
}

func TestTailDeletionIsPhysicalAtOnce(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := mustOpen(t, fs, Options{BeforeTruncate: func() error { t.Error("BeforeTruncate called"); return nil }})
	mustStore(t, s, 1, 100, 1)
	mustDelete(t, s, 1, 9)
	mustDelete(t, s, 51, 100)
	wantEntries(t, s, 10, 50, 1)
	wantOnDisk(t, s, 1, 50)
	wantEntries(t, mustOpen(t, fs.CrashClone(vfs.CrashCloneCfg{}), Options{}), 1, 50, 1)

	if err := s.StoreLogs(makeEntries(51, 52, 2)); err != nil {
		t.Fatal(err)
	}
	wantEntry(t, s, makeEntry(50, 1))
	wantEntry(t, s, makeEntry(51, 2))
	wantAbsent(t, s, 53)
}

// TestDeleteAll: the log is empty for good, and may start again anywhere, also after a reopen.
func TestDeleteAll(t *testing.T) {
	for _, from := range []uint64{1, 5, 21, 1000} {
		fs := vfs.NewCrashableMem()
		synced := 0
		o := Options{BeforeTruncate: func() error { synced++; return nil }}
		s := mustOpen(t, fs, o)
		mustStore(t, s, 1, 20, 1)
		mustDelete(t, s, 1, 5)
		mustDelete(t, s, 6, 20)
		if synced != 1 {
			t.Fatalf("BeforeTruncate was called %d times", synced)
		}
		wantBounds(t, s, 0, 0)
		wantAbsent(t, s, 20)
		if left := onDisk(t, s); left != nil {
			t.Fatalf("still on disk: %v", left)
		}
		empty := mustOpen(t, fs.CrashClone(vfs.CrashCloneCfg{}), o)
		wantBounds(t, empty, 0, 0)
		for _, s := range []*Store{empty, s} {
			mustStore(t, s, from, from+9, 2)
			wantEntries(t, s, from, from+9, 2)
		}
		wantEntries(t, mustOpen(t, fs.CrashClone(vfs.CrashCloneCfg{}), o), from, from+9, 2)
	}
}

func TestDeleteMiddleIsRefused(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{})
	mustStore(t, s, 1, 10, 1)
	if err := s.DeleteRange(4, 6); !errors.Is(err, ErrGap) {
		t.Fatalf("got %v, want ErrGap", err)
	}
	wantEntries(t, s, 1, 10, 1)
}

// TestBeforeTruncateComesFirst: while it runs, and when it fails, nothing has disappeared, and appends go on.
func TestBeforeTruncateComesFirst(t *testing.T) {
	fs := vfs.NewCrashableMem()
	fail := errors.New("state is not durable")
	var s *Store
	calls, result := 0, fail
	s = mustOpen(t, fs, Options{BeforeTruncate: func() error {
		calls++
		wantEntries(t, s, 1, 100, 1)
		wantOnDisk(t, s, 1, 100)
		for _, percent := range []int{0, 100} {
			wantEntries(t, crashed(t, fs, percent, 1, Options{}), 1, 100, 1)
		}
		return result
	}})
	mustStore(t, s, 1, 100, 1)
	if err := s.DeleteRange(1, 100); !errors.Is(err, fail) {
		t.Fatalf("got %v, want the error of BeforeTruncate", err)
	}
	wantEntries(t, s, 1, 100, 1)
	wantOnDisk(t, s, 1, 100)

	result = nil
	mustDelete(t, s, 1, 100)
	if first, _ := bounds(t, s); calls != 2 || first == 1 {
		t.Fatalf("log starts at %d after %d calls", first, calls)
	}
}

// TestAppendDuringBeforeTruncate: the sync of the state holds up no append, and an entry appended meanwhile survives.
func TestAppendDuringBeforeTruncate(t *testing.T) {
	var s *Store
	s = mustOpen(t, vfs.NewMem(), Options{BeforeTruncate: func() error { mustStore(t, s, 11, 12, 1); return nil }})
	mustStore(t, s, 1, 10, 1)
	mustDelete(t, s, 1, 10)
	wantEntries(t, s, 11, 12, 1)
}

func TestDropBehind(t *testing.T) {
	tests := []struct {
		name     string
		lo, hi   uint64
		snapshot uint64
		kept     bool
	}{
		{"no snapshot", 1, 10, 0, true},
		{"snapshot inside", 1, 10, 5, true},
		{"snapshot at the end", 1, 10, 10, true},
		{"snapshot ahead", 1, 10, 11, false},
		{"empty log", 0, 0, 11, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := mustOpen(t, vfs.NewMem(), Options{})
			if tt.hi > 0 {
				mustStore(t, s, tt.lo, tt.hi, 1)
			}
			if err := s.DropBehind(tt.snapshot); err != nil {
				t.Fatal(err)
			}
			if tt.kept {
				wantEntries(t, s, tt.lo, tt.hi, 1)
				return
			}
			wantBounds(t, s, 0, 0)
			mustStore(t, s, tt.snapshot+1, tt.snapshot+1, 2)
		})
	}
}

// TestLargeEntriesLeaveTheDisk: entries that fill files leave the disk with the files, however few they are.
func TestLargeEntriesLeaveTheDisk(t *testing.T) {
	durable := uint64(math.MaxUint64)
	s := mustOpen(t, vfs.NewMem(), Options{FileBytes: 256 << 10, Durable: func() uint64 { return durable }})
	last := storeLarge(t, s, 1, 40)
	if s.journal.num < 8 {
		t.Fatalf("%d entries are in %d files", last, s.journal.num)
	}
	all := s.Size()
	durable = 0
	mustDelete(t, s, 1, 30)
	if got := s.Size(); got != all || s.oldest != 1 {
		t.Errorf("the files have %d bytes, want %d while the state is not durable, and the oldest is %d", got, all, s.oldest)
	}
	durable = 20
	if err := s.Reclaim(); err != nil {
		t.Fatal(err)
	}
	if got := onDisk(t, s); got[0] != 21 {
		t.Errorf("entry %d is on the disk, and the state is durable up to 20", got[0])
	}
	durable = 100
	if err := s.Reclaim(); err != nil {
		t.Fatal(err)
	}
	if p, _ := s.journal.locate(31); s.oldest != p.num {
		t.Errorf("the oldest file is %d, want %d", s.oldest, p.num)
	}
	if got := s.Size(); got > all/4+256<<10+100<<10 {
		t.Errorf("the files have %d bytes of %d, a quarter of the entries is left", got, all)
	}
	wantBounds(t, s, 31, last)
}

// TestWithin: the log says how many entries are in so many bytes of files, and says so after a restart.
func TestWithin(t *testing.T) {
	fs := vfs.NewMem()
	o := Options{FileBytes: 256 << 10}
	s := mustOpen(t, fs, o)
	if got := s.Within(0); got != math.MaxUint64 {
		t.Errorf("%d entries of a new log", got)
	}
	last := storeLarge(t, s, 1, 40)
	check := func() {
		t.Helper()
		size := s.Size()
		if got := s.Within(size); got != math.MaxUint64 {
			t.Errorf("%d entries in all files", got)
		}
		for bytes := int64(0); bytes < size; bytes += 100 << 10 {
			n := s.Within(bytes)
			if n > last || bytes > 600<<10 && n < 3 {
				t.Fatalf("%d entries in %d bytes of %d", n, bytes, size)
			}
			if most := max(bytes, 256<<10+100<<10); n*80<<10 > uint64(most) {
				t.Errorf("%d entries of 80 KiB in %d bytes", n, bytes)
			}
			if least := bytes - 256<<10 - 200<<10; int64(n)*100<<10 < least {
				t.Errorf("%d entries of 80 KiB in %d bytes", n, bytes)
			}
		}
	}
	check()
	mustClose(t, s)
	s = mustOpen(t, fs, o)
	check()
	last = storeLarge(t, s, last+1, 5)
	check()
}

// storeLarge appends entries of 80 KiB, and returns the last.
func storeLarge(t *testing.T, s *Store, lo, n uint64) (last uint64) {
	t.Helper()
	for last = lo; last < lo+n; last++ {
		if err := s.StoreLogs([]*raft.Log{{Index: last, Term: 1, Data: make([]byte, 80<<10)}}); err != nil {
			t.Fatal(err)
		}
	}
	return last - 1
}
