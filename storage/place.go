package storage

import (
	"bytes"

	"cairn/storage/hashtable"
	"cairn/storage/layout"
	"cairn/storage/memtable"
)

// Place is where a transaction has looked for the row of a Redis key: who writes the row there does not look again. It is for that
// transaction, and of no use after it, or once the transaction is told to expect other keys.
type Place struct {
	pkey []byte // in the transaction's room
	hash uint64
	row  *memtable.Row // what the newest buffer says of the key; nil when that is nothing, or when it was asked too early

	below []byte // what is below the newest buffer, if that was asked ahead
	asked bool
}

// Find makes p the place of a Redis key and returns its row, nil when it is absent. What is true of the bytes that Get returns is true of
// row. db is below layout.Databases.
func (t *Txn) Find(p *Place, db uint8, key []byte) (row []byte, err error) {
	if !t.e.expected.take(p, t.state.Databases[db].Keyspace, key) {
		pkey := t.newKey(db, key)
		*p = Place{pkey: pkey, hash: hashtable.Hash(pkey)}
	}
	if p.row == nil || !bytes.Equal(p.row.Key(), p.pkey) {
		p.row = t.on.bufs[0].Find(p.hash, p.pkey)
	}
	return t.get(p)
}

// SetRow writes a key row at its place.
func (t *Txn) SetRow(p *Place, r layout.Row) error {
	if r.Type == 0 {
		return partedRow(p.pkey)
	}
	n := len(p.pkey)
	block := append(t.on.bufs[0].Alloc(n+layout.RowSize(r)), p.pkey...)
	block = layout.AppendRow(block, r)
	t.write(p, block[:n:n], block[n:])
	return nil
}

// DeleteRow removes the key row at a place.
func (t *Txn) DeleteRow(p *Place) {
	pkey, value := t.on.bufs[0].Join(p.pkey, nil)
	t.write(p, pkey, value)
}

// keyRoomBytes is how much room for Pebble keys is made at a time.
const keyRoomBytes = 8 << 10

// newKey returns the Pebble key of a Redis key. Its room is used again by what is expected next, and by the next transaction.
func (t *Txn) newKey(db uint8, key []byte) []byte {
	n, room := layout.KeySize(key), t.e.room
	if n > cap(room)-len(room) {
		room = make([]byte, 0, max(n, keyRoomBytes))
	}
	from := len(room)
	t.e.room = layout.AppendKey(room, t.state.Databases[db].Keyspace, key)
	return t.e.room[from:len(t.e.room):len(t.e.room)]
}

// clearRoom ends what is expected and lets the room be used again. A long key's is not kept.
func (e *engine) clearRoom() {
	e.expected = expected{} // their keys are in the room
	if e.room = e.room[:0]; cap(e.room) > keyRoomBytes {
		e.room = nil
	}
}
