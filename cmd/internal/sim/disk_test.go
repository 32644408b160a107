package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// errDisk is what a disk answers that was told to fail.
var errDisk = errors.New("sim: the disk fails")

// disk is the disk of one node between two of its crashes: memory that knows what was synced, and faults in front of
// it.
type disk struct {
	mem *vfs.MemFS

	mu struct {
		sync.Mutex
		rng      *rand.Rand
		dead     bool          // its node is: what the rest of it writes interests nobody
		paused   chan struct{} // closed at the end of a pause
		syncTime time.Duration // what a sync takes, about
		full     bool
		fuse     fuse
	}
}

// fuse is a fault that comes after some matching operations.
type fuse struct {
	left  int          // operations until it burns through; 0 is no fuse
	path  string       // part of the paths that count; "" is all
	fails bool         // what is an error: syncs of directories do not count, for Pebble panics at once where one fails
	what  func() error // called once; its error is the operation's
}

func newDisk(mem *vfs.MemFS, seed uint64) *disk {
	d := &disk{mem: mem}
	d.mu.rng = rand.New(rand.NewPCG(seed, 2))
	return d
}

// fs returns the disk as its node sees it.
func (d *disk) fs() vfs.FS { return errorfs.Wrap(d.mem, errorfs.InjectorFunc(d.before)) }

// before runs before each operation; its error takes the operation's place.
func (d *disk) before(op errorfs.Op) error {
	if wait := d.pause(); wait != nil {
		<-wait
	}
	write := op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && op.Kind != errorfs.OpLock
	if !write {
		return nil
	}
	if took := d.syncTakes(op.Kind); took > 0 {
		<-time.After(took)
	}
	d.mu.Lock()
	if d.mu.dead {
		d.mu.Unlock()
		return nil
	}
	if d.mu.full && needsSpace(op.Kind) {
		d.mu.Unlock()
		return fmt.Errorf("%w: %s: %w", errDisk, op.Path, syscall.ENOSPC)
	}
	f := &d.mu.fuse
	if f.left == 0 || !strings.Contains(op.Path, f.path) || f.fails && isSync(op.Kind) && !strings.Contains(path.Base(op.Path), ".") {
		d.mu.Unlock()
		return nil
	}
	f.left--
	burnt, what := f.left == 0, f.what
	d.mu.Unlock()
	if !burnt {
		return nil
	}
	return what()
}

func (d *disk) pause() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.dead {
		return nil
	}
	return d.mu.paused
}

// holdsUp reports whether the disk lets its node wait.
func (d *disk) holdsUp() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.paused != nil || d.mu.syncTime > 0
}

// syncTakes returns how long an operation takes: syncs cost time on a slow disk.
func (d *disk) syncTakes(kind errorfs.OpKind) time.Duration {
	if !isSync(kind) {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.dead || d.mu.syncTime == 0 {
		return 0
	}
	return time.Duration(d.mu.rng.Int64N(int64(2 * d.mu.syncTime)))
}

func isSync(kind errorfs.OpKind) bool {
	switch kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		return true
	}
	return false
}

// needsSpace reports whether an operation fails on a full disk.
func needsSpace(kind errorfs.OpKind) bool {
	switch kind {
	case errorfs.OpCreate, errorfs.OpLink, errorfs.OpMkdirAll, errorfs.OpFilePreallocate, errorfs.OpFileWrite, errorfs.OpFileWriteAt:
		return true
	}
	return false
}

// set changes the disk's faults.
func (d *disk) set(change func(d *disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// freeze lets no operation through until the function that it returns is called.
func (d *disk) freeze() (thaw func()) {
	paused := make(chan struct{})
	d.set(func(d *disk) { d.mu.paused = paused })
	return sync.OnceFunc(func() {
		d.set(func(d *disk) { d.mu.paused = nil })
		close(paused)
	})
}

// crash takes what a power cut would leave of the disk now, and lets the rest of the node run out on what it has.
func (d *disk) crash(rng *rand.Rand) *vfs.MemFS {
	left := d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced(rng), RNG: rng})
	d.set(func(d *disk) { d.mu.dead = true })
	return left
}

// unsynced returns how likely what was not synced survives, in percent: nothing, all, or some.
func unsynced(rng *rand.Rand) int {
	switch rng.IntN(4) {
	case 0:
		return 0
	case 1:
		return 100
	}
	return rng.IntN(101)
}
