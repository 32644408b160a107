// Package raftlogtest opens Raft logs for tests.
package raftlogtest

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cairn/storage/raftlog"
)

// InMemory opens an empty log in memory. It is closed when the test ends.
func InMemory(t testing.TB) *raftlog.Store {
	t.Helper()
	log := open(t, vfs.NewMem())
	t.Cleanup(func() { log.Close() })
	return log
}

// Gated opens an empty log in memory that calls pass before each sync of a file. The caller closes it.
func Gated(t testing.TB, pass func()) *raftlog.Store {
	t.Helper()
	return open(t, errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			pass()
		}
		return nil
	})))
}

func open(t testing.TB, fs vfs.FS) *raftlog.Store {
	t.Helper()
	log, err := raftlog.Open("/log", raftlog.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return log
}
