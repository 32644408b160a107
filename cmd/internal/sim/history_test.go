package sim

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"cairn/fsm/reply"
)

// op is one operation on a key as its client meant it.
type op struct {
	name string // "get", "set", "setpx", "setnx", "getdel", "incr", "append", "del"
	key  string
	arg  string
	px   int // milliseconds to live, of setpx
}

// words returns the operation as a command.
func (o op) words() []string {
	switch o.name {
	case "set", "append":
		return []string{o.name, o.key, o.arg}
	case "setnx":
		return []string{"set", o.key, o.arg, "NX"}
	case "setpx":
		return []string{"set", o.key, o.arg, "PX", strconv.Itoa(o.px)}
	}
	return []string{o.name, o.key}
}

// seen is what the client saw of it.
type seen struct {
	known bool
	value string // as show writes it
}

// show writes a reply, so that no two that differ are the same.
func show(r reply.Reply) string {
	switch r.Kind {
	case reply.Null:
		return "nil"
	case reply.Integer:
		return strconv.FormatInt(r.Int, 10)
	case reply.Bulk:
		return "=" + string(r.Str)
	}
	return string(r.Str)
}

// history is what all clients did, in the order of one counter: an operation that ended before another began is
// before it here too, to the last step of a goroutine.
type history struct {
	mu  sync.Mutex
	now int64
	ops []porcupine.Operation
}

// begin notes that an operation starts.
func (h *history) begin() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	return h.now
}

// end notes how an operation ended. What was not done is left out; what may have been done stays open for ever.
func (h *history) end(o op, began int64, r reply.Reply, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	p := porcupine.Operation{ClientId: len(h.ops), Input: o, Call: began, Output: seen{}, Return: math.MaxInt64}
	switch {
	case err == errNotDone || err != nil && o.name == "get":
		return
	case err == nil:
		p.Return, p.Output = h.now, seen{true, show(r)}
	}
	h.ops = append(h.ops, p)
}

func (h *history) all() []porcupine.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ops
}

// keys returns the keys of the history.
func (h *history) keys() []string {
	found := make(map[string]bool)
	var keys []string
	for _, p := range h.all() {
		if k := p.Input.(op).key; !found[k] {
			found[k] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// mortal is what keys begin with that may expire at any time.
const mortal = "mortal"

// model says what a string key does: the state is "" when the key is absent, and else "=" and its value.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
			parts := make(map[string][]porcupine.Operation)
			for _, p := range ops {
				k := p.Input.(op).key
				parts[k] = append(parts[k], p)
			}
			var all [][]porcupine.Operation
			for _, part := range parts {
				all = append(all, part)
			}
			return all
		},
		Init: func() any { return "" },
		Step: func(state, in, out any) (bool, any) {
			o, s := in.(op), out.(seen)
			if o.name == "get" && s.value == "nil" && strings.HasPrefix(o.key, mortal) {
				return true, "" // expired: from here on the key is gone, for every node, until it is set again
			}
			want, next := o.run(state.(string))
			return !s.known || s.value == want, next
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprint(in, " -> ", out) },
	}
}

// run returns what an operation answers in a state, and the state after it.
func (o op) run(state string) (answer, next string) {
	value := state
	if state == "" {
		value = "nil"
	}
	switch o.name {
	case "get":
		return value, state
	case "getdel":
		return value, ""
	case "set", "setpx":
		return "OK", "=" + o.arg
	case "setnx":
		if state != "" {
			return "nil", state
		}
		return "OK", "=" + o.arg
	case "del":
		if state == "" {
			return "0", ""
		}
		return "1", ""
	case "append":
		if state == "" {
			state = "="
		}
		state += o.arg
		return strconv.Itoa(len(state) - 1), state
	case "incr":
		n := 0
		if state != "" {
			n, _ = strconv.Atoi(state[1:])
		}
		return strconv.Itoa(n + 1), "=" + strconv.Itoa(n+1)
	}
	panic("sim: no operation " + o.name)
}

// check returns the keys whose history is no linearizable one.
func check(ops []porcupine.Operation) (bad []string) {
	for _, part := range model().Partition(ops) {
		key := part[0].Input.(op).key
		switch porcupine.CheckOperationsTimeout(model(), part, time.Minute) {
		case porcupine.Illegal:
			bad = append(bad, fmt.Sprintf("the history of %s is not linearizable:\n%s", key, lines(part)))
		case porcupine.Unknown:
			fmt.Printf("the history of %s was too much for a minute of checking: %d operations\n", key, len(part))
		}
	}
	return bad
}

func lines(ops []porcupine.Operation) (text string) {
	for _, p := range ops {
		until := fmt.Sprint(p.Return)
		if p.Return == math.MaxInt64 {
			until = "?"
		}
		text += fmt.Sprintf("\t%d..%s %v -> %v\n", p.Call, until, p.Input, p.Output)
	}
	return text
}
