package zset

import (
	"encoding/binary"
	"fmt"
	"math"

	"cairn/storage/layout"
)

// The payload of a sorted set's key row:
//
//	elements.Head | rest
//
// The past of the head is how many bytes the longest member had that was ever added.
//
// The rest is, when the row has no parts, all entries in their order:
//
//	len(entry) uvarint | entry
//
// An entry is a member with its score, so that entries are in the order of their bytes. When the row has parts, it is
// the root of a tree (storage/tree) of the entries; and there is a part for each member, with its score:
//
//	entry    score uint64 BE, see AppendScore | member
//	name     layout.AppendMember
//	value    score, 8 bytes

const scoreBytes = 8

var errPayload = fmt.Errorf("%w: a sorted set", layout.ErrCorrupt)

// AppendScore appends a score, which is not NaN, so that the order of bytes is that of the scores. There is one zero:
// what a score of -0 is read as is 0.
//
//	the bits of the IEEE double, uint64 BE; of a positive one the first is set, of a negative one all are flipped
func AppendScore(dst []byte, score float64) []byte {
	return binary.BigEndian.AppendUint64(dst, scoreBits(score))
}

func scoreBits(score float64) uint64 {
	b := math.Float64bits(score)
	switch {
	case score == 0:
		return 1 << 63
	case b>>63 != 0:
		return ^b
	}
	return b | 1<<63
}

// parseScore reads what AppendScore wrote.
func parseScore(b []byte) (score float64, err error) {
	if len(b) != scoreBytes {
		return 0, errPayload
	}
	bits := binary.BigEndian.Uint64(b)
	if bits>>63 != 0 {
		bits &^= 1 << 63
	} else {
		bits = ^bits
	}
	if score = math.Float64frombits(bits); math.IsNaN(score) || score == 0 && bits != 0 {
		return 0, errPayload
	}
	return score, nil
}

// appendKey appends the bytes of an entry.
func appendKey(dst []byte, score float64, member []byte) []byte {
	return append(AppendScore(dst, score), member...)
}

// parseEntry takes an entry apart; the member aliases it.
func parseEntry(b []byte) (member []byte, score float64, err error) {
	if len(b) < scoreBytes {
		return nil, 0, errPayload
	}
	score, err = parseScore(b[:scoreBytes])
	return b[scoreBytes:], score, err
}

// place is where an entry is in the entries of a small set.
type place struct {
	at, end int // with its length
	rank    uint64
	entry   []byte
}

// entryAt reads the entry that begins at a place before the end of entries.
func entryAt(entries []byte, at int) (p place, err error) {
	p.at = at
	n, size := binary.Uvarint(entries[at:])
	if at += max(size, 0); size <= 0 || n > uint64(len(entries)-at) || n < scoreBytes {
		return place{}, errPayload
	}
	p.end = at + int(n)
	p.entry = entries[at:p.end:p.end]
	return p, nil
}

// entrySize returns how many bytes the entry of a member takes in a small set.
func entrySize(member []byte) int {
	n := scoreBytes + len(member)
	size := 1 + n
	for ; n >= 1<<7; n >>= 7 {
		size++
	}
	return size
}

func appendEntry(dst []byte, score float64, member []byte) []byte {
	return appendKey(binary.AppendUvarint(dst, uint64(scoreBytes+len(member))), score, member)
}

// seek returns the place of the first entry for which found is true. When there is none, entry is nil, and the place is
// the end of entries.
func seek(entries []byte, found func(entry []byte) bool) (p place, err error) {
	rank := uint64(0)
	for at := 0; at < len(entries); at, rank = p.end, rank+1 {
		if p, err = entryAt(entries, at); err != nil {
			return place{}, err
		}
		if p.rank = rank; found(p.entry) {
			return p, nil
		}
	}
	return place{at: len(entries), end: len(entries), rank: rank}, nil
}
