package storage

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// finder looks rows of one base up for the writer. Most rows that it is asked for are new keys: an iterator asks the filters of every
// level, the last one's too, and this one is made once for all the look-ups between two flushes.
type finder struct {
	base *base
	it   *pebble.Iterator
}

// find returns a copy of the row of pkey in b, nil when it is absent. Only the writer calls it.
func (e *engine) find(b *base, pkey []byte) ([]byte, error) {
	if e.finder.base != b {
		e.endFinder()
		it, err := b.snap.NewIter(&pebble.IterOptions{UseL6Filters: true})
		if err != nil {
			return nil, fmt.Errorf("storage: get: %w", err)
		}
		e.finder = finder{b, it}
		e.mu.Lock()
		b.users++
		e.mu.Unlock()
	}
	it := e.finder.it
	if !it.SeekPrefixGE(pkey) || !bytes.Equal(it.Key(), pkey) {
		if err := it.Error(); err != nil {
			e.endFinder()
			return nil, fmt.Errorf("storage: get: %w", corrupt(err))
		}
		return nil, nil
	}
	v, err := it.ValueAndErr()
	if err != nil {
		e.endFinder()
		return nil, fmt.Errorf("storage: get: %w", corrupt(err))
	}
	return append(make([]byte, 0, len(v)), v...), nil
}

// endFinder lets go of what the finder keeps from being removed.
func (e *engine) endFinder() {
	if e.finder.base == nil {
		return
	}
	_ = e.finder.it.Close() // repeats what find has returned
	e.mu.Lock()
	defer e.mu.Unlock()
	e.releaseBaseLocked(e.finder.base)
	e.finder = finder{}
}
