package sim

import (
	"strconv"
	"sync"
	"time"

	"cairn/fsm/reply"
)

// ticks is a counter that grows all the time, for READONLY readers: when which value was acknowledged.
type ticks struct {
	mu    sync.Mutex
	acked []acked
}

type acked struct {
	value int64
	at    time.Time
}

// before returns the newest value acknowledged at a time or earlier.
func (t *ticks) before(at time.Time) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.acked) - 1; i >= 0; i-- {
		if !t.acked[i].at.After(at) {
			return t.acked[i].value
		}
	}
	return 0
}

// tick increments the counter.
func (w *world) tick(c *client, stop <-chan struct{}) {
	c.greet = [][]string{{"SELECT", historyDB}}
	for pause(w.o.sparse(100*time.Millisecond), stop) {
		if r, err := c.cmd("INCR", "ticks"); err == nil && r.Kind == reply.Integer {
			w.ticks.mu.Lock()
			w.ticks.acked = append(w.ticks.acked, acked{r.Int, time.Now()})
			w.ticks.mu.Unlock()
		}
	}
	c.leave()
}

// watch reads the counter over READONLY connections: on one connection it never goes back, and it is never older than
// the staleness bound.
func (w *world) watch(c *client, stop <-chan struct{}) {
	c.greet = [][]string{{"SELECT", historyDB}, {"READONLY"}}
	last := int64(0)
	for pause(w.o.sparse(time.Duration(c.rng.IntN(300))*time.Millisecond), stop) {
		if c.conn == nil || c.rng.IntN(60) == 0 {
			c.leave()
			c.at, last = c.rng.IntN(len(w.c.members)), 0
			if c.connect() != nil {
				continue
			}
		}
		began := time.Now()
		r, err := c.conn.Cmd("GET", "ticks")
		if err != nil || r.Kind == reply.Error {
			c.leave() // too old, or gone
			continue
		}
		value, _ := strconv.ParseInt(string(r.Str), 10, 64) // nil is 0
		if value < last {
			w.violation("%s: ticks on %s goes back from %d to %d", c.host, w.c.members[c.at].id(), last, value)
		}
		if bound := w.ticks.before(began.Add(-w.o.maxStaleness)); value < bound {
			w.violation("%s: ticks on %s is %d, and %d was acknowledged more than %v before", c.host, w.c.members[c.at].id(),
				value, bound, w.o.maxStaleness)
		}
		last = value
	}
	c.leave()
}
