// Package tree keeps the elements of a large collection in an order: a B+tree that counts, so that an element is found
// by its rank as fast as by what it is, and so is the rank of an element, whatever the size. Lists use it by rank;
// sorted sets keep it ordered by the bytes of the entries.
//
// All is found by asking for rows by name, which memory answers fast; nothing is scanned. A change writes a leaf and
// what is above it, some hundred bytes each, and the root, which lies in the key row of the collection: a collection
// that fits into one leaf is in its key row, whole.
package tree

import (
	"bytes"
	"slices"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Tree is a tree for who reads it.
type Tree struct {
	root
	from nodes
}

// nodes are where a tree's nodes are read.
type nodes interface {
	// loadNode returns a node that has been checked; it must not be changed.
	loadNode(number uint64, height int) (node []byte, err error)
}

// stored are the nodes of the collection whose key row is row.
type stored struct {
	r   storage.Reader
	db  uint8
	row layout.Row
}

func (s *stored) loadNode(number uint64, height int) ([]byte, error) {
	var room [nameBuffer]byte
	node, err := keys.LookupPart(s.r, s.db, s.row, layout.AppendNode(room[:0], number))
	if err == nil {
		err = checkNode(node, height)
	}
	return node, err
}

// nameBuffer is how long the name of a node can be.
const nameBuffer = 16

// Read returns the tree of the collection whose key row is row. root is what Edit.Save has put behind the head; nothing
// is an empty tree.
func Read(r storage.Reader, db uint8, row layout.Row, root []byte) (t Tree, err error) {
	t.from = &stored{r, db, row}
	t.root, err = parseRoot(root)
	return t, err
}

// Entries returns the number of entries.
func (t *Tree) Entries() uint64 { return countNode(t.node, t.height) }

// Alone reports whether the tree is all in its root.
func (t *Tree) Alone() bool { return t.height == 0 }

// Rank returns how many entries of an ordered tree are below key, and whether it is one itself.
func (t *Tree) Rank(key []byte) (rank uint64, found bool, err error) {
	node := t.node
	for h := t.height; h > 0; h-- {
		n := inner(node)
		i, before, err := t.childOf(n, h, key)
		if err != nil {
			return 0, false, err
		}
		rank += before
		if node, err = t.from.loadNode(n.child(i).number, h-1); err != nil {
			return 0, false, err
		}
	}
	_, n, found, err := leaf(node).seek(key)
	return rank + n, found, err
}

// childOf returns the child of an inner node of an ordered tree under which key belongs, and how many entries are under
// those before it.
func (t *Tree) childOf(n inner, height int, key []byte) (i int, before uint64, err error) {
	low, high := 0, n.children() // it is one of [low, high)
	for high-low > 1 {
		middle := (low + high) / 2
		below, err := t.isBelow(key, n.child(middle), height)
		if err != nil {
			return 0, 0, err
		}
		if below {
			high = middle
		} else {
			low = middle
		}
	}
	for i := range low {
		before += n.count(i)
	}
	return low, before, nil
}

// isBelow reports whether key belongs before a child of a node.
func (t *Tree) isBelow(key []byte, c child, height int) (bool, error) {
	if !c.cut || !bytes.HasPrefix(key, c.separator) {
		return bytes.Compare(key, c.separator) < 0, nil
	}
	node, err := t.from.loadNode(c.number, height-1)
	for h := height - 1; err == nil && h > 0; h-- {
		node, err = t.from.loadNode(inner(node).child(0).number, h-1)
	}
	if err != nil {
		return false, err
	}
	first, _, err := leaf(node).entryAt(leafHead)
	return bytes.Compare(key, first) < 0, err
}

// Walk calls fn for the entries, beginning with the one of a rank, until it wants no more. entry is valid during the
// call; of a tree that Read has returned, as long as anybody has it.
func (t *Tree) Walk(rank uint64, fn func(entry []byte) (more bool, err error)) error {
	if rank >= t.Entries() {
		return nil
	}
	_, err := t.walk(t.node, t.height, rank, fn)
	return err
}

func (t *Tree) walk(node []byte, height int, rank uint64, fn func(entry []byte) (bool, error)) (more bool, err error) {
	if height == 0 {
		return leaf(node).walk(rank, fn)
	}
	n := inner(node)
	i, before := n.byRank(rank)
	for rank -= before; i < n.children(); i++ {
		below, err := t.from.loadNode(n.child(i).number, height-1)
		if err != nil {
			return false, err
		}
		if more, err := t.walk(below, height-1, rank, fn); err != nil || !more {
			return false, err
		}
		rank = 0
	}
	return true, nil
}

func (l leaf) walk(rank uint64, fn func(entry []byte) (bool, error)) (more bool, err error) {
	at, err := l.place(rank)
	if err != nil {
		return false, err
	}
	for at < len(l) {
		var entry []byte
		if entry, at, err = l.entryAt(at); err != nil {
			return false, err
		}
		if more, err := fn(entry); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// WalkBack calls fn for the entries from the one of a rank, or the last, down to the first, until it wants no more.
// entry is valid during the call.
func (t *Tree) WalkBack(rank uint64, fn func(entry []byte) (more bool, err error)) error {
	if t.Entries() == 0 {
		return nil
	}
	_, err := t.walkBack(t.node, t.height, min(rank, t.Entries()-1), fn)
	return err
}

func (t *Tree) walkBack(node []byte, height int, rank uint64, fn func(entry []byte) (bool, error)) (more bool, err error) {
	if height == 0 {
		return leaf(node).walkBack(rank, fn)
	}
	n := inner(node)
	i, before := n.byRank(rank)
	for rank -= before; i >= 0; i-- {
		below, err := t.from.loadNode(n.child(i).number, height-1)
		if err != nil {
			return false, err
		}
		if more, err := t.walkBack(below, height-1, min(rank, countNode(below, height-1)-1), fn); err != nil || !more {
			return false, err
		}
		rank = maxCount
	}
	return true, nil
}

func (l leaf) walkBack(rank uint64, fn func(entry []byte) (bool, error)) (more bool, err error) {
	entries := make([][]byte, 0, rank+1)
	_, err = l.walk(0, func(entry []byte) (bool, error) {
		entries = append(entries, entry)
		return uint64(len(entries)) <= rank, nil
	})
	for _, entry := range slices.Backward(entries) {
		if err != nil {
			return false, err
		}
		if more, err = fn(entry); !more {
			return false, err
		}
	}
	return true, err
}
