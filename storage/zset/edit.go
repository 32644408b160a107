package zset

import (
	"bytes"
	"fmt"
	"slices"

	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/tree"
)

// Edit is a sorted set in a transaction: what is there, and the means to change it. What is changed counts once it is
// saved; for the edit's own look-ups it counts at once, and what is changed without that must not be left. It may be
// written later, see storage.Txn.Defer.
type Edit struct {
	Set
	t    *storage.Txn
	name []byte
	key  keys.Handle
	buf  []byte     // of a small set that was changed: room for the head, and the entries
	tree *tree.Edit // of a large one
}

// Open returns the sorted set at key; it has no members when the key is absent. ok is false when the key holds another
// type.
func Open(t *storage.Txn, db uint8, key []byte) (e *Edit, ok bool, err error) {
	if e, ok := t.Deferred().(*Edit); ok && e.db == db && bytes.Equal(e.name, key) {
		return e, true, nil
	}
	e = &Edit{t: t, name: bytes.Clone(key)}
	if e.key, err = keys.Open(t, db, e.name); err != nil {
		return e, true, err
	}
	switch {
	case !e.key.Live:
		e.renew(db)
		return e, true, nil
	case e.key.Row.Type != layout.SortedSet:
		return e, false, nil
	}
	if err = e.loadSet(db); err != nil {
		err = fmt.Errorf("zset: key %x: %w", key, err)
	}
	return e, true, err
}

// renew makes the edit that of a new sorted set, in the place of what is at the key.
func (e *Edit) renew(db uint8) {
	e.Set = Set{r: e.t, db: db, row: layout.Row{Type: layout.SortedSet}}
	e.buf, e.tree = nil, nil
}

func (e *Edit) loadSet(db uint8) (err error) {
	if e.Set, err = Of(e.t, db, e.key.Row); err != nil || !e.Large() {
		return err
	}
	_, root, err := elements.ParseHead(e.row.Payload)
	if err != nil {
		return err
	}
	return e.grow(root)
}

// grow makes the edit that of a large set, whose key row is there.
func (e *Edit) grow(root []byte) (err error) {
	if e.tree, err = tree.OpenOrdered(e.t, &e.key, root); err == nil {
		e.Set.tree = &e.tree.Tree
	}
	return err
}

// Item is where a member is, or would be, of a sorted set in a transaction. It is good until another member is written.
type Item struct {
	name  []byte
	part  keys.Part // of a large set
	place place     // of a small one

	Found bool
	Score float64 // when it is there
}

// Item looks a member up. It keeps name.
func (e *Edit) Item(name []byte) (it Item, err error) {
	it.name = name
	value := []byte(nil)
	if e.Large() {
		var room [nameBuffer]byte
		if it.part, err = e.key.Part(layout.AppendMember(room[:0], name)); err != nil {
			return it, err
		}
		value = it.part.Value
	} else {
		if it.place, err = seek(e.entries, isMember(name)); err != nil {
			return it, err
		}
		if it.place.entry != nil {
			value = it.place.entry[:scoreBytes]
		}
	}
	if it.Found = value != nil; it.Found {
		it.Score, err = parseScore(value)
	}
	return it, err
}

// nameBuffer is how long the name of a part may be that needs no memory of its own.
const nameBuffer = 64

// SetScore gives the member a score, which is not NaN. A small sorted set that becomes too large for one row is taken
// apart.
func (e *Edit) SetScore(it *Item, score float64) error {
	if !it.Found {
		e.Count++
		e.Most = max(e.Most, e.Count)
		e.Past = max(e.Past, uint64(len(it.name)))
	}
	old := it.Score
	was := it.Found
	it.Found, it.Score = true, score
	if !e.Large() {
		return e.setSmall(it, score)
	}
	if was {
		if _, err := e.tree.Delete(appendKey(nil, old, it.name)); err != nil {
			return err
		}
	}
	if _, err := e.tree.Add(appendKey(nil, score, it.name)); err != nil {
		return err
	}
	it.part.Put(AppendScore(nil, score))
	return nil
}

func (e *Edit) setSmall(it *Item, score float64) error {
	size := entrySize(it.name)
	e.splice(it.place.at, it.place.end, 0)
	if e.Count > MaxMembers || len(e.entries)+size > MaxEntryBytes {
		if err := e.takeApart(); err != nil {
			return err
		}
		return e.addMember(Member{it.name, score})
	}
	key := appendKey(make([]byte, 0, nameBuffer), score, it.name)
	p, err := seek(e.entries, func(entry []byte) bool { return bytes.Compare(entry, key) >= 0 })
	if err != nil {
		return err
	}
	appendEntry(e.splice(p.at, p.at, size), score, it.name)
	it.place, err = entryAt(e.entries, p.at)
	it.place.rank = p.rank
	return err
}

// RemoveItem removes the member and reports whether it was there.
func (e *Edit) RemoveItem(it *Item) (bool, error) {
	if !it.Found {
		return false, nil
	}
	e.Count--
	it.Found = false
	if !e.Large() {
		e.splice(it.place.at, it.place.end, 0)
		return true, nil
	}
	it.part.Remove()
	_, err := e.tree.Delete(appendKey(nil, it.Score, it.name))
	return true, err
}

