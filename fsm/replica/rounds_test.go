package replica

import (
	"context"
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
		r := newRounds(time.Minute, func(_ context.Context, tick bool) (confirmed, error) {
			n := made.Add(1)
			if tick != (n == 2) {
				t.Errorf("round %d ticks: %v", n, tick)
			}
			time.Sleep(time.Second)
			return confirmed{index: n}, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(r.run(ctx))
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
		cancel()
		wg.Wait()
		if _, err := r.join(false); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestRoundsBound: a round that does not end keeps nobody longer than the limit, neither those in it nor those behind it.
func TestRoundsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRounds(time.Second, func(ctx context.Context, _ bool) (confirmed, error) {
			<-ctx.Done()
			return confirmed{}, ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(r.run(ctx))
		for range 3 {
			began := time.Now()
			if _, err := r.join(false); !errors.Is(err, ErrNoQuorum) || time.Since(began) != time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
		cancel()
		wg.Wait()
	})
}
