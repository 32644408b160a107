package fsm

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/fsm/reply"
)

// callOf makes a call of words.
func callOf(db uint8, words ...string) entry.Call {
	c := entry.Call{DB: db}
	for _, w := range words {
		c.Argv = append(c.Argv, []byte(w))
	}
	return c
}

// entryOf makes the log entry of an index.
func entryOf(index uint64, e entry.Entry) *raft.Log {
	return &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, e)}
}

// fields makes a call with many fields and values, beginning with a number.
func fields(name, key, from string, n int) []string {
	words := []string{name, key}
	for i := range n {
		words = append(words, fmt.Sprint("f", from, i), "v")
	}
	return words
}

// scored makes a call with many scores and members, beginning with a number.
func scored(name, key, from string, n int) []string {
	words := []string{name, key}
	for i := range n {
		words = append(words, fmt.Sprint(i*i%7), fmt.Sprint("f", from, i))
	}
	return words
}

// randomCall reads or writes a few keys, which the next calls are likely to be about as well.
func randomCall(rng *rand.Rand) entry.Call {
	key := func() string { return fmt.Sprintf("k%d{%d}", rng.IntN(6), rng.IntN(2)) }
	n := func(n int) string { return fmt.Sprint(rng.IntN(n)) }
	calls := [][]string{
		{"set", key(), n(1000)}, {"set", key(), n(1000), "px", n(500) + "0"}, {"set", key(), strings.Repeat("long", 20<<10)},
		{"append", key(), n(10)}, {"incr", key()}, {"del", key(), key()}, {"rename", key(), key()}, {"copy", key(), key(), "replace"},
		{"getdel", key()}, {"setrange", key(), n(9), "xy"}, {"pexpire", key(), n(300)}, {"persist", key()}, {"mset", key(), n(9), key(), n(9)},
		{"hset", key(), "f" + n(200), n(9)}, fields("hset", key(), n(200), 120), {"hdel", key(), "f" + n(200), "f" + n(200)},
		{"hincrby", key(), "n", n(9)}, {"hsetnx", key(), "f" + n(200), n(9)}, {"hget", key(), "f" + n(200)}, {"hgetall", key()}, {"hlen", key()},
		{"zadd", key(), n(9), "f0" + n(150), n(9), "f0" + n(150)}, scored("zadd", key(), n(2), 90), {"zrem", key(), "f0" + n(150), "f1" + n(90)},
		{"zincrby", key(), "0.1", "f0" + n(150)}, {"zpopmin", key(), n(20)}, {"zrange", key(), "0", "-1", "withscores"}, {"zrank", key(), "f0" + n(90)},
		{"zremrangebyrank", key(), n(50), n(90)}, {"zunionstore", key(), "2", key(), key()}, {"geoadd", key(), n(90), n(80), "f0" + n(150)},
		{"swapdb", n(2), n(2)}, {"flushdb"}, {"cairn.sweep", "2"},
		{"get", key()}, {"get", key()}, {"mget", key(), key(), key()}, {"strlen", key()}, {"getrange", key(), "0", "2"}, {"exists", key(), key()},
		{"type", key()}, {"pttl", key()}, {"dbsize"}, {"keys", "*"}, {"keys", "k1*"}, {"scan", "0", "count", "100"}, {"cairn.slotcount", "0"},
	}
	return callOf(uint8(rng.IntN(2)), calls[rng.IntN(len(calls))]...)
}

// TestAtomicGroupReadsItsWrites: the calls of a group, reads among them, answer and leave what they do one by one,
// each in an entry of its own. A node that wants no replies comes to the same state.
func TestAtomicGroupReadsItsWrites(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	whole, single, follower := newWorld(t), newWorld(t), newWorld(t)
	index, now, reads := uint64(0), int64(1_700_000_000_000), 0
	for i := range 60 {
		now += rng.Int64N(200)
		group := entry.Group{Atomic: true}
		for range 1 + rng.IntN(100) {
			group.Calls = append(group.Calls, randomCall(rng))
		}
		l := entryOf(uint64(i+1), entry.Entry{Time: now, Groups: []entry.Group{group}})
		got := whole.m.Apply(l).(Results)
		follower.m.Replay([]*raft.Log{l})
		if len(got) != len(group.Calls) {
			t.Fatalf("%d calls have %d replies", len(group.Calls), len(got))
		}
		for j, c := range group.Calls {
			index++
			one := entry.Entry{Time: now, Groups: []entry.Group{{Atomic: true, Calls: []entry.Call{c}}}}
			want := single.m.Apply(entryOf(index, one)).(Results)[0]
			if !reflect.DeepEqual(got[j], want) {
				t.Fatalf("group %d of seed %d, call %d %q: %.200v, alone %.200v", i, seed, j, c.Argv[0], got[j], want)
			}
			if want.Kind == reply.Bulk {
				reads++
			}
		}
	}
	if reads == 0 {
		t.Error("nothing was read")
	}
	dump := func(w *world) (all []string) {
		for db := range uint8(2) {
			a, err := w.m.Query(now, 0, []entry.Call{callOf(db, "keys", "*")})
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range a.Replies[0].Elems {
				v, err := w.m.Query(now, 0, []entry.Call{callOf(db, "get", string(key.Str)), callOf(db, "pexpiretime", string(key.Str))})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, fmt.Sprintf("%d %s %s %d", db, key.Str, v.Replies[0].Str, v.Replies[1].Int))
			}
		}
		slices.Sort(all)
		return all
	}
	if got, want := dump(whole), dump(single); !slices.Equal(got, want) {
		t.Errorf("the groups leave %.500q, the calls alone %.500q", got, want)
	}
	if digest(t, whole.store) != digest(t, follower.store) {
		t.Error("a node that answers nobody has another state")
	}
}

