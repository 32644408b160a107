package clustertest

import (
	"fmt"
	"strings"
	"sync"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

// Load is clients that write until they are stopped, and remember what was acknowledged. Each client has keys of its
// own: "c<client>:k<n>" is set to n once, and "c<client>:count" is incremented each time.
type Load struct {
	c    *Cluster
	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex
	clients []*loadClient
}

// loadClient is what one client knows. acked and doubts are under Load.mu.
type loadClient struct {
	id     int
	at     int // the node it talks to
	conn   *redistest.Client
	acked  []int // the n whose SET was acknowledged
	counts int   // INCRs acknowledged
	doubts int   // INCRs whose outcome is unknown
}

// StartLoad starts a number of clients.
func (c *Cluster) StartLoad(clients int) *Load {
	l := &Load{c: c, stop: make(chan struct{})}
	for id := range clients {
		lc := &loadClient{id: id}
		l.clients = append(l.clients, lc)
		l.wg.Go(func() { l.run(lc) })
	}
	return l
}

// Stop stops the clients and waits for them.
func (l *Load) Stop() {
	close(l.stop)
	l.wg.Wait()
}

// Acked returns how many writes have been acknowledged.
func (l *Load) Acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, lc := range l.clients {
		n += len(lc.acked) + lc.counts
	}
	return n
}

// Doubts returns how many writes ended without their client knowing what became of them.
func (l *Load) Doubts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, lc := range l.clients {
		n += lc.doubts
	}
	return n
}

func (l *Load) run(lc *loadClient) {
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		default:
		}
		set := l.sendWrite(lc, "SET", fmt.Sprintf("c%d:k%d", lc.id, n), fmt.Sprint(n))
		incr := l.sendWrite(lc, "INCR", fmt.Sprintf("c%d:count", lc.id))
		l.mu.Lock()
		if set == done {
			lc.acked = append(lc.acked, n)
		}
		switch incr {
		case done:
			lc.counts++
		case unknown:
			lc.doubts++
		}
		l.mu.Unlock()
	}
}

// fate is what became of a write as its client sees it.
type fate int

const (
	notDone fate = iota
	done
	unknown
)

// sendWrite sends one write to where the leader is thought to be, following redirects, until it is done or in doubt.
func (l *Load) sendWrite(lc *loadClient, words ...string) fate {
	for {
		select {
		case <-l.stop:
			return notDone
		default:
		}
		if lc.conn == nil {
			conn, err := l.c.TryClient(lc.at)
			if err != nil {
				lc.at = (lc.at + 1) % l.c.Len()
				continue
			}
			lc.conn = conn
		}
		r, err := lc.conn.Cmd(words...)
		if err != nil {
			lc.leave((lc.at + 1) % l.c.Len())
			return unknown
		}
		if r.Kind != reply.Error {
			return done
		}
		switch text := string(r.Str); {
		case strings.HasPrefix(text, "INDOUBT"):
			return unknown
		case strings.HasPrefix(text, "MOVED"):
			lc.leave(l.c.indexOf(strings.Fields(text)[2]))
		case strings.HasPrefix(text, "CLUSTERDOWN"), strings.HasPrefix(text, "LOADING"):
			lc.leave((lc.at + 1) % l.c.Len())
		default:
			l.c.t.Errorf("clustertest: %v: %s", words, text)
			return notDone
		}
	}
}

func (lc *loadClient) leave(next int) {
	_ = lc.conn.Close() // nothing is in flight on it
	lc.conn, lc.at = nil, next
}

func (c *Cluster) indexOf(addr string) int {
	for i, m := range c.nodes {
		if m.addr == addr {
			return i
		}
	}
	c.t.Errorf("clustertest: a redirect to %s, which is no node", addr)
	return 0
}

// Check reads everything back on node i and fails the test for each acknowledged write that is not there, and for each
// counter that does not fit what was acknowledged and what was in doubt.
func (l *Load) Check(i int) {
	l.c.t.Helper()
	client := l.c.Client(i)
	defer client.Close()
	for _, lc := range l.clients {
		for _, n := range lc.acked {
			key := fmt.Sprintf("c%d:k%d", lc.id, n)
			if r, err := l.get(client, key); err != nil || string(r.Str) != fmt.Sprint(n) {
				l.c.t.Errorf("clustertest: acknowledged %s is %q on %s (%v)", key, r.Str, l.c.ID(i), err)
				return
			}
		}
		r, err := l.get(client, fmt.Sprintf("c%d:count", lc.id))
		var got int
		if len(r.Str) > 0 {
			_, err = fmt.Sscan(string(r.Str), &got)
		}
		if err != nil || got < lc.counts || got > lc.counts+lc.doubts {
			l.c.t.Errorf("clustertest: client %d's counter is %d on %s; %d acknowledged, %d in doubt (%v)",
				lc.id, got, l.c.ID(i), lc.counts, lc.doubts, err)
		}
	}
}

// get reads a key, as often as the node says that there is no leader to confirm the read: a busy machine may cause an
// election.
func (l *Load) get(client *redistest.Client, key string) (r reply.Reply, err error) {
	l.c.t.Helper()
	Eventually(l.c.t, "an answer to GET "+key, func() bool {
		r, err = client.Cmd("GET", key)
		return err != nil || r.Kind != reply.Error || !strings.HasPrefix(string(r.Str), "CLUSTERDOWN")
	})
	return r, err
}
