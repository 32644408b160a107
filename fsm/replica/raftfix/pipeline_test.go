package raftfix

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// narrowPipeline is a pipeline as hashicorp/raft's with two requests in flight: an append waits until the answer of
// the one before it was taken.
type narrowPipeline struct{ answers chan raft.AppendFuture }

func (p *narrowPipeline) AppendEntries(*raft.AppendEntriesRequest, *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	p.answers <- nil
	return nil, nil
}
func (p *narrowPipeline) Consumer() <-chan raft.AppendFuture { return p.answers }
func (p *narrowPipeline) Close() error                       { return nil }

// TestPipelineMoves: appends go on after Raft has stopped taking answers, so that it comes to close the pipeline.
func TestPipelineMoves(t *testing.T) {
	p := newPipeline(&narrowPipeline{answers: make(chan raft.AppendFuture)}, 0, func(i uint64) uint64 { return i }, func() {})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 20 {
			if _, err := p.AppendEntries(&raft.AppendEntriesRequest{}, nil); err != nil {
				t.Error(err)
			}
		}
	}()
	select {
	case <-sent:
	case <-time.After(10 * time.Second):
		t.Fatal("an append waits for an answer to be taken")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// countingPipeline counts what is sent. Answers come when the test says so.
type countingPipeline struct {
	narrowPipeline
	sent   int
	commit uint64 // the last that was sent
}

func (p *countingPipeline) AppendEntries(req *raft.AppendEntriesRequest, _ *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	p.sent++
	p.commit = req.LeaderCommitIndex
	return nil, nil
}

// TestPipelineSparse: an empty append that says nothing new is sent now and then; whatever says something is sent,
// and while an answer is missing everything is.
func TestPipelineSparse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &countingPipeline{narrowPipeline: narrowPipeline{answers: make(chan raft.AppendFuture)}}
		p := newPipeline(inner, 50*time.Millisecond, func(i uint64) uint64 { return i }, func() {})
		defer p.Close()
		answered := 0
		answer := func() {
			for ; answered < inner.sent; answered++ {
				inner.answers <- nil
				<-p.Consumer()
			}
		}
		appends := func(commit uint64, entries int, answer func(), want int) {
			t.Helper()
			before := inner.sent
			for range 50 {
				if _, err := p.AppendEntries(&raft.AppendEntriesRequest{PrevLogEntry: 7, LeaderCommitIndex: commit, Entries: make([]*raft.Log, entries)}, nil); err != nil {
					t.Fatal(err)
				}
				answer()
				<-time.After(10 * time.Millisecond)
			}
			if got := inner.sent - before; got != want {
				t.Errorf("commit %d, %d entries: sent %d of 50", commit, entries, got)
			}
		}
		appends(7, 0, answer, 10)
		appends(7, 1, answer, 50)
		appends(8, 0, answer, 10) // the first says that 8 is committed
		appends(8, 0, func() {}, 50)
	})
}

// TestPipelineClamps: a follower learns of no entry that is committed before this node has it on disk, and learns of
// it then.
func TestPipelineClamps(t *testing.T) {
	inner := &countingPipeline{narrowPipeline: narrowPipeline{answers: make(chan raft.AppendFuture)}}
	synced := uint64(3)
	p := newPipeline(inner, time.Hour, func(commit uint64) uint64 { return min(commit, synced) }, func() {})
	defer p.Close()
	for ; synced <= 5; synced++ {
		if _, err := p.AppendEntries(&raft.AppendEntriesRequest{PrevLogEntry: 7, LeaderCommitIndex: 5}, nil); err != nil {
			t.Fatal(err)
		}
		inner.answers <- nil
		<-p.Consumer()
		if inner.commit != synced {
			t.Errorf("told of %d, want %d", inner.commit, synced)
		}
	}
}