// RemoveRanks removes the members whose ranks are in [from, to), which are there. Those of a small set are in
// place after that; of all members, nothing but the count is looked at.
func (e *Edit) RemoveRanks(from, to uint64) error {
	if from >= to {
		return nil
	}
	count := to - from
	switch {
	case count == e.Count:
		e.Count = 0 // Save removes all
		return nil
	case !e.Large():
		begin, end := 0, 0
		for rank := uint64(0); rank < to; rank++ {
			p, err := entryAt(e.entries, end)
			if err != nil {
				return err
			}
			if end = p.end; rank < from {
				begin = end
			}
		}
		e.splice(begin, end, 0)
	default:
		gone := make([][]byte, 0, count)
		err := e.WalkRanks(from, func(member []byte, _ float64) (bool, error) {
			gone = append(gone, layout.AppendMember(nil, member))
			return uint64(len(gone)) < count, nil
		})
		if err != nil {
			return err
		}
		for _, name := range gone {
			part, err := e.key.Part(name)
			if err != nil {
				return err
			}
			part.Remove()
		}
		if err := e.tree.RemoveRange(from, to); err != nil {
			return err
		}
	}
	e.Count -= count
	return nil
}

// Save makes what was changed the sorted set at the key, which keeps its time to live; without members there is no key.
// version is the version of the new row.
func (e *Edit) Save(version uint64) error {
	if e.Count == 0 {
		e.renew(e.db)
	}
	e.row.Version = version
	return e.t.Defer(e)
}

// Flush implements storage.Deferred.
func (e *Edit) Flush() error {
	if e.Count == 0 {
		_, err := e.key.Remove()
		return err
	}
	var room [elements.MaxHead]byte
	head := elements.AppendHead(room[:0], e.Head)
	if e.Large() {
		return e.tree.Write(e.row, bytes.Clone(head))
	}
	e.own(0)
	e.row.Payload = e.buf[elements.MaxHead-len(head):]
	copy(e.row.Payload, head)
	return e.key.Put(e.row)
}

// splice puts room for size bytes in the place of the entries from at to end, and returns it, empty.
func (e *Edit) splice(at, end, size int) (room []byte) {
	e.own(size)
	at, end = at+elements.MaxHead, end+elements.MaxHead
	n := len(e.buf)
	e.buf = slices.Grow(e.buf, size)[:n-(end-at)+size]
	copy(e.buf[at+size:], e.buf[end:n])
	e.entries = e.buf[elements.MaxHead:]
	return e.buf[at : at : at+size]
}

// own makes the entries those of the edit, with room for more.
func (e *Edit) own(more int) {
	if e.buf != nil {
		return
	}
	e.buf = append(make([]byte, elements.MaxHead, elements.MaxHead+len(e.entries)+more), e.entries...)
	e.entries = e.buf[elements.MaxHead:]
}

// takeApart makes a large set of a small one.
func (e *Edit) takeApart() error {
	members, err := e.Set.inRow()
	if err != nil {
		return err
	}
	if err := e.newParts(); err != nil {
		return err
	}
	for _, m := range members {
		if err := e.addMember(m); err != nil {
			return err
		}
	}
	e.buf, e.entries = nil, nil
	return nil
}

// newParts gives a set parts, of which there are none yet.
func (e *Edit) newParts() error {
	e.t.Withdraw(e) // old parts that go are scanned, and then there must be a tree to write
	e.row.Parts, e.row.Payload = e.t.NewParts(), nil
	if err := e.key.Put(e.row); err != nil {
		return err
	}
	return e.grow(nil)
}

// addMember adds a member to a large set that does not have it, and has counted it.
func (e *Edit) addMember(m Member) error {
	if _, err := e.tree.Add(appendKey(nil, m.Score, m.Name)); err != nil {
		return err
	}
	var room [scoreBytes]byte
	return e.key.AddPart(layout.AppendMember(nil, m.Name), AppendScore(room[:0], m.Score))
}

// inRow returns the members of a small set, which are good as long as its entries are.
func (z *Set) inRow() (members []Member, err error) {
	err = z.WalkRanks(0, func(member []byte, score float64) (bool, error) {
		members = append(members, Member{member, score})
		return true, nil
	})
	return members, err
}

// Replace makes members, each of them once and in any order, which it changes, the sorted set at key, in the place of
// whatever is there, with its time to live; without members there is no key. version is the version of the new row. No
// score is NaN.
func Replace(t *storage.Txn, db uint8, key []byte, members []Member, version uint64) error {
	h, err := keys.Open(t, db, key)
	if err != nil {
		return err
	}
	if len(members) == 0 {
		_, err := h.Remove()
		return err
	}
	Sort(members)
	n := uint64(len(members))
	e := &Edit{t: t, key: h}
	e.renew(db)
	e.row.Version = version
	e.Head = elements.Head{Count: n, Most: n}
	size := 0
	for _, m := range members {
		e.Past = max(e.Past, uint64(len(m.Name)))
		size += entrySize(m.Name)
	}
	if n > MaxMembers || size > MaxEntryBytes {
		if err := e.newParts(); err != nil {
			return err
		}
		for _, m := range members {
			if err := e.addMember(m); err != nil {
				return err
			}
		}
		return e.Flush()
	}
	e.own(size)
	for _, m := range members {
		e.buf = appendEntry(e.buf, m.Score, m.Name)
	}
	return e.Flush()
}

// Sort brings members into the order of a sorted set.
func Sort(members []Member) {
	slices.SortFunc(members, func(a, b Member) int {
		switch x, y := scoreBits(a.Score), scoreBits(b.Score); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return bytes.Compare(a.Name, b.Name)
	})
}
