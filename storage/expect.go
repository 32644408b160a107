package storage

import (
	"runtime"
	"sync"
	"sync/atomic"

	"cairn/storage/layout"
	"cairn/storage/memtable"
)

// Most of what a write costs is waiting for memory: for the bucket of its row, which says where the row is, for the
// row, which says where its bytes are, and for those. A processor waits for many such rows at once, when it is asked
// for them with nothing in between. So who knows what a transaction is about to look up says so, and Fetch touches all
// of that, step by step, before the first is used. Nothing depends on it but the time that it takes.

// lookahead is what the open transaction looks up, and expects to.
type lookahead struct {
	keys      expected // the key rows
	parts     expected // the parts of collections: which ones often shows only in the key rows
	keyMemory []byte   // for the Pebble keys of all locators
}

// expected are locators that are about to be asked for, in their order.
type expected struct {
	locators [maxExpected]Locator
	next, n  int // those from next to n were not asked for yet
	peeked   int // those before it were not only expected, but peeked at
	fetched  bool
}

const (
	maxExpected = memtable.MaxPrefetch // locators can be expected at a time, of either kind
	nearNext    = 4                    // that many of the next locators are looked at for one that is asked for
	keyChunk    = 8 << 10              // bytes of memory for Pebble keys are made at a time
)

// allocKey returns an empty slice for a Pebble key of n bytes. It is used again by what is expected next, and by the
// next transaction.
func (a *lookahead) allocKey(n int) []byte {
	if n > cap(a.keyMemory)-len(a.keyMemory) {
		a.keyMemory = make([]byte, 0, max(n, keyChunk))
	}
	from := len(a.keyMemory)
	a.keyMemory = a.keyMemory[:from+n]
	return a.keyMemory[from:from:len(a.keyMemory)]
}

// clearExpected ends what is expected and lets their memory be used again. A long key's is not kept.
func (a *lookahead) clearExpected() {
	a.keys.clearLocators() // their keys are in keyMemory
	a.parts.clearLocators()
	if a.keyMemory = a.keyMemory[:0]; cap(a.keyMemory) > keyChunk {
		a.keyMemory = nil
	}
}

func (x *expected) clearLocators() {
	clear(x.locators[:x.n])
	x.next, x.n, x.peeked, x.fetched = 0, 0, 0, false
}

// addLocator adds a locator and reports whether there is room for another.
func (x *expected) addLocator(p Locator) (more bool) {
	x.locators[x.n] = p
	x.n++
	return x.n < maxExpected
}

// match returns the locator of a row if that is among the near next that are expected, and moves at to it, or behind
// it if it is expected once: those before are not wanted any more. is says whether a Pebble key is the row's.
func (x *expected) match(at *int, near int, is func(pkey []byte) bool) *Locator {
	for i := *at; i < min(x.n, *at+near); i++ {
		if is(x.locators[i].pkey) {
			if *at = i; !x.locators[i].again {
				*at = i + 1
			}
			return &x.locators[i]
		}
	}
	return nil
}

// Expect says that the row of a Redis key will be asked for, after those that were expected before. It is false when
// there is no room for more: Fetch makes some, and puts an end to what was expected before. It keeps nothing of key.
func (t *Txn) Expect(db uint8, key []byte) (more bool) {
	t.writeDeferred() // its locators are in memory that is used again
	a, keyspace := &t.e.ahead, t.state.Databases[db].Keyspace
	switch {
	case !a.keys.fetched:
	case a.parts.n > 0 && !a.parts.fetched:
		a.keys.clearLocators()
	default:
		a.clearExpected()
	}
	x := &a.keys
	if x.n == maxExpected {
		return false
	}
	if x.n > 0 && layout.IsKey(x.locators[x.n-1].pkey, keyspace, key) { // calls about one collection
		x.locators[x.n-1].again = true
		return true
	}
	return x.addLocator(locatorOf(layout.AppendKey(a.allocKey(layout.KeySize(key)), keyspace, key)))
}

