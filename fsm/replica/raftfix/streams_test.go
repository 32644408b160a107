package raftfix

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStreamPace: all streams that a node sends share one pace; one that it receives has none.
func TestStreamPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 4 << 20
		s := NewStreams(t.Context(), 1<<20, slog.New(slog.DiscardHandler))
		read := func(sending bool) time.Duration {
			began := time.Now()
			m := s.Begin(Stream{Peer: "n2", Sending: sending, Size: size}, strings.NewReader(strings.Repeat("x", size)))
			if n, err := io.Copy(io.Discard, m); n != size || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
			if all := s.All(); len(all) == 0 || all[0].Percent() == 0 {
				t.Errorf("the streams are %+v", all)
			}
			m.End(nil)
			return time.Since(began)
		}
		if took := read(false); took != 0 {
			t.Errorf("receiving took %v", took)
		}
		took := make(chan time.Duration)
		for range 2 {
			go func() { took <- read(true) }()
		}
		if first, last := <-took, <-took; max(first, last) < 7*time.Second || max(first, last) > 8*time.Second {
			t.Errorf("two streams of 4 MiB at 1 MiB/s took %v and %v", first, last)
		}
		if len(s.All()) != 0 {
			t.Errorf("streams are left: %+v", s.All())
		}
	})
}

// TestStreamEnds: a stream that waits for its turn ends with the replica.
func TestStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := NewStreams(ctx, 1, slog.New(slog.DiscardHandler)).Begin(Stream{Sending: true}, strings.NewReader(strings.Repeat("x", 1<<20)))
		time.AfterFunc(time.Second, cancel)
		if _, err := io.Copy(io.Discard, m); !errors.Is(err, context.Canceled) {
			t.Errorf("the stream ended with %v", err)
		}
		m.End(ctx.Err())
	})
}
