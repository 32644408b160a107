package storage

import (
	"bytes"

	"cairn/storage/hashtable"
	"cairn/storage/layout"
	"cairn/storage/memtable"
)

// Locator says where a transaction has found a row of data, a key's or a part's: who writes the row there does not
// look again. It is for that transaction, and of no use after it, or once the transaction is told to expect other keys.
type Locator struct {
	pkey []byte // in the transaction's lookahead.keyMemory
	hash uint64
	row  *memtable.Row // what the newest memtable says of the key; nil when that is nothing, or when it was asked too early

	below []byte // what is below the newest memtable, if that was asked
	asked bool
	again bool // it is expected more than once, one time after the other
}

func locatorOf(pkey []byte) Locator { return Locator{pkey: pkey, hash: hashtable.Hash(pkey)} }

// Find makes p the locator of a Redis key and returns its row, nil when it is absent. What is true of the bytes that
// Get returns is true of row. db is below layout.Databases.
func (t *Txn) Find(p *Locator, db uint8, key []byte) (row []byte, err error) {
	if t.writeDeferred(); t.failed != nil {
		return nil, t.failed
	}
	a, keyspace := &t.e.ahead, t.state.Databases[db].Keyspace
	if at := a.keys.match(&a.keys.next, nearNext, func(pkey []byte) bool { return layout.IsKey(pkey, keyspace, key) }); at != nil {
		*p = *at
	} else {
		*p = locatorOf(layout.AppendKey(a.allocKey(layout.KeySize(key)), keyspace, key))
	}
	return t.findAt(p)
}

// FindPart makes p the locator of a part of a collection and returns the part's value, nil when it is absent. It is
// otherwise like Find.
func (t *Txn) FindPart(p *Locator, db uint8, id uint64, name []byte) (value []byte, err error) {
	a, keyspace := &t.e.ahead, t.state.Databases[db].Keyspace
	if at := a.parts.match(&a.parts.next, nearNext, func(pkey []byte) bool { return layout.IsPart(pkey, keyspace, id, name) }); at != nil {
		*p = *at
	} else {
		*p = locatorOf(layout.AppendPart(a.allocKey(layout.PartSize(name)), keyspace, id, name))
	}
	row, err := t.findAt(p)
	if err != nil || row == nil {
		return nil, err
	}
	return layout.ParsePartRow(row)
}

// findAt returns the row of a locator that was made before the row may have been written.
func (t *Txn) findAt(p *Locator) ([]byte, error) {
	if p.row == nil || !bytes.Equal(p.row.Key(), p.pkey) {
		p.row = t.on.bufs[0].Find(p.hash, p.pkey)
	}
	return t.getAt(p)
}

// SetRow writes a key row where it was found.
func (t *Txn) SetRow(p *Locator, r layout.Row) error {
	if r.Type == 0 {
		return chunkedRow(p.pkey)
	}
	n := len(p.pkey)
	block := append(t.on.bufs[0].Alloc(n+layout.RowSize(r)), p.pkey...)
	block = layout.AppendRow(block, r)
	t.writeRow(p, block[:n:n], block[n:])
	return nil
}

// SetPart writes a part of a collection where it was found.
func (t *Txn) SetPart(p *Locator, value []byte) {
	n := len(p.pkey)
	block := append(t.on.bufs[0].Alloc(n+layout.PartRowHead+len(value)), p.pkey...)
	block = layout.AppendPartRow(block, value)
	t.writeRow(p, block[:n:n], block[n:])
}

// DeleteRow removes the row of a locator.
func (t *Txn) DeleteRow(p *Locator) {
	pkey, value := t.on.bufs[0].Join(p.pkey, nil)
	t.writeRow(p, pkey, value)
}
