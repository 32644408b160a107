package fsm

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/fsm/reply"
)

// do applies an entry of one call.
func (w *world) do(argv ...string) {
	call := entry.Call{}
	for _, a := range argv {
		call.Argv = append(call.Argv, []byte(a))
	}
	w.m.Apply(&raft.Log{Index: w.m.Applied().Index + 1, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, entry.Entry{Groups: []entry.Group{{Calls: []entry.Call{call}}}})})
}

// listed returns what List hands on.
func (w *world) listed(now int64, sure bool, pattern string, meanwhile func()) (found []string, n int, doubted bool) {
	w.t.Helper()
	n = -1
	doubted, err := w.m.List(now, 0, entry.Call{Argv: [][]byte{[]byte("keys"), []byte(pattern)}}, sure, func(_ reply.Kind, count int, each func(func(reply.Reply) error) error) error {
		n = count
		meanwhile()
		return each(func(e reply.Reply) error {
			found = append(found, string(e.Str))
			return nil
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(found)
	return found, n, doubted
}

// TestListIsOneState: what is written between the count and the elements is in neither.
func TestListIsOneState(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.do("set", fmt.Sprint("k", i), "v")
	}
	w.do("set", "other", "v")
	found, n, _ := w.listed(0, false, "k*", func() {
		w.do("set", "k5", "v")
		w.do("del", "k0")
	})
	if want := []string{"k0", "k1", "k2", "k3", "k4"}; n != len(want) || !slices.Equal(found, want) {
		t.Errorf("%d keys are promised, and %q come", n, found)
	}
}

// TestListEndsForRestore: a state that comes from a leader does not wait for who reads slowly.
func TestListEndsForRestore(t *testing.T) {
	w, ahead := newWorld(t), newWorld(t)
	for i := range 10 {
		w.do("set", fmt.Sprint("k", i), "v")
		ahead.do("set", fmt.Sprint("k", i), "v")
		ahead.do("incr", "n")
	}
	restored := make(chan bool)
	_, err := w.m.List(0, 0, entry.Call{Argv: [][]byte{[]byte("keys"), []byte("*")}}, true, func(_ reply.Kind, _ int, each func(func(reply.Reply) error) error) error {
		go func() {
			defer close(restored)
			w.restoreFrom(ahead)
		}()
		return each(func(reply.Reply) error {
			for !w.m.restoring.Load() {
				runtime.Gosched()
			}
			return nil
		})
	})
	if !errors.Is(err, errRestoring) {
		t.Errorf("the list ends with %v", err)
	}
	<-restored
	if at := w.m.Applied(); at != ahead.m.Applied() {
		t.Errorf("restored up to %+v of %+v", at, ahead.m.Applied())
	}
}

// TestListDoubted: a key that only a reader's clock takes for expired is not left out before the log has said so.
func TestListDoubted(t *testing.T) {
	w := newWorld(t)
	w.do("set", "stays", "v")
	w.do("set", "goes", "v", "pxat", "5000")
	nothing := func() {}
	if found, n, doubted := w.listed(4000, false, "*", nothing); doubted || n != 2 || len(found) != 2 {
		t.Errorf("before: %q of %d, doubted %v", found, n, doubted)
	}
	if found, n, doubted := w.listed(6000, false, "*", nothing); !doubted || n != -1 {
		t.Errorf("after, not sure: %q of %d, doubted %v", found, n, doubted)
	}
	if found, n, _ := w.listed(6000, true, "*", nothing); n != 1 || !slices.Equal(found, []string{"stays"}) {
		t.Errorf("after, sure: %q of %d", found, n)
	}
}

// TestLongAnswers: what is short comes with other reads, what is long is listed, in its shape, and mistakes are told on
// both ways.
func TestLongAnswers(t *testing.T) {
	w := newWorld(t)
	set := []string{"hset", "h"}
	for i := range 100 {
		set = append(set, fmt.Sprint("f", i), strings.Repeat("v", 20_000))
	}
	w.do(set...)
	w.do("set", "s", "v")
	w.do("hset", "short", "f", "v")
	call := func(words ...string) (c entry.Call) {
		for _, a := range words {
			c.Argv = append(c.Argv, []byte(a))
		}
		return c
	}
	a, err := w.m.Query(0, 0, []entry.Call{call("hgetall", "short"), call("hgetall", "s"), call("hgetall", "h"), call("get", "s")})
	if err != nil {
		t.Fatal(err)
	}
	if r := a.Replies; len(r) != 3 || r[0].Kind != reply.Map || len(r[0].Elems) != 2 || r[1].Kind != reply.Error || r[2].Kind != reply.Long {
		t.Errorf("the answers are %v", a.Replies)
	}
	for name, want := range map[string]struct {
		kind  reply.Kind
		elems int
	}{"hgetall": {reply.Map, 200}, "hkeys": {reply.Array, 100}, "hvals": {reply.Array, 100}} {
		came := 0
		_, err = w.m.List(0, 0, call(name, "h"), true, func(kind reply.Kind, n int, each func(func(reply.Reply) error) error) error {
			if kind != want.kind || n != want.elems {
				t.Errorf("%s: %d elements of a %v are promised", name, n, kind)
			}
			return each(func(reply.Reply) error { came++; return nil })
		})
		if err != nil || came != want.elems {
			t.Errorf("%s: %d elements come, %v", name, came, err)
		}
	}
	_, err = w.m.List(0, 0, call("hgetall", "s"), true, func(reply.Kind, int, func(func(reply.Reply) error) error) error {
		t.Error("a mistake is listed")
		return nil
	})
	if user := reply.UserError(""); !errors.As(err, &user) || user != reply.ErrWrongType {
		t.Errorf("a string is listed as a hash: %v", err)
	}
}
