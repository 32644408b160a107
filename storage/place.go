package storage

import (
	"bytes"

	"cairn/storage/hashtable"
	"cairn/storage/layout"
	"cairn/storage/memtable"
)

// Place is where a transaction has looked for a row of data, a key's or a part's: who writes the row there does not
// look again. It is for that transaction, and of no use after it, or once the transaction is told to expect other keys.
type Place struct {
	pkey []byte // in the transaction's room
	hash uint64
	row  *memtable.Row // what the newest memtable says of the key; nil when that is nothing, or when it was asked too early

	below []byte // what is below the newest memtable, if that was asked
	asked bool
	again bool // it is expected more than once, one time after the other
}

func placeOf(pkey []byte) Place { return Place{pkey: pkey, hash: hashtable.Hash(pkey)} }

// Find makes p the place of a Redis key and returns its row, nil when it is absent. What is true of the bytes that Get
// returns is true of row. db is below layout.Databases.
func (t *Txn) Find(p *Place, db uint8, key []byte) (row []byte, err error) {
	a, keyspace := &t.e.ahead, t.state.Databases[db].Keyspace
	if at := a.keys.take(&a.keys.next, func(pkey []byte) bool { return layout.IsKey(pkey, keyspace, key) }); at != nil {
		*p = *at
	} else {
		*p = placeOf(layout.AppendKey(a.take(layout.KeySize(key)), keyspace, key))
	}
	return t.find(p)
}

// FindPart makes p the place of a part of a collection and returns the part's value, nil when it is absent. It is
// otherwise like Find.
func (t *Txn) FindPart(p *Place, db uint8, id uint64, name []byte) (value []byte, err error) {
	a, keyspace := &t.e.ahead, t.state.Databases[db].Keyspace
	if at := a.parts.take(&a.parts.next, func(pkey []byte) bool { return layout.IsPart(pkey, keyspace, id, name) }); at != nil {
		*p = *at
	} else {
		*p = placeOf(layout.AppendPart(a.take(layout.PartSize(name)), keyspace, id, name))
	}
	row, err := t.find(p)
	if err != nil || row == nil {
		return nil, err
	}
	return layout.ParsePartRow(row)
}

// find returns the row of a place that was made before the row may have been written.
func (t *Txn) find(p *Place) ([]byte, error) {
	if p.row == nil || !bytes.Equal(p.row.Key(), p.pkey) {
		p.row = t.on.bufs[0].Find(p.hash, p.pkey)
	}
	return t.get(p)
}

// SetRow writes a key row at its place.
func (t *Txn) SetRow(p *Place, r layout.Row) error {
	if r.Type == 0 {
		return chunkedRow(p.pkey)
	}
	n := len(p.pkey)
	block := append(t.on.bufs[0].Alloc(n+layout.RowSize(r)), p.pkey...)
	block = layout.AppendRow(block, r)
	t.write(p, block[:n:n], block[n:])
	return nil
}

// SetPart writes a part of a collection at its place.
func (t *Txn) SetPart(p *Place, value []byte) {
	n := len(p.pkey)
	block := append(t.on.bufs[0].Alloc(n+layout.PartRowHead+len(value)), p.pkey...)
	block = layout.AppendPartRow(block, value)
	t.write(p, block[:n:n], block[n:])
}

// DeleteRow removes the row at a place.
func (t *Txn) DeleteRow(p *Place) {
	pkey, value := t.on.bufs[0].Join(p.pkey, nil)
	t.write(p, pkey, value)
}