// TestNothingComesBetween: no reader finds a part of a group, while groups large and small are applied, nor does
// anybody after a crash. Large ones come in fragments, with other clients' entries between them.
func TestNothingComesBetween(t *testing.T) {
	const keys = 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	w := newWorld(t)
	question := callOf(0, "mget")
	for k := range keys {
		question.Argv = append(question.Argv, fmt.Appendf(nil, "k%d", k))
	}
	check := func() string { // what every key holds
		a, err := w.m.Query(0, 0, []entry.Call{question})
		if err != nil {
			t.Error(err)
			return ""
		}
		first := a.Replies[0].Elems[0]
		for _, r := range a.Replies[0].Elems {
			if r.Kind != first.Kind || string(r.Str) != string(first.Str) {
				t.Errorf("one key holds %.20q and another %.20q", first.Str, r.Str)
			}
		}
		return string(first.Str)
	}
	index := uint64(0)
	apply := func(e entry.Entry, pieces int) {
		data := entry.Append(nil, e)
		for n := range pieces {
			f := entry.Fragment{ID: uint64(index + 1), N: uint64(n), Last: n == pieces-1, Bytes: data[n*len(data)/pieces : (n+1)*len(data)/pieces]}
			index++
			w.m.ApplyBatch([]*raft.Log{{Index: index, Term: 1, Type: raft.LogCommand, Data: entry.AppendFragment(nil, f)}})
			if n < pieces-1 {
				index++
				other := entry.Group{Calls: []entry.Call{callOf(0, "incr", "other")}}
				w.m.Apply(entryOf(index, entry.Entry{Groups: []entry.Group{other}}))
			}
		}
	}
	for round := range 3 {
		var done atomic.Bool
		watched := make(chan int)
		go func() {
			seen := make(map[string]bool)
			for !done.Load() {
				seen[check()] = true
			}
			watched <- len(seen)
		}()
		for n := range 15 {
			value := fmt.Sprintf("%d-%d-%s", round, n, strings.Repeat("x", rng.IntN(30<<10)))
			group := entry.Group{Atomic: true}
			for _, k := range rng.Perm(keys) {
				group.Calls = append(group.Calls, callOf(0, "set", fmt.Sprintf("k%d", k), "in between"), callOf(0, "get", fmt.Sprintf("k%d", k)))
			}
			for _, k := range rng.Perm(keys) {
				group.Calls = append(group.Calls, callOf(0, "set", fmt.Sprintf("k%d", k), value))
			}
			apply(entry.Entry{Groups: []entry.Group{group}}, 1+rng.IntN(3))
		}
		done.Store(true)
		if n := <-watched; n == 0 {
			t.Error("nobody looked")
		}
		w.snapshot()
		w.crash(rng)
		check()
		index = w.m.Applied().Index
	}
}

// TestLongGroup: what the reads of a group may answer has a bound, of its own for each group; its writes run.
func TestLongGroup(t *testing.T) {
	w := newWorld(t)
	w.m.groupReads = 1 << 20
	value := strings.Repeat("x", 300<<10)
	group := entry.Group{Atomic: true, Calls: []entry.Call{callOf(0, "set", "a", value)}}
	for range 5 {
		group.Calls = append(group.Calls, callOf(0, "get", "a"))
	}
	group.Calls = append(group.Calls, callOf(0, "incr", "n"))
	got := w.m.Apply(entryOf(1, entry.Entry{Groups: []entry.Group{group, {}, group}})).(Results)
	var kinds []reply.Kind
	for _, r := range got {
		kinds = append(kinds, r.Kind)
	}
	one := []reply.Kind{reply.Status, reply.Bulk, reply.Bulk, reply.Bulk, reply.Bulk, reply.Error, reply.Integer}
	if want := slices.Concat(one, one); !slices.Equal(kinds, want) || got[13].Int != 2 {
		t.Errorf("the replies are %v, want %v", kinds, want)
	}
}
