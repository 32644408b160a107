// Package history records what clients do to strings and lists of a cluster, and checks that it is linearizable: all
// of it fits one order, in which each operation happens at one moment between its call and its answer (porcupine;
// every key is a history of its own). A write whose client cannot know its fate may happen at any time after its
// call, or never; one that was certainly not done is no part of the history.
package history

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"cairn/fsm/reply"
)

// Op is one operation on a key, as its client means it.
type Op struct {
	Verb   string // GET, STRLEN, SET, SETPX, SETNX, SETGET, GETDEL, DEL, INCR, INCRBY, APPEND; of a list RPUSH, LPOP, LRANGE
	Key    string
	Arg    string // what the verb writes or adds
	Millis int    // of SETPX: the time to live; its key may take SET, SETPX and GET besides, and nothing else
}

// Words returns the operation as a command.
func (o Op) Words() []string {
	switch o.Verb {
	case "SETNX":
		return []string{"SET", o.Key, o.Arg, "NX"}
	case "SETGET":
		return []string{"SET", o.Key, o.Arg, "GET"}
	case "SETPX":
		return []string{"SET", o.Key, o.Arg, "PX", strconv.Itoa(o.Millis)}
	case "LRANGE":
		return []string{"LRANGE", o.Key, "0", "-1"}
	case "SET", "APPEND", "INCRBY", "RPUSH":
		return []string{o.Verb, o.Key, o.Arg}
	}
	return []string{o.Verb, o.Key}
}

// String returns the operation as a line of redis-cli.
func (o Op) String() string { return strings.Join(o.Words(), " ") }

// IsRead reports whether the operation changes nothing, so that it may go to any node.
func (o Op) IsRead() bool { return o.Verb == "GET" || o.Verb == "STRLEN" || o.Verb == "LRANGE" }

// History is what all clients did. Its zero value is empty; it is safe for concurrent use.
type History struct {
	mu     sync.Mutex
	start  time.Time
	now    int64
	events []event
}

// event is an operation that may have happened.
type event struct {
	client      string
	op          Op
	call, until int64 // nanoseconds since the start, no two the same; until is never where the answer is not known
	answer      string
}

const (
	never   = math.MaxInt64
	unknown = "?" // no answer is written like this
)

// tickLocked returns the time, which is later each time: what ended before something else began is before it.
func (h *History) tickLocked() int64 {
	if h.start.IsZero() {
		h.start = time.Now()
	}
	h.now = max(h.now+1, int64(time.Since(h.start)))
	return h.now
}

// Call is an operation under way. Exactly one of its methods is called when it ends, or none if it was not done.
type Call struct {
	h *History
	e event
}

// Begin notes that a client is about to send an operation.
func (h *History) Begin(client string, o Op) Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Call{h, event{client: client, op: o, call: h.tickLocked(), until: never, answer: unknown}}
}

// Answer notes what the operation answered.
func (c Call) Answer(r reply.Reply) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.e.until, c.e.answer = c.h.tickLocked(), show(r)
	c.h.events = append(c.h.events, c.e)
}

// Doubt notes that the client cannot know whether the operation was done, or will be.
func (c Call) Doubt() {
	if c.e.op.IsRead() {
		return
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.events = append(c.h.events, c.e)
}

// show writes a reply, so that no two that differ are the same.
func show(r reply.Reply) string {
	switch r.Kind {
	case reply.Null, reply.NullArray:
		return absent
	case reply.Integer:
		return strconv.FormatInt(r.Int, 10)
	case reply.Bulk:
		return strconv.Quote(string(r.Str))
	case reply.Array:
		all := ""
		for _, e := range r.Elems {
			all += element(string(e.Str))
		}
		return "[" + all + "]"
	}
	return string(r.Str)
}

// Keys returns the keys of the history, in the order in which they came.
func (h *History) Keys() (keys []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := make(map[string]bool)
	for _, e := range h.events {
		if !found[e.op.Key] {
			found[e.op.Key] = true
			keys = append(keys, e.op.Key)
		}
	}
	return keys
}

// Counts says how much is in the history.
type Counts struct{ Operations, Reads, InDoubt int }

// Count counts the history.
func (h *History) Count() (c Counts) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		c.Operations++
		if e.op.IsRead() {
			c.Reads++
		}
		if e.until == never {
			c.InDoubt++
		}
	}
	return c
}

// String implements fmt.Stringer.
func (e event) String() string {
	until := "?"
	if e.until != never {
		until = fmt.Sprintf("%.6f", time.Duration(e.until).Seconds())
	}
	return fmt.Sprintf("%.6f to %s s, %s: %v -> %s", time.Duration(e.call).Seconds(), until, e.client, e.op, e.answer)
}
