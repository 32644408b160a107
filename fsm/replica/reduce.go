package replica

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// removals are the members that this leader has removed of late. Who asks one node after the other to forget a member,
// as Redis wants it, is told by each that it is done.
type removals struct {
	mu sync.Mutex
	at map[string]time.Time // by name and by NodeID
}

// removalMemory is how long a removal is remembered, as long as Redis keeps a forgotten node out.
const removalMemory = time.Minute

// note remembers that a member has been removed.
func (g *removals) note(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(g.at, func(_ string, at time.Time) bool { return now.Sub(at) > removalMemory })
	if g.at == nil {
		g.at = map[string]time.Time{}
	}
	g.at[id], g.at[NodeID(id)] = now, now
}

// has tells whether a member of that name or NodeID was removed in the last minute.
func (g *removals) has(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, ok := g.at[id]
	return ok && time.Since(at) <= removalMemory
}

// removeOrDemote removes a member, or takes its vote. The leader hands leadership over first when it is the one.
func (c *membership) removeOrDemote(ctx context.Context, o request) response {
	m, ok := c.settled(ctx)
	if !ok {
		return unsettled // another leader may not have it
	}
	s, ok := m.member(o.ID)
	switch {
	case !ok && (o.Again || o.Verb == verbForget && c.gone.has(o.ID)): // the first time, it was done
		return response{Done: true}
	case !ok:
		return refused("Unknown node %s", o.ID)
	case s.Suffrage != raft.Voter && o.Verb == verbDemote:
		return response{Done: true}
	case s.Suffrage == raft.Voter:
		if v := c.checkQuorumWithout(ctx, m, s, o.Force); v.Refused != "" {
			return v
		}
	}
	if string(s.ID) == c.o.ID {
		c.log.Info("leadership is handed over: this node leaves, or becomes a learner")
		if err := c.transfer.to(""); err != nil {
			return response{Wait: err.Error()}
		}
		return response{}
	}
	if o.Verb == verbDemote {
		c.log.Info("a member loses its vote", "peer", string(s.ID))
		return c.change(func() raft.IndexFuture { return c.raft.DemoteVoter(s.ID, m.index, requestTimeout) })
	}
	c.log.Info("a member is removed", "peer", string(s.ID), "addr", string(s.Address))
	c.gone.note(string(s.ID)) // should it fail, it is a member still, and is removed by the next who asks
	return c.change(func() raft.IndexFuture { return c.raft.RemoveServer(s.ID, m.index, requestTimeout) })
}

// checkQuorumWithout refuses what would leave the cluster without a majority of voters that answer. A new leader may
// not have heard from all of them yet.
func (c *membership) checkQuorumWithout(ctx context.Context, m configuration, out raft.Server, force bool) response {
	left := m.voters() - 1
	if left == 0 {
		return refused("%s is the only voter; the cluster would end with it", out.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, c.transfer.answerTime())
	defer cancel()
	for {
		live := 0
		for _, s := range m.servers {
			if s.Suffrage == raft.Voter && s.ID != out.ID && (string(s.ID) == c.o.ID || c.transfer.answers(s.ID)) {
				live++
			}
		}
		need := left/2 + 1
		if force || live >= need {
			return response{}
		}
		if !c.pause(retryPause, ctx.Done()) {
			return refused("without %s, %d of %d voters answer, and %d are needed: start the others first, or add FORCE and lose the cluster's quorum",
				out.ID, live, left, need)
		}
	}
}

// handOver makes a member the leader.
func (c *membership) handOver(o request) response {
	s, ok := c.configuration().member(o.ID)
	switch {
	case !ok:
		return refused("Unknown node %s", o.ID)
	case s.Suffrage != raft.Voter:
		return refused("%s has no vote and cannot lead; say CLUSTER REPLICATE NO ONE on it first", s.ID)
	case string(s.ID) == c.o.ID:
		return response{Done: true}
	}
	if err := c.transfer.to(string(s.ID)); err != nil {
		return response{Wait: err.Error()}
	}
	return response{Done: true}
}
