package storage

import (
	"runtime"
	"sync"
	"sync/atomic"

	"cairn/storage/hashtable"
	"cairn/storage/layout"
	"cairn/storage/memtable"
)

// Most of what a write costs is waiting for memory: for the slot of its row, which says where the row is, for the row, which says where
// its bytes are, and for those. A processor waits for many such rows at once, when it is asked for them with nothing in between. So who
// knows what a transaction is about to look up says so, and Fetch touches all of that, step by step, before the first is used. Nothing
// depends on it but the time that it takes.

// maxExpected is how many places can be expected at a time.
const maxExpected = memtable.MaxPrefetch

// expected are the places that are about to be asked for, in their order.
type expected struct {
	places  [maxExpected]Place
	next, n int // those from next to n were not asked for yet
	fetched bool
}

// Expect says that the place of a Redis key will be asked for, after those that were expected before. It is false when there is no
// room for more: Fetch makes some, and puts an end to what was expected before. It keeps nothing of key.
func (t *Txn) Expect(db uint8, key []byte) (more bool) {
	x := &t.e.expected
	if x.fetched {
		t.e.clearRoom()
	}
	if x.n == maxExpected {
		return false
	}
	pkey := t.newKey(db, key)
	x.places[x.n] = Place{pkey: pkey, hash: hashtable.Hash(pkey)}
	x.n++
	return x.n < maxExpected
}

// take makes p the place of a Redis key if that is among the next that are expected. Those before it are not wanted any more.
func (x *expected) take(p *Place, keyspace uint8, key []byte) bool {
	for i := x.next; i < min(x.n, x.next+4); i++ {
		if at := &x.places[i]; layout.IsKey(at.pkey, keyspace, key) {
			*p = *at
			x.next = i + 1
			return true
		}
	}
	return false
}

// Fetch brings near what memory has of the rows that are expected.
func (t *Txn) Fetch() {
	x := &t.e.expected
	if x.fetched = true; x.n == 0 {
		return
	}
	places, hashes, rows := x.places[x.next:x.n], make([]uint64, 0, maxExpected), make([]*memtable.Row, maxExpected)
	for i := range places {
		hashes = append(hashes, places[i].hash)
	}
	for n, b := range t.on.bufs {
		if b == nil {
			continue
		}
		// Nobody but this transaction changes the first, and nobody the second.
		b.Candidates(hashes, rows)
		if n == 0 {
			for i := range places {
				places[i].row = rows[i] // or of another key with the same tag: Find looks
			}
		}
	}
	memtable.Touch(rows)
	older := make([]int, 0, maxExpected)
	for i := range places {
		if rows[i] == nil {
			older = append(older, i)
		}
	}
	var cold []*Place
	for _, i := range t.e.rows.Prefetch(hashes, older) {
		cold = append(cold, &places[i])
	}
	t.askAhead(cold)
}

// askAhead asks Pebble for the rows of cold places, of which memory has nothing, several at a time if there are processors for that: each
// takes as long as dozens of rows in memory.
func (t *Txn) askAhead(cold []*Place) {
	helpers := min(len(cold)/fewCold-1, maxHelpers)
	if helpers > 0 {
		helpers = min(helpers, runtime.GOMAXPROCS(0)-1)
	}
	if helpers <= 0 {
		return
	}
	var next, bytes atomic.Int64
	ask := func() {
		for i := int(next.Add(1)); i <= len(cold) && bytes.Load() < maxAhead; i = int(next.Add(1)) {
			t.ask(cold[i-1])
			bytes.Add(int64(len(cold[i-1].below)))
		}
	}
	var wait sync.WaitGroup
	for range helpers {
		wait.Go(ask)
	}
	ask()
	wait.Wait()
	for _, p := range cold {
		if p.asked {
			t.on.bufs[0].CountAsked(1)
		}
	}
}

const (
	fewCold    = 8       // rows are worth a goroutine
	maxHelpers = 3       // goroutines beside the one that applies
	maxAhead   = 4 << 20 // bytes of rows wait for the calls that will ask for them, about
)

// ask asks Pebble for the row of a place, of which memory has nothing. Who looks the place up asks again if that fails, or if the row is
// kept in parts.
func (t *Txn) ask(p *Place) {
	v, err := t.on.base.get(p.pkey)
	if err != nil || len(v) > 0 && layout.IsParted(v) {
		return
	}
	t.e.rows.Fill(p.hash, p.pkey, v, t.on.seq)
	p.below, p.asked = v, true
}
