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
	"cairn/fsm/reply"
)

// Bounds of group commit. hashicorp/raft wants entries below 512 KiB, so that they do not hold up heartbeats; one call alone
// may be larger, up to maxCallBytes.
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

// proposals is the road from Write to the log: a queue that propose empties into entries, and the entries in flight.
type proposals struct {
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

func newProposals(maxInFlight int) *proposals {
	return &proposals{queue: make(chan *proposal, maxQueued), large: make(chan *proposal), flights: make(chan flight, maxInFlight)}
}

// enter counts a proposal in, so that drain waits for it; it is false once drain has begun.
func (p *proposals) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.mu.closed {
		p.waiting.Add(1)
	}
	return !p.mu.closed
}

// drain lets no more proposals in, waits until all have their outcome, and ends the goroutines of the road.
func (p *proposals) drain() {
	p.mu.Lock()
	p.mu.closed = true
	p.mu.Unlock()
	p.waiting.Wait()
	close(p.queue)
	close(p.large)
}

// Write proposes groups as a unit and returns the replies of their calls, in order, once they are applied here. Names are in
// lower case, and every call was checked; the caller must not change the arguments any more.
// ErrNotLeader, ErrNoLeader, ErrTooLarge and ErrClosed say that nothing was proposed; after ErrInDoubt nobody knows.
// Write does not end with ctx once it has proposed: the fate of the call is worth the wait.
func (r *Replica) Write(ctx context.Context, groups []entry.Group) ([]reply.Reply, error) {
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
		changed := r.changed.next()
		if replies, err := r.writeAsLeader(p); !errors.Is(err, ErrNotLeader) {
			return replies, err
		}
		if r.leaderElsewhere() {
			return nil, ErrNotLeader
		}
		if err := r.outside(); err != nil {
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
func (r *Replica) writeAsLeader(p *proposal) ([]reply.Reply, error) {
	if r.raft.State() != raft.Leader {
		return nil, ErrNotLeader
	}
	return r.submit(p)
}

// leaderElsewhere reports whether another node is known to lead.
func (r *Replica) leaderElsewhere() bool {
	_, id := r.raft.LeaderWithID()
	return id != "" && string(id) != r.o.ID
}

// submit sends a proposal down the road and waits for its outcome. ErrNotLeader says that it was certainly not proposed.
func (r *Replica) submit(p *proposal) ([]reply.Reply, error) {
	if !r.proposals.enter() {
		return nil, ErrClosed
	}
	defer r.proposals.waiting.Done()
	if p.isLarge() {
		r.proposals.large <- p
	} else {
		r.proposals.queue <- p
	}
	o := <-p.done
	return o.replies, o.err
}

// propose gathers what waits in the queue into entries and proposes them, several in flight.
func (r *Replica) propose() {
	defer close(r.proposals.flights)
	var next *proposal // taken from the queue, too large for the last entry
	for {
		first := next
		if next = nil; first == nil {
			var ok bool
			if first, ok = <-r.proposals.queue; !ok {
				return
			}
		}
		next = r.proposeWith(first)
	}
}

// proposeWith proposes an entry that begins with first. It returns what it took from the queue and had no room for.
func (r *Replica) proposeWith(first *proposal) (rest *proposal) {
	r.proposals.gate.Lock()
	defer r.proposals.gate.Unlock()
	r.disk.await()
	parts, rest := r.gather([]*proposal{first})
	r.stats.entries.Add(1)
	r.proposals.awaited.Add(1)
	r.proposals.flights <- flight{r.raft.Apply(r.encode(parts), 0), parts}
	return rest
}

// finishFlights returns once every entry that this leader has proposed is applied here. It is called with the gate held.
func (r *Replica) finishFlights() error {
	tick := entry.Group{Calls: []entry.Call{{Argv: [][]byte{[]byte(command.TickName)}}}}
	err := r.raft.Apply(r.encode([]*proposal{{groups: []entry.Group{tick}, bytes: tick.Size()}}), 0).Error()
	if err != nil {
		return fmt.Errorf("replica: finish what was proposed: %w", err)
	}
	return nil
}

// gather adds to parts what waits in the queue at this moment, up to the bounds of an entry.
func (r *Replica) gather(parts []*proposal) (all []*proposal, rest *proposal) {
	bytes, calls := parts[0].bytes, parts[0].calls
	for bytes < maxEntryBytes {
		select {
		case p, ok := <-r.proposals.queue:
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

func (r *Replica) encode(parts []*proposal) []byte {
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

// complete hands the outcomes of entries to their proposals, in the order of the log.
func (r *Replica) complete() {
	for f := range r.proposals.flights {
		err := f.future.Error()
		var results fsm.Results
		if err == nil {
			results, _ = f.future.Response().(fsm.Results)
		}
		r.proposals.awaited.Add(-1)
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

// writeError says what an error of raft.Apply means for the caller. Only what is known not to have reached the log may be
// tried elsewhere; all else is in doubt.
func writeError(err error) error {
	if errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrLeadershipTransferInProgress) {
		return ErrNotLeader
	}
	return fmt.Errorf("%w: %w", ErrInDoubt, err)
}

// tick proposes an entry whose only message is its time. Once it is applied, everything committed before it is, and this
// leader's term has begun in the machine.
func (r *Replica) tick() error {
	_, err := r.proposeCall(command.TickName)
	return err
}

// proposeCall proposes one internal call if this node leads.
func (r *Replica) proposeCall(argv ...string) (reply.Reply, error) {
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

// pause waits for d, or less when the replica closes or done is closed; it is false then.
func (r *Replica) pause(d time.Duration, done <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
		return false
	case <-r.ctx.Done():
		return false
	}
}
