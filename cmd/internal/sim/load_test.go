package sim

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"cairn/cmd/internal/difftest"
	"cairn/cmd/internal/history"
	"cairn/cmd/internal/redistest"
	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// historyDB is the database of the histories: random commands do not touch it.
const historyDB = "15"

// families are the kinds of key in a history, each with its operations.
var families = []struct {
	name string
	ops  []string
}{
	{"register", []string{"SET", "GET", "GET"}},
	{"counter", []string{"INCR", "INCR", "GET"}},
	{"append", []string{"APPEND", "APPEND", "GET", "DEL"}},
	{"cas", []string{"SETNX", "GETDEL", "GET", "SETNX"}},
	{"mortal", []string{"SETPX", "GET", "GET", "GET"}},
	{"queue", []string{"RPUSH", "LPOP", "RPUSH", "LPOP", "LRANGE"}},
}

// readVerb returns the operation that reads a key of a family.
func readVerb(key string) string {
	if strings.HasPrefix(key, "queue") {
		return "LRANGE"
	}
	return "GET"
}

const (
	writers    = 6
	readers    = 5 // they stay at one node each
	randomizer = 2
	watchers   = 3                // READONLY
	epoch      = 10 * time.Second // of a dense world, after which the histories go on on new keys
)

// startLoad starts the clients; they end when stop is closed.
func (w *world) startLoad(wg *sync.WaitGroup, stop <-chan struct{}) {
	for i := range writers {
		wg.Go(func() { w.write(w.newClient("writer", i), stop) })
	}
	for i := range readers {
		c := w.newClient("reader", i)
		c.pinned = true
		wg.Go(func() { w.read(c, stop) })
	}
	for i := range randomizer {
		wg.Go(func() {
			w.random(w.newClient("random", i), w.seed+uint64(i), map[string]string{"flushall": "histories"}, stop)
		})
	}
	wg.Go(func() { w.tick(w.newClient("ticker", 0), stop) })
	wg.Go(func() { w.verify(stop) })
	wg.Go(func() { w.observe(stop) })
	for i := range watchers {
		c := w.newClient("watcher", i)
		c.pinned = true
		wg.Go(func() { w.watch(c, stop) })
	}
}

// key returns a key of the present epoch.
func (c *client) key(family string) string {
	return fmt.Sprintf("%s:%d:%d", family, time.Since(c.w.begin)/c.w.o.sparse(epoch), c.rng.IntN(2))
}

// write does operations on keys that all writers share.
func (w *world) write(c *client, stop <-chan struct{}) {
	c.greet = [][]string{{"SELECT", historyDB}}
	for n := 0; pause(w.o.sparse(time.Duration(c.rng.IntN(250))*time.Millisecond), stop); n++ {
		f := families[c.rng.IntN(len(families))]
		o := history.Op{Verb: f.ops[c.rng.IntN(len(f.ops))], Key: c.key(f.name), Arg: fmt.Sprintf("%s.%d ", c.host, n), Millis: 1 + c.rng.IntN(3000*w.o.pace)}
		_ = c.operate(o) // the history knows
	}
	c.leave()
}

// read reads the same keys on one node.
func (w *world) read(c *client, stop <-chan struct{}) {
	c.greet = [][]string{{"SELECT", historyDB}}
	for pause(w.o.sparse(time.Duration(c.rng.IntN(300))*time.Millisecond), stop) {
		key := c.key(families[c.rng.IntN(len(families))].name)
		_ = c.operate(history.Op{Verb: readVerb(key), Key: key})
		if c.rng.IntN(40) == 0 {
			c.leave()
			c.at = c.rng.IntN(len(w.c.members))
		}
	}
	c.leave()
}

// operate runs one operation of the history.
func (c *client) operate(o history.Op) error {
	call := c.w.h.Begin(c.host, o)
	r, err := c.cmd(o.Words()...)
	if err == nil && r.Kind == reply.Error {
		c.w.violation("%s: %v answers %q", c.host, o, r.Str)
		return nil
	}
	switch err {
	case nil:
		call.Answer(r)
	case errUnknown:
		call.Doubt()
	}
	return err
}

// random sends commands of every kind.
func (w *world) random(c *client, seed uint64, skip map[string]string, stop <-chan struct{}) {
	gen := difftest.NewGenerator(command.Rows(), skip, seed)
	for pause(w.o.sparse(time.Duration(c.rng.IntN(200))*time.Millisecond), stop) {
		argv := gen.Next()
		if c.rng.IntN(6) == 0 { // difftest's keys never expire while somebody looks
			key, px := []string{"a", "b", "num", "{tag}1"}[c.rng.IntN(4)], fmt.Sprint(1+c.rng.IntN(3000*w.o.pace))
			argv = [][][]byte{redistest.Argv("PEXPIRE", key, px), redistest.Argv("GETEX", key, "PX", px), redistest.Argv("PSETEX", key, px, "1")}[c.rng.IntN(3)]
		}
		_, _ = c.do(argv) // whatever it answers, the replicas must agree on what it did
	}
	c.leave()
}
