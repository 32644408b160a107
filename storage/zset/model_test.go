package zset_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/storagetest"
	"cairn/storage/typetest"
	"cairn/storage/zset"
)

// model is what sorted sets are: scores by key and member.
type model map[string]*modelSet

type modelSet struct {
	scores        map[string]float64
	large         bool
	most, longest uint64
}

func (m model) at(key string) *modelSet {
	if m[key] == nil {
		m[key] = &modelSet{scores: map[string]float64{}}
	}
	return m[key]
}

func (s *modelSet) set(member string, score float64) {
	s.scores[member] = score
	size := 0
	for m := range s.scores {
		size += 9 + len(m)
		if len(m)+8 >= 128 {
			size++
		}
	}
	s.large = s.large || len(s.scores) > zset.MaxMembers || size > zset.MaxEntryBytes
	s.most = max(s.most, uint64(len(s.scores)))
	s.longest = max(s.longest, uint64(len(member)))
}

func (m model) remove(key, member string) {
	if s := m[key]; s != nil {
		if delete(s.scores, member); len(s.scores) == 0 {
			delete(m, key)
		}
	}
}

func (s *modelSet) inOrder() (all []zset.Member) {
	if s == nil {
		return nil
	}
	for m, score := range s.scores {
		all = append(all, zset.Member{Name: []byte(m), Score: score})
	}
	slices.SortFunc(all, func(a, b zset.Member) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), bytes.Compare(a.Name, b.Name))
	})
	return all
}

func lookup(t testing.TB, r storage.Reader, key string) *zset.Set {
	t.Helper()
	z, ok, err := zset.Lookup(r, 0, []byte(key))
	if typetest.Must(t, err); !ok {
		t.Fatalf("%q is no sorted set", key)
	}
	return &z
}

func edit(t testing.TB, txn *storage.Txn, key string, fn func(e *zset.Edit)) {
	t.Helper()
	e, ok, err := zset.Open(txn, 0, []byte(key))
	if typetest.Must(t, err); !ok {
		t.Fatalf("%q is no sorted set", key)
	}
	fn(e)
	typetest.Must(t, e.Save(1))
}

func setScore(t testing.TB, e *zset.Edit, member string, score float64) {
	t.Helper()
	it, err := e.Item([]byte(member))
	typetest.Must(t, err)
	typetest.Must(t, e.SetScore(&it, score))
}

// walked returns the members from a rank, up or down.
func walked(t testing.TB, z *zset.Set, from uint64, back bool) (all []zset.Member) {
	t.Helper()
	take := func(member []byte, score float64) (bool, error) {
		all = append(all, zset.Member{Name: bytes.Clone(member), Score: score})
		return true, nil
	}
	walk := z.WalkRanks
	if back {
		walk = z.WalkRanksBack
	}
	typetest.Must(t, walk(from, take))
	return all
}

func same(a, b []zset.Member) bool {
	return slices.EqualFunc(a, b, func(a, b zset.Member) bool { return a.Score == b.Score && bytes.Equal(a.Name, b.Name) })
}

// check compares a sorted set, and some of what is asked of one, with the model.
func (m model) check(t *testing.T, r storage.Reader, key string, rnd *rand.Rand) (memberRows int) {
	t.Helper()
	z, want := lookup(t, r, key), m[key].inOrder()
	if z.Len() != uint64(len(want)) {
		t.Fatalf("%q has %d members, want %d", key, z.Len(), len(want))
	}
	if len(want) == 0 {
		return 0
	}
	if s := m[key]; z.Large() != s.large || z.Most != s.most || z.Past != s.longest {
		t.Fatalf("%q: large %v, past %+v, want %+v", key, z.Large(), z.Head, s)
	}
	at := rnd.IntN(len(want))
	if got := walked(t, z, uint64(at), false); !same(got, want[at:]) {
		t.Fatalf("%q from %d is %v, want %v", key, at, got, want[at:])
	}
	down := slices.Clone(want[:at+1])
	slices.Reverse(down)
	if got := walked(t, z, uint64(at), true); !same(got, down) {
		t.Fatalf("%q down from %d is %v, want %v", key, at, got, down)
	}
	one := want[at]
	rank, ok, err := z.RankOf(one.Name)
	if typetest.Must(t, err); !ok || rank != uint64(at) {
		t.Fatalf("%q: the rank of %q is %d, %v; want %d", key, one.Name, rank, ok, at)
	}
	score, ok, err := z.Score(one.Name)
	if typetest.Must(t, err); !ok || score != one.Score {
		t.Fatalf("%q: the score of %q is %g, %v; want %g", key, one.Name, score, ok, one.Score)
	}
	if _, ok, err := z.Score([]byte("nobody")); ok || err != nil {
		t.Fatalf("nobody has a score, %v", err)
	}
	for _, through := range []bool{false, true} {
		n, err := z.Below(one.Score, through)
		typetest.Must(t, err)
		wantN := 0
		for _, o := range want {
			if o.Score < one.Score || through && o.Score == one.Score {
				wantN++
			}
		}
		if n != uint64(wantN) {
			t.Fatalf("%q: %d are below %g (%v), want %d", key, n, one.Score, through, wantN)
		}
	}
	if z.Large() {
		return len(want)
	}
	return 0
}

