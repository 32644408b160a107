package replica

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// confirmers ask the other voters which term they are in, each over a link of its own. One that is still in this leader's term
// has not voted for a later leader before it was asked, which is all that a read must know of a majority.
//
// raft.VerifyLeader would do the same by heartbeats, but by way of Raft's main loop, which stands still while an entry is
// being synced, and counts answers that say nothing about the moment. An answer does not bind the voter, as one to a heartbeat
// does: it is worth nothing for a lease.
type confirmers struct {
	r       *Replica
	answers *contacts

	mu struct {
		sync.Mutex
		of map[raft.ServerID]*confirmer
	}
}

// confirmer asks one voter.
type confirmer struct {
	id    raft.ServerID
	calls chan raft.ServerAddress // where to ask; holds one element at most
	asked time.Time               // when it was last told to; guarded by confirmers.mu
}

func newConfirmers(r *Replica) *confirmers {
	c := &confirmers{r: r, answers: newContacts()}
	c.mu.of = make(map[raft.ServerID]*confirmer)
	return c
}

// ask asks voters that have not been asked after since: as many as a majority needs, those who answered last first, or all.
// What they say is in answers soon.
func (c *confirmers) ask(voters []raft.Server, since time.Time, all bool) {
	others := slices.DeleteFunc(slices.Clone(voters), func(s raft.Server) bool { return string(s.ID) == c.r.o.ID })
	c.mu.Lock()
	defer c.mu.Unlock()
	if !all {
		c.answers.sort(others)
		others = others[:min(len(others), len(voters)/2)]
	}
	for _, v := range others {
		to := c.mu.of[v.ID]
		if to == nil {
			to = &confirmer{id: v.ID, calls: make(chan raft.ServerAddress, 1)}
			c.mu.of[v.ID] = to
			c.r.wg.Go(func() { c.run(to) })
		}
		if !all && !to.asked.Before(since) {
			continue
		}
		to.asked = time.Now()
		select {
		case to.calls <- v.Address:
		default:
		}
	}
}

// run asks a voter whenever it is told to.
func (c *confirmers) run(to *confirmer) {
	a := &asker{l: c.r.links}
	defer a.close()
	for {
		select {
		case addr := <-to.calls:
			c.askOne(a, addr, to.id)
		case <-c.r.ctx.Done():
			return
		}
	}
}

func (c *confirmers) askOne(a *asker, addr raft.ServerAddress, id raft.ServerID) {
	ctx, cancel := context.WithTimeout(c.r.ctx, c.r.o.ElectionWait)
	defer cancel()
	term, asked := c.r.raft.CurrentTerm(), time.Now()
	got, err := a.ask(ctx, string(addr), askTerm)
	switch {
	case err != nil:
		c.r.log.Debug("a voter does not say its term", "peer", string(id), "err", err)
	case got.index == term:
		c.answers.answered(id, term, asked)
	}
}
