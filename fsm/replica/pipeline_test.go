package replica

import (
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// narrowPipeline is a pipeline as hashicorp/raft's with two requests in flight: an append waits until the answer of the one
// before it was taken.
type narrowPipeline struct{ answers chan raft.AppendFuture }

func (p *narrowPipeline) AppendEntries(*raft.AppendEntriesRequest, *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	p.answers <- nil
	return nil, nil
}
func (p *narrowPipeline) Consumer() <-chan raft.AppendFuture { return p.answers }
func (p *narrowPipeline) Close() error                       { return nil }

// TestPipelineMoves: appends go on after Raft has stopped taking answers, so that it comes to close the pipeline.
func TestPipelineMoves(t *testing.T) {
	p := newPipeline(&narrowPipeline{answers: make(chan raft.AppendFuture)})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 20 {
			if _, err := p.AppendEntries(nil, nil); err != nil {
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
