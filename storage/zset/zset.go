// Package zset is the Redis type of sorted sets: members with scores, in the order of scores, and of members where
// scores are equal, as functions over a reader and a transaction.
//
// A sorted set of up to MaxMembers members, whose entries have up to MaxEntryBytes bytes, is in the payload of its key
// row, in order: it is found, and written, as a string of that length is. One that has once been larger is kept in
// parts until it is gone, see storage/elements: a row for each member, which has its score, and the nodes of a tree
// that counts. So the score of a member is one look-up; a rank, and what is found by rank, by score, or by text, is a
// descent of the tree, whatever the size.
//
// All ranges of a sorted set are ranges of ranks here: Below says which rank begins one.
package zset

import (
	"bytes"
	"fmt"
	"math"

	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/tree"
)

// The limits of a sorted set that is kept in one row. They are part of the format, for all replicas must write the
// same.
const (
	MaxMembers    = 128
	MaxEntryBytes = 8 << 10
)

// Set is a sorted set for who reads it.
type Set struct {
	elements.Head
	r       storage.Reader
	db      uint8
	row     layout.Row
	entries []byte // of a small set
	tree    *tree.Tree
}

// Lookup returns the sorted set at key; it has no members when the key is absent. ok is false when the key holds
// another type.
func Lookup(r storage.Reader, db uint8, key []byte) (z Set, ok bool, err error) {
	row, found, err := keys.Lookup(r, db, key)
	if err != nil || !found {
		return Set{}, true, err
	}
	if row.Type != layout.SortedSet {
		return Set{}, false, nil
	}
	if z, err = Of(r, db, row); err != nil {
		err = fmt.Errorf("zset: key %x: %w", key, err)
	}
	return z, true, err
}

// Of returns the sorted set of which row is the key row.
func Of(r storage.Reader, db uint8, row layout.Row) (z Set, err error) {
	z = Set{r: r, db: db, row: row}
	rest := []byte(nil)
	if z.Head, rest, err = elements.ParseHead(row.Payload); err != nil {
		return z, err
	}
	if row.Parts == 0 {
		z.entries = rest
		return z, nil
	}
	t, err := tree.Read(r, db, row, rest)
	z.tree = &t
	return z, err
}

// Large reports whether the sorted set is kept in parts.
func (z *Set) Large() bool { return z.row.Parts != 0 }

// Score returns the score of a member; ok is false when there is no such member.
func (z *Set) Score(member []byte) (score float64, ok bool, err error) {
	if !z.Large() {
		p, err := seek(z.entries, isMember(member))
		if err != nil || p.entry == nil {
			return 0, false, err
		}
		score, err = parseScore(p.entry[:scoreBytes])
		return score, true, err
	}
	b, err := keys.LookupPart(z.r, z.db, z.row, layout.AppendMember(nil, member))
	if err != nil || b == nil {
		return 0, false, err
	}
	score, err = parseScore(b)
	return score, true, err
}

func isMember(member []byte) func(entry []byte) bool {
	return func(entry []byte) bool { return bytes.Equal(entry[scoreBytes:], member) }
}

// RankOf returns how many members are before one; ok is false when there is no such member.
func (z *Set) RankOf(member []byte) (rank uint64, ok bool, err error) {
	if !z.Large() {
		p, err := seek(z.entries, isMember(member))
		return p.rank, p.entry != nil, err
	}
	score, ok, err := z.Score(member)
	if err != nil || !ok {
		return 0, false, err
	}
	rank, err = z.below(appendKey(nil, score, member))
	return rank, true, err
}

// below returns how many entries are below key in the order of their bytes.
func (z *Set) below(key []byte) (rank uint64, err error) {
	switch {
	case z.tree != nil:
		rank, _, err = z.tree.Rank(key)
		return rank, err
	case len(key) == 0:
		return 0, nil
	}
	p, err := seek(z.entries, func(entry []byte) bool { return bytes.Compare(entry, key) >= 0 })
	return p.rank, err
}

// Below returns how many members have a score below this one; and those that have it, when through is set.
func (z *Set) Below(score float64, through bool) (rank uint64, err error) {
	bits := scoreBits(score)
	if through {
		bits++ // no score has the bits that follow those of infinity
	}
	if math.IsNaN(score) || z.Count == 0 {
		return 0, nil
	}
	return z.below([]byte{byte(bits >> 56), byte(bits >> 48), byte(bits >> 40), byte(bits >> 32), byte(bits >> 24), byte(bits >> 16), byte(bits >> 8), byte(bits)})
}

// WalkRanks calls fn for the members from a rank upwards until it wants no more. member is valid during the call; of a
// small set, as long as z is.
func (z *Set) WalkRanks(from uint64, fn func(member []byte, score float64) (more bool, err error)) error {
	if z.Count == 0 {
		return nil
	}
	take := func(entry []byte) (bool, error) {
		member, score, err := parseEntry(entry)
		if err != nil {
			return false, err
		}
		return fn(member, score)
	}
	if z.tree != nil {
		return z.tree.Walk(from, take)
	}
	var p place
	for at, rank := 0, uint64(0); at < len(z.entries); at, rank = p.end, rank+1 {
		var err error
		if p, err = entryAt(z.entries, at); err != nil {
			return err
		}
		if rank < from {
			continue
		}
		if more, err := take(p.entry); err != nil || !more {
			return err
		}
	}
	return nil
}

// WalkRanksBack is WalkRanks from a rank, or the last, downwards.
func (z *Set) WalkRanksBack(from uint64, fn func(member []byte, score float64) (more bool, err error)) error {
	if z.Count == 0 {
		return nil
	}
	if z.tree != nil {
		return z.tree.WalkBack(from, func(entry []byte) (bool, error) {
			member, score, err := parseEntry(entry)
			if err != nil {
				return false, err
			}
			return fn(member, score)
		})
	}
	found := make([]Member, 0, MaxMembers)
	err := z.WalkRanks(0, func(member []byte, score float64) (bool, error) {
		found = append(found, Member{member, score})
		return uint64(len(found)) <= from, nil
	})
	for i := len(found) - 1; err == nil && i >= 0; i-- {
		var more bool
		if more, err = fn(found[i].Name, found[i].Score); !more {
			break
		}
	}
	return err
}

// Member is a member with its score.
type Member struct {
	Name  []byte
	Score float64
}

// Walk implements elements.Source, in the order of the ranks. value is the score as AppendScore writes it.
func (z *Set) Walk(fn func(name, value []byte) (more bool, err error)) error {
	var room [scoreBytes]byte
	return z.WalkRanks(0, func(member []byte, score float64) (bool, error) { return fn(member, AppendScore(room[:0], score)) })
}

// WalkFrom implements elements.Source.
func (z *Set) WalkFrom(from []byte, fn func(place uint32, name, value []byte) (more bool, err error)) error {
	return keys.WalkParts(z.r, z.db, z.row, layout.AppendMemberFrom(nil, from), func(name, value []byte) (bool, error) {
		place, member, err := layout.ParseMember(name)
		if err != nil {
			return false, err
		}
		return fn(place, member, value)
	})
}

// ScoreOf reads the value that Walk and WalkFrom give.
func ScoreOf(value []byte) (float64, error) { return parseScore(value) }
