package fsm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/storage"
)

// callLog is an entry of calls in database 0.
func callLog(index uint64, calls ...[]string) *raft.Log {
	var g entry.Group
	for _, words := range calls {
		var c entry.Call
		for _, w := range words {
			c.Argv = append(c.Argv, []byte(w))
		}
		g.Calls = append(g.Calls, c)
	}
	return &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, entry.Entry{Time: 1, Groups: []entry.Group{g}})}
}

// sumStates runs the machine's SumStates until the test ends.
func (w *world) sumStates() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.m.SumStates(ctx) })
	w.t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := w.m.AbandonChecksums(); err != nil {
			w.t.Error(err)
		}
	})
}

// awaitChecksum waits until the machine has one for index, or never will.
func (w *world) awaitChecksum(index uint64) (sum storage.Checksum, status ChecksumStatus) {
	deadline := time.After(10 * time.Second)
	for status == ChecksumPending {
		if sum, status = w.m.Checksum(index); status == ChecksumPending {
			select {
			case <-time.After(time.Millisecond):
			case <-deadline:
				w.t.Fatalf("no checksum at %d", index)
			}
		}
	}
	return sum, status
}

// TestChecksumAtIndex: whatever batches entries come in, the checksum is of the state right after its own.
func TestChecksumAtIndex(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	logs := randomLog(rng, 60)
	at := len(logs) / 2
	index := logs[at].Index
	logs[at] = callLog(index, []string{"incr", "n"}, []string{command.ChecksumName}, []string{"incr", "n"})
	plain := newWorld(t)
	plain.m.ApplyBatch(logs[:at+1])
	want := digest(t, plain.store)
	if err := plain.m.AbandonChecksums(); err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 7, len(logs)} {
		t.Run(fmt.Sprintf("batch=%d", batch), func(t *testing.T) {
			w := newWorld(t)
			w.sumStates()
			if _, status := w.m.Checksum(index); status != ChecksumPending {
				t.Errorf("the status is %d before the entry is applied", status)
			}
			for i := 0; i < len(logs); i += batch {
				for j, answer := range w.m.ApplyBatch(logs[i:min(len(logs), i+batch)]) {
					results, _ := answer.(Results)
					if i+j == at && (len(results) != 3 || results[1].Int != int64(index)) {
						t.Errorf("the call for a checksum answers %v, want %d", results, index)
					}
				}
			}
			if sum, status := w.awaitChecksum(index); status != ChecksumKnown || sum != want {
				t.Errorf("the checksum at %d is %v (status %d), want %v", index, sum, status, want)
			}
			if digest(t, w.store) == want {
				t.Error("what came after the entry has left the state as it was")
			}
		})
	}
}

// TestChecksumBounds: one state waits at most, while nobody sums up; the newest checksums are remembered; what a
// crash or a restore takes counts as skipped, and a restore does not wait for a state that waits to be summed up.
func TestChecksumBounds(t *testing.T) {
	w := newWorld(t)
	for index := uint64(1); index <= 3; index++ {
		w.m.Apply(callLog(index, []string{"incr", "n"}, []string{command.ChecksumName}))
	}
	for index, want := range []ChecksumStatus{1: ChecksumPending, ChecksumSkipped, ChecksumSkipped, ChecksumPending} {
		if _, got := w.m.Checksum(uint64(index)); index > 0 && got != want {
			t.Errorf("the status at %d is %d, want %d", index, got, want)
		}
	}
	ahead := newWorld(t)
	for index := uint64(1); index <= 20; index++ {
		ahead.m.Apply(callLog(index, []string{"incr", "n"}))
	}
	restored := make(chan struct{})
	go func() {
		defer close(restored)
		w.restoreFrom(ahead)
	}()
	select {
	case <-restored:
	case <-time.After(10 * time.Second):
		_ = w.m.AbandonChecksums()
		<-restored
		t.Fatal("the restore waits for a state that nobody sums up")
	}
	if _, got := w.m.Checksum(1); got != ChecksumSkipped {
		t.Errorf("the status at 1 is %d after a restore, want %d", got, ChecksumSkipped)
	}
	w.sumStates()
	for index := uint64(21); index < 21+2*keptChecksums; index++ {
		w.m.Apply(callLog(index, []string{"incr", "n"}, []string{command.ChecksumName}))
		if _, status := w.awaitChecksum(index); status != ChecksumKnown {
			t.Fatalf("the status at %d is %d", index, status)
		}
	}
	if n := len(w.m.checksums.mu.newest); n != keptChecksums {
		t.Errorf("%d checksums are remembered, want %d", n, keptChecksums)
	}
}

// TestChecksumRestoreStops: a restore stops the summing up of the state that it replaces.
func TestChecksumRestoreStops(t *testing.T) {
	w := newWorld(t)
	w.m.Apply(callLog(1, []string{"incr", "n"}, []string{command.ChecksumName}))
	f, ctx := w.m.checksums.takePinned(t.Context()) // as SumStates does
	if f == nil || f.index != 1 {
		t.Fatalf("%+v waits", f)
	}
	if err := w.m.checksums.abandon(); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() == nil {
		t.Error("it goes on")
	}
	if err := f.view.Close(); err != nil {
		t.Fatal(err)
	}
	w.m.checksums.finishSum(checksumResult{index: 1, status: ChecksumSkipped})
}
