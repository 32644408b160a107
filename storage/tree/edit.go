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
	ordered bool

	top   node
	nodes map[uint64]*node // those that were loaded or made
	path  []step
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
	node  *node
	child child
}

// Open returns the tree of the collection at key, which keeps it. root is what Save has put behind the head; nothing is
// an empty tree. ordered says that the entries are in the order of their bytes.
func Open(t *storage.Txn, key *keys.Handle, root []byte, ordered bool) (e *Edit, err error) {
	e = &Edit{t: t, key: key, ordered: ordered}
	e.from = e
	e.root, err = parseRoot(root)
	e.top.b = e.node
	return e, err
}

// load implements nodes.
func (e *Edit) load(number uint64) ([]byte, error) {
	n, err := e.nodeOf(number)
	if err != nil {
		return nil, err
	}
	return n.b, nil
}

func (e *Edit) nodeOf(number uint64) (*node, error) {
	if n := e.nodes[number]; n != nil {
		return n, nil
	}
	var room [nameBuffer]byte
	part, err := e.key.Part(layout.AppendNode(room[:0], number))
	if err == nil && len(part.Value) == 0 {
		err = errNode
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

// Save makes what was changed the tree of the key, which gets row with head and the root behind it as its payload; and
// an id for its parts if it needs one and has none. The handle keeps head. The tree has entries.
func (e *Edit) Save(row layout.Row, head []byte) error {
	changed := e.changed()
	for _, n := range changed {
		if n.dropped {
			n.part.Remove()
		}
	}
	row.Payload = appendRoot(head, e.root)
	if e.height > 0 && row.Parts == 0 {
		row.Parts = e.t.NewParts()
	}
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
	e.nodes, e.top.own = nil, false
	return nil
}

// changed returns the nodes that must be written, by their numbers.
func (e *Edit) changed() (changed []*node) {
	for _, n := range e.nodes {
		if n.dropped && !n.isNew || !n.dropped && n.own {
			changed = append(changed, n)
		}
	}
	slices.SortFunc(changed, func(a, b *node) int { return cmp.Compare(a.number, b.number) })
	return changed
}

// splice puts b in the place of the bytes from at to end of a node.
func (e *Edit) splice(n *node, at, end int, b []byte) {
	if !n.own {
		old := n.b
		n.b, n.own = append(make([]byte, 0, len(old)+len(b)+spare), old...), true
	}
	n.b = slices.Replace(n.b, at, end, b...)
	if n == &e.top {
		e.node = n.b
	}
}

// spare is room in a node's bytes for more changes.
const spare = 64

// Insert adds an entry before the one of a rank, which is at most Len. Not for an ordered tree.
func (e *Edit) Insert(rank uint64, entry []byte) error {
	n, at := &e.top, rank
	e.path = e.path[:0]
	for h := e.height; h > 0; h-- {
		c, before, err := childAtRank(n.b, at)
		if err != nil {
			return err
		}
		at -= before
		e.path = append(e.path, step{n, c})
		if c.large && (at == 0 || at == c.count) {
			return e.addLeaf(entry, at > 0, child{})
		}
		if n, err = e.nodeOf(c.number); err != nil {
			return err
		}
	}
	place, _, err := skipEntries(n.b, at)
	if err != nil {
		return err
	}
	return e.insertAt(n, place, entry)
}

// childAtRank returns the child under which an entry of a rank is, or the last, and how many entries are under those
// before it. Of the two ends that a rank between two children names, it takes the one behind the first.
func childAtRank(inner []byte, rank uint64) (c child, before uint64, err error) {
	if c, err = firstChild(inner); err != nil {
		return c, 0, err
	}
	for c.end < len(inner) && rank-before > c.count {
		before += c.count
		if c, err = childAt(inner, c.end); err != nil {
			return c, 0, err
		}
	}
	return c, before, nil
}

// descend goes down an ordered tree to the leaf in which key belongs.
func (e *Edit) descend(key []byte) (*node, error) {
	n := &e.top
	e.path = e.path[:0]
	for h := e.height; h > 0; h-- {
		c, _, err := e.childOf(n.b, h, key)
		if err != nil {
			return nil, err
		}
		e.path = append(e.path, step{n, c})
		if n, err = e.nodeOf(c.number); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Put adds an entry to an ordered tree that does not have it yet.
func (e *Edit) Put(entry []byte) error {
	n, err := e.descend(entry)
	if err != nil {
		return err
	}
	at, _, found, err := seekEntry(n.b, entry)
	if err != nil || found {
		return err
	}
	return e.insertAt(n, at, entry)
}

// Delete removes an entry of an ordered tree and reports whether it was there.
func (e *Edit) Delete(entry []byte) (found bool, err error) {
	n, err := e.descend(entry)
	if err != nil {
		return false, err
	}
	at, _, found, err := seekEntry(n.b, entry)
	if err != nil || !found {
		return found, err
	}
	return true, e.removeAt(n, at, at+EntrySize(entry), 1)
}

// RemoveRange removes the entries whose ranks are in [from, to), which are there.
func (e *Edit) RemoveRange(from, to uint64) error {
	for from < to {
		n, at := &e.top, from
		e.path = e.path[:0]
		for h := e.height; h > 0; h-- {
			c, before, err := childAtRank(n.b, at+1)
			if err != nil {
				return err
			}
			at -= before
			e.path = append(e.path, step{n, c})
			if n, err = e.nodeOf(c.number); err != nil {
				return err
			}
		}
		begin, _, err := skipEntries(n.b, at)
		if err != nil {
			return err
		}
		size, removed, err := skipEntries(n.b[begin:], to-from)
		if err == nil && removed == 0 {
			err = errNode // the counts promise more
		}
		if err != nil {
			return err
		}
		if err := e.removeAt(n, begin, begin+size, removed); err != nil {
			return err
		}
		to -= removed
	}
	return nil
}

// insertAt adds an entry at a place of the leaf to which the path leads.
func (e *Edit) insertAt(n *node, at int, entry []byte) error {
	size := len(n.b) + EntrySize(entry)
	full := len(n.b) > 0 && size > MaxLeaf
	if !full && len(n.b) >= MaxEntries { // an entry has a byte at least
		_, count, err := skipEntries(n.b, MaxEntries)
		if err != nil {
			return err
		}
		full = count == MaxEntries
	}
	if full && (at == 0 || at == len(n.b)) {
		return e.addSibling(n, at > 0, entry)
	}
	e.splice(n, at, at, appendEntry(make([]byte, 0, EntrySize(entry)), entry))
	return e.leafChanged(n)
}

// removeAt removes the bytes of count entries from the leaf to which the path leads.
func (e *Edit) removeAt(n *node, at, end int, count uint64) error {
	e.splice(n, at, end, nil)
	return e.leafChanged(n)
}

// addSibling adds a leaf of one entry beside a full one, to which the path leads: what is filled from an end stays
// full.
func (e *Edit) addSibling(n *node, behind bool, entry []byte) (err error) {
	if n == &e.top {
		if n, err = e.deepen(); err != nil {
			return err
		}
	}
	var other child // its separator is that of the second of the two
	if e.ordered {
		a, b := entry, []byte(nil)
		if behind {
			a, err = lastEntry(n.b)
			b = entry
		} else {
			b, _, err = entryAt(n.b, 0)
		}
		if err != nil {
			return err
		}
		other.separator, other.cut = separate(a, b)
	}
	return e.addLeaf(entry, behind, other)
}

// addLeaf adds a leaf of one entry before or behind the leaf at the end of the path. second has the separator of the
// second of the two.
func (e *Edit) addLeaf(entry []byte, behind bool, second child) error {
	leaf := e.newNode(appendEntry(make([]byte, 0, EntrySize(entry)+spare), entry))
	old := e.path[len(e.path)-1].child
	old.separator = bytes.Clone(old.separator)
	added := child{number: leaf.number, count: 1, large: len(leaf.b) >= MaxLeaf}
	if behind {
		added.separator, added.cut = second.separator, second.cut
		return e.replace(len(e.path)-1, old, added)
	}
	added.separator, added.cut = old.separator, old.cut
	old.separator, old.cut = second.separator, second.cut
	return e.replace(len(e.path)-1, added, old)
}

// leafChanged brings a leaf to which the path leads into its bounds, and tells the nodes above what became of it.
func (e *Edit) leafChanged(n *node) error {
	count, err := countNode(n.b, 0)
	if err != nil {
		return err
	}
	return e.nodeChanged(len(e.path), 0, n, count)
}

// nodeChanged tells the nodes above n, which is at a depth of the path and at a height, what became of n, which has
// count entries now: too large, it is cut in two; too small, it is joined with its neighbour; without entries it goes.
func (e *Edit) nodeChanged(depth, height int, n *node, count uint64) error {
	tooLarge, err := over(n.b, height)
	if err != nil {
		return err
	}
	if n == &e.top {
		if !tooLarge {
			return e.flatten()
		}
		if n, err = e.deepen(); err != nil {
			return err
		}
		depth++
	}
	up := &e.path[depth-1]
	self := up.child
	self.separator = bytes.Clone(self.separator)
	self.count, self.large = count, false
	switch {
	case tooLarge:
		halves, err := e.cutUp(nil, height, n, self)
		if err != nil {
			return err
		}
		return e.replace(depth-1, halves...)
	case len(n.b) == 0:
		e.drop(n)
		return e.replace(depth - 1)
	}
	self.large = height == 0 && count == 1 && len(n.b) >= MaxLeaf
	if small, err := meagre(n.b, height); err != nil {
		return err
	} else if small && count < up.child.count {
		return e.join(depth, height, n, self)
	}
	return e.replace(depth-1, self)
}

// cutUp cuts a node until each part is within the bounds, and appends the children that its parts are.
func (e *Edit) cutUp(dst []child, height int, n *node, self child) ([]child, error) {
	tooLarge, err := over(n.b, height)
	if err != nil {
		return nil, err
	}
	if self.count, err = countNode(n.b, height); err != nil {
		return nil, err
	}
	if !tooLarge {
		self.number = n.number
		self.large = height == 0 && self.count == 1 && len(n.b) >= MaxLeaf
		return append(dst, self), nil
	}
	at, err := cutNode(n.b, height)
	if err != nil {
		return nil, err
	}
	right := e.newNode(append(make([]byte, 0, len(n.b)-at+spare), n.b[at:]...))
	e.splice(n, at, len(n.b), nil)
	other := child{}
	switch {
	case height > 0:
		first, err := firstChild(right.b)
		if err != nil {
			return nil, err
		}
		other.separator, other.cut = bytes.Clone(first.separator), first.cut
	case e.ordered:
		last, err := lastEntry(n.b)
		if err != nil {
			return nil, err
		}
		first, _, err := entryAt(right.b, 0)
		if err != nil {
			return nil, err
		}
		other.separator, other.cut = separate(last, first)
	}
	if dst, err = e.cutUp(dst, height, n, self); err != nil {
		return nil, err
	}
	return e.cutUp(dst, height, right, other)
}

// join joins n, which self describes, with a neighbour under the same node if both fit into one.
func (e *Edit) join(depth, height int, n *node, self child) error {
	up := &e.path[depth-1]
	left, right, other, err := self, self, child{}, error(nil)
	if up.child.end < len(up.node.b) {
		if other, err = childAt(up.node.b, up.child.end); err != nil {
			return err
		}
		right = other
	} else if up.child.at > 0 {
		for at := 0; at < up.child.at; at = other.end {
			if other, err = childAt(up.node.b, at); err != nil {
				return err
			}
		}
		left = other
	}
	if left.number == right.number || other.large {
		return e.replace(depth-1, self)
	}
	neighbour, err := e.nodeOf(other.number)
	if err != nil {
		return err
	}
	if fits, err := joined(n.b, neighbour.b, height); err != nil || !fits {
		if err != nil {
			return err
		}
		return e.replace(depth-1, self)
	}
	into, gone := n, neighbour
	if left.number == other.number {
		into, gone = neighbour, n
	}
	moved := gone.b
	if height > 0 {
		// The separator of a first child counts for nothing; it does now.
		first, err := firstChild(moved)
		if err != nil {
			return err
		}
		first.separator, first.cut = right.separator, right.cut
		moved = append(appendChild(nil, first), moved[first.end:]...)
	}
	e.splice(into, len(into.b), len(into.b), moved)
	e.drop(gone)
	sum := left
	sum.number, sum.count, sum.large = into.number, left.count+right.count, false
	sum.separator = bytes.Clone(sum.separator)
	up.child.at, up.child.end = min(up.child.at, other.at), max(up.child.end, other.end)
	up.child.count += other.count // what they had when this node was last told
	return e.replace(depth-1, sum)
}

// drop removes a node.
func (e *Edit) drop(n *node) {
	n.dropped, n.b = true, nil
}

// replace puts children in the place of the one that the path takes at a depth, and tells the nodes above.
func (e *Edit) replace(depth int, children ...child) error {
	s := &e.path[depth]
	size := 0
	for _, c := range children {
		size += 4*10 + len(c.separator)
	}
	b := make([]byte, 0, size)
	for _, c := range children {
		b = appendChild(b, c)
	}
	e.splice(s.node, s.child.at, s.child.end, b)
	height := e.height - depth
	count, err := countNode(s.node.b, height)
	if err != nil {
		return err
	}
	return e.nodeChanged(depth, height, s.node, count)
}

// deepen moves what is in the root to a node, so that the root has one child, and returns the node, to which the path
// leads.
func (e *Edit) deepen() (*node, error) {
	count, err := countNode(e.top.b, e.height)
	if err != nil {
		return nil, err
	}
	n := e.newNode(e.top.b)
	if !e.top.own {
		n.b = bytes.Clone(n.b)
	}
	e.height++
	e.top = node{}
	e.splice(&e.top, 0, 0, appendChild(nil, child{number: n.number, count: count}))
	c, err := childAt(e.top.b, 0)
	if err != nil {
		return nil, err
	}
	for i := range e.path {
		if e.path[i].node == &e.top {
			e.path[i].node = n
		}
	}
	e.path = slices.Insert(e.path, 0, step{&e.top, c})
	return n, nil
}

// flatten takes levels away that hold nothing together: a root with one child becomes that child.
func (e *Edit) flatten() error {
	for e.height > 0 {
		if len(e.top.b) == 0 {
			e.root, e.top = root{next: e.next}, node{}
			return nil
		}
		c, err := childAt(e.top.b, 0)
		if err != nil || c.end < len(e.top.b) || c.large {
			return err
		}
		n, err := e.nodeOf(c.number)
		if err != nil {
			return err
		}
		e.top = node{b: n.b, own: n.own}
		e.node = e.top.b
		e.height--
		e.drop(n)
	}
	return nil
}
