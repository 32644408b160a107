package storage

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"cairn/storage/layout"
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
			if found, slot, ok := s.find(uint64(s.tag(i))<<32, s.key(i)); !ok || found != i || spotOf(s.slots[slot]) != i {
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
					}
				}
				if (known == 0) != (size == 0) || dropped == 0 {
					t.Errorf("%d look-ups were answered, %d were not", known, dropped)
				}
			})
		}
	}
}

// ringOf returns a ring with room for so many rows of 64 bytes with keys of 9.
func ringOf(rows int) *rowRing {
	s := &rowRing{}
	s.use(make([]byte, rows*recordSize(len(ringKey(0)), 64)))
	return s
}

func ringKey(n int) []byte { return fmt.Appendf(nil, "M%08d", n) }

// ask looks a row of a ring up as somebody who reads would.
func (s *rowRing) ask(n int, seq uint64) (known bool) {
	_, known = s.get(hashOf(ringKey(n)), ringKey(n), seq, &room{})
	return known
}

// TestRowRingKeepsWhatIsAskedFor: rows that are asked for stay while others come and go.
func TestRowRingKeepsWhatIsAskedFor(t *testing.T) {
	const rows = 1000
	s := ringOf(rows)
	asked, missed := 0, 0
	for n := range 20 * rows {
		s.put(hashOf(ringKey(n)), ringKey(n), make([]byte, 64), uint64(n))
		if hot := n % (rows / 2); n >= rows/2 {
			asked++
			if !s.ask(hot, uint64(n)) {
				missed++
				s.fill(hashOf(ringKey(hot)), ringKey(hot), make([]byte, 64), uint64(n))
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

// TestRowRingForgetsWhatWasAskedForOnce: a row that was asked for stays one turn longer for that, not for ever.
func TestRowRingForgetsWhatWasAskedForOnce(t *testing.T) {
	const rows = 1000
	s := ringOf(rows)
	for n := range 5 * rows {
		s.put(hashOf(ringKey(n)), ringKey(n), make([]byte, 64), uint64(n))
		if n < rows/2 {
			s.ask(n, uint64(n))
		}
		if n == rows*5/4 && !s.ask(rows/2-1, uint64(n)) {
			t.Error("a row that was asked for is gone before those that were not")
		}
	}
	left := 0
	for n := range rows * 4 {
		if _, _, ok := s.find(hashOf(ringKey(n)), ringKey(n)); ok {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d old rows are left", left)
	}
}

// TestRowRingShrinks: a row that has become shorter, and is asked for, takes what it needs after a turn.
func TestRowRingShrinks(t *testing.T) {
	const rows = 1000
	s := &rowRing{}
	s.use(make([]byte, rows*recordSize(len(ringKey(0)), 640)))
	for n := range rows {
		s.put(hashOf(ringKey(n)), ringKey(n), make([]byte, 640), 1)
	}
	for n := range rows {
		s.put(hashOf(ringKey(n)), ringKey(n), make([]byte, 64), 2)
	}
	for n := range 6 * rows {
		s.fill(hashOf(ringKey(rows+n)), ringKey(rows+n), make([]byte, 64), 2)
		s.ask(n%rows, 2)
	}
	s.check(t)
	if s.n < 5*rows {
		t.Errorf("%d rows of 64 bytes are where 1000 of 640 were", s.n)
	}
}

// TestRowRingCopies: nothing that was read changes, whatever becomes of the row.
func TestRowRingCopies(t *testing.T) {
	s, to, got := ringOf(100), &room{}, map[string][]byte{}
	for n := range 100 {
		k := ringKey(n)
		s.put(hashOf(k), k, bytes.Repeat([]byte{byte(n)}, 64), 1)
		v, ok := s.get(hashOf(k), k, 1, to)
		if !ok {
			t.Fatalf("%s is not there", k)
		}
		got[string(k)] = v
	}
	for n := range 50 {
		s.put(hashOf(ringKey(n)), ringKey(n), make([]byte, 64), 2)
		s.put(hashOf(ringKey(1000+n)), ringKey(1000+n), make([]byte, 64), 2)
	}
	for n := range 100 {
		if v := got[string(ringKey(n))]; !bytes.Equal(v, bytes.Repeat([]byte{byte(n)}, 64)) {
			t.Errorf("row %d was read, and is now %x", n, v)
		}
	}
}

// TestRowCacheReaders: readers of many goroutines see whole rows while they are put, filled and dropped. Its memory is of Go's heap, or the
// race detector would not look at it.
func TestRowCacheReaders(t *testing.T) {
	c := &rowCache{}
	for i := range c.shards {
		c.shards[i].use(make([]byte, 1<<10))
	}
	const rows = 2000
	var readers sync.WaitGroup
	var ended atomic.Bool
	for range 3 {
		rnd := newRand(t)
		readers.Go(func() {
			for to := (&room{}); !ended.Load(); {
				var places [maxExpected]Place
				var wanted []*Place
				for i := range places {
					k := ringKey(rnd.IntN(rows))
					places[i] = Place{pkey: k, hash: hashOf(k)}
					wanted = append(wanted, &places[i])
				}
				for _, p := range c.touch(wanted) {
					c.fill(p.hash, p.pkey, bytes.Repeat([]byte{1}, 40), 0)
				}
				for _, p := range places {
					if v, ok := c.get(p.hash, p.pkey, 1<<40, to); ok && (len(v) < 40 || bytes.Count(v, v[:1]) != len(v)) {
						t.Errorf("%s is %x", p.pkey, v)
						return
					}
				}
			}
		})
	}
	rnd := newRand(t)
	for seq := uint64(1); seq < 200; seq++ {
		b := newBuffer()
		for range 300 {
			k, v := b.join(ringKey(rnd.IntN(rows)), bytes.Repeat([]byte{byte(seq)}, 40+rnd.IntN(60)))
			b.set(hashOf(k), nil, k, v, seq, 0)
		}
		c.putAll(b, seq)
		if seq%50 == 0 {
			c.forget(seq)
		}
	}
	ended.Store(true)
	readers.Wait()
}

// TestRowCacheHolds: a 64th of a million rows with values of 64 bytes has room in a 64th of the default cache, and when all are written anew
// they take no more.
func TestRowCacheHolds(t *testing.T) {
	const rows = 1_000_000 / rowShards
	s := &rowRing{}
	s.use(make([]byte, Options{}.withDefaults().RowCacheBytes/rowShards))
	for turn := range uint64(3) {
		for n := range rows {
			k := layout.AppendKey(nil, 0, fmt.Appendf(nil, "key:%012d", n))
			s.put(hashOf(k), k, layout.AppendRow(nil, layout.Row{Type: layout.String, Payload: make([]byte, 64)}), turn)
		}
		if free := len(s.memory) - s.taken; s.n != rows || free < len(s.memory)/4 {
			t.Fatalf("turn %d: %d of %d rows, %d of %d bytes are free", turn, s.n, rows, free, len(s.memory))
		}
	}
}

// TestRowCacheMemory: the cache says what it has taken, and is of no use, and no harm, once it is closed.
func TestRowCacheMemory(t *testing.T) {
	c, err := newRowCache(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10_000 {
		c.fill(hashOf(ringKey(n)), ringKey(n), make([]byte, 64), 1)
	}
	if n := c.used(); n < 10_000*64 || n > 10_000*128 {
		t.Errorf("%d bytes are used for 10,000 rows", n)
	}
	c.forget(2)
	if c.shard(hashOf(ringKey(1))).ask(1, 3) {
		t.Error("a row is there after all were forgotten")
	}
	c.fill(hashOf(ringKey(1)), ringKey(1), make([]byte, 64), 3)
	c.close()
	c.fill(hashOf(ringKey(2)), ringKey(2), make([]byte, 64), 3)
	if c.shard(hashOf(ringKey(1))).ask(1, 3) || c.shard(hashOf(ringKey(2))).ask(2, 3) || c.used() != 0 {
		t.Errorf("a closed cache knows rows, or uses %d bytes", c.used())
	}
}
