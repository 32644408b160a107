package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cairn/storage/layout"
	"cairn/storage/storagetest"
)

// childEnv tells a child process of this test binary what to do; see TestMain.
const childEnv = "STORAGE_TEST_CHILD"

func TestMain(m *testing.M) {
	switch job, dir, _ := strings.Cut(os.Getenv(childEnv), " "); job {
	case "open":
		if _, err := Open(dir, Options{}); err != nil {
			fmt.Println(err, errors.Is(err, ErrLocked))
		}
	case "fatal":
		childFatal(dir)
	default:
		os.Exit(m.Run())
	}
}

func child(t *testing.T, job, dir string) (output string, err error) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+job+" "+dir)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// TestLocked: a directory is open once, in this process and beside it.
func TestLocked(t *testing.T) {
	disk := t.TempDir()
	for name, c := range map[string]struct {
		fs  FS
		dir string
	}{"disk": {vfs.Default, disk}, "memory": {vfs.NewMem(), "db"}} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(c.dir, Options{FS: c.fs})
			must(t, err)
			put(t, s, "k", "v")
			for _, readOnly := range []bool{false, true} {
				if _, err := Open(c.dir, Options{FS: c.fs, ReadOnly: readOnly}); !errors.Is(err, ErrLocked) {
					t.Errorf("read only %v: opened twice with %v", readOnly, err)
				}
			}
			if name == "disk" {
				if out, err := child(t, "open", c.dir); err != nil || !strings.Contains(out, "true") {
					t.Errorf("another process opened it: %s, %v", out, err)
				} else if want := fmt.Sprintf("in use, by process %d (", os.Getpid()); runtime.GOOS == "linux" && !strings.Contains(out, want) {
					t.Errorf("another process is told %q, want %q in it", out, want)
				}
			}
			must(t, s.Close())
			must(t, s.Close())
			s, err = Open(c.dir, Options{FS: c.fs})
			must(t, err)
			must(t, s.Close())
		})
	}
}

// TestNotLockedButBroken: a lock file that cannot be made is not another process.
func TestNotLockedButBroken(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, lockFile), 0o755))
	if _, err := Open(dir, Options{}); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("opened with %v", err)
	}
}

// TestClosed: after Close every call says so, and nothing panics.
func TestClosed(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	put(t, s, "k", "v")
	must(t, s.Close())
	must(t, s.Close())
	_, beginErr := s.Begin()
	_, viewErr := s.View(0)
	_, _, recordErr := s.Record()
	_, checkpointErr := s.Checkpoint()
	for name, err := range map[string]error{
		"Begin": beginErr, "View": viewErr, "Record": recordErr, "Checkpoint": checkpointErr,
		"Sync": s.Sync(), "SaveRecord": s.SaveRecord(layout.Record{}), "Adopt": s.Adopt(&Stage{finished: true}, layout.Record{}),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s returns %v", name, err)
		}
	}
	if s.State().Index != 1 {
		t.Errorf("the state is %+v", s.State())
	}
}

// TestCloseWaits for views and the transaction.
func TestCloseWaits(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	put(t, s, "k", "v")
	v, err := s.View(0)
	must(t, err)
	x, err := s.Begin()
	must(t, err)
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- s.Close() }()
	}
	for s.usable() == nil {
	}
	if b, err := v.Get([]byte("k")); string(b) != "v" || err != nil {
		t.Errorf("the view reads %q, %v", b, err)
	}
	must(t, x.Set([]byte("k"), []byte("w")))
	must(t, x.Commit(Applied{2, 1}))
	select {
	case err := <-done:
		t.Errorf("Close did not wait: %v", err)
	default:
	}
	must(t, v.Close())
	must(t, <-done)
	must(t, <-done)
	s = opened(t, s.o.FS)
	if s.State().Index != 2 {
		t.Errorf("the commit under Close is lost: %+v", s.State())
	}
}

// tree returns names, modes and contents of everything below a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all[path] = d.Type().String()
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			all[path] += string(b)
			return err
		}
		return nil
	}))
	return all
}

