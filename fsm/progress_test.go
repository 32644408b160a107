package fsm

import (
	"strings"
	"testing"

	"cairn/fsm/entry"
)

// TestAppliedIsCommitted: who has waited for an entry finds in the store what it did.
func TestAppliedIsCommitted(t *testing.T) {
	w := newWorld(t)
	slow := strings.Repeat("x", 2<<20) // a commit that takes its time
	for index := uint64(1); index <= 40; index++ {
		found := make(chan int64, 1)
		waits := make(chan struct{})
		go func() {
			close(waits)
			if err := w.m.WaitApplied(t.Context(), index); err != nil {
				t.Error(err)
			}
			a, err := w.m.Query(0, 0, []entry.Call{{Argv: [][]byte{[]byte("strlen"), []byte("n")}}})
			if err != nil {
				t.Error(err)
			}
			found <- a.Replies[0].Int
		}()
		<-waits
		w.m.Apply(callLog(index, []string{"append", "n", "1"}, []string{"set", "slow", slow}))
		if got := <-found; got < int64(index) {
			t.Fatalf("entry %d is told to be applied, and the store shows %d", index, got)
		}
	}
}
