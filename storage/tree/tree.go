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
	// load returns a node, which must not be changed.
	load(number uint64) (node []byte, err error)
}

// stored are the nodes of the collection whose key row is row.
type stored struct {
	r   storage.Reader
	db  uint8
	row layout.Row
}

func (s *stored) load(number uint64) ([]byte, error) {
	var room [nameBuffer]byte
	node, err := keys.LookupPart(s.r, s.db, s.row, layout.AppendNode(room[:0], number))
	if err == nil && len(node) == 0 {
		err = errNode
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

// Len returns the number of entries.
func (t *Tree) Len() (uint64, error) { return countNode(t.node, t.height) }

// Find returns how many entries of an ordered tree are below key.
func (t *Tree) Find(key []byte) (rank uint64, err error) {
	node := t.node
	for h := t.height; h > 0; h-- {
		c, before, err := t.childOf(node, h, key)
		if err != nil {
			return 0, err
		}
		rank += before
		if node, err = t.from.load(c.number); err != nil {
			return 0, err
		}
	}
	_, n, _, err := seekEntry(node, key)
	return rank + n, err
}

// seekEntry returns the place of the first entry of a leaf that is not below key, how many are before it, and whether
// it is key.
func seekEntry(leaf, key []byte) (at int, rank uint64, found bool, err error) {
	for at < len(leaf) {
		entry, end, err := entryAt(leaf, at)
		if err != nil {
			return 0, 0, false, err
		}
		if c := bytes.Compare(entry, key); c >= 0 {
			return at, rank, c == 0, nil
		}
		at, rank = end, rank+1
	}
	return at, rank, false, nil
}

// childOf returns the child of an inner node of an ordered tree under which key belongs, and how many entries are under
// those before it.
func (t *Tree) childOf(inner []byte, height int, key []byte) (c child, before uint64, err error) {
	if c, err = firstChild(inner); err != nil {
		return c, 0, err
	}
	for c.end < len(inner) {
		next, err := childAt(inner, c.end)
		if err != nil {
			return c, 0, err
		}
		below, err := t.isBelow(key, next, height)
		if err != nil || below {
			return c, before, err
		}
		c, before = next, before+c.count
	}
	return c, before, nil
}

// isBelow reports whether key belongs before a child of a node.
func (t *Tree) isBelow(key []byte, c child, height int) (bool, error) {
	if !c.cut || !bytes.HasPrefix(key, c.separator) {
		return bytes.Compare(key, c.separator) < 0, nil
	}
	node, err := t.from.load(c.number)
	for h := height - 1; err == nil && h > 0; h-- {
		if c, err = firstChild(node); err == nil {
			node, err = t.from.load(c.number)
		}
	}
	if err != nil {
		return false, err
	}
	first, _, err := entryAt(node, 0)
	return bytes.Compare(key, first) < 0, err
}

func firstChild(inner []byte) (child, error) {
	if len(inner) == 0 {
		return child{}, errNode
	}
	return childAt(inner, 0)
}

// Walk calls fn for the entries, beginning with the one of a rank, until it wants no more. entry is valid during the
// call.
func (t *Tree) Walk(rank uint64, fn func(entry []byte) (more bool, err error)) error {
	_, err := t.walkNode(t.node, t.height, rank, fn)
	return err
}

func (t *Tree) walkNode(node []byte, height int, skip uint64, fn func(entry []byte) (bool, error)) (more bool, err error) {
	if height == 0 {
		return walkLeaf(node, skip, fn)
	}
	for at := 0; at < len(node); {
		c, err := childAt(node, at)
		if err != nil {
			return false, err
		}
		if at = c.end; skip >= c.count {
			skip -= c.count
			continue
		}
		below, err := t.from.load(c.number)
		if err != nil {
			return false, err
		}
		if more, err := t.walkNode(below, height-1, skip, fn); err != nil || !more {
			return false, err
		}
		skip = 0
	}
	return true, nil
}

func walkLeaf(leaf []byte, skip uint64, fn func(entry []byte) (bool, error)) (more bool, err error) {
	at, _, err := skipEntries(leaf, skip)
	if err != nil {
		return false, err
	}
	for at < len(leaf) {
		var entry []byte
		if entry, at, err = entryAt(leaf, at); err != nil {
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
	_, err := t.walkNodeBack(t.node, t.height, rank, fn)
	return err
}

func (t *Tree) walkNodeBack(node []byte, height int, rank uint64, fn func(entry []byte) (bool, error)) (more bool, err error) {
	type part struct {
		before uint64
		child  child
		entry  []byte
	}
	var parts []part // those that begin at rank or before
	for at, before := 0, uint64(0); at < len(node) && before <= rank; {
		p := part{before: before}
		if height == 0 {
			p.entry, at, err = entryAt(node, at)
			before++
		} else {
			p.child, err = childAt(node, at)
			at, before = p.child.end, before+p.child.count
		}
		if err != nil {
			return false, err
		}
		parts = append(parts, p)
	}
	for i := len(parts) - 1; i >= 0; i-- {
		if p := parts[i]; height == 0 {
			more, err = fn(p.entry)
		} else {
			var below []byte
			if below, err = t.from.load(p.child.number); err == nil {
				more, err = t.walkNodeBack(below, height-1, rank-p.before, fn)
			}
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}