// memberRows counts the rows of members of all sorted sets.
func memberRows(t testing.TB, r storage.Reader) (n int) {
	t.Helper()
	typetest.Must(t, r.Scan([]byte{layout.TagPart}, []byte{layout.TagPart + 1}, func(k, _ []byte) (bool, error) {
		_, _, name, err := layout.ParsePart(k)
		if _, _, isMember := layout.ParseMember(name); err == nil && isMember == nil {
			n++
		}
		return true, err
	}))
	return n
}

// TestModel does what commands do to small and large sorted sets, and to those that cross the limit, with flushes and
// restarts in between, and compares with maps.
func TestModel(t *testing.T) {
	rnd := storagetest.Rand(t)
	s, m := typetest.New(t), model{}
	names := []string{"", "a", "b", "c", "d"}
	sizes := []int{3, 100, 140, 160, 2000} // of the pool of members of each key
	member := func(k int) string {
		n := rnd.IntN(sizes[k])
		return fmt.Sprint(strings.Repeat("m", n%7*k*k*k), n)
	}
	all := func(r storage.Reader) {
		rows := 0
		for _, key := range names {
			rows += m.check(t, r, key, rnd)
		}
		if n := memberRows(t, r); n != rows {
			t.Fatalf("there are %d rows of members, want %d", n, rows)
		}
		if n := r.Database(0).Keys; n != uint64(len(m)) {
			t.Fatalf("there are %d keys, want %d", n, len(m))
		}
	}
	for range 80 {
		s.Apply(func(txn *storage.Txn) {
			for range 1 + rnd.IntN(30) {
				k := rnd.IntN(len(names))
				m.step(t, txn, names[k], rnd, func() string { return member(k) })
			}
			if rnd.IntN(8) == 0 {
				all(txn)
			}
		})
		if rnd.IntN(20) == 0 {
			s.Restart()
		}
		s.View(func(v *storage.View) { all(v) })
	}
	s.Apply(func(txn *storage.Txn) {
		for _, key := range names {
			h, err := keys.Open(txn, 0, []byte(key))
			typetest.Must(t, err)
			_, err = h.Remove()
			typetest.Must(t, err)
		}
		if n := typetest.PartRows(t, txn); n != 0 {
			t.Errorf("%d parts are left", n)
		}
	})
}

// step does one thing to the store and to the model.
func (m model) step(t *testing.T, txn *storage.Txn, key string, rnd *rand.Rand, member func() string) {
	switch n := rnd.IntN(100); {
	case n < 60:
		edit(t, txn, key, func(e *zset.Edit) {
			for range 1 + rnd.IntN(30) {
				name, score := member(), float64(rnd.IntN(50))/4-3
				setScore(t, e, name, score)
				m.at(key).set(name, score)
			}
		})
	case n < 85:
		edit(t, txn, key, func(e *zset.Edit) {
			for range 1 + rnd.IntN(20) {
				name := member()
				it, err := e.Item([]byte(name))
				typetest.Must(t, err)
				_, want := m.at(key).scores[name]
				was, err := e.RemoveItem(&it)
				if typetest.Must(t, err); was != want {
					t.Fatalf("%q of %q was there: %v, want %v", name, key, was, want)
				}
				if m.remove(key, name); m[key] == nil || len(m[key].scores) == 0 {
					delete(m, key)
					return
				}
			}
		})
	case n < 95:
		edit(t, txn, key, func(e *zset.Edit) {
			want := m[key].inOrder()
			if len(want) == 0 {
				return
			}
			from := rnd.IntN(len(want))
			to := min(from+rnd.IntN(40), len(want))
			typetest.Must(t, e.RemoveRanks(uint64(from), uint64(to)))
			for _, o := range want[from:to] {
				m.remove(key, string(o.Name))
			}
		})
	default:
		delete(m, key)
		var members []zset.Member
		for range rnd.IntN(200) {
			name, score := member(), float64(rnd.IntN(9))
			if _, ok := m.at(key).scores[name]; !ok {
				m.at(key).set(name, score)
				members = append(members, zset.Member{Name: []byte(name), Score: score})
			}
		}
		typetest.Must(t, zset.Replace(txn, 0, []byte(key), members, 1))
	}
}

