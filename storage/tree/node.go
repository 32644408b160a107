package tree

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"cairn/storage/layout"
)

// A tree is a root, which its collection keeps in the payload of its key row, and nodes, each a part of the collection
// named layout.AppendNode of its number:
//
//	root   height uint8 | next uvarint | node
//	leaf   entries: len(entry) uvarint | entry
//	inner  children: number uvarint | count << 1 | large uvarint | len(separator) << 1 | cut uvarint | separator
//
// height is that of the root: 0 is a leaf. next is the number of the next new node; numbers begin at 1. count is how
// many entries are under a child, at least 1; large says that it is a leaf of one entry that fills it.
//
// In an ordered tree the separator of a child is above every entry before it and not above its own; that of a first
// child counts for nothing. A cut separator is only how one begins: whoever has a key that begins so compares it with
// the first entry under the child. In a tree without order separators are empty.

// The limits of a node. They are part of the format, for all replicas must write the same. A leaf of one entry may be
// longer.
const (
	MaxEntries   = 128     // of a leaf
	MaxLeaf      = 2 << 10 // bytes of a leaf
	maxChildren  = 64
	maxInner     = 4 << 10 // bytes of an inner node with more than minChildren
	minChildren  = 4
	maxSeparator = 256
	maxHeight    = 32
)

var errNode = fmt.Errorf("%w: node of a tree", layout.ErrCorrupt)

// root is a parsed root.
type root struct {
	height int
	next   uint64
	node   []byte
}

func appendRoot(dst []byte, r root) []byte {
	dst = binary.AppendUvarint(append(dst, byte(r.height)), r.next)
	return append(dst, r.node...)
}

// parseRoot reads what appendRoot wrote; nothing at all is the root of an empty tree.
func parseRoot(b []byte) (r root, err error) {
	if len(b) == 0 {
		return root{next: 1}, nil
	}
	next, size := binary.Uvarint(b[1:])
	if b[0] > maxHeight || size <= 0 || next == 0 {
		return root{}, errNode
	}
	return root{int(b[0]), next, b[1+size:]}, nil
}

func appendEntry(dst, entry []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(entry))), entry...)
}

// EntrySize returns how many bytes an entry takes in a leaf.
func EntrySize(entry []byte) int {
	n := 1 + len(entry)
	for size := len(entry); size >= 1<<7; size >>= 7 {
		n++
	}
	return n
}

// entryAt reads the entry of a leaf that begins at a place before its end.
func entryAt(leaf []byte, at int) (entry []byte, end int, err error) {
	n, size := binary.Uvarint(leaf[at:])
	if at += max(size, 0); size <= 0 || n > uint64(len(leaf)-at) {
		return nil, 0, errNode
	}
	end = at + int(n)
	return leaf[at:end:end], end, nil
}

// skipEntries returns the place behind n entries of a leaf from its front, or its end when it has fewer, and how many
// those are.
func skipEntries(leaf []byte, n uint64) (at int, skipped uint64, err error) {
	for at < len(leaf) && skipped < n {
		if _, at, err = entryAt(leaf, at); err != nil {
			return 0, 0, err
		}
		skipped++
	}
	return at, skipped, nil
}

// child is a child of an inner node.
type child struct {
	at, end   int // where it is in the node
	number    uint64
	count     uint64
	large     bool
	separator []byte
	cut       bool
}

func appendChild(dst []byte, c child) []byte {
	dst = binary.AppendUvarint(dst, c.number)
	dst = binary.AppendUvarint(dst, c.count<<1|bit(c.large))
	dst = binary.AppendUvarint(dst, uint64(len(c.separator))<<1|bit(c.cut))
	return append(dst, c.separator...)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// childAt reads the child that begins at a place before the end of an inner node.
func childAt(inner []byte, at int) (c child, err error) {
	c.at = at
	var n [3]uint64
	for i := range n {
		v, size := binary.Uvarint(inner[at:])
		if size <= 0 {
			return child{}, errNode
		}
		n[i], at = v, at+size
	}
	length := n[2] >> 1
	if length > uint64(len(inner)-at) || n[0] == 0 || n[1] < 2 {
		return child{}, errNode
	}
	c.number, c.count, c.large, c.cut = n[0], n[1]>>1, n[1]&1 == 1, n[2]&1 == 1
	c.end = at + int(length)
	c.separator = inner[at:c.end:c.end]
	return c, nil
}

// countNode returns how many entries are under a node.
func countNode(node []byte, height int) (n uint64, err error) {
	if height == 0 {
		_, n, err = skipEntries(node, 1<<63)
		return n, err
	}
	for at := 0; at < len(node); {
		c, err := childAt(node, at)
		if err != nil {
			return 0, err
		}
		n, at = n+c.count, c.end
	}
	return n, nil
}

// countChildren returns how many children an inner node has.
func countChildren(inner []byte) (n int, err error) {
	for at := 0; at < len(inner); n++ {
		c, err := childAt(inner, at)
		if err != nil {
			return 0, err
		}
		at = c.end
	}
	return n, nil
}

// over reports whether a node is too large.
func over(node []byte, height int) (bool, error) {
	if height == 0 {
		_, n, err := skipEntries(node, MaxEntries+1)
		return n > MaxEntries || n > 1 && len(node) > MaxLeaf, err
	}
	n, err := countChildren(node)
	return n > maxChildren || n > minChildren && len(node) > maxInner, err
}

// meagre reports whether a node is so small that it should be joined with its neighbour.
func meagre(node []byte, height int) (bool, error) {
	if height == 0 {
		_, n, err := skipEntries(node, MaxEntries/4)
		return n < MaxEntries/4 && len(node) < MaxLeaf/4, err
	}
	n, err := countChildren(node)
	return n < maxChildren/4, err
}

// joined reports whether two neighbours can be one, with room for some more.
func joined(a, b []byte, height int) (bool, error) {
	if height == 0 {
		_, n, err := skipEntries(a, MaxEntries)
		if err != nil {
			return false, err
		}
		_, m, err := skipEntries(b, MaxEntries)
		return n+m <= MaxEntries*3/4 && len(a)+len(b) <= MaxLeaf*3/4, err
	}
	n, err := countChildren(a)
	if err != nil {
		return false, err
	}
	m, err := countChildren(b)
	return n+m <= maxChildren*3/4 && len(a)+len(b) <= maxInner*3/4, err
}

// cutNode returns the place of a node at which it is cut in two: near its middle, with something on both sides.
func cutNode(node []byte, height int) (at int, err error) {
	for first := true; at < len(node); first = false {
		end := 0
		if height == 0 {
			_, end, err = entryAt(node, at)
		} else {
			var c child
			c, err = childAt(node, at)
			end = c.end
		}
		if err != nil {
			return 0, err
		}
		if !first && end > len(node)/2 {
			return at, nil
		}
		at = end
	}
	return 0, errNode // of one entry, or none
}

// separate returns a separator between two entries of which a is the smaller.
func separate(a, b []byte) (separator []byte, cut bool) {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n++; n > maxSeparator {
		return bytes.Clone(b[:maxSeparator]), true
	}
	return bytes.Clone(b[:min(n, len(b))]), false
}

// lastEntry returns the last entry of a leaf that has one.
func lastEntry(leaf []byte) (entry []byte, err error) {
	for at := 0; at < len(leaf); {
		if entry, at, err = entryAt(leaf, at); err != nil {
			return nil, err
		}
	}
	return entry, nil
}
