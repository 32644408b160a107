package elements_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"testing"

	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/typetest"
)

// TestRandomIsEven: every field comes equally often, as chance has it, in whatever way it is found.
func TestRandomIsEven(t *testing.T) {
	s := typetest.New(t)
	for name, test := range map[string]struct {
		fields int
		n      uint64
		again  bool
		rounds int
	}{
		"small, one": {10, 1, false, 20_000}, "small, some": {20, 7, false, 4000}, "small, with repeats": {10, 30, true, 1000},
		"probes": {300, 1, false, 2000}, "several probes": {300, 8, false, 200}, "probes with repeats": {300, 8, true, 200},
		"a pass": {300, 100, false, 60}, "a pass with repeats": {300, 100, true, 60},
	} {
		t.Run(name, func(t *testing.T) {
			s.Apply(func(txn *storage.Txn) { put(t, hashes, txn, name, numbered(test.fields)...) })
			came := make(map[string]int)
			total := 0
			s.View(func(v *storage.View) {
				h := lookup(t, hashes, v, name)
				for seed := range test.rounds {
					inRound := make(map[string]bool)
					took := uint64(0)
					typetest.Must(t, elements.Random(h, test.n, test.again, elements.NewDice(uint64(seed)), func(p elements.Element) bool {
						if inRound[string(p.Name)] && !test.again {
							t.Fatalf("%q comes twice", p.Name)
						}
						if string(p.Value) != "v"+string(p.Name[1:]) {
							t.Fatalf("%q is %q", p.Name, p.Value)
						}
						inRound[string(p.Name)] = true
						came[string(p.Name)]++
						took++
						return true
					}))
					if took != test.n {
						t.Fatalf("%d of %d came", took, test.n)
					}
					total += int(took)
				}
			})
			// Chi-square has the mean fields-1 and the deviation sqrt(2*(fields-1)); six of those are one in 10^8.
			mean, sum := float64(total)/float64(test.fields), 0.0
			for i := range test.fields {
				d := float64(came[fmt.Sprint("f", i)]) - mean
				sum += d * d / mean
			}
			free := float64(test.fields - 1)
			if most := free + 7*math.Sqrt(2*free); sum > most {
				t.Errorf("chi-square is %.0f, at most %.0f are expected", sum, most)
			}
		})
	}
}

// TestRandomEnds: fields that somebody has made to share one place do not keep it from ending, and all come.
func TestRandomEnds(t *testing.T) {
	s := typetest.New(t)
	var pairs []string
	for _, f := range colliding(300) {
		pairs = append(pairs, f, "v")
	}
	s.Apply(func(txn *storage.Txn) { put(t, hashes, txn, "k", pairs...) })
	s.View(func(v *storage.View) {
		h := lookup(t, hashes, v, "k")
		came := make(map[string]bool)
		typetest.Must(t, elements.Random(h, 3000, true, elements.NewDice(7), func(p elements.Element) bool { came[string(p.Name)] = true; return true }))
		for seed := range uint64(5) {
			typetest.Must(t, elements.Random(h, 1, false, elements.NewDice(seed), func(p elements.Element) bool { came[string(p.Name)] = true; return true }))
		}
		if len(came) != 300 {
			t.Errorf("%d of 300 came", len(came))
		}
		// They are one page, however short that should be.
		n := 0
		next, err := elements.Page(h, 0, 10, func(_, _ []byte) bool { n++; return true })
		if typetest.Must(t, err); n != 300 || next != 0 {
			t.Errorf("the first page has %d fields, and the next begins at %d", n, next)
		}
	})
}

// colliding makes fields with one CRC32C: it is linear, so that differences of zero can be put together as one likes.
func colliding(n int) (fields []string) {
	table := crc32.MakeTable(crc32.Castagnoli)
	zero := crc32.Checksum(make([]byte, 16), table)
	// basis holds differences of texts by the highest bit of what they do to the sum.
	type diff struct {
		sum  uint32
		text uint64
	}
	var basis [32]*diff
	var null []uint64
	for bit := range 64 {
		d := diff{text: 1 << bit}
		b := make([]byte, 16)
		binary.LittleEndian.PutUint64(b, d.text)
		d.sum = crc32.Checksum(b, table) ^ zero
		for i := 31; i >= 0 && d.sum != 0; i-- {
			switch {
			case d.sum>>i == 0:
			case basis[i] == nil:
				basis[i] = &diff{d.sum, d.text}
				d.sum, d.text = 0, 0
			default:
				d.sum, d.text = d.sum^basis[i].sum, d.text^basis[i].text
			}
		}
		if d.text != 0 {
			null = append(null, d.text)
		}
	}
	for i := range n {
		text := uint64(0)
		for bit, d := range null {
			if i>>bit&1 == 1 {
				text ^= d
			}
		}
		b := make([]byte, 16)
		binary.LittleEndian.PutUint64(b, text)
		fields = append(fields, string(b))
	}
	return fields
}

// TestPages: what is there during a whole iteration comes exactly once, whatever else comes and goes.
func TestPages(t *testing.T) {
	s := typetest.New(t)
	stays := numbered(1000)
	s.Apply(func(txn *storage.Txn) { put(t, hashes, txn, "k", stays...) })
	came, next, pages := make(map[string]int), uint64(0), 0
	for more := true; more; more = next != 0 {
		s.View(func(v *storage.View) {
			h := lookup(t, hashes, v, "k")
			seen := 0
			var err error
			next, err = elements.Page(h, next, 7, func(field, value []byte) bool {
				came[string(field)]++
				seen++
				return len(field) != 2
			})
			if typetest.Must(t, err); seen > 9 {
				t.Errorf("a page of %d", seen)
			}
		})
		pages++
		s.Apply(func(txn *storage.Txn) {
			put(t, hashes, txn, "k", fmt.Sprint("comes", pages), "v")
			remove(t, hashes, txn, "k", fmt.Sprint("comes", pages-3))
		})
		if pages%40 == 0 {
			s.Restart()
		}
	}
	for p := stays; len(p) > 0; p = p[2:] {
		if came[p[0]] != 1 {
			t.Errorf("%s came %d times", p[0], came[p[0]])
		}
	}
	s.View(func(v *storage.View) {
		h := lookup(t, hashes, v, "k")
		if next, err := elements.Page(h, 1<<32, 10, func(_, _ []byte) bool { t.Error("a field behind the last"); return true }); next != 0 || err != nil {
			t.Errorf("behind the last place is %d, %v", next, err)
		}
	})
}

// TestSameDice: a seed decides.
func TestSameDice(t *testing.T) {
	s := typetest.New(t)
	s.Apply(func(txn *storage.Txn) { put(t, hashes, txn, "k", numbered(500)...) })
	take := func(r storage.Reader, seed uint64) (fields []string) {
		h := lookup(t, hashes, r, "k")
		typetest.Must(t, elements.Random(h, 5, false, elements.NewDice(seed), func(p elements.Element) bool { fields = append(fields, string(p.Name)); return true }))
		return fields
	}
	var first []string
	s.Apply(func(txn *storage.Txn) { first = take(txn, 3) })
	s.Restart()
	s.View(func(v *storage.View) {
		if again := take(v, 3); !slices.Equal(first, again) || slices.Equal(first, take(v, 4)) {
			t.Errorf("%q, then %q", first, again)
		}
	})
}