// ExpectPart is Expect for a part of a collection. Who does not know the collection's id from elsewhere expects its key
// first, lets that be fetched, and peeks.
func (t *Txn) ExpectPart(db uint8, id uint64, name []byte) (more bool) {
	a := &t.e.ahead
	x := &a.parts
	if x.fetched {
		x.clearLocators()
	}
	if x.n == maxExpected {
		return false
	}
	return x.addLocator(locatorOf(layout.AppendPart(a.allocKey(layout.PartSize(name)), t.state.Databases[db].Keyspace, id, name)))
}

// ExpectedParts returns how many parts were fetched that nobody has asked for yet: it shows who looks ahead.
func (t *Txn) ExpectedParts() int {
	if x := &t.e.ahead.parts; x.fetched {
		return x.n - x.next
	}
	return 0
}

// Peek returns the row of a Redis key that is expected, and goes on expecting it; nil when it is absent, or not among
// those behind the last that was peeked at. It is for what the row says of parts that will be asked for, see
// ExpectPart.
func (t *Txn) Peek(db uint8, key []byte) (row []byte, err error) {
	if t.writeDeferred(); t.failed != nil {
		return nil, t.failed
	}
	x, keyspace := &t.e.ahead.keys, t.state.Databases[db].Keyspace
	p := x.match(&x.peeked, maxExpected, func(pkey []byte) bool { return layout.IsKey(pkey, keyspace, key) })
	if p == nil {
		return nil, nil
	}
	return t.findAt(p)
}

// Fetch brings near what memory has of the rows that are expected.
func (t *Txn) Fetch() {
	t.fetch(&t.e.ahead.keys)
	t.fetch(&t.e.ahead.parts)
}

func (t *Txn) fetch(x *expected) {
	if x.fetched || x.n == x.next {
		x.fetched = true
		return
	}
	x.fetched = true
	locators, hashes, rows := x.locators[x.next:x.n], make([]uint64, 0, maxExpected), make([]*memtable.Row, maxExpected)
	for i := range locators {
		hashes = append(hashes, locators[i].hash)
	}
	for n, b := range t.on.bufs {
		if b == nil {
			continue
		}
		// Nobody but this transaction changes the first, and nobody the second.
		b.Candidates(hashes, rows)
		if n == 0 {
			for i := range locators {
				locators[i].row = rows[i] // or of another key with the same tag: findAt looks
			}
		}
	}
	memtable.Touch(rows)
	older := make([]int, 0, maxExpected)
	for i := range locators {
		if rows[i] == nil {
			older = append(older, i)
		}
	}
	var cold []*Locator
	on := readState{bufs: t.on.bufs, seq: t.seq}
	for _, i := range t.e.rows.Prefetch(hashes, older) {
		if _, deleted := on.deleted(locators[i].pkey); !deleted {
			cold = append(cold, &locators[i])
		}
	}
	t.readAhead(cold)
}

// readAhead asks Pebble for the rows of cold locators, of which memory has nothing, several at a time if there are
// processors for that: each takes as long as dozens of rows in memory.
func (t *Txn) readAhead(cold []*Locator) {
	helpers := min(len(cold)/fewCold-1, maxHelpers)
	if helpers > 0 {
		helpers = min(helpers, runtime.GOMAXPROCS(0)-1)
	}
	if helpers <= 0 {
		return
	}
	var next, bytes atomic.Int64
	ask := func() {
		for i := int(next.Add(1)); i <= len(cold) && bytes.Load() < maxReadAhead; i = int(next.Add(1)) {
			t.readCold(cold[i-1])
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
	fewCold      = 8       // rows are worth a goroutine
	maxHelpers   = 3       // goroutines beside the one that applies
	maxReadAhead = 4 << 20 // bytes of rows wait for the calls that will ask for them, about
)

// readCold asks Pebble for the row of a locator, of which memory has nothing. Who looks it up asks again if that fails,
// or if the row is kept in chunks.
func (t *Txn) readCold(p *Locator) {
	v, err := t.on.base.getRow(p.pkey)
	if err != nil || len(v) > 0 && layout.IsChunked(v) {
		return
	}
	t.e.rows.Fill(p.hash, p.pkey, v, t.on.seq)
	p.below, p.asked = v, true
}
