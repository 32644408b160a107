package replica

import (
	"sync"

	"github.com/hashicorp/raft"
)

// pipelineAnswers is how many answers of a pipeline may wait for Raft. After a refusal Raft sends until it notices, which
// each time is a matter of chance; it takes a few.
const pipelineAnswers = 128

// pipeline keeps the answers of a raft.AppendPipeline moving. Raft stops to take them when a follower refuses an append; its
// library's pipeline then holds up the next answer, and with it the next append, and the goroutine that is stuck there is
// the one that would close the pipeline. The follower gets no entry any more while heartbeats go on, and Shutdown does not
// return.
type pipeline struct {
	raft.AppendPipeline
	answers chan raft.AppendFuture
	done    chan struct{}
	once    sync.Once
	wg      sync.WaitGroup
}

func newPipeline(inner raft.AppendPipeline) *pipeline {
	p := &pipeline{AppendPipeline: inner, answers: make(chan raft.AppendFuture, pipelineAnswers), done: make(chan struct{})}
	p.wg.Go(p.run)
	return p
}

func (p *pipeline) run() {
	for {
		select {
		case f := <-p.AppendPipeline.Consumer():
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

// Consumer implements raft.AppendPipeline.
func (p *pipeline) Consumer() <-chan raft.AppendFuture { return p.answers }

// Close implements raft.AppendPipeline. It is idempotent.
func (p *pipeline) Close() error {
	p.once.Do(func() { close(p.done) })
	err := p.AppendPipeline.Close()
	p.wg.Wait()
	return err
}
