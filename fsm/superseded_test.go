package fsm

import (
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/storage/layout"
)

// tickLog is an entry that changes nothing but the applied index.
func tickLog(index uint64) *raft.Log {
	return &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, entry.Entry{
		Groups: []entry.Group{{Calls: []entry.Call{{Argv: [][]byte{[]byte("cairn.tick")}}}}},
	})}
}

// TestSupersededDuringRestore: an own snapshot that is saved while a leader's is restored must not leave the record behind
// what was restored, for Raft has emptied its log up to there.
func TestSupersededDuringRestore(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	to.m.Apply(tickLog(1))
	own := NewSnapshots(to.store)
	for index := uint64(10); index < 400; index += 10 {
		from.m.Apply(tickLog(index))
		metas, err := from.snapshot().List()
		if err != nil {
			t.Fatal(err)
		}
		meta, stream, err := NewSnapshots(from.store).Open(metas[0].ID)
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
			t.Fatalf("%v, %v", meta, err)
		}
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for behind := index - 9; ; {
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
		err = to.m.Restore(received)
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
