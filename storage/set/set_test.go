package set_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage"
	"cairn/storage/set"
	"cairn/storage/storagetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// begin returns a transaction on an empty store, and ends both with the test.
func begin(t testing.TB) *storage.Txn {
	t.Helper()
	s, err := storage.Open("set", storage.Options{FS: vfs.NewMem()})
	must(t, err)
	txn, err := s.Begin()
	must(t, err)
	t.Cleanup(func() {
		txn.Discard()
		must(t, s.Close())
	})
	return txn
}

func edit(t testing.TB, txn *storage.Txn, key string, fn func(e *set.Edit)) {
	t.Helper()
	e, isSet, err := set.Open(txn, 0, []byte(key))
	if must(t, err); !isSet {
		t.Fatalf("%q is no set", key)
	}
	fn(&e)
	must(t, e.Save(1))
}

func add(t testing.TB, txn *storage.Txn, key string, members ...string) (n int) {
	t.Helper()
	edit(t, txn, key, func(e *set.Edit) {
		for _, m := range members {
			isNew, err := e.Include([]byte(m))
			if must(t, err); isNew {
				n++
			}
		}
	})
	return n
}

func remove(t testing.TB, txn *storage.Txn, key string, members ...string) (n int) {
	t.Helper()
	edit(t, txn, key, func(e *set.Edit) {
		for _, m := range members {
			was, err := e.Exclude([]byte(m))
			if must(t, err); was {
				n++
			}
		}
	})
	return n
}

func lookup(t testing.TB, r storage.Reader, key string) set.Set {
	t.Helper()
	s, isSet, err := set.Lookup(r, 0, []byte(key))
	if must(t, err); !isSet {
		t.Fatalf("%q is no set", key)
	}
	return s
}

// collect returns what a walk comes by.
func collect(t testing.TB, walk set.Walk) (found []string) {
	t.Helper()
	must(t, walk(func(member []byte) (bool, error) {
		found = append(found, string(member))
		return true, nil
	}))
	return found
}

// TestPast: a set remembers how many members it had and whether all were integers, until it is gone or made anew.
func TestPast(t *testing.T) {
	txn := begin(t)
	past := func(most uint64, integers bool) {
		t.Helper()
		s := lookup(t, txn, "k")
		if m, i := s.Past(); m != most || i != integers {
			t.Errorf("at most %d members, integers %v; want %d, %v", m, i, most, integers)
		}
	}
	add(t, txn, "k", "1", "-2", "9223372036854775807")
	past(3, true)
	remove(t, txn, "k", "1", "-2")
	past(3, true)
	add(t, txn, "k", "01")
	past(3, false)
	remove(t, txn, "k", "01")
	past(3, false)
	edit(t, txn, "k", func(e *set.Edit) { must(t, e.Forget()) })
	past(1, true)
	add(t, txn, "other", "a", "b", "c", "d")
	all := lookup(t, txn, "other")
	edit(t, txn, "k", func(e *set.Edit) { must(t, e.RememberAll(&all)) })
	past(4, false)
	remove(t, txn, "k", "9223372036854775807")
	add(t, txn, "k", "")
	past(1, false)
	edit(t, txn, "k", func(e *set.Edit) {
		e.Clear()
		must(t, e.IncludeNew([]byte("7")))
	})
	past(1, true)
}

// TestAscending: integers alone come in their order, if they are not too many; all others as they do.
func TestAscending(t *testing.T) {
	walk := func(members ...string) set.Walk {
		return func(fn func([]byte) (bool, error)) error {
			for _, m := range members {
				if more, err := fn([]byte(m)); err != nil || !more {
					return err
				}
			}
			return nil
		}
	}
	var many []string
	for n := range 1<<16 + 1 {
		many = append(many, strconv.Itoa(-n))
	}
	for name, test := range map[string]struct{ members, want []string }{
		"nothing":      {nil, nil},
		"integers":     {[]string{"10", "-9", "0", "9"}, []string{"-9", "0", "9", "10"}},
		"a text ahead": {[]string{"a", "3", "2"}, []string{"a", "3", "2"}},
		"a text last":  {[]string{"3", "2", "01"}, []string{"3", "2", "01"}},
		"a text":       {[]string{"3", "a", "2"}, []string{"3", "a", "2"}},
		"many":         {many[:1<<16], reversed(many[:1<<16])},
		"too many":     {many, many},
	} {
		ordered := set.Ascending(walk(test.members...))
		if got := collect(t, ordered); !slices.Equal(got, test.want) {
			t.Errorf("%s: %.100q", name, got)
		}
		for most := 1; most < min(len(test.want), 5); most++ {
			var got []string
			must(t, ordered(func(m []byte) (bool, error) {
				got = append(got, string(m))
				return len(got) < most, nil
			}))
			if !slices.Equal(got, test.want[:most]) {
				t.Errorf("%s: the first %d are %q", name, most, got)
			}
		}
	}
}

