package raftfix

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cairn/storage/raftlog"
)

// TestVoteGuard: who must not vote does not, and remembers it over a restart.
func TestVoteGuard(t *testing.T) {
	log, err := raftlog.Open("/log", raftlog.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	vote, pre := &raft.RequestVoteRequest{}, &raft.RequestPreVoteRequest{}
	check := func(b *VoteGuard, request any, want error) {
		t.Helper()
		if err := b.refuses(request); !errors.Is(err, want) {
			t.Errorf("%T: %v, want %v", request, err, want)
		}
	}
	start := func(restarted bool) *VoteGuard {
		b := NewVoteGuard(log)
		if err := b.Load(restarted, time.Hour); err != nil {
			t.Fatal(err)
		}
		return b
	}

	b := start(true)
	check(b, vote, errRestarted)
	check(b, pre, errRestarted)
	check(b, &raft.RequestVoteRequest{LeadershipTransfer: true}, nil)
	check(b, &raft.AppendEntriesRequest{}, nil)

	b = start(false)
	for _, peer := range []bool{true, false} {
		if err := b.Meet(true, peer); err != nil {
			t.Fatal(err)
		}
		check(b, vote, nil)
	}
	if err := b.Meet(false, true); err != nil {
		t.Fatal(err)
	}
	check(b, vote, errRejoining)
	check(b, pre, errRejoining)
	check(b, &raft.RequestVoteRequest{LeadershipTransfer: true}, errRejoining)
	check(b, &raft.AppendEntriesRequest{}, nil)

	b = start(true)
	check(b, vote, errRejoining)
	select {
	case <-b.met:
	default:
		t.Error("nobody is told to catch up after the restart")
	}
	if err := b.CaughtUp(); err != nil {
		t.Fatal(err)
	}
	b = start(false)
	check(b, vote, nil)

	if err := b.Meet(false, false); err != nil { // a founder
		t.Fatal(err)
	}
	b = start(true)
	b.until = time.Time{}
	if err := b.Meet(false, true); err != nil {
		t.Fatal(err)
	}
	check(b, vote, nil)
}
