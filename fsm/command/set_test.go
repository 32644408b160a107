package command

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/set"
)

var setTable = NewTable(setRows())

// callSet runs a command on sets with a seed.
func callSet(t *testing.T, txn *storage.Txn, seed uint64, words ...string) reply.Reply {
	t.Helper()
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	r, err := setTable.Apply(Env{Now: testNow, Version: 2, Seed: seed}, txn, argv)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// numberedMembers returns the members m0 to mN.
func numberedMembers(n int) (members []string) {
	for i := range n {
		members = append(members, fmt.Sprint("m", i))
	}
	return members
}

func textsOf(r reply.Reply) (texts []string) {
	for _, e := range r.Elems {
		texts = append(texts, string(e.Str))
	}
	return texts
}

// TestSPopIsEven: every member is popped equally often, as chance has it, in whatever way it is found; what is popped
// is gone, and the seed alone decides.
func TestSPopIsEven(t *testing.T) {
	for name, test := range map[string]struct{ members, count, rounds int }{
		"small, one": {10, 1, 2000}, "small, some": {20, 7, 600}, "large, one": {300, 1, 1500}, "large, some": {300, 8, 300},
		"large, many": {300, 100, 40}, "large, nearly all": {300, 260, 20},
	} {
		t.Run(name, func(t *testing.T) {
			txn := beginAt(t)
			all := append([]string{"sadd", "s"}, numberedMembers(test.members)...)
			came := make(map[string]int)
			for seed := range uint64(test.rounds) {
				callSet(t, txn, 0, all...)
				popped := textsOf(callSet(t, txn, seed, "spop", "s", fmt.Sprint(test.count)))
				if n := callSet(t, txn, 0, "scard", "s").Int; len(popped) != test.count || n != int64(test.members-test.count) {
					t.Fatalf("%d are popped, %d are left", len(popped), n)
				}
				for _, m := range popped {
					came[m]++
					if callSet(t, txn, 0, "sismember", "s", m).Int != 0 {
						t.Fatalf("%s is still there", m)
					}
				}
			}
			mean, sum := float64(test.count*test.rounds)/float64(test.members), 0.0
			for i := range test.members {
				d := float64(came[fmt.Sprint("m", i)]) - mean
				sum += d * d / mean
			}
			free := float64(test.members - 1)
			if most := free + 7*math.Sqrt(2*free); sum > most {
				t.Errorf("chi-square is %.0f, at most %.0f are expected", sum, most)
			}
		})
	}
}

// TestSPopOneEffect: the same seed pops the same members on every replica, another one others.
func TestSPopOneEffect(t *testing.T) {
	all := numberedMembers(500)
	pop := func(seed uint64) []string {
		txn := beginAt(t)
		callSet(t, txn, 0, append([]string{"sadd", "s"}, all...)...)
		return textsOf(callSet(t, txn, seed, "spop", "s", "5"))
	}
	if a, b := pop(1), pop(1); !slices.Equal(a, b) {
		t.Errorf("%q, then %q", a, b)
	}
	if a, b := pop(1), pop(2); slices.Equal(a, b) {
		t.Errorf("two seeds pop %q", a)
	}
}

// TestSPopMakesAnew: as in Redis, what is left is a new set where much was popped, and knows nothing of before; else it
// goes on to be what it was, with its time to live.
func TestSPopMakesAnew(t *testing.T) {
	for count, want := range map[string]string{"5": "intset", "4": "hashtable", "1": "hashtable"} {
		txn := beginAt(t)
		callSet(t, txn, 0, "sadd", "s", "1", "2", "3", "4", "5", "6", "a")
		callSet(t, txn, 0, "srem", "s", "a")
		k, err := keys.Open(txn, 0, []byte("s"))
		if err != nil {
			t.Fatal(err)
		}
		k.Row.ExpireAt = testNow + 1000
		if err := k.Put(k.Row); err != nil {
			t.Fatal(err)
		}
		callSet(t, txn, 1, "spop", "s", count)
		row, _, err := keys.Peek(txn, 0, []byte("s"))
		if err != nil || row.ExpireAt != testNow+1000 {
			t.Errorf("%s of 6 popped: the rest expires at %d, %v", count, row.ExpireAt, err)
		}
		if r, err := setEncoding(DefaultEncodings, row); err != nil || string(r.Str) != want {
			t.Errorf("%s of 6 popped: the rest is %q, %v, want %s", count, r.Str, err, want)
		}
	}
}

// TestSPopReadsFew: one member of a large set is popped without the others being looked at.
func TestSPopReadsFew(t *testing.T) {
	txn := beginAt(t)
	callSet(t, txn, 0, append([]string{"sadd", "s"}, numberedMembers(20_000)...)...)
	s, err := openSet(Env{}, txn, []byte("s"))
	if err != nil {
		t.Fatal(err)
	}
	size := txn.Size()
	if popped, err := popMembers(&s, 1, 7, maxReplyBytes); err != nil || len(popped) != 1 || s.Save(3) != nil {
		t.Fatal(popped, err)
	}
	if n := txn.Size() - size; n > 300 {
		t.Errorf("%d bytes are written for one member", n)
	}
	counting := &countedSource{}
	counting.Set = s.Members()
	p := elementRandom{key: []byte("s"), count: 3, many: true}
	if found, err := p.take(counting, 7, memberReply); err != nil || len(found) != 3 || counting.passed > 1000 {
		t.Errorf("%d members are passed for %d, %v", counting.passed, len(found), err)
	}
}

// countedSource counts the members that are passed.
type countedSource struct {
	set.Set
	passed int
}

func (c *countedSource) WalkFrom(from []byte, fn func(place uint32, name, value []byte) (bool, error)) error {
	return c.Set.WalkFrom(from, func(place uint32, name, value []byte) (bool, error) {
		c.passed++
		return fn(place, name, value)
	})
}

func (c *countedSource) Walk(fn func(name, value []byte) (bool, error)) error {
	return c.Set.Walk(func(name, value []byte) (bool, error) {
		c.passed++
		return fn(name, value)
	})
}

// TestSlowListing: what takes long to find is listed though its answer is short, and a transaction gets it at once.
func TestSlowListing(t *testing.T) {
	txn := beginAt(t)
	members := numberedMembers(slowWork + 2)
	callSet(t, txn, 0, append([]string{"sadd", "a"}, members[:slowWork/2+1]...)...)
	callSet(t, txn, 0, append([]string{"sadd", "b"}, members[slowWork/2+1:]...)...)
	callSet(t, txn, 0, "sadd", "few", "m1", "x")
	for _, test := range []struct {
		call string
		long bool
		want int
	}{
		{"sinter a b", true, 0}, {"sdiff a b", true, slowWork/2 + 1}, {"sinter few b a", false, 0}, {"sinter few a", false, 1}, {"sunion few", false, 2},
	} {
		var argv [][]byte
		for _, word := range strings.Fields(test.call) {
			argv = append(argv, []byte(word))
		}
		r, err := setTable.Query(Env{}, txn, argv)
		if err != nil || (r.Kind == reply.Long) != test.long {
			t.Errorf("%s answers kind %d, %v", test.call, r.Kind, err)
		}
		if r := callSet(t, txn, 0, strings.Fields(test.call)...); r.Kind != reply.Set || len(r.Elems) != test.want {
			t.Errorf("%s in a transaction: kind %d of %d", test.call, r.Kind, len(r.Elems))
		}
	}
}

// TestSetBounds: what would take too much memory or time is an error, and leaves no trace.
func TestSetBounds(t *testing.T) {
	txn := beginAt(t)
	callSet(t, txn, 0, append([]string{"sadd", "a"}, numberedMembers(200)...)...)
	callSet(t, txn, 0, append([]string{"sadd", "b"}, numberedMembers(100)...)...)
	callSet(t, txn, 0, "sadd", "long", strings.Repeat("x", 8000))
	callSet(t, txn, 0, "sadd", "d", "old")
	size := txn.Size()
	env := Env{Now: testNow, Version: 3}
	argv := [][]byte{[]byte("sunionstore"), []byte("d"), []byte("a"), []byte("b")}
	for _, test := range []struct {
		most storeBounds
		want error
	}{
		{storeBounds{299, 1 << 20}, errStoreWork}, {storeBounds{300, 200 * elemBytes}, errStoreBytes}, {storeBounds{300, 200 * (elemBytes + 4)}, nil},
	} {
		if txn.Size() != size {
			t.Fatal("an error has left a trace")
		}
		if _, err := storeCombined(set.Union, test.most)(env, txn, argv); err != test.want {
			t.Errorf("%+v: %v", test.most, err)
		}
	}
	size = txn.Size()
	refused := func(want error, r reply.Reply) {
		t.Helper()
		if r.Kind != reply.Error || string(r.Str) != want.Error() || txn.Size() != size {
			t.Errorf("%v %.80q, %d bytes are written, want %v", r.Kind, r.Str, txn.Size()-size, want)
		}
	}
	refused(errRepeats, callSet(t, txn, 0, "srandmember", "a", "-1048577"))
	refused(errRepeats, callSet(t, txn, 0, "srandmember", "a", "-9223372036854775807"))
	if r := callSet(t, txn, 0, "srandmember", "a", "-1048576"); len(r.Elems) != 1<<20 {
		t.Errorf("%d members come", len(r.Elems))
	}
	many := []string{"sunion"}
	for range maxReplyBytes/8000 + 1 {
		many = append(many, "long")
	}
	refused(errManySets, callSet(t, txn, 0, many...))
	many[0] = "sdiffstore"
	refused(errManySets, callSet(t, txn, 0, many...))
	for _, count := range []uint64{150, 500} {
		s, err := openSet(env, txn, []byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := popMembers(&s, count, 1, 100*elemBytes); err != errLongReply || s.Len() != 200 || txn.Size() != size {
			t.Errorf("%d of 200 members: %v, %d are left", count, err, s.Len())
		}
	}
}
