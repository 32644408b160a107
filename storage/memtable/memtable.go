// Package memtable keeps the rows of the commits that are not in Pebble yet. A row that is written often goes to Pebble
// once for all of that, and rows go there in order and many at a time, which is what it takes fastest.
package memtable

import (
	"sync"
	"sync/atomic"

	"cairn/storage/arena"
	"cairn/storage/hashtable"
)

// Table is a memtable. One goroutine writes; any number read at the same time. Once it is sealed (no more is written,
// which is up to its owner) nothing in it changes.
//
// Rows have versions, each of a state: states are numbered, and the open transaction writes versions of the state that
// it will be. A reader asks for the newest version of a row that is not newer than its own state. So readers need no
// copy and the writer waits for none of them, and a transaction that is discarded takes its versions away again. A row
// keeps the newest version and those that somebody may still ask for: the writer says with each write which state is
// the oldest that is read.
//
// There are two ways to the rows. The hash index finds one by its key; most look-ups and all writes take it. What it is
// made for is few cache misses: to look one row up among many is to wait for its bucket, then for the row, then for its
// bytes, and all else is nothing beside that. So a bucket holds enough of the hash that no other row is looked at, a
// row is one line of the processor's cache, key and value are one block, and blocks lie one behind the other in an
// arena. Rows never move, so who has found one (the writer, who looks before it writes) keeps the pointer and writes
// without another look-up. And who knows the keys of many rows has all of their buckets read, then all of the rows,
// then all of their bytes (Candidates, Touch): the processor waits for many at once.
//
// The sorted index gives the rows of a range in the order of their keys, to a flush and to scans. To keep it in order
// with each write would cost more than the rest of the write, and most rows are never scanned before they are flushed.
// So it takes new rows as they come, and whoever asks for an order sorts what came since somebody asked last and merges
// that with runs of about its length, so that a scan after each write does not cost the square. It does so tag by tag:
// the sweeper looks at expiries only.
//
// A range is deleted by a note of it (Deletions), for there may be a million rows in it, and others below this table.
// The note has a state too: it hides the rows in its range that are not newer, here and in all that is older than the
// table, from readers of that state and of later ones. What the open transaction has written itself is hidden by a note
// of its own state, so it goes on as the next state after each. A flush deletes the ranges, and then writes the rows
// that no note hides. Nearly always there is no note, and looking for one is to load a nil pointer.
//
// Locks: each of the shards of the hash index has one. The writer changes a shard under it and reads without, for
// nobody else changes anything. The sorted index has its own, which is taken before those of the shards.
type Table struct {
	shards  [hashtable.Shards]shard
	sorted  sortedIndex
	deleted atomic.Pointer[Deletions] // nil: none
	size    atomic.Int64              // bytes of the rows, without older versions
	arena   arena.Arena               // for blocks; the writer's
	written int64                     // bytes of all that was ever put; the writer's
	asked   int64                     // rows that Pebble was asked for since the table was begun; the writer's
}

type shard struct {
	mu   sync.Mutex // held for moments: to let several readers in would cost each of them, and the writer, more
	rows hashIndex  // the writer changes it under the lock, and reads it without
}

const (
	rowOverhead = 96       // bytes of memory that a row costs beside its key and value, about
	maxJoined   = 16 << 10 // a longer value is not copied to its key
)

// New returns an empty table.
func New() *Table {
	t := &Table{arena: arena.New()}
	t.sorted.shards = &t.shards
	return t
}

// Size returns how many bytes the rows take, about, without older versions.
func (t *Table) Size() int64 { return t.size.Load() }

// Written returns how many bytes all that was ever set has taken. It is the writer's, as are Asked and CountAsked.
func (t *Table) Written() int64 { return t.written }

// Asked returns how many rows the writer has asked Pebble for since the table was begun.
func (t *Table) Asked() int64 { return t.asked }

// CountAsked notes that the writer has asked Pebble for n rows.
func (t *Table) CountAsked(n int) { t.asked += int64(n) }

func (t *Table) shard(hash uint64) *shard { return &t.shards[hash%hashtable.Shards] }

