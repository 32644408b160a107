package fsm

import (
	"fmt"

	"cairn/fsm/entry"
	"cairn/storage"
	"cairn/storage/layout"
)

// A large entry comes in fragments, each in a log entry of its own. They are kept in the state, because a restart or
// a snapshot may come between them, until the last one is applied: then the entry is whole and runs. The fragments of
// an entry follow each other, with other entries between them; where one is missing, because leadership changed, the
// rest is dropped.

// gather returns what an entry of the log says. whole is false when that is a fragment and the entry is not complete,
// or never will be: nothing runs then.
func gather(t *storage.Txn, data []byte) (all []byte, whole bool, err error) {
	if !entry.IsFragment(data) {
		return data, true, nil
	}
	f, err := entry.ParseFragment(data)
	if err != nil {
		return nil, false, err
	}
	have, err := pieces(t)
	if err != nil {
		return nil, false, err
	}
	if f.N == 0 && have.Count > 0 {
		if err := dropPieces(t, have); err != nil { // of an entry that nobody will complete
			return nil, false, err
		}
		have = layout.Pieces{}
	}
	if f.N == 0 {
		have.ID = f.ID
	}
	switch {
	case f.ID != have.ID || f.N != have.Count:
		return nil, false, nil
	case !f.Last:
		return nil, false, keepPiece(t, have, f.Bytes)
	}
	if all, err = join(t, have, f.Bytes); err != nil {
		return nil, false, err
	}
	return all, true, dropPieces(t, have)
}

// pieces returns what is there of a large entry.
func pieces(t *storage.Txn) (layout.Pieces, error) {
	b, err := t.Get([]byte(layout.PiecesRow))
	if err != nil || b == nil {
		return layout.Pieces{}, err
	}
	return layout.ParsePieces(b)
}

func keepPiece(t *storage.Txn, have layout.Pieces, piece []byte) error {
	if err := t.Set(layout.AppendPiece(nil, have.Count), piece); err != nil {
		return err
	}
	have.Count++
	have.Bytes += uint64(len(piece))
	return t.Set([]byte(layout.PiecesRow), layout.AppendPieces(nil, have))
}

// join returns the pieces and the last one behind them.
func join(t *storage.Txn, have layout.Pieces, last []byte) ([]byte, error) {
	all := make([]byte, 0, have.Bytes+uint64(len(last)))
	for n := range have.Count {
		b, err := t.Get(layout.AppendPiece(nil, n))
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	if uint64(len(all)) != have.Bytes {
		return nil, fmt.Errorf("%w: %d pieces have %d bytes, not %d", layout.ErrCorrupt, have.Count, len(all), have.Bytes)
	}
	return append(all, last...), nil
}

// dropPieces removes pieces one by one: a range deletion would cost the row cache everything it knows.
func dropPieces(t *storage.Txn, have layout.Pieces) error {
	for n := range have.Count {
		if err := t.Delete(layout.AppendPiece(nil, n)); err != nil {
			return err
		}
	}
	return t.Delete([]byte(layout.PiecesRow))
}
