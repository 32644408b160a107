package replica

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica/raftfix"
	"cairn/fsm/reply"
)

// Bounds of group commit. hashicorp/raft wants entries below 512 KiB, so that they do not hold up heartbeats; one
// call alone may be larger, up to maxCallBytes.
const (
	maxEntryBytes = 384 << 10
	maxEntryCalls = 64 << 10
	maxCallBytes  = 513 << 20 // the longest string, and what else is in its call
	maxQueued     = 16 << 10  // calls of Write that wait; more wait outside, in their own goroutines
)

// proposal is one caller's groups on their way through the log.
type proposal struct {
	groups []entry.Group
	calls  int
	bytes  int
	done   chan outcome // buffered, gets exactly one
}

type outcome struct {
	replies []reply.Reply
	err     error
}

// flight is one proposed entry and whose groups are in it.
type flight struct {
	future raft.ApplyFuture
	parts  []*proposal
}

// proposer is the road from Write to the log: a queue that propose empties into entries, and the entries in flight.
type proposer struct {
	*node
	standing *standing
	store    *raftfix.ParallelLog
	entries  atomic.Uint64 // proposed since start

	queue   chan *proposal
	large   chan *proposal
	flights chan flight  // its room is the bound on entries in flight
	awaited atomic.Int64 // entries in flight whose answers somebody waits for, counted before they are proposed
	waiting sync.WaitGroup
	gate    sync.Mutex // held while an entry is proposed, and while leadership is offered to another node

	mu struct {
		sync.Mutex
		closed bool
	}
}

func newProposer(n *node, s *standing, d *raftfix.ParallelLog) *proposer {
	return &proposer{node: n, standing: s, store: d, queue: make(chan *proposal, maxQueued), large: make(chan *proposal), flights: make(chan flight, n.o.MaxInFlight)}
}

// enter counts a proposal in, so that drain waits for it; it is false once drain has begun.
func (r *proposer) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mu.closed {
		r.waiting.Add(1)
	}
	return !r.mu.closed
}

// stopProposing lets no more proposals in, waits until all have their outcome, and ends the goroutines of the road.
func (r *proposer) stopProposing() {
	r.mu.Lock()
	r.mu.closed = true
	r.mu.Unlock()
	r.waiting.Wait()
	close(r.queue)
	close(r.large)
}

// writeGroups is Replica.Write.
func (r *proposer) writeGroups(ctx context.Context, groups []entry.Group) ([]reply.Reply, error) {
	p := &proposal{groups: groups, done: make(chan outcome, 1)}
	for _, g := range groups {
		p.calls += len(g.Calls)
		p.bytes += g.Size()
	}
	if p.bytes > maxCallBytes || p.calls > maxEntryCalls {
		return nil, fmt.Errorf("%w: %d bytes in %d calls", ErrTooLarge, p.bytes, p.calls)
	}
	if replies, err := r.writeAsLeader(p); !errors.Is(err, ErrNotLeader) {
		return replies, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.ElectionWait)
	defer cancel()
	for {
		changed := r.changed.Next()
		if replies, err := r.writeAsLeader(p); !errors.Is(err, ErrNotLeader) {
			return replies, err
		}
		if l := r.knownLeader(); l.ID != "" && !l.Self && l.Addr != r.o.Addr { // a redirect to this node would send a client round in circles
			return nil, &NotLeaderError{l}
		}
		if err := r.standing.outside(); err != nil {
			return nil, err
		}
		// Nobody tells when a transfer of leadership that has failed lets writes in again: look now and then.
		if !r.pauseOrChange(ctx, changed) {
			if r.ctx.Err() != nil {
				return nil, ErrClosed
			}
			return nil, ErrNoLeader
		}
	}
}

// writeAsLeader submits a proposal if this node leads; otherwise it returns ErrNotLeader.
func (r *proposer) writeAsLeader(p *proposal) ([]reply.Reply, error) {
	if r.raft.State() != raft.Leader {
		return nil, ErrNotLeader
	}
	return r.submit(p)
}

// submit sends a proposal down the road and waits for its outcome. ErrNotLeader says that it was certainly not
// proposed.
func (r *proposer) submit(p *proposal) ([]reply.Reply, error) {
	if !r.enter() {
		return nil, ErrClosed
	}
	defer r.waiting.Done()
	if p.isLarge() {
		r.large <- p
	} else {
		r.queue <- p
	}
	o := <-p.done
	return o.replies, o.err
}