func reversed(all []string) []string {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

// TestCombine compares what is made of small and large sets, of few and of many, with maps.
func TestCombine(t *testing.T) {
	rnd := storagetest.Rand(t)
	txn := begin(t)
	keys, models := []string{"none"}, map[string]map[string]bool{"none": {}}
	for i, size := range []int{1, 5, 60, 128, 130, 500, 2000, 3000} {
		for n := range 2 {
			key := fmt.Sprint("k", i, n)
			models[key] = map[string]bool{}
			var members []string
			for range size {
				m := strings.Repeat("m", rnd.IntN(3)) + strconv.Itoa(rnd.IntN(size*2))
				members = append(members, m)
				models[key][m] = true
			}
			add(t, txn, key, members...)
			keys = append(keys, key)
		}
	}
	both := map[bool]int{}
	for range 100 {
		names, sets := []string(nil), []set.Set(nil)
		for range 1 + rnd.IntN(4) {
			key := keys[rnd.IntN(len(keys))]
			names, sets = append(names, key), append(sets, lookup(t, txn, key))
		}
		for op, want := range map[set.Op]map[string]bool{
			set.Union: unionOf(models, names), set.Inter: interOf(models, names), set.Diff: diffOf(models, names),
		} {
			got := collect(t, set.Combine(op, sets))
			if all := slices.Sorted(maps.Keys(want)); !slices.Equal(all, slices.Sorted(slices.Values(got))) {
				t.Fatalf("operation %d on %q gives %d members, want %d", op, names, len(got), len(want))
			}
			if again := collect(t, set.Combine(op, sets)); !slices.Equal(got, again) {
				t.Fatalf("operation %d on %q comes in another order", op, names)
			}
			passed := uint64(0)
			for i := range sets {
				passed += sets[i].Len()
			}
			if work := set.Work(op, sets); work > passed {
				t.Fatalf("operation %d on %q passes %d members of %d", op, names, work, passed)
			} else if op != set.Union && len(sets) > 1 {
				both[work < passed]++
			}
			if len(got) > 1 {
				checkEnd(t, set.Combine(op, sets), got[:1+rnd.IntN(len(got)-1)])
			}
		}
	}
	if both[true] < 8 || both[false] < 8 {
		t.Errorf("%d times members were looked up, %d times not", both[true], both[false])
	}
}

// checkEnd holds a walk to ending when it is told to.
func checkEnd(t *testing.T, walk set.Walk, want []string) {
	t.Helper()
	var got []string
	must(t, walk(func(m []byte) (bool, error) {
		got = append(got, string(m))
		return len(got) < len(want), nil
	}))
	if !slices.Equal(got, want) {
		t.Fatalf("the first %d are %q, want %q", len(want), got, want)
	}
}

func unionOf(models map[string]map[string]bool, names []string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		maps.Copy(all, models[name])
	}
	return all
}

func interOf(models map[string]map[string]bool, names []string) map[string]bool {
	all := maps.Clone(models[names[0]])
	for _, name := range names[1:] {
		maps.DeleteFunc(all, func(m string, _ bool) bool { return !models[name][m] })
	}
	return all
}

func diffOf(models map[string]map[string]bool, names []string) map[string]bool {
	all := maps.Clone(models[names[0]])
	for _, name := range names[1:] {
		maps.DeleteFunc(all, func(m string, _ bool) bool { return models[name][m] })
	}
	return all
}

// TestCombineLongMembers: a page of the merge ends by bytes too, and a member is where it ends.
func TestCombineLongMembers(t *testing.T) {
	txn := begin(t)
	var a, b []string
	for i := range 20 {
		a = append(a, fmt.Sprint(i, strings.Repeat("x", 30_000)))
		b = append(b, fmt.Sprint(i+10, strings.Repeat("x", 30_000)))
	}
	add(t, txn, "a", a...)
	add(t, txn, "b", b...)
	sets := []set.Set{lookup(t, txn, "a"), lookup(t, txn, "b")}
	if got := collect(t, set.Combine(set.Union, sets)); len(got) != 30 {
		t.Errorf("the union has %d members", len(got))
	}
}

// TestPlacesAgree: the merge orders members of small sets as large ones are in.
func TestPlacesAgree(t *testing.T) {
	txn, rnd := begin(t), storagetest.Rand(t)
	var members []string
	for range 1000 {
		members = append(members, strconv.FormatUint(rnd.Uint64(), 36))
	}
	add(t, txn, "large", members...)
	add(t, txn, "small", members[:100]...)
	want := slices.Clone(members)
	place := func(m string) uint32 { return crc32.Checksum([]byte(m), crc32.MakeTable(crc32.Castagnoli)) }
	slices.SortFunc(want, func(a, b string) int {
		if place(a) != place(b) {
			return int(int64(place(a)) - int64(place(b)))
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	got := collect(t, set.Combine(set.Union, []set.Set{lookup(t, txn, "small"), lookup(t, txn, "large")}))
	if !slices.Equal(got, want) {
		t.Error("the union is not in the order of the places")
	}
}