// Alloc returns an empty slice with room for n bytes, for a key and value that Set will get.
func (t *Table) Alloc(n int) []byte { return t.arena.Take(n) }

// Join returns copies of pkey and value in one block, as Set takes them; no value is none. A long value is not worth
// the copy: it stays, and is the table's from now on.
func (t *Table) Join(pkey, value []byte) (key, row []byte) {
	if len(value) > maxJoined {
		return append(t.arena.Take(len(pkey)), pkey...), value
	}
	n := len(pkey)
	block := append(append(t.arena.Take(n+len(value)), pkey...), value...)
	if value == nil {
		return block, nil
	}
	return block[:n:n], block[n:]
}

// Get returns the row of pkey in state seq, nil when it is absent; known is false when the table says nothing of it.
// The bytes do not change.
func (t *Table) Get(hash uint64, pkey []byte, seq uint64) (value []byte, known bool) {
	if t.size.Load() == 0 {
		return nil, false
	}
	s := t.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.At(s.rows.findRow(hash, pkey), pkey, seq)
}

// At is Get for the writer, which has found the row of pkey; r is nil when there is none.
func (t *Table) At(r *Row, pkey []byte, seq uint64) (value []byte, known bool) {
	value, since := r.in(seq)
	if d := t.deleted.Load(); d != nil {
		if at := d.Newest(pkey, seq); at > 0 && at >= since {
			return nil, true
		}
	}
	return value, since > 0
}

// Newest returns the newest version of a row of a sealed table, nil when the row is absent; ok is false when the table
// says no more of it than Deleted does.
func (t *Table) Newest(r *Row) (value []byte, ok bool) {
	value, since := r.in(undone - 1)
	if d := t.deleted.Load(); d != nil && since > 0 && d.Newest(r.Key(), undone) >= since {
		return nil, false
	}
	return value, since > 0
}

// Deleted returns the ranges that were deleted.
func (t *Table) Deleted() Deletions {
	if d := t.deleted.Load(); d != nil {
		return *d
	}
	return nil
}

// DeleteRange removes all rows in [lo, hi) from state seq on; the writer goes on as a later state. The newest state
// that anybody else reads is published, the oldest is oldest.
func (t *Table) DeleteRange(lo, hi []byte, seq, published, oldest uint64) {
	d := t.Deleted().with(lo, hi, seq, published, oldest)
	t.deleted.Store(&d)
	n := int64(len(lo) + len(hi) + rowOverhead)
	t.written += n
	t.size.Add(n)
}

// Find returns the row of pkey for the writer, nil when the table says nothing of it.
func (t *Table) Find(hash uint64, pkey []byte) *Row { return t.shard(hash).rows.findRow(hash, pkey) }

// Set makes value what the row of pkey is from state seq on, which is not published; nil is absent. No state before
// oldest is read. pkey and value are the table's from now on, and lie in one block. r is the row, where Find has
// returned it; so does Set.
func (t *Table) Set(hash uint64, r *Row, pkey, value []byte, seq, oldest uint64) *Row {
	t.written += int64(len(pkey) + len(value) + rowOverhead)
	if r == nil {
		r = t.Find(hash, pkey)
	}
	s := t.shard(hash)
	s.mu.Lock()
	if r != nil {
		grown := len(value) - int(r.valueLen)
		r.replace(value, seq, oldest)
		r.setKey(pkey) // the same; the one before would keep its block
		s.mu.Unlock()
		if grown != 0 {
			t.size.Add(int64(grown))
		}
		return r
	}
	r = s.rows.addRow(hash)
	r.fill(pkey, value, seq)
	s.mu.Unlock()
	t.size.Add(int64(len(pkey) + len(value) + rowOverhead))
	t.sorted.addFresh(pkey[0], freshRow{r, s})
	return r
}

// Undo takes away what was set and deleted in state seq and later ones.
func (t *Table) Undo(seq uint64) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.rows.eachRow(func(r *Row) {
			for r.seq >= seq && r.seq != undone {
				r.undo()
			}
		})
		s.mu.Unlock()
	}
	if d := t.Deleted().before(seq); len(d) > 0 {
		t.deleted.Store(&d)
	} else {
		t.deleted.Store(nil)
	}
}