// TestReadOnly: reading a store that was killed replays its WAL and changes no byte of its folder, leftovers included.
func TestReadOnly(t *testing.T) {
	live, killed := t.TempDir(), filepath.Join(t.TempDir(), "killed")
	s, err := Open(live, Options{MemTableBytes: 64 << 10})
	must(t, err)
	m := fill(t, s, "x", 300)
	must(t, s.Sync())
	for os.CopyFS(killed, os.DirFS(live)) != nil { // a file may be removed under the copy
		must(t, os.RemoveAll(killed))
	}
	must(t, s.Close())
	must(t, os.MkdirAll(filepath.Join(killed, "state-0000000000000007"), 0o755))
	must(t, os.MkdirAll(filepath.Join(killed, "checkpoint-0000000000000007"), 0o755))
	must(t, os.WriteFile(filepath.Join(killed, currentFile+tmpSuffix), []byte("x"), 0o644))
	before := tree(t, killed)

	s, err = Open(killed, Options{ReadOnly: true, MemTableBytes: 64 << 10})
	must(t, err)
	must(t, m.checkStore(s))
	_, err = s.Begin()
	for name, err := range map[string]error{
		"Begin": err, "Sync": s.Sync(), "SaveRecord": s.SaveRecord(layout.Record{}),
	} {
		if err == nil {
			t.Errorf("%s worked on a store that is only read", name)
		}
	}
	must(t, m.checkStore(s))
	must(t, s.Close())
	if after := tree(t, killed); !maps.Equal(before, after) {
		t.Errorf("%q became %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
	s, err = Open(killed, Options{})
	must(t, err)
	must(t, m.checkStore(s))
	must(t, s.Close())
	must(t, tidy(subFS{vfs.Default, killed}))
}

// subFS lists another folder in place of "db".
type subFS struct {
	FS
	dir string
}

func (s subFS) List(string) ([]string, error) { return s.FS.List(s.dir) }

// TestNoStore: to read where there is no store gives ErrNoStore and makes nothing.
func TestNoStore(t *testing.T) {
	empty, missing := t.TempDir(), filepath.Join(t.TempDir(), "missing")
	for _, dir := range []string{empty, missing} {
		before := tree(t, filepath.Dir(dir))
		if _, err := Open(dir, Options{ReadOnly: true}); !errors.Is(err, ErrNoStore) {
			t.Errorf("%s: %v", dir, err)
		}
		if after := tree(t, filepath.Dir(dir)); !maps.Equal(before, after) {
			t.Errorf("%q became %q", before, after)
		}
	}
}

// TestDamagedFolder: a store whose folder is damaged is refused, and not a byte of what is left is removed.
func TestDamagedFolder(t *testing.T) {
	for name, damage := range map[string]func(fs *vfs.MemFS) error{
		"no CURRENT, another engine": func(fs *vfs.MemFS) error {
			return errors.Join(fs.Remove("db/CURRENT"), fs.Rename("db/"+firstEngine, "db/state-0000000000000007"))
		},
		"no engine": func(fs *vfs.MemFS) error { return fs.RemoveAll("db/" + firstEngine) },
		"an engine without data": func(fs *vfs.MemFS) error {
			return errors.Join(fs.RemoveAll("db/"+firstEngine), fs.MkdirAll("db/"+firstEngine, 0o755))
		},
		"empty CURRENT":           func(fs *vfs.MemFS) error { return WriteFile(fs, "db/CURRENT", nil) },
		"CURRENT leads out":       func(fs *vfs.MemFS) error { return WriteFile(fs, "db/CURRENT", []byte("state-/../../etc\n")) },
		"CURRENT names no engine": func(fs *vfs.MemFS) error { return WriteFile(fs, "db/CURRENT", []byte("LOCK\n")) },
		"garbage in the state row": func(fs *vfs.MemFS) error {
			s, err := Open("db", small(fs))
			if err != nil {
				return err
			}
			return errors.Join(s.mu.engine.db.Set([]byte(layout.StateRow), []byte{9}, nil), s.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			s := mustOpen(t, fs)
			fill(t, s, "x", 100)
			must(t, s.Close())
			must(t, damage(fs))
			before := list(t, fs, "db")
			for _, readOnly := range []bool{false, true, false} {
				o := small(fs)
				o.ReadOnly = readOnly
				_, err := Open("db", o)
				if noStore := readOnly && errors.Is(err, ErrNoStore); !errors.Is(err, layout.ErrCorrupt) && !noStore {
					t.Errorf("read only %v: opened with %v", readOnly, err)
				}
			}
			if after := list(t, fs, "db"); len(after) < len(before) {
				t.Errorf("%q became %q", before, after)
			}
		})
	}
}

// TestLostCurrent: where the first engine is there without CURRENT, a crash cut the making of the store short, or
// CURRENT was lost. Either way the engine is the store.
func TestLostCurrent(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	m := fill(t, s, "x", 10)
	must(t, s.Close())
	must(t, fs.Remove("db/CURRENT"))
	must(t, m.checkStore(opened(t, fs)))
	must(t, tidy(fs))
}

// TestFaultInOpen lets each operation of Open fail once, reads included. Open says so and releases the lock, or has
// no need of it; the next Open finds everything.
func TestFaultInOpen(t *testing.T) {
	failures := 0
	for n := int64(1); ; n++ {
		mem := vfs.NewCrashableMem()
		s := mustOpen(t, mem)
		m := fill(t, s, "x", 10) // few: a compaction that goes on when Open fails would be Pebble's race
		must(t, s.Sync())
		killed := crash(mem, storagetest.Rand(t), 100)
		must(t, s.Close())
		mem = killed

		count, failed := atomic.Int64{}, atomic.Pointer[errorfs.Op]{}
		s, err := Open("db", small(errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			// What Pebble cannot do to its manifest it takes for fatal: see TestFatal.
			manifest := strings.Contains(op.Path, "MANIFEST") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite || op.Path == "db/"+firstEngine
			if op.Kind == errorfs.OpRemove || manifest || count.Add(1) != n {
				return nil
			}
			failed.Store(&op)
			return errorfs.ErrInjected
		}))))
		count.Store(1 << 40)
		op := failed.Load()
		if op == nil {
			must(t, err)
			must(t, s.Close())
			break
		}
		when := fmt.Sprintf("%d: %v of %s", n, op.Kind, op.Path)
		if err != nil {
			failures++
			if errors.Is(err, ErrLocked) != (op.Kind == errorfs.OpLock && op.Path == "db/LOCK") || errors.Is(err, ErrNoStore) {
				t.Errorf("%s: %v", when, err)
			}
		} else {
			must(t, m.checkStore(s))
			must(t, s.Close())
		}
		s, err = Open("db", small(mem))
		if err != nil {
			t.Fatalf("%s: the next Open: %v", when, err)
		}
		if err := m.checkStore(s); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		must(t, s.Close())
	}
	t.Logf("%d operations failed Open", failures)
	if failures < 20 {
		t.Errorf("only %d operations failed Open", failures)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{CacheBytes: -1}, {MemTableBytes: 1}, {MemTableBytes: 2 << 30}} {
		fs := vfs.NewMem()
		o.FS = fs
		if _, err := Open("db", o); err == nil {
			t.Errorf("%+v is taken", o)
		}
		if names := list(t, fs, ""); len(names) != 0 {
			t.Errorf("%q was made", names)
		}
	}
}

func TestReadWriteFile(t *testing.T) {
	fs := vfs.NewCrashableMem()
	for _, want := range []string{"one", "", "three"} {
		must(t, WriteFile(fs, "x", []byte(want)))
		for _, percent := range []int{0, 50, 100} {
			if b, err := ReadFile(crash(fs, storagetest.Rand(t), percent), "x"); string(b) != want || err != nil {
				t.Errorf("after a crash x is %q, %v, want %q", b, err, want)
			}
		}
	}
	if _, err := ReadFile(fs, "y"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}
