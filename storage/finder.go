package storage

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// base is Pebble in the state that the last flush left.
type base struct {
	e     *engine
	snap  *pebble.Snapshot
	users int // the readStates over it; guarded by engine.mu

	mu      sync.Mutex
	finders *finders // nil until somebody looks for a row
}

// finders are iterators for look-ups. They are kept from one look-up to the next: to make one costs as much as to
// find a row, and unlike Pebble's Get they ask the filters of every level, the last one's too. They also keep open
// the tables in which they were last, and to open others is a tenth of a look-up: so each is for a part of the keys.
// An iterator sees Pebble's memtables and tables as they were when it was made. What was in memtables is found sooner
// in tables, which have filters, so nothing is kept beyond a flush.
type finders struct {
	tabled uint64               // engine.tabled when they were made
	bounds [][]byte             // where the second part of the keys begins, and those that follow
	idle   [][]*pebble.Iterator // of each part
}

// finder is an iterator that somebody uses.
type finder struct {
	*pebble.Iterator
	of   *finders
	part int
}

const (
	maxParts   = 64 // of the keys
	minFinders = 2  // idle iterators that are kept for each
	maxFinders = 8  // if there is one part
)

func (e *engine) newBase() *base { return &base{e: e, snap: e.db.NewSnapshot()} }

// getRow returns a copy of the row of pkey, nil when it is absent.
func (b *base) getRow(pkey []byte) ([]byte, error) {
	f, err := b.takeFinder(pkey)
	if err != nil {
		return nil, fmt.Errorf("storage: get: %w", err)
	}
	row, err := find(f.Iterator, pkey)
	if err != nil {
		_ = f.Close() // repeats the error
		return nil, fmt.Errorf("storage: get: %w", corrupt(err))
	}
	return row, b.returnFinder(f)
}

// takeFinder returns a finder for pkey that nobody else uses.
func (b *base) takeFinder(pkey []byte) (finder, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if tabled := b.e.tabled.Load(); b.finders == nil || tabled != b.finders.tabled {
		b.closeIdleLocked()
		bounds, err := b.e.parts()
		if err != nil {
			return finder{}, err
		}
		b.finders = &finders{tabled, bounds, make([][]*pebble.Iterator, len(bounds)+1)}
	}
	of := b.finders
	part, _ := slices.BinarySearchFunc(of.bounds, pkey, bytes.Compare)
	if n := len(of.idle[part]) - 1; n >= 0 {
		it := of.idle[part][n]
		of.idle[part] = of.idle[part][:n]
		return finder{it, of, part}, nil
	}
	it, err := b.snap.NewIter(&pebble.IterOptions{UseL6Filters: true})
	return finder{it, of, part}, err
}

// returnFinder takes a finder back.
func (b *base) returnFinder(f finder) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.of == b.finders && len(f.of.idle[f.part]) < max(minFinders, maxFinders/len(f.of.idle)) {
		f.of.idle[f.part] = append(f.of.idle[f.part], f.Iterator)
		return nil
	}
	return f.Close()
}

// parts divides the keys as the tables of the last level do, in maxParts parts at most, and says where those begin
// that follow the first.
func (e *engine) parts() (bounds [][]byte, err error) {
	levels, err := e.db.SSTables()
	if err != nil {
		return nil, err
	}
	last := levels[len(levels)-1]
	for i := 1; i < len(last); i++ {
		if i*maxParts/len(last) != (i-1)*maxParts/len(last) {
			bounds = append(bounds, last[i].Smallest.UserKey)
		}
	}
	return bounds, nil
}

func find(it *pebble.Iterator, pkey []byte) ([]byte, error) {
	if !it.SeekPrefixGE(pkey) || !bytes.Equal(it.Key(), pkey) {
		return nil, it.Error()
	}
	v, err := it.ValueAndErr()
	if err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(v)), v...), nil
}

// closeIdle closes the idle iterators: they keep files from being removed. It is called by a holder of the base.
func (b *base) closeIdle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closeIdleLocked()
}

func (b *base) closeIdleLocked() {
	if b.finders == nil {
		return
	}
	for _, part := range b.finders.idle {
		for _, it := range part {
			_ = it.Close() // what get has returned
		}
	}
	b.finders = nil
}

// closeSnapshot lets go of what Pebble keeps for the base.
func (b *base) closeSnapshot() {
	b.closeIdle()
	_ = b.snap.Close() // never fails
}
