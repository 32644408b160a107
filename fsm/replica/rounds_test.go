package replica

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRounds: who comes while a round runs waits for the next one, and shares it with all others who came meanwhile.
func TestRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Uint64
		r := newRounds(time.Minute, func(_ time.Time, tick bool) (confirmed, error) {
			n := made.Add(1)
			if tick != (n == 2) {
				t.Errorf("round %d ticks: %v", n, tick)
			}
			time.Sleep(time.Second)
			return confirmed{index: n}, nil
		})
		var wg sync.WaitGroup
		join := func(tick bool, want uint64) {
			wg.Go(func() {
				if got, err := r.join(tick); got.index != want || err != nil {
					t.Errorf("round %d, %v; want %d", got.index, err, want)
				}
			})
		}
		join(false, 1)
		synctest.Wait() // the first round runs
		join(false, 2)
		join(true, 2)
		join(false, 2)
		time.Sleep(3 * time.Second)
		join(false, 3) // after a while without any
		wg.Wait()
		r.closeRounds()
		if _, err := r.join(false); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestRoundsClose: close waits for the round that is being made, and who waits for the next one is told.
func TestRoundsClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRounds(time.Minute, func(time.Time, bool) (confirmed, error) {
			time.Sleep(time.Second)
			return confirmed{index: 1}, nil
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if got, err := r.join(false); got.index != 1 || err != nil {
				t.Errorf("the round that was begun: %d, %v", got.index, err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := r.join(false); !errors.Is(err, ErrClosed) {
				t.Errorf("the next round: %v", err)
			}
		})
		synctest.Wait()
		began := time.Now()
		r.closeRounds()
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("closed after %v, and the round took a second", waited)
		}
		wg.Wait()
	})
}

// TestRoundsBound: a round that cannot be made keeps nobody longer than the limit, neither those in it nor those
// behind it.
func TestRoundsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRounds(time.Second, func(until time.Time, _ bool) (confirmed, error) {
			time.Sleep(time.Until(until))
			return confirmed{}, ErrNoQuorum
		})
		var wg sync.WaitGroup
		for n := range 9 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 300 * time.Millisecond)
				began := time.Now()
				if _, err := r.join(false); !errors.Is(err, ErrNoQuorum) || time.Since(began) > time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		}
		wg.Wait()
		r.closeRounds()
	})
}

// TestRoundsPanic: a round whose making panics leaves nobody waiting.
func TestRoundsPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRounds(time.Second, func(time.Time, bool) (confirmed, error) {
			time.Sleep(time.Millisecond)
			panic("no round")
		})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				defer func() { _ = recover() }()
				if got, err := r.join(false); err == nil {
					t.Errorf("a round that was not made: %v", got)
				}
			})
		}
		wg.Wait()
		r.closeRounds()
	})
}
