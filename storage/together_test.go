package storage

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cairn/storage/layout"
)

// TestIndexComesWithData: a crash between any two writes to Pebble's log finds the data of the index that it finds,
// neither more nor less.
func TestIndexComesWithData(t *testing.T) {
	disk := vfs.NewCrashableMem()
	var left struct {
		sync.Mutex
		by []*vfs.MemFS // crashes
	}
	s := opened(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".log") {
			left.Lock()
			defer left.Unlock()
			left.by = append(left.by, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))}))
		}
		return nil
	})))
	const commits = 300
	long := strings.Repeat(" ", 3000) // Pebble writes blocks of 32 KiB, and most of them end within a value
	for i := range commits {
		put(t, s, "Mcount", strconv.Itoa(i+1)+long)
		must(t, s.mu.engine.flush(pebble.NoSync, nil))
	}
	left.Lock()
	defer left.Unlock()
	if len(left.by) < commits/10 {
		t.Fatalf("%d writes for %d commits: the test says little", len(left.by), commits)
	}
	for _, fs := range left.by {
		found := mustOpen(t, fs)
		v, err := found.View(0)
		must(t, err)
		value, err := v.Get([]byte("Mcount"))
		must(t, err)
		if want := strconv.FormatUint(v.State().Index, 10); strings.TrimSpace(string(value)) != want && (want != "0" || value != nil) {
			t.Errorf("a crash leaves index %s with the data of %.5q", want, value)
		}
		must(t, v.Close())
		must(t, found.Close())
	}
}

// TestAdoptedIsDurable: what was adopted is there after a crash that takes everything that was not synced, tables too
// that Pebble has no reason to write anew.
func TestAdoptedIsDurable(t *testing.T) {
	leader := opened(t, vfs.NewMem())
	fill(t, leader, "new", 120)
	flush(t, leader)
	must(t, leader.mu.engine.db.Compact(t.Context(), []byte{0}, []byte{255}, false))
	disk := vfs.NewCrashableMem()
	s := opened(t, disk)
	g, err := receive(s, streamOf(t, leader))
	must(t, err)
	must(t, s.Adopt(g, layout.Record{Index: 120}))
	after := opened(t, disk.CrashClone(vfs.CrashCloneCfg{}))
	if checksum(t, after) != checksum(t, leader) {
		t.Error("another state is there after a crash")
	}
}