// TestTexts: ranges of texts of members with one score, small and large.
func TestTexts(t *testing.T) {
	rnd := storagetest.Rand(t)
	s := typetest.New(t)
	for _, size := range []int{1, 5, 100, 500} {
		var all []string
		s.Apply(func(txn *storage.Txn) {
			edit(t, txn, fmt.Sprint(size), func(e *zset.Edit) {
				for n := range size {
					all = append(all, fmt.Sprintf("%04d", n*2))
					setScore(t, e, all[n], 7)
				}
			})
		})
		end := func() zset.Text {
			e := zset.Text{Text: fmt.Appendf(nil, "%04d", rnd.IntN(2*size+2)), Exclusive: rnd.IntN(2) == 0}
			if rnd.IntN(6) == 0 {
				e = zset.Text{Infinite: rnd.IntN(2)*2 - 1}
			}
			return e
		}
		s.View(func(v *storage.View) {
			z := lookup(t, v, fmt.Sprint(size))
			for range 300 {
				low, high, back := end(), end(), rnd.IntN(2) == 0
				from, to, err := z.Texts(low, high, back)
				typetest.Must(t, err)
				var got, want []string
				for _, m := range all {
					above := low.Infinite < 0 || low.Infinite == 0 && (string(low.Text) < m || string(low.Text) == m && !low.Exclusive)
					below := high.Infinite > 0 || high.Infinite == 0 && (m < string(high.Text) || m == string(high.Text) && !high.Exclusive)
					if above && below {
						want = append(want, m)
					}
				}
				if from < to {
					got = all[from:to]
				}
				if !slices.Equal(got, want) {
					t.Fatalf("of %d from %+v to %+v are %q, want %q", size, low, high, got, want)
				}
			}
		})
	}
}

// TestWritesTouchParts: a write to a large sorted set writes a few rows, whatever the size.
func TestWritesTouchParts(t *testing.T) {
	s := typetest.New(t)
	s.Apply(func(txn *storage.Txn) {
		edit(t, txn, "k", func(e *zset.Edit) {
			for n := range 20_000 {
				setScore(t, e, fmt.Sprint("m", n), float64(n))
			}
		})
	})
	s.Apply(func(txn *storage.Txn) {
		edit(t, txn, "k", func(e *zset.Edit) { setScore(t, e, "m77", 5000.5) })
		if n := txn.Size(); n > 16<<10 {
			t.Errorf("a write writes %d bytes", n)
		}
	})
}

// TestRandomIsEven: every member comes equally often, as chance has it, in whatever way it is found.
func TestRandomIsEven(t *testing.T) {
	s := typetest.New(t)
	for name, test := range map[string]struct {
		members int
		n       uint64
		again   bool
		rounds  int
	}{
		"small": {10, 1, false, 5000}, "small, with repeats": {10, 30, true, 500}, "large": {300, 1, false, 3000},
		"some of a large one": {300, 8, false, 300}, "a pass": {300, 100, false, 60}, "repeats": {300, 8, true, 300},
	} {
		s.Apply(func(txn *storage.Txn) {
			edit(t, txn, name, func(e *zset.Edit) {
				for n := range test.members {
					setScore(t, e, fmt.Sprint(n), float64(n))
				}
			})
		})
		came, total := make([]float64, test.members), 0.0
		s.View(func(v *storage.View) {
			z := lookup(t, v, name)
			for seed := range test.rounds {
				inRound := make(map[string]bool)
				typetest.Must(t, z.Random(test.n, test.again, elements.NewDice(uint64(seed)), func(m zset.Member) bool {
					if inRound[string(m.Name)] && !test.again {
						t.Fatalf("%s: %q comes twice", name, m.Name)
					}
					if fmt.Sprint(m.Score) != string(m.Name) {
						t.Fatalf("%q has the score %g", m.Name, m.Score)
					}
					inRound[string(m.Name)] = true
					came[int(m.Score)]++
					total++
					return true
				}))
			}
		})
		if want := float64(test.n) * float64(test.rounds); total != want {
			t.Fatalf("%s: %g came, want %g", name, total, want)
		}
		// Chi-square has the mean members-1 and the deviation sqrt(2*(members-1)).
		mean, sum := total/float64(test.members), 0.0
		for _, n := range came {
			sum += (n - mean) * (n - mean) / mean
		}
		if free := float64(test.members - 1); (sum-free)*(sum-free) > 49*2*free && sum > free {
			t.Errorf("%s: chi-square is %g of %g", name, sum, free)
		}
	}
}
