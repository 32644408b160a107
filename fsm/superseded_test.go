package fsm

import (
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/storage"
	"cairn/storage/layout"
)

// tickLog is an entry that changes nothing but the applied index.
func tickLog(index uint64) *raft.Log {
	return &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, entry.Entry{
		Groups: []entry.Group{{Calls: []entry.Call{{Argv: [][]byte{[]byte("cairn.tick")}}}}},
	})}
}

// receive takes the other world's state as a leader's stream.
func receive(t *testing.T, from *world, own *Snapshots, index uint64) io.ReadCloser {
	t.Helper()
	metas, err := from.snapshot().List()
	if err != nil {
		t.Fatal(err)
	}
	_, stream, err := NewSnapshots(from.store).Open(metas[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	sink, err := own.Create(1, index, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(sink, stream); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sink.Close(), stream.Close()); err != nil {
		t.Fatal(err)
	}
	_, received, err := own.Open(sink.ID())
	if err != nil {
		t.Fatal(err)
	}
	return received
}

// TestRestoreStops: a restore after which nobody knows which state a restart finds ends the process. One that has
// failed before that does not.
func TestRestoreStops(t *testing.T) {
	for name, c := range map[string]struct {
		record uint64 // the stream's state is at 10
		fails  bool   // the disk, when CURRENT is written
		want   error
	}{
		"a bad stream": {record: 20, want: storage.ErrStream},
		"a bad disk":   {record: 10, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			from := newWorld(t)
			from.m.Apply(tickLog(10))
			var broken atomic.Bool
			fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				if broken.Load() && op.Kind == errorfs.OpCreate && strings.Contains(op.Path, "CURRENT") {
					return errors.New("the disk fails")
				}
				return nil
			}))
			s, err := storage.Open("/state", storage.Options{FS: fs, MemTableBytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }() // it may be broken
			m := New(Options{Store: s})
			received := receive(t, from, NewSnapshots(s), c.record)
			broken.Store(c.fails)
			defer func() {
				if stopped := recover() != nil; stopped != c.fails {
					t.Errorf("stopped: %v", stopped)
				}
			}()
			if err := m.Restore(received); !errors.Is(err, c.want) {
				t.Errorf("Restore: %v", err)
			}
		})
	}
}

// TestSupersededDuringRestore: an own snapshot that is saved while a leader's is restored must not leave the record
// behind what was restored, for Raft has emptied its log up to there.
func TestSupersededDuringRestore(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	to.m.Apply(tickLog(1))
	own := NewSnapshots(to.store)
	for index := uint64(10); index < 400; index += 10 {
		from.m.Apply(tickLog(index))
		received := receive(t, from, own, index)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for behind := max(1, index-10); ; {
				select {
				case <-stop:
					return
				default:
				}
				if err := own.save(layout.Record{Index: behind, Term: 1}); err != nil && !errors.Is(err, ErrSuperseded) {
					t.Error(err)
				}
			}
		})
		err := to.m.Restore(received)
		close(stop)
		wg.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if err := received.Close(); err != nil {
			t.Fatal(err)
		}
		if r, _, _ := to.store.Record(); r.Index != index {
			t.Fatalf("the record is at %d after the snapshot at %d was restored", r.Index, index)
		}
	}
}

// TestRecordIsOfWhatIsApplied: a snapshot's record names the entry that the state has come to, not one behind or ahead.
func TestRecordIsOfWhatIsApplied(t *testing.T) {
	w := newWorld(t)
	for index := uint64(1); index <= 5; index++ {
		w.m.Apply(tickLog(index))
		w.snapshot()
		if r, ok, err := w.store.Record(); !ok || err != nil || r.Index != index || w.store.State().Index != index {
			t.Errorf("the record is %+v (%v, %v), the state at %d; want %d", r, ok, err, w.store.State().Index, index)
		}
	}
}
