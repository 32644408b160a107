package tree

import (
	"bytes"
	"cmp"
	"slices"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Edit is a tree in a transaction: what is there, and the means to change it. What is changed counts once it is saved.
type Edit struct {
	Tree
	t       *storage.Txn
	key     *keys.Handle
	ordered bool // and the collection has other parts

	top   node
	nodes map[uint64]*node // those that were loaded or made
	path  []step           // the way to a leaf
	delta int64            // how many entries the leaf at its end has more than the nodes on it say
}

// node is a node in a transaction.
type node struct {
	number  uint64 // 0 is the root
	part    keys.Part
	b       []byte
	own     bool // b is the edit's, and not what is stored
	isNew   bool
	dropped bool
}

// step is a node on the way to a leaf, and which of its children comes next.
type step struct {
	node *node
	i    int
}

func (s step) child() child { return inner(s.node.b).child(s.i) }

// Open returns the tree of the collection at key, which keeps it: by rank, and with no other parts. root is what Save
// has put behind the head; nothing is an empty tree.
func Open(t *storage.Txn, key *keys.Handle, root []byte) (*Edit, error) {
	return open(&Edit{t: t, key: key}, root)
}

// OpenOrdered is Open for a tree with its entries in the order of their bytes, of a collection that has other parts
// too.
func OpenOrdered(t *storage.Txn, key *keys.Handle, root []byte) (*Edit, error) {
	return open(&Edit{t: t, key: key, ordered: true}, root)
}

func open(e *Edit, root []byte) (_ *Edit, err error) {
	e.from = e
	e.root, err = parseRoot(root)
	e.top.b = e.node
	return e, err
}

// loadNode implements nodes.
func (e *Edit) loadNode(number uint64, height int) ([]byte, error) {
	n, err := e.nodeOf(number, height)
	if err != nil {
		return nil, err
	}
	return n.b, nil
}

func (e *Edit) nodeOf(number uint64, height int) (*node, error) {
	if n := e.nodes[number]; n != nil {
		return n, nil
	}
	var room [nameBuffer]byte
	part, err := e.key.Part(layout.AppendNode(room[:0], number))
	if err == nil {
		err = checkNode(part.Value, height)
	}
	if err != nil {
		return nil, err
	}
	n := &node{number: number, part: part, b: part.Value}
	e.keep(n)
	return n, nil
}

func (e *Edit) keep(n *node) {
	if e.nodes == nil {
		e.nodes = make(map[uint64]*node, 4)
	}
	e.nodes[n.number] = n
}

// newNode returns a node that is not stored yet, with b, which it keeps.
func (e *Edit) newNode(b []byte) *node {
	n := &node{number: e.next, b: b, own: true, isNew: true}
	e.next++
	e.keep(n)
	return n
}

// Place gives the row of the collection an id for its parts if the tree has nodes, and none is there yet; and takes it
// away when the last node has gone.
func (e *Edit) Place(row *layout.Row) {
	switch {
	case e.height > 0 && row.Parts == 0:
		row.Parts = e.t.NewParts()
	case e.height == 0 && !e.ordered:
		row.Parts = 0
	}
}

// Write makes what was changed the tree of the key, which gets row, for which Place was called, with head and the root
// behind it as its payload. It keeps head. The tree has entries.
func (e *Edit) Write(row layout.Row, head []byte) error {
	changed := e.removeDropped()
	if row.Parts != e.key.Row.Parts && !e.ordered {
		e.key.NoParts()
	}
	row.Payload = appendRoot(head, e.root)
	if err := e.key.Put(row); err != nil {
		return err
	}
	var room [nameBuffer]byte
	for _, n := range changed {
		switch {
		case n.dropped:
		case n.isNew:
			if err := e.key.AddPart(layout.AppendNode(room[:0], n.number), n.b); err != nil {
				return err
			}
		default:
			n.part.Put(n.b)
		}
	}
	clear(e.nodes)
	e.top.own = false
	return nil
}

// Clear removes the nodes of a tree that has no entries any more, which is as a new one then.
func (e *Edit) Clear() {
	e.removeDropped()
	clear(e.nodes)
	e.next = 1
	if !e.ordered {
		e.key.NoParts()
	}
}

// removeDropped removes the stored nodes that have gone, and returns all that have changed.
func (e *Edit) removeDropped() (changed []*node) {
	changed = e.changed()
	for _, n := range changed {
		if n.dropped {
			n.part.Remove()
		}
	}
	return changed
}

// changed returns the nodes that must be written, by their numbers.
func (e *Edit) changed() (changed []*node) {
	for _, n := range e.nodes { //lint:sorted below
		if n.dropped && !n.isNew || !n.dropped && n.own {
			changed = append(changed, n)
		}
	}
	slices.SortFunc(changed, func(a, b *node) int { return cmp.Compare(a.number, b.number) })
	return changed
}

// setBytes gives a node other bytes, which it keeps.
func (e *Edit) setBytes(n *node, b []byte) {
	n.b, n.own = b, true
	if n == &e.top {
		e.node = b
	}
}

// writable returns the bytes of a node, with room for more; they may be changed.
func (e *Edit) writable(n *node, more int) []byte {
	if !n.own {
		e.setBytes(n, append(make([]byte, 0, len(n.b)+more), n.b...))
	}
	return n.b
}

// splice changes a leaf: b is put in the place of the bytes from at to end, which makes delta entries more.
func (e *Edit) splice(n *node, at, end int, b []byte, delta int64) {
	e.setBytes(n, slices.Replace(e.writable(n, len(b)+spare), at, end, b...))
	n.b[0] = byte(int64(n.b[0]) + delta)
	e.delta = delta
}

// spare is room in a leaf's bytes for more changes.
const spare = 64

// descend goes down to the leaf in which the entry of a rank is, and returns its rank there. behind takes the place
// behind the last entry of a leaf for one in that leaf, and ends at the node above a large one that need not be
// changed: then it is nil.
func (e *Edit) descend(rank uint64, behind bool) (n *node, at uint64, err error) {
	n, e.path = &e.top, e.path[:0]
	for h := e.height; h > 0; h-- {
		b, look := inner(n.b), rank
		if behind {
			look = max(rank, 1) - 1
		}
		i, before := b.byRank(look)
		rank -= before
		e.path = append(e.path, step{n, i})
		c := b.child(i)
		if behind && c.large {
			return nil, rank, nil
		}
		if n, err = e.nodeOf(c.number, h-1); err != nil {
			return nil, 0, err
		}
	}
	return n, rank, nil
}

// descendTo goes down an ordered tree to the leaf in which key belongs.
func (e *Edit) descendTo(key []byte) (n *node, err error) {
	n, e.path = &e.top, e.path[:0]
	for h := e.height; h > 0; h-- {
		i, _, err := e.childOf(n.b, h, key)
		if err != nil {
			return nil, err
		}
		e.path = append(e.path, step{n, i})
		if n, err = e.nodeOf(inner(n.b).child(i).number, h-1); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Insert adds an entry before the one of a rank, which is at most Entries. It is not for ordered trees.
func (e *Edit) Insert(rank uint64, entry []byte) error {
	n, at, err := e.descend(rank, true)
	if err != nil {
		return err
	}
	if n == nil {
		return e.addLeaf(entry, at > 0, child{})
	}
	place, err := leaf(n.b).place(at)
	if err != nil {
		return err
	}
	return e.insertAt(n, place, entry)
}

// Add adds an entry to an ordered tree, unless it is there, and reports whether it was added.
func (e *Edit) Add(entry []byte) (added bool, err error) {
	n, err := e.descendTo(entry)
	if err != nil {
		return false, err
	}
	at, _, found, err := leaf(n.b).seek(entry)
	if err != nil || found {
		return false, err
	}
	return true, e.insertAt(n, at, entry)
}

// Delete removes an entry of an ordered tree and reports whether it was there.
func (e *Edit) Delete(entry []byte) (found bool, err error) {
	n, err := e.descendTo(entry)
	if err != nil {
		return false, err
	}
	at, _, found, err := leaf(n.b).seek(entry)
	if err != nil || !found {
		return false, err
	}
	e.splice(n, at, at+EntrySize(entry), nil, -1)
	return true, e.tellAbove(len(e.path), n)
}

// RemoveRange removes the entries whose ranks are in [from, to), which are there.
func (e *Edit) RemoveRange(from, to uint64) error {
	for from < to {
		n, at, err := e.descend(from, false)
		if err != nil {
			return err
		}
		l := leaf(n.b)
		if at >= l.entries() {
			return errNode // the counts promise more
		}
		begin, err := l.place(at)
		if err != nil {
			return err
		}
		removed := min(l.entries()-at, to-from)
		end, err := l.place(at + removed)
		if err != nil {
			return err
		}
		e.splice(n, begin, end, nil, -int64(removed))
		if err := e.tellAbove(len(e.path), n); err != nil {
			return err
		}
		to -= removed
	}
	return nil
}

// insertAt adds an entry at a place of the leaf to which the path leads.
func (e *Edit) insertAt(n *node, at int, entry []byte) error {
	size := EntrySize(entry)
	if (at == leafHead || at == len(n.b)) && leaf(n.b).full(size) {
		return e.addSibling(n, at == len(n.b), entry)
	}
	e.splice(n, at, at, appendEntry(make([]byte, 0, size), entry), 1)
	return e.tellAbove(len(e.path), n)
}

// addSibling adds a leaf of one entry beside a full one, to which the path leads: what is filled from an end stays
// full.
func (e *Edit) addSibling(n *node, behind bool, entry []byte) (err error) {
	if n == &e.top {
		n = e.deepen()
	}
	var second child // it has the separator between the two
	if e.ordered {
		a, b := entry, []byte(nil)
		if behind {
			a, err = leaf(n.b).last()
			b = entry
		} else {
			b, _, err = leaf(n.b).entryAt(leafHead)
		}
		if err != nil {
			return err
		}
		second.separator, second.cut = separate(a, b)
	}
	return e.addLeaf(entry, behind, second)
}

// addLeaf adds a leaf of one entry before or behind the leaf at the end of the path. second has the separator of the
// second of the two.
func (e *Edit) addLeaf(entry []byte, behind bool, second child) error {
	b := append(make([]byte, 0, leafHead+EntrySize(entry)+spare), 1)
	added := e.newNode(appendEntry(b, entry))
	depth := len(e.path) - 1
	e.delta = 1
	first := e.path[depth].child()
	old := first
	c := child{number: added.number, count: 1, large: isLarge(added.b, 0)}
	if behind {
		c.separator, c.cut = second.separator, second.cut
		return e.replace(depth, e.path[depth].i, 1, first, c)
	}
	c.separator, c.cut = first.separator, first.cut
	old.separator, old.cut = second.separator, second.cut
	return e.replace(depth, e.path[depth].i, 1, c, old)
}

// isLarge reports whether a node is a leaf of one entry that fills it.
func isLarge(b []byte, height int) bool { return height == 0 && b[0] == 1 && len(b) >= MaxLeaf }

// tellAbove brings a node, which is at a depth of the path and has been changed, into its bounds: too large, it is cut;
// too small, it is joined with its neighbour; empty, it goes. And it tells the nodes above.
func (e *Edit) tellAbove(depth int, n *node) error {
	height := e.height - depth
	tooLarge := over(n.b, height)
	if n == &e.top {
		if !tooLarge {
			return e.flatten()
		}
		n, depth = e.deepen(), 1
	}
	up := e.path[depth-1]
	switch {
	case tooLarge:
		pieces, err := e.cutUp(nil, height, n, up.child())
		if err != nil {
			return err
		}
		return e.replace(depth-1, up.i, 1, pieces...)
	case n.b[0] == 0:
		e.drop(n)
		return e.replace(depth-1, up.i, 1)
	case e.delta < 0 && meagre(n.b, height):
		if done, err := e.join(depth, height, n); done || err != nil {
			return err
		}
	}
	for depth--; depth >= 0; depth-- {
		s := e.path[depth]
		count := inner(s.node.b).count(s.i)
		large := isLarge(n.b, height)
		inner(e.writable(s.node, 0)).setCount(s.i, uint64(int64(count)+e.delta), large)
		n, height = s.node, height+1
	}
	return nil
}

// cutUp cuts a node until each piece is within the bounds, and appends the children that they are. self describes the
// node.
func (e *Edit) cutUp(dst []child, height int, n *node, self child) (_ []child, err error) {
	if !over(n.b, height) {
		self.number, self.count, self.large = n.number, countNode(n.b, height), isLarge(n.b, height)
		return append(dst, self), nil
	}
	var a, b []byte
	var second child // it has the separator between the two
	if height > 0 {
		all := inner(n.b).all()
		second = all[len(all)/2]
		a, b = newInner(all[:len(all)/2]), newInner(all[len(all)/2:])
	} else if a, b, err = leaf(n.b).half(); err == nil && e.ordered {
		second.separator, second.cut, err = separateLeaves(a, b)
	}
	if err != nil {
		return nil, err
	}
	e.setBytes(n, a)
	right := e.newNode(b)
	if dst, err = e.cutUp(dst, height, n, self); err != nil {
		return nil, err
	}
	return e.cutUp(dst, height, right, second)
}

// separateLeaves returns the separator of two leaves.
func separateLeaves(a, b leaf) (separator []byte, cut bool, err error) {
	last, err := a.last()
	if err != nil {
		return nil, false, err
	}
	first, _, err := b.entryAt(leafHead)
	separator, cut = separate(last, first)
	return separator, cut, err
}

// join joins a node with a neighbour under the same node if both fit into one, and reports whether it did.
func (e *Edit) join(depth, height int, n *node) (done bool, err error) {
	up := e.path[depth-1]
	above := inner(up.node.b)
	first := up.i // of the two
	if first == above.children()-1 {
		first--
	}
	if first < 0 {
		return false, nil
	}
	left, right := above.child(first), above.child(first+1)
	other := left
	if first == up.i {
		other = right
	}
	if other.large {
		return false, nil
	}
	neighbour, err := e.nodeOf(other.number, height)
	if err != nil || !fit(n.b, neighbour.b, height) {
		return false, err
	}
	into, gone := n, neighbour
	if first != up.i {
		into, gone = neighbour, n
	}
	if height == 0 {
		delta := e.delta
		e.splice(into, len(into.b), len(into.b), gone.b[leafHead:], int64(gone.b[0]))
		e.delta = delta
	} else {
		moved := inner(gone.b).all()
		moved[0].separator, moved[0].cut = right.separator, right.cut // that of a first child counted for nothing
		e.setBytes(into, newInner(append(inner(into.b).all(), moved...)))
	}
	e.drop(gone)
	left.number, left.count, left.large = into.number, countNode(into.b, height), false
	return true, e.replace(depth-1, first, 2, left)
}

// drop removes a node.
func (e *Edit) drop(n *node) {
	n.dropped, n.b = true, nil
}

// replace puts children in the place of some others of the node at a depth of the path, and tells the nodes above.
func (e *Edit) replace(depth, i, count int, children ...child) error {
	n := e.path[depth].node
	all := slices.Replace(inner(n.b).all(), i, i+count, children...)
	e.setBytes(n, newInner(all))
	return e.tellAbove(depth, n)
}

// deepen moves what is in the root to a node, so that the root has one child, and returns the node, to which the path
// leads.
func (e *Edit) deepen() *node {
	n := e.newNode(bytes.Clone(e.top.b))
	e.setBytes(&e.top, newInner([]child{{number: n.number, count: countNode(n.b, e.height)}}))
	e.height++
	for i := range e.path {
		if e.path[i].node == &e.top {
			e.path[i].node = n
		}
	}
	e.path = slices.Insert(e.path, 0, step{&e.top, 0})
	return n
}

// flatten takes levels away that hold nothing together: a root with one child becomes that child.
func (e *Edit) flatten() error {
	for e.height > 0 {
		n := inner(e.top.b)
		if n.children() == 0 {
			e.height = 0
			e.setBytes(&e.top, []byte{0})
			return nil
		}
		c := n.child(0)
		if n.children() > 1 || c.large {
			return nil
		}
		only, err := e.nodeOf(c.number, e.height-1)
		if err != nil {
			return err
		}
		e.setBytes(&e.top, bytes.Clone(only.b))
		e.height--
		e.drop(only)
	}
	return nil
}
