package tree

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"cairn/storage/layout"
)

// A tree is a root, which its collection keeps in the payload of its key row, and nodes, each a part of the collection
// named layout.AppendNode of its number:
//
//	root   height uint8 | next uvarint | node
//	leaf   entries uint8 | len(entry) uvarint | entry | …
//	inner  children uint8 | number uint40 BE, cut << 39 | large << 38 | count uint40 BE, end uint16 BE | … | separators
//
// height is that of the root: 0 is a leaf. next is the number of the next new node; numbers begin at 1. count is how
// many entries are under a child, at least 1; large says that it is a leaf of one entry that fills it.
//
// In an ordered tree the separator of a child is above every entry before it and not above its own; that of a first
// child counts for nothing. end is where it ends among the separators. A cut separator is only how one begins: whoever
// has a key that begins so compares it with the first entry under the child. Without order, separators are empty.

// The limits of a node. They are part of the format, for all replicas must write the same. A leaf of one entry may be
// longer.
const (
	MaxEntries   = 128     // of a leaf
	MaxLeaf      = 1 << 10 // bytes of a leaf
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
		return root{next: 1, node: []byte{0}}, nil
	}
	next, size := binary.Uvarint(b[1:])
	if b[0] > maxHeight || size <= 0 || next == 0 {
		return root{}, errNode
	}
	r = root{int(b[0]), next, b[1+size:]}
	return r, checkNode(r.node, r.height)
}

