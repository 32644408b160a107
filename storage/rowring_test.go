package storage

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
)

// check fails when the ring contradicts itself.
func (s *rowRing) check(t *testing.T) {
	t.Helper()
	if s.end-s.begin > len(s.memory) {
		t.Fatalf("%d bytes of %d are in use", s.end-s.begin, len(s.memory))
	}
	live := 0
	for at := s.begin; at != s.end; {
		if at > s.end {
			t.Fatalf("a record ends at %d, the last one at %d", at, s.end)
		}
		i := at % len(s.memory)
		if s.keyLen(i) > 0 {
			live++
			if found, slot, ok := s.find(uint64(s.tag(i))<<32, s.key(i)); !ok || found != i || place(s.slots[slot]) != i {
				t.Fatalf("%q is at %d and found at %d (%v)", s.key(i), i, found, ok)
			}
		}
		at += s.size(i)
	}
	taken := 0
	for _, slot := range s.slots {
		if slot.at != 0 {
			taken++
		}
	}
	if live != s.n || taken != s.n || taken > 0 && taken >= len(s.slots) {
		t.Fatalf("%d rows, %d records, %d of %d slots taken", s.n, live, taken, len(s.slots))
	}
}

// TestRowRing puts, fills and forgets rows at random, and asks for them in every state there was: the ring may not know, but it is never
// wrong, and it knows what came last.
func TestRowRing(t *testing.T) {
	for name, hash := range hashes() {
		for _, size := range []int{0, markBytes, 640, 8 << 10, 128 << 10} {
			t.Run(fmt.Sprintf("%s/bytes=%d", name, size), func(t *testing.T) {
				rnd, s := newRand(t), &rowRing{}
				s.use(make([]byte, size))
				states := []map[string][]byte{{}} // what the rows are in each; those that are not there are absent
				key := func() []byte { return fmt.Appendf(nil, "M%d", rnd.IntN(150)) }
				known, dropped := 0, 0
				for range 4000 {
					seq, k := uint64(len(states)), key()
					switch n := rnd.IntN(100); {
					case n < 35: // a flush
						state := map[string][]byte{}
						for k, v := range states[seq-1] {
							state[k] = v
						}
						v := bytes.Repeat([]byte{byte(seq)}, []int{0, 1, 8, 60, 300, rnd.IntN(4000), cacheMaxValue, cacheMaxValue + 1}[rnd.IntN(8)])
						if rnd.IntN(5) == 0 {
							v = nil
						}
						state[string(k)] = v
						states = append(states, state)
						s.put(hash(k), k, v, seq)
						if got, ok := s.get(hash(k), k, seq, &room{}); ok != s.fits(k, v) || ok && !bytes.Equal(got, v) {
							t.Fatalf("%s was put and is %.9x, %v", k, got, ok)
						}
					case n < 98: // a reader that found nothing here asks Pebble
						at := seq - 1 - uint64(rnd.IntN(min(len(states), 20)))
						if _, ok := s.get(hash(k), k, at, &room{}); !ok {
							s.fill(hash(k), k, states[at][string(k)], at)
							dropped++
						}
					case n < 99:
						states = append(states, map[string][]byte{})
						s.forget(seq)
					}
					for i := range 10 {
						k, at := key(), len(states)-1-rnd.IntN(min(len(states), i+1))
						got, ok := s.get(hash(k), k, uint64(at), &room{})
						want := states[at][string(k)]
						if ok && (!bytes.Equal(got, want) || (got == nil) != (want == nil)) {
							t.Fatalf("%s in state %d of %d is %d bytes %.9x, want %d bytes %.9x", k, at, len(states), len(got), got, len(want), want)
						}
						if ok {
							known++
						}
					}
					s.check(t)
					if len(states) > 200 {
						clear(states[:len(states)-100])
						states = slices.Clone(states)
					}
				}
				if (known == 0) != (size == 0) || dropped == 0 {
					t.Errorf("%d look-ups were answered, %d were not", known, dropped)
				}
			})
		}
	}
}

// TestRowRingKeepsWhatIsAskedFor: rows that are asked for stay while others come and go.
func TestRowRingKeepsWhatIsAskedFor(t *testing.T) {
	const rows = 1000
	key := func(n int) []byte { return fmt.Appendf(nil, "M%08d", n) }
	s := &rowRing{}
	s.use(make([]byte, rows*recordSize(key(0), make([]byte, 64))/markBytes*markBytes))
	asked, missed := 0, 0
	for n := range 20 * rows {
		s.put(hashOf(key(n)), key(n), make([]byte, 64), uint64(n))
		if n >= rows/2 {
			asked++
			k := key(n % (rows / 2))
			if _, ok := s.get(hashOf(k), k, uint64(n), &room{}); !ok {
				missed++
				s.fill(hashOf(k), k, make([]byte, 64), uint64(n))
			}
		}
	}
	s.check(t)
	if missed > asked/20 {
		t.Errorf("%d of %d look-ups found nothing", missed, asked)
	}
	if s.n < rows-2*maxChances {
		t.Errorf("%d rows are kept, there is room for %d", s.n, rows)
	}
}

// TestRowCacheHolds: a 64th of a million rows of 64 bytes has room in a 64th of the default cache, twice over, and when all are written anew
// they take no more.
func TestRowCacheHolds(t *testing.T) {
	const rows = 1_000_000 / rowShards
	s := &rowRing{}
	s.use(make([]byte, Options{}.withDefaults().RowCacheBytes/rowShards))
	for turn := range uint64(3) {
		for n := range rows {
			k := fmt.Appendf(nil, "M\x00key:%012d", n)
			s.put(hashOf(k), k, make([]byte, 72), turn)
		}
		if free := len(s.memory) - s.end; s.n != rows || free < len(s.memory)/4 {
			t.Fatalf("turn %d: %d of %d rows, %d of %d bytes are free", turn, s.n, rows, free, len(s.memory))
		}
	}
}

// TestRowCacheGivesBack: memory is taken as it is filled, and given back when all is forgotten.
func TestRowCacheGivesBack(t *testing.T) {
	c, err := newRowCache(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for n := range 10_000 {
		k := fmt.Appendf(nil, "M%d", n)
		c.fill(hashOf(k), k, make([]byte, 64), 1)
	}
	if n := c.used(); n < 10_000*64 || n > 10_000*128 {
		t.Errorf("%d bytes are used for 10,000 rows", n)
	}
	c.forget(2)
	if n := c.used(); n != 0 {
		t.Errorf("%d bytes are used after all was forgotten", n)
	}
	// What Linux has taken back is empty when it is looked at again.
	if n := len(c.memory.bytes) - bytes.Count(c.memory.bytes, []byte{0}); n != 0 && runtime.GOOS == "linux" {
		t.Errorf("%d bytes still have what was in them", n)
	}
}
