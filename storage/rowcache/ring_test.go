package rowcache

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"cairn/storage/arena"
	"cairn/storage/hashtable"
	"cairn/storage/layout"
	"cairn/storage/memtable"
	"cairn/storage/storagetest"
)

// check fails when the ring contradicts itself.
func (s *ring) check(t *testing.T) {
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
			if found, bucket, ok := s.findRecord(uint64(s.tag(i))<<32, s.key(i)); !ok || found != i || recordAt(s.buckets[bucket]) != i {
				t.Fatalf("%q is at %d and found at %d (%v)", s.key(i), i, found, ok)
			}
		}
		at += s.size(i)
	}
	taken := 0
	for _, bucket := range s.buckets {
		if bucket.At != 0 {
			taken++
		}
	}
	if live != s.n || taken != s.n || taken > 0 && taken >= len(s.buckets) {
		t.Fatalf("%d rows, %d records, %d of %d buckets taken", s.n, live, taken, len(s.buckets))
	}
}

// TestRing puts, fills and forgets rows at random, and asks for them in every state there was: the ring may not know,
// but it is never wrong, and it knows what came last.
func TestRing(t *testing.T) {
	for name, hash := range hashes() {
		for _, size := range []int{0, markBytes, 640, 8 << 10, 128 << 10} {
			t.Run(fmt.Sprintf("%s/bytes=%d", name, size), func(t *testing.T) {
				rnd, s := storagetest.Rand(t), &ring{}
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
						v := bytes.Repeat([]byte{byte(seq)}, []int{0, 1, 8, 60, 300, rnd.IntN(4000), maxValue, maxValue + 1}[rnd.IntN(8)])
						if rnd.IntN(5) == 0 {
							v = nil
						}
						state[string(k)] = v
						states = append(states, state)
						s.putRow(hash(k), k, v, seq)
						if got, ok := s.getRow(hash(k), k, seq, &arena.Arena{}); ok != s.fits(k, v) || ok && !bytes.Equal(got, v) {
							t.Fatalf("%s was put and is %.9x, %v", k, got, ok)
						}
					case n < 98: // a reader that found nothing here asks Pebble
						at := seq - 1 - uint64(rnd.IntN(min(len(states), 20)))
						if _, ok := s.getRow(hash(k), k, at, &arena.Arena{}); !ok {
							s.fillRow(hash(k), k, states[at][string(k)], at)
							dropped++
						}
					case n < 99:
						state, from := map[string][]byte{}, rnd.IntN(2)*rnd.IntN(10)
						for k, v := range states[seq-1] {
							if k < fmt.Sprint("M", from) {
								state[k] = v
							}
						}
						states = append(states, state)
						s.dropDeleted(deletions(fmt.Sprint("M", from), "N"), seq)
					}
					for i := range 10 {
						k, at := key(), len(states)-1-rnd.IntN(min(len(states), i+1))
						got, ok := s.getRow(hash(k), k, uint64(at), &arena.Arena{})
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
func ringOf(rows int) *ring {
	s := &ring{}
	s.use(make([]byte, rows*recordSize(len(ringKey(0)), 64)))
	return s
}

func ringKey(n int) []byte { return fmt.Appendf(nil, "M%08d", n) }

// ask looks a row of a ring up as somebody who reads would.
func (s *ring) ask(n int, seq uint64) (known bool) {
	_, known = s.getRow(hashtable.Hash(ringKey(n)), ringKey(n), seq, &arena.Arena{})
	return known
}

// TestRingKeepsWhatIsAskedFor: rows that are asked for stay while others come and go.
func TestRingKeepsWhatIsAskedFor(t *testing.T) {
	const rows = 1000
	s := ringOf(rows)
	asked, missed := 0, 0
	for n := range 20 * rows {
		s.putRow(hashtable.Hash(ringKey(n)), ringKey(n), make([]byte, 64), uint64(n))
		if hot := n % (rows / 2); n >= rows/2 {
			asked++
			if !s.ask(hot, uint64(n)) {
				missed++
				s.fillRow(hashtable.Hash(ringKey(hot)), ringKey(hot), make([]byte, 64), uint64(n))
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

// TestRingForgetsWhatWasAskedForOnce: a row that was asked for stays one turn longer for that, not for ever.
func TestRingForgetsWhatWasAskedForOnce(t *testing.T) {
	const rows = 1000
	s := ringOf(rows)
	for n := range 5 * rows {
		s.putRow(hashtable.Hash(ringKey(n)), ringKey(n), make([]byte, 64), uint64(n))
		if n < rows/2 {
			s.ask(n, uint64(n))
		}
		if n == rows*5/4 && !s.ask(rows/2-1, uint64(n)) {
			t.Error("a row that was asked for is gone before those that were not")
		}
	}
	left := 0
	for n := range rows * 4 {
		if _, _, ok := s.findRecord(hashtable.Hash(ringKey(n)), ringKey(n)); ok {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d old rows are left", left)
	}
}

// TestRingShrinks: a row that has become shorter, and is asked for, takes what it needs after a turn.
func TestRingShrinks(t *testing.T) {
	const rows = 1000
	s := &ring{}
	s.use(make([]byte, rows*recordSize(len(ringKey(0)), 640)))
	for n := range rows {
		s.putRow(hashtable.Hash(ringKey(n)), ringKey(n), make([]byte, 640), 1)
	}
	for n := range rows {
		s.putRow(hashtable.Hash(ringKey(n)), ringKey(n), make([]byte, 64), 2)
	}
	for n := range 6 * rows {
		s.fillRow(hashtable.Hash(ringKey(rows+n)), ringKey(rows+n), make([]byte, 64), 2)
		s.ask(n%rows, 2)
	}
	s.check(t)
	if s.n < 5*rows {
		t.Errorf("%d rows of 64 bytes are where 1000 of 640 were", s.n)
	}
}

// TestRingCopies: nothing that was read changes, whatever becomes of the row.
func TestRingCopies(t *testing.T) {
	s, to, got := ringOf(100), &arena.Arena{}, map[string][]byte{}
	for n := range 100 {
		k := ringKey(n)
		s.putRow(hashtable.Hash(k), k, bytes.Repeat([]byte{byte(n)}, 64), 1)
		v, ok := s.getRow(hashtable.Hash(k), k, 1, to)
		if !ok {
			t.Fatalf("%s is not there", k)
		}
		got[string(k)] = v
	}
	for n := range 50 {
		s.putRow(hashtable.Hash(ringKey(n)), ringKey(n), make([]byte, 64), 2)
		s.putRow(hashtable.Hash(ringKey(1000+n)), ringKey(1000+n), make([]byte, 64), 2)
	}
	for n := range 100 {
		if v := got[string(ringKey(n))]; !bytes.Equal(v, bytes.Repeat([]byte{byte(n)}, 64)) {
			t.Errorf("row %d was read, and is now %x", n, v)
		}
	}
}

// TestCacheReaders: readers of many goroutines see whole rows while they are put, filled and dropped. Its memory is of
// Go's heap, or the race detector would not look at it.
func TestCacheReaders(t *testing.T) {
	c := &Cache{}
	for i := range c.shards {
		c.shards[i].use(make([]byte, 1<<10))
	}
	const rows = 2000
	var readers sync.WaitGroup
	var ended atomic.Bool
	for range 3 {
		rnd := storagetest.Rand(t)
		readers.Go(func() {
			for to := (&arena.Arena{}); !ended.Load(); {
				var keys [memtable.MaxPrefetch][]byte
				var hashes [memtable.MaxPrefetch]uint64
				var wanted []int
				for i := range keys {
					keys[i] = ringKey(rnd.IntN(rows))
					hashes[i] = hashtable.Hash(keys[i])
					wanted = append(wanted, i)
				}
				for _, i := range c.Prefetch(hashes[:], wanted) {
					c.Fill(hashes[i], keys[i], bytes.Repeat([]byte{1}, 40), 0)
				}
				for i, k := range keys {
					if v, ok := c.Get(hashes[i], k, 1<<40, to); ok && (len(v) < 40 || bytes.Count(v, v[:1]) != len(v)) {
						t.Errorf("%s is %x", k, v)
						return
					}
				}
			}
		})
	}
	rnd := storagetest.Rand(t)
	for seq := uint64(1); seq < 200; seq++ {
		b := memtable.New()
		for range 300 {
			k, v := b.Join(ringKey(rnd.IntN(rows)), bytes.Repeat([]byte{byte(seq)}, 40+rnd.IntN(60)))
			b.Set(hashtable.Hash(k), nil, k, v, seq, 0)
		}
		c.PutAll(b, seq)
		if seq%50 == 0 {
			c.Forget(deletions("M1", "M2"), seq)
		}
	}
	ended.Store(true)
	readers.Wait()
}

// TestCacheHolds: a 64th of a million rows with values of 64 bytes has room in a 64th of the default cache, and when
// all are written anew they take no more.
func TestCacheHolds(t *testing.T) {
	const rows = 1_000_000 / hashtable.Shards
	s := &ring{}
	s.use(make([]byte, 192<<20/hashtable.Shards))
	for turn := range uint64(3) {
		for n := range rows {
			k := layout.AppendKey(nil, 0, fmt.Appendf(nil, "key:%012d", n))
			s.putRow(hashtable.Hash(k), k, layout.AppendRow(nil, layout.Row{Type: layout.String, Payload: make([]byte, 64)}), turn)
		}
		if free := len(s.memory) - s.taken; s.n != rows || free < len(s.memory)/4 {
			t.Fatalf("turn %d: %d of %d rows, %d of %d bytes are free", turn, s.n, rows, free, len(s.memory))
		}
	}
}

// TestCacheMemory: the cache says what it has taken, and is of no use, and no harm, once it is closed.
func TestCacheMemory(t *testing.T) {
	c, err := New(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10_000 {
		c.Fill(hashtable.Hash(ringKey(n)), ringKey(n), make([]byte, 64), 1)
	}
	if n := c.Used(); n < 10_000*64 || n > 10_000*128 {
		t.Errorf("%d bytes are used for 10,000 rows", n)
	}
	c.Forget(deletions("M", "N"), 2)
	if c.shard(hashtable.Hash(ringKey(1))).ask(1, 3) {
		t.Error("a row is there after all were forgotten")
	}
	c.Fill(hashtable.Hash(ringKey(1)), ringKey(1), make([]byte, 64), 3)
	c.Close()
	c.Fill(hashtable.Hash(ringKey(2)), ringKey(2), make([]byte, 64), 3)
	if c.shard(hashtable.Hash(ringKey(1))).ask(1, 3) || c.shard(hashtable.Hash(ringKey(2))).ask(2, 3) || c.Used() != 0 {
		t.Errorf("a closed cache knows rows, or uses %d bytes", c.Used())
	}
}

// deletions are those of one range.
func deletions(lo, hi string) memtable.Deletions {
	t := memtable.New()
	t.DeleteRange([]byte(lo), []byte(hi), 1, 0, 0)
	return t.Deleted()
}

// hashes are ways to hash a key, from a good one to one that says nothing.
func hashes() map[string]func(pkey []byte) uint64 {
	return map[string]func([]byte) uint64{
		"hash=good":      hashtable.Hash,
		"hash=few":       func(pkey []byte) uint64 { return hashtable.Hash(pkey) & (7 << 32) },
		"hash=neighbour": func(pkey []byte) uint64 { return (hashtable.Hash(pkey)&3 + hashtable.MinBuckets - 2) << 32 }, // its buckets go round the end
		"hash=one":       func([]byte) uint64 { return 5 << 32 },
	}
}