// checkNode looks whether a node can be one. The entries of a leaf it leaves to who reads them.
func checkNode(node []byte, height int) error {
	if len(node) == 0 || node[0] == 0 {
		return errNode
	}
	if height == 0 {
		return nil
	}
	n := inner(node)
	last := 0
	if len(n) < n.ends() {
		return errNode
	}
	for i := range n.children() {
		end := n.separatorEnd(i)
		if end < last || n.count(i) == 0 || uint40(n.childBytes(i)) == 0 {
			return errNode
		}
		last = end
	}
	if n.ends()+last != len(n) {
		return errNode
	}
	return nil
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

// leaf is a leaf that has been checked.
type leaf []byte

// leafHead is the place of the first entry.
const leafHead = 1

func (l leaf) entries() uint64 { return uint64(l[0]) }

// entryAt reads the entry that begins at a place before the end.
func (l leaf) entryAt(at int) (entry []byte, end int, err error) {
	n, size := binary.Uvarint(l[at:])
	if at += max(size, 0); size <= 0 || n > uint64(len(l)-at) {
		return nil, 0, errNode
	}
	end = at + int(n)
	return l[at:end:end], end, nil
}

// place returns the place of the entry of a rank, which is at most the number of entries.
func (l leaf) place(rank uint64) (at int, err error) {
	if rank == l.entries() {
		return len(l), nil
	}
	for at = leafHead; rank > 0; rank-- {
		if at >= len(l) {
			return 0, errNode
		}
		if _, at, err = l.entryAt(at); err != nil {
			return 0, err
		}
	}
	return at, nil
}

// seek returns the place of the first entry that is not below key, how many are before it, and whether it is key.
func (l leaf) seek(key []byte) (at int, rank uint64, found bool, err error) {
	for at = leafHead; at < len(l); rank++ {
		entry, end, err := l.entryAt(at)
		if err != nil {
			return 0, 0, false, err
		}
		if rank >= l.entries() {
			return 0, 0, false, errNode
		}
		if c := bytes.Compare(entry, key); c >= 0 {
			return at, rank, c == 0, nil
		}
		at = end
	}
	if rank != l.entries() {
		err = errNode
	}
	return at, rank, false, err
}

// last returns the last entry of a leaf that has one.
func (l leaf) last() (entry []byte, err error) {
	at, err := l.place(l.entries() - 1)
	if err != nil {
		return nil, err
	}
	entry, _, err = l.entryAt(at)
	return entry, err
}

// full reports whether a leaf has no room for a number of bytes that one more entry takes.
func (l leaf) full(size int) bool {
	return l.entries() >= MaxEntries || l.entries() > 0 && len(l)+size > MaxLeaf
}

// inner is an inner node that has been checked.
type inner []byte

// child is a child of an inner node.
type child struct {
	number    uint64
	count     uint64
	large     bool
	cut       bool
	separator []byte
}

const (
	innerHead = 1
	childSize = 5 + 5 + 2
	maxCount  = 1<<38 - 1
	largeBit  = 1 << 38
	cutBit    = 1 << 39
)

func uint40(b []byte) uint64 { return uint64(b[0])<<32 | uint64(binary.BigEndian.Uint32(b[1:])) }

func putUint40(b []byte, n uint64) {
	b[0] = byte(n >> 32)
	binary.BigEndian.PutUint32(b[1:], uint32(n))
}

func (n inner) children() int { return int(n[0]) }

// ends returns where the separators begin.
func (n inner) ends() int { return innerHead + n.children()*childSize }

func (n inner) childBytes(i int) []byte { return n[innerHead+i*childSize:][:childSize] }

func (n inner) separatorEnd(i int) int { return int(binary.BigEndian.Uint16(n.childBytes(i)[10:])) }

func (n inner) count(i int) uint64 { return uint40(n.childBytes(i)[5:]) & maxCount }

// total returns how many entries are under the node.
func (n inner) total() (sum uint64) {
	for i := range n.children() {
		sum += n.count(i)
	}
	return sum
}

func (n inner) child(i int) child {
	b, from := n.childBytes(i), 0
	if i > 0 {
		from = n.separatorEnd(i - 1)
	}
	count := uint40(b[5:])
	separators := n[n.ends():]
	end := n.separatorEnd(i)
	return child{
		number: uint40(b), count: count & maxCount, large: count&largeBit != 0, cut: count&cutBit != 0,
		separator: separators[from:end:end],
	}
}

// setCount changes how many entries are under a child, and whether it is large.
func (n inner) setCount(i int, count uint64, large bool) {
	b := n.childBytes(i)[5:]
	v := uint40(b)&cutBit | count
	if large {
		v |= largeBit
	}
	putUint40(b, v)
}

// byRank returns the child under which the entry of a rank is, or the last, and how many entries are under those before
// it.
func (n inner) byRank(rank uint64) (i int, before uint64) {
	for ; i < n.children()-1; i++ {
		count := n.count(i)
		if rank-before < count {
			break
		}
		before += count
	}
	return i, before
}

// newInner returns the node of some children.
func newInner(children []child) inner {
	size := innerHead
	for _, c := range children {
		size += childSize + len(c.separator)
	}
	n := make(inner, innerHead+len(children)*childSize, size)
	n[0] = byte(len(children))
	for i, c := range children {
		n = append(n, c.separator...)
		b := n.childBytes(i)
		putUint40(b, c.number)
		if c.cut {
			putUint40(b[5:], cutBit)
		}
		n.setCount(i, c.count, c.large)
		binary.BigEndian.PutUint16(b[10:], uint16(len(n)-n.ends()))
	}
	return n
}

// all returns the children. Their separators are the node's bytes.
func (n inner) all() []child {
	all := make([]child, n.children(), n.children()+2)
	for i := range all {
		all[i] = n.child(i)
	}
	return all
}

// countNode returns how many entries are under a node.
func countNode(node []byte, height int) uint64 {
	if height == 0 {
		return leaf(node).entries()
	}
	return inner(node).total()
}

// over reports whether a node is too large.
func over(node []byte, height int) bool {
	n := int(node[0])
	if height == 0 {
		return n > MaxEntries || n > 1 && len(node) > MaxLeaf
	}
	return n > maxChildren || n > minChildren && len(node) > maxInner
}

// meagre reports whether a node is so small that it should be joined with its neighbour.
func meagre(node []byte, height int) bool {
	n := int(node[0])
	if height == 0 {
		return n < MaxEntries/4 && len(node) < MaxLeaf/4
	}
	return n < maxChildren/4 && len(node) < maxInner/4
}

// fit reports whether two neighbours can be one, with room for some more.
func fit(a, b []byte, height int) bool {
	n, size := int(a[0])+int(b[0]), len(a)+len(b)
	if height == 0 {
		return n <= MaxEntries*3/4 && size <= MaxLeaf*3/4
	}
	return n <= maxChildren*3/4 && size <= maxInner*3/4
}

// half cuts a leaf that is too large in two, near its middle, with something on both sides.
func (l leaf) half() (a, b leaf, err error) {
	for at, n := leafHead, byte(0); at < len(l); n++ {
		_, end, err := l.entryAt(at)
		if err != nil {
			return nil, nil, err
		}
		if n > 0 && end > len(l)/2 {
			a, b = slices.Clone(l[:at]), append(leaf{l[0] - n}, l[at:]...)
			a[0] = n
			return a, b, nil
		}
		at = end
	}
	return nil, nil, errNode
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