// propose gathers what waits in the queue into entries and proposes them, several in flight.
func (r *proposer) propose() {
	defer close(r.flights)
	var next *proposal // taken from the queue, too large for the last entry
	for {
		first := next
		if next = nil; first == nil {
			var ok bool
			if first, ok = <-r.queue; !ok {
				return
			}
		}
		next = r.proposeWith(first)
	}
}

// proposeWith proposes an entry that begins with first. It returns what it took from the queue and had no room for.
func (r *proposer) proposeWith(first *proposal) (rest *proposal) {
	r.gate.Lock()
	defer r.gate.Unlock()
	r.store.Await()
	parts, rest := r.gather([]*proposal{first})
	r.entries.Add(1)
	r.awaited.Add(1)
	r.flights <- flight{r.raft.Apply(r.encode(parts), 0), parts}
	return rest
}

// finishFlights returns once every entry that this leader has proposed is applied here. It is called with the gate
// held.
func (r *proposer) finishFlights() error {
	tick := entry.Group{Calls: []entry.Call{{Argv: [][]byte{[]byte(command.TickName)}}}}
	err := r.raft.Apply(r.encode([]*proposal{{groups: []entry.Group{tick}, bytes: tick.Size()}}), 0).Error()
	if err != nil {
		return fmt.Errorf("replica: finish what was proposed: %w", err)
	}
	return nil
}

// gather adds to parts what waits in the queue at this moment, up to the bounds of an entry.
func (r *proposer) gather(parts []*proposal) (all []*proposal, rest *proposal) {
	bytes, calls := parts[0].bytes, parts[0].calls
	for bytes < maxEntryBytes {
		select {
		case p, ok := <-r.queue:
			if !ok {
				return parts, nil
			}
			if bytes+p.bytes > maxEntryBytes || calls+p.calls > maxEntryCalls {
				return parts, p
			}
			parts, bytes, calls = append(parts, p), bytes+p.bytes, calls+p.calls
		default:
			return parts, nil
		}
	}
	return parts, nil
}

func (r *proposer) encode(parts []*proposal) []byte {
	groups, size := 0, 0
	for _, p := range parts {
		groups += len(p.groups)
	}
	e := entry.Entry{Time: r.clock.now(), Seed: rand.Uint64(), Groups: make([]entry.Group, 0, groups)}
	for _, p := range parts {
		e.Groups = append(e.Groups, p.groups...)
		size += p.bytes
	}
	return entry.Append(make([]byte, 0, size+32), e)
}

// answerFlights hands the outcomes of entries to their proposals, in the order of the log.
func (r *proposer) answerFlights() {
	for f := range r.flights {
		err := f.future.Error()
		var results fsm.Results
		if err == nil {
			results, _ = f.future.Response().(fsm.Results)
		}
		r.awaited.Add(-1)
		for _, p := range f.parts {
			if err != nil {
				p.done <- outcome{err: writeError(err)}
				continue
			}
			p.done <- outcome{replies: results[:p.calls:p.calls]}
			results = results[p.calls:]
		}
	}
}

// writeError says what an error of raft.Apply means for the caller. Only what is known not to have reached the log
// may be tried elsewhere; all else is in doubt.
func writeError(err error) error {
	if errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrLeadershipTransferInProgress) {
		return ErrNotLeader
	}
	return fmt.Errorf("%w: %w", ErrInDoubt, err)
}

// tick proposes an entry whose only message is its time. Once it is applied, everything committed before it is, and
// this leader's term has begun in the machine.
func (r *proposer) tick() error {
	_, err := r.proposeCall(command.TickName)
	return err
}

// proposeCall proposes one internal call if this node leads.
func (r *proposer) proposeCall(argv ...string) (reply.Reply, error) {
	c := entry.Call{}
	for _, a := range argv {
		c.Argv = append(c.Argv, []byte(a))
	}
	g := entry.Group{Calls: []entry.Call{c}}
	replies, err := r.submit(&proposal{groups: []entry.Group{g}, calls: 1, bytes: g.Size(), done: make(chan outcome, 1)})
	if err != nil {
		return reply.Reply{}, err
	}
	return replies[0], nil
}

// tickUntil is tick for somebody who does not wait for its outcome longer than that.
func (r *proposer) tickUntil(until time.Time) error {
	ctx, cancel := context.WithDeadline(r.ctx, until)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.tick() }() // Close waits for what is proposed
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ErrNoQuorum
	}
}
