package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// write commits states in which every row says the index, until the context ends.
func write(ctx context.Context, s *Store) error {
	for i := s.State().Index + 1; ctx.Err() == nil; i++ {
		x, err := s.Begin()
		if err != nil {
			return err
		}
		at := fmt.Appendf(nil, "%d", i)
		if i%2 == 0 {
			err = x.DeleteRange([]byte("Mx"), []byte("My"))
		} else {
			err = x.Delete(fmt.Appendf(nil, "Mx%d", (i-1)%7))
		}
		err = errors.Join(err,
			x.Set([]byte("Ma"), at), x.Set(fmt.Appendf(nil, "Mx%d", i%7), append(at, strings.Repeat(" ", 500)...)), x.Set([]byte("Mz"), at),
			x.Commit(Applied{i, 1}),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// coherent checks that what a view shows is all of one index, and returns it.
func coherent(s *Store) (uint64, error) {
	v, err := s.View(0)
	if err != nil {
		return 0, err
	}
	at := v.State().Index
	var rows []string
	err = v.Scan([]byte("M"), []byte("N"), func(k, b []byte) (bool, error) {
		rows = append(rows, string(k[:2])+strings.TrimSpace(string(b)))
		return true, nil
	})
	want := fmt.Sprintf("Ma%d Mx%d Mz%d", at, at, at)
	if got := strings.Join(rows, " "); err == nil && at > 0 && got != want {
		err = fmt.Errorf("at %d the rows are %q, want %q", at, got, want)
	}
	return at, errors.Join(err, v.Close())
}

// TestTogether runs a leader that writes and takes checkpoints all the time, and a follower that adopts them, with
// readers, records and syncs on both. Every view shows one index, whole, and indexes never go back.
func TestTogether(t *testing.T) {
	leader, follower := opened(t, vfs.NewMem()), opened(t, vfs.NewMem())
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	run := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				t.Error(err)
				stop()
			}
		})
	}
	repeat := func(f func() error) {
		run(func() error {
			var err error
			for ctx.Err() == nil && err == nil {
				err = f()
			}
			return err
		})
	}
	run(func() error { return write(ctx, leader) })
	for _, s := range []*Store{leader, follower} {
		for range 2 {
			last := uint64(0)
			repeat(func() error {
				at, err := coherent(s)
				if at < last {
					err = fmt.Errorf("the index went from %d back to %d", last, at)
				}
				last = at
				return err
			})
		}
		repeat(func() error {
			at := s.State()
			return errors.Join(s.SaveRecord(layout.Record{Index: at.Index, Term: at.Term}), s.Sync())
		})
	}
	for range 5 {
		if err := catchUp(leader, follower); err != nil {
			t.Error(err)
			break
		}
	}
	stop()
	wg.Wait()
	for _, s := range []*Store{leader, follower} {
		if err := tidy(s.o.FS); err != nil {
			t.Error(err)
		}
	}
}

// catchUp makes the follower adopt the leader's newest state.
func catchUp(leader, follower *Store) error {
	at := leader.State().Index
	c, err := leader.Checkpoint()
	if err != nil {
		return err
	}
	g, err := follower.NewStage()
	if err != nil {
		return errors.Join(err, c.Close())
	}
	_, err = io.Copy(g, c)
	err = errors.Join(err, c.Close(), g.Finish())
	if err == nil {
		err = follower.Adopt(g, layout.Record{Index: at, Term: 1})
	}
	if got, cerr := coherent(follower); err == nil && (cerr != nil || got < at) {
		err = fmt.Errorf("the follower is at %d, want at least %d: %w", got, at, cerr)
	}
	return errors.Join(err, g.Abort())
}

// TestCloseAndAdopt: a store that is closed while it adopts is closed, once, and reopens as one of the two.
func TestCloseAndAdopt(t *testing.T) {
	leader := opened(t, vfs.NewMem())
	newer := fill(t, leader, "new", 5)
	stream := streamOf(t, leader)
	for range 15 {
		s := mustOpen(t, vfs.NewMem())
		older := fill(t, s, "old", 5)
		g, err := receive(s, stream)
		must(t, err)
		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		adoptErr := s.Adopt(g, newer.record)
		must(t, <-closed)
		want := newer
		if adoptErr != nil {
			want = older
			if !errors.Is(adoptErr, ErrClosed) {
				t.Errorf("Adopt returned %v", adoptErr)
			}
		}
		must(t, g.Abort())
		s = mustOpen(t, s.o.FS)
		must(t, want.checkStore(s))
		must(t, s.Close())
	}
}
