package storage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cairn/storage/layout"
)

// TestCheckpointUnderWrites: while Pebble's log is copied it grows, between any two reads of the copy. The copy must
// be a log up to some commit, never one with a hole.
func TestCheckpointUnderWrites(t *testing.T) {
	var grow atomic.Pointer[func()]
	s := opened(t, errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if f := grow.Load(); f != nil && op.Kind == errorfs.OpFileRead && strings.HasSuffix(op.Path, ".log") {
			(*f)()
		}
		return nil
	})))
	for i := range 300 { // logs that Pebble could use again
		put(t, s, fmt.Sprintf("M%04d", i), strings.Repeat("v", 1000))
	}
	flush(t, s)
	put(t, s, "Ma", "before")
	writes := 0
	var more func()
	more = func() {
		grow.Store(nil) // not within itself
		defer grow.Store(&more)
		for range 10 {
			writes++
			put(t, s, fmt.Sprintf("Mb%04d", writes), strings.Repeat("w", 2000))
			must(t, s.Sync())
		}
	}
	for range 10 {
		index := s.State().Index
		grow.Store(&more)
		c, err := s.Checkpoint()
		grow.Store(nil)
		must(t, err)
		f := opened(t, vfs.NewMem())
		g, err := f.NewStage()
		must(t, err)
		_, err = io.Copy(g, c)
		must(t, err)
		must(t, c.Close())
		must(t, g.Finish())
		must(t, f.Adopt(g, layout.Record{Index: index}))
	}
	if writes == 0 {
		t.Error("nothing was written meanwhile")
	}
}

// TestHardLinks: on the operating system's file system a checkpoint shares its tables with the store.
func TestHardLinks(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	must(t, err)
	defer s.Close()
	m := fill(t, s, "x", 300)
	flush(t, s)
	c, err := s.Checkpoint()
	must(t, err)
	tables := 0
	for _, f := range c.files {
		if filepath.Ext(f.name) == ".sst" {
			tables++
			a, aerr := os.Stat(filepath.Join(c.dir, f.name))
			b, berr := os.Stat(filepath.Join(dir, firstEngine, f.name))
			if err := errors.Join(aerr, berr); err != nil || !os.SameFile(a, b) {
				t.Errorf("%s is a copy: %v", f.name, err)
			}
		}
	}
	if tables == 0 {
		t.Error("the checkpoint has no table")
	}
	g, err := s.NewStage()
	must(t, err)
	_, err = io.Copy(g, c)
	must(t, err)
	must(t, c.Close())
	must(t, g.Finish())
	must(t, s.Adopt(g, m.record))
	must(t, m.checkStore(s))
	must(t, tidy(subFS{vfs.Default, dir}))
}
