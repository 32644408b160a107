//go:build linux

package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cairn/cmd/internal/history"
	"cairn/fsm/reply"
)

// load is clients that read and write on all nodes, whatever happens to these.
type load struct {
	t       *testing.T
	c       *cluster
	begin   time.Time
	stop    atomic.Bool
	wg      sync.WaitGroup
	acked   atomic.Int64
	checked tally
	rounds  []*round // over; their keys set once are read back at the end

	mu  sync.Mutex
	now *round
}

// worker is one client; it is for one goroutine.
type worker struct {
	l     *load
	id    int
	rng   *rand.Rand
	at    int // the node that takes writes, as far as it knows
	conns []*client
	shy   []time.Time // when a node may be asked again
	last  string      // what it asked last, and heard
}

func startLoad(c *cluster, seed uint64, clients int) *load {
	l := &load{t: c.t, c: c, begin: time.Now(), now: &round{}}
	for id := range clients {
		w := &worker{
			l: l, id: id, rng: rand.New(rand.NewPCG(seed, uint64(id+1))),
			conns: make([]*client, len(c.nodes)), shy: make([]time.Time, len(c.nodes)),
		}
		l.wg.Go(w.run)
	}
	c.t.Cleanup(l.end)
	return l
}

// end stops the clients and waits for them. It is idempotent.
func (l *load) end() {
	l.stop.Store(true)
	l.wg.Wait()
}

// more waits for n more acknowledged writes.
func (l *load) more(n int64) {
	l.t.Helper()
	before := l.acked.Load()
	until(l.t, "acknowledged writes", time.Minute, func() bool { return l.acked.Load() >= before+n })
}

// enter counts an operation into the round that is now.
func (l *load) enter() *round {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now.busy.Add(1)
	return l.now
}

// turn begins a new round and checks the one that ends.
func (l *load) turn() {
	l.t.Helper()
	l.mu.Lock()
	over := l.now
	l.now = &round{n: over.n + 1}
	l.mu.Unlock()
	l.checked.add(over.check(l.t, l.c))
	over.history = history.History{}
	l.rounds = append(l.rounds, over)
	l.readBack(over)
	l.checked.acked += len(over.acked)
	l.checked.refused += len(over.refused)
}

// finish ends the load and reads back everything that was ever set once.
func (l *load) finish() {
	l.t.Helper()
	l.end()
	l.turn()
	for _, r := range l.rounds {
		l.readBack(r)
	}
}

// readBack looks for the keys of a round that were set once, on any node.
func (l *load) readBack(r *round) {
	l.t.Helper()
	look := func(keys []string, want bool) {
		for part := range slices.Chunk(keys, 500) {
			var got []reply.Reply
			started := l.c.started()
			node := l.c.nodes[started[rand.IntN(len(started))]]
			until(l.t, "keys to be read back", time.Minute, func() bool {
				var err error
				got, err = node.mget(part)
				return err == nil
			})
			for i, key := range part {
				if there := string(got[i].Str) == key; there != want {
					l.t.Errorf("%s: found %v (%q), want %v; an acknowledged write is lost, or a refused one was done", key, there, got[i].Str, want)
					return
				}
			}
		}
	}
	look(r.acked, true)
	look(r.refused, false)
}

func (w *worker) run() {
	defer func() {
		for i := range w.conns {
			w.hangUp(i)
		}
		if w.l.t.Failed() {
			w.l.t.Logf("client %d at last: %s", w.id, w.last)
		}
	}()
	for n := 0; !w.l.stop.Load(); n++ {
		r := w.l.enter()
		if w.rng.IntN(4) == 0 {
			w.setOnce(r, n)
		} else {
			w.act(r, r.pick(w.rng, w.id, n))
		}
		r.busy.Done()
	}
}

// act does one action and notes it in the history.
func (w *worker) act(r *round, o history.Op) {
	node := w.at
	if o.IsRead() {
		node = w.rng.IntN(len(w.conns))
	}
	call := r.history.Begin(fmt.Sprint("client ", w.id), o)
	switch answer, f := w.send(node, o.Words()); f {
	case unknown:
		call.Doubt()
	case done:
		call.Answer(answer)
		if !o.IsRead() {
			w.l.acked.Add(1)
		}
	}
}

// setOnce sets a key that nobody else touches to its own name.
func (w *worker) setOnce(r *round, n int) {
	key := fmt.Sprintf("once:%d:%d:%d", r.n, w.id, n)
	_, f := w.send(w.at, []string{"SET", key, key})
	r.mu.Lock()
	defer r.mu.Unlock()
	switch f {
	case done:
		r.acked = append(r.acked, key)
		w.l.acked.Add(1)
	case refused:
		if len(r.refused) < 2000 {
			r.refused = append(r.refused, key)
		}
	}
}

// send sends a command to a node and learns from its answer where the leader is. It never sends one twice.
func (w *worker) send(node int, words []string) (reply.Reply, fate) {
	if w.conns[node] == nil {
		conn, err := w.dial(node)
		if err != nil {
			w.last = fmt.Sprintf("n%d: %v", node+1, err)
			if !errors.Is(err, errShy) {
				w.elsewhere(node)
			}
			return reply.Reply{}, refused
		}
		w.conns[node] = conn
	}
	r, err := w.conns[node].Cmd(words...)
	w.last = fmt.Sprintf("n%d: %v: %q %v", node+1, words, r.Str, err)
	f, leader, wrong := fateOf(r, err)
	if wrong != nil {
		w.l.t.Errorf("%v: %v", words, wrong)
	}
	if at := slices.Index(w.l.c.addrs(), leader); at >= 0 {
		w.at = at
	}
	if err != nil {
		w.hangUp(node)
	}
	if f == unknown || f == refused && leader == "" {
		w.elsewhere(node)
	}
	return r, f
}

// errShy says that a node that did not answer is left alone for a moment. To ask does not make the moment longer: a
// client that knows the leader would never get to it.
var errShy = errors.New("not yet")

func (w *worker) dial(node int) (*client, error) {
	if wait := time.Until(w.shy[node]); wait > 0 {
		<-time.After(min(wait, 10*time.Millisecond))
		return nil, errShy
	}
	return w.l.c.nodes[node].dial(opLimit)
}

// elsewhere makes the worker try another node for its next write, and leave this one alone for a moment.
func (w *worker) elsewhere(node int) {
	if w.at == node {
		w.at = w.rng.IntN(len(w.conns))
	}
	w.shy[node] = time.Now().Add(100 * time.Millisecond)
}

func (w *worker) hangUp(node int) {
	if w.conns[node] != nil {
		w.conns[node].Close()
		w.conns[node] = nil
	}
}
