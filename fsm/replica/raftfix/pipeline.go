package raftfix

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// pipelineAnswers is how many answers of a pipeline may wait for Raft. After a refusal Raft sends until it notices,
// which each time is a matter of chance; it takes a few.
const pipelineAnswers = 128

// pipeline keeps the answers of a raft.AppendPipeline moving. Raft stops to take them when a follower refuses an
// append; its library's pipeline then holds up the next answer, and with it the next append, and the goroutine that
// is stuck there is the one that would close the pipeline. The follower gets no entry any more while heartbeats go
// on, and Shutdown does not return.
type pipeline struct {
	raft.AppendPipeline
	answers chan raft.AppendFuture
	beat    time.Duration
	clamp   func(commit uint64) uint64 // see ParallelLog
	begin   func()                     // called for every append
	last    sent                       // touched by AppendEntries only, which is for one goroutine
	open    atomic.Int64               // appends whose answer has not come
	done    chan struct{}
	once    sync.Once
	wg      sync.WaitGroup
}

// sent is what the follower was told last: up to which entry it should have the log and may apply it.
type sent struct {
	end, commit uint64
	at          time.Time
}

func newPipeline(inner raft.AppendPipeline, beat time.Duration, clamp func(uint64) uint64, begin func()) *pipeline {
	p := &pipeline{AppendPipeline: inner, beat: beat, clamp: clamp, begin: begin, answers: make(chan raft.AppendFuture, pipelineAnswers), done: make(chan struct{})}
	p.wg.Go(p.forwardAnswers)
	return p
}

func (p *pipeline) forwardAnswers() {
	for {
		select {
		case f := <-p.AppendPipeline.Consumer():
			p.open.Add(-1)
			select {
			case p.answers <- f:
			case <-p.done:
				return
			}
		case <-p.done:
			return
		}
	}
}

// AppendEntries implements raft.AppendPipeline. Raft sends an empty append every raft.Config.CommitTimeout, for a
// follower learns only that way that an entry is committed. Most of them say nothing new; those go out once in beat,
// so that a broken link is found. Whether a follower lives is what heartbeats are for.
func (p *pipeline) AppendEntries(req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	p.begin()
	req.LeaderCommitIndex = p.clamp(req.LeaderCommitIndex)
	now := sent{req.PrevLogEntry + uint64(len(req.Entries)), req.LeaderCommitIndex, time.Now()}
	// A transfer of leadership asks for one append after the other until the answer to the last entry has come: it
	// must block.
	quiet := p.open.Load() == 0 && len(p.answers) == 0
	if quiet && len(req.Entries) == 0 && now.end == p.last.end && now.commit == p.last.commit && now.at.Sub(p.last.at) < p.beat {
		return nil, nil // Raft does not look at it
	}
	p.last = now
	p.open.Add(1)
	f, err := p.AppendPipeline.AppendEntries(req, resp)
	if err != nil {
		p.open.Add(-1)
	}
	return f, err
}

// Consumer implements raft.AppendPipeline.
func (p *pipeline) Consumer() <-chan raft.AppendFuture { return p.answers }

// Close implements raft.AppendPipeline. It is idempotent.
func (p *pipeline) Close() error {
	p.once.Do(func() { close(p.done) })
	err := p.AppendPipeline.Close()
	p.wg.Wait()
	return err
}
