package storage

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// maxFinders is how many idle iterators a base keeps.
const maxFinders = 8

// get returns a copy of the row of pkey, nil when it is absent. Iterators are made once for all the look-ups between two flushes: to make one
// costs as much as to find a row, and unlike Pebble's Get they ask the filters of every level, the last one's too.
func (b *base) get(pkey []byte) ([]byte, error) {
	it, err := b.finder()
	if err != nil {
		return nil, fmt.Errorf("storage: get: %w", err)
	}
	row, err := find(it, pkey)
	if err != nil {
		_ = it.Close() // repeats the error
		return nil, fmt.Errorf("storage: get: %w", corrupt(err))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.idle) < maxFinders {
		b.idle = append(b.idle, it)
		return row, nil
	}
	return row, it.Close()
}

// finder returns an iterator that nobody else uses.
func (b *base) finder() (*pebble.Iterator, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.idle) - 1; n >= 0 {
		it := b.idle[n]
		b.idle = b.idle[:n]
		return it, nil
	}
	return b.snap.NewIter(&pebble.IterOptions{UseL6Filters: true})
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

// rest closes the idle iterators: they keep files from being removed. It is called by a holder of the base.
func (b *base) rest() {
	b.mu.Lock()
	idle := b.idle
	b.idle = nil
	b.mu.Unlock()
	for _, it := range idle {
		_ = it.Close() // what get has returned
	}
}

// close lets go of what Pebble keeps for the base.
func (b *base) close() {
	b.rest()
	_ = b.snap.Close() // never fails
}
