// Package set is the Redis set type: members, each once. They are kept as storage/elements says, without values; a set
// of up to MaxEntries members, whose entries have up to MaxEntryBytes bytes, is in one row.
package set

import (
	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/layout"
	"cairn/storage/str"
)

// The limits of a set that is kept in one row.
const (
	MaxEntries    = 128
	MaxEntryBytes = 8 << 10
)

func form() elements.Form {
	return elements.Form{Type: layout.Set, MaxEntries: MaxEntries, MaxEntryBytes: MaxEntryBytes}
}

// Set is a set for who reads it. The zero value is an empty one.
type Set struct{ elements.Collection }

// Lookup returns the set at key; it has no members when the key is absent. isSet is false when the key holds another
// type.
func Lookup(r storage.Reader, db uint8, key []byte) (s Set, isSet bool, err error) {
	s.Collection, isSet, err = form().Lookup(r, db, key)
	return s, isSet, err
}

// Of returns the set of which row is the key row.
func Of(r storage.Reader, db uint8, row layout.Row) (s Set, err error) {
	s.Collection, err = form().Of(r, db, row)
	return s, err
}

// Has reports whether a member is in the set.
func (s *Set) Has(member []byte) (bool, error) {
	value, err := s.Get(member)
	return value != nil, err
}

// Past returns the most members that the set has had at one time since its key is there, and whether they were always
// integers.
func (s *Set) Past() (most uint64, integers bool) { return s.Most, s.Head.Past == 0 }

// past is what elements.Head.Past says of a member: 0 for an integer, else its length and one.
func past(member []byte) uint64 {
	if _, ok := str.ParseInt(member); ok {
		return 0
	}
	return uint64(len(member)) + 1
}

// Edit is a set in a transaction: what is there, and the means to change it. What is changed counts once it is saved.
type Edit struct{ elements.Edit }

// Open returns the set at key, of which the edit keeps the name; it has no members when the key is absent. isSet is
// false when the key holds another type.
func Open(t *storage.Txn, db uint8, key []byte) (e Edit, isSet bool, err error) {
	e.Edit, isSet, err = form().Open(t, db, key)
	return e, isSet, err
}

// Include adds a member and reports whether it is new.
func (e *Edit) Include(member []byte) (bool, error) {
	it, err := e.Item(member)
	if err != nil || it.Value != nil {
		return false, err
	}
	e.Past = max(e.Past, past(member))
	return true, e.Put(&it, nil)
}

// IncludeNew adds a member that is not in the set, as the caller knows.
func (e *Edit) IncludeNew(member []byte) error {
	e.Past = max(e.Past, past(member))
	return e.Add(member, nil)
}

// Exclude removes a member and reports whether it was there.
func (e *Edit) Exclude(member []byte) (bool, error) {
	if e.Len() == 0 {
		return false, nil
	}
	it, err := e.Item(member)
	return err == nil && e.Drop(&it), err
}

// Members returns the set for who reads it as it is now, saved or not. It is good until something is changed.
func (e *Edit) Members() Set { return Set{e.Saved()} }

// Forget makes the past that of what is there now.
func (e *Edit) Forget() error {
	e.Most, e.Past = e.Count, 0
	now := e.Members()
	return now.Walk(func(member, _ []byte) (bool, error) {
		e.Past = max(e.Past, past(member))
		return true, nil
	})
}

// RememberAll makes the past that of a set that had all members of s at once.
func (e *Edit) RememberAll(s *Set) error {
	e.Most = max(e.Most, s.Len())
	return s.Walk(func(member, _ []byte) (bool, error) {
		e.Past = max(e.Past, past(member))
		return true, nil
	})
}
