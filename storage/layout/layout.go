// Package layout holds every byte that the state store keeps on disk: Pebble keys and the values behind them. Nothing
// else in the tree knows a tag byte or an offset. Numbers are written out because they are on disk; a change of any
// of them is a new FormatVersion. Golden files in testdata hold an example of each.
package layout

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// FormatVersion is the version of everything in this package; the state row carries it.
const FormatVersion = 4

// ErrCorrupt is returned when bytes read from disk cannot have been written by this package.
var ErrCorrupt = errors.New("layout: corrupt bytes")

// The tag bytes, the first byte of every Pebble key.
const (
	TagPart   = 'D' // a part of a collection that is not kept in its key row
	TagKey    = 'M' // a Redis key: its metadata and, for a string or a small collection, its bytes
	TagExpiry = 'E' // a key with a time to live, ordered by that time
	TagNode   = 'N' // rows of the node: state, snapshot record
	TagChunk  = 'V' // a chunk of a long row
	TagPiece  = 'P' // a piece of a large log entry whose last piece is not applied yet
)

// IsData reports whether a row is Redis's data, which is looked up row by row: a key row or a part of a collection.
// Such rows are cached, and kept in chunks when they are long; their first byte is never 0. All others are scanned,
// or the node's own.
func IsData(pkey []byte) bool { return pkey[0] == TagKey || pkey[0] == TagPart }

// keyPrefixLen is the length of everything before the Redis key in a key row.
const keyPrefixLen = 1 + 1 + 2 + 4

// AppendKey appends the Pebble key of one Redis key to dst and returns it.
//
//	'M' | keyspace uint8 | slot uint16 BE | hash uint32 BE | key
//
// keyspace is the number a database is stored under (SWAPDB exchanges numbers, not rows). A keyspace is one contiguous
// range, and a slot is one within it. hash is the CRC32C of the key: it gives a slot an order that a 46-bit SCAN cursor
// (slot, hash) can name, so that a cursor needs no memory on any node.
func AppendKey(dst []byte, keyspace uint8, key []byte) []byte {
	dst = append(dst, TagKey, keyspace)
	return appendRest(dst, key)
}

// IsKey reports whether pkey, which AppendKey has made, is the Pebble key of key in keyspace.
func IsKey(pkey []byte, keyspace uint8, key []byte) bool {
	return pkey[1] == keyspace && bytes.Equal(pkey[keyPrefixLen:], key)
}

// KeySize returns how many bytes AppendKey appends.
func KeySize(key []byte) int { return keyPrefixLen + len(key) }

func appendRest(dst []byte, key []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, Slot(key))
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(key, castagnoli))
	return append(dst, key...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Position is the place of a key in the order of its keyspace: slot in bits 32 to 45, hash in bits 0 to 31. Keys with
// one position are neighbours.
type Position uint64

// EndPosition is above every position of a key.
const EndPosition Position = Slots << 32

// PositionOf returns the position of a Redis key.
func PositionOf(key []byte) Position {
	return Position(Slot(key))<<32 | Position(crc32.Checksum(key, castagnoli))
}

// AppendPosition appends the lower bound of all key rows of keyspace at or above p:
//
//	'M' | keyspace uint8 | slot uint16 BE | hash uint32 BE
//
// EndPosition gives the exclusive upper bound of the keyspace.
func AppendPosition(dst []byte, keyspace uint8, p Position) []byte {
	dst = append(dst, TagKey, keyspace)
	dst = binary.BigEndian.AppendUint16(dst, uint16(p>>32))
	return binary.BigEndian.AppendUint32(dst, uint32(p))
}

// ParseKey takes a key row's Pebble key apart. key aliases pkey.
func ParseKey(pkey []byte) (keyspace uint8, p Position, key []byte, err error) {
	if len(pkey) < keyPrefixLen || pkey[0] != TagKey {
		return 0, 0, nil, ErrCorrupt
	}
	p = Position(binary.BigEndian.Uint16(pkey[2:]))<<32 | Position(binary.BigEndian.Uint32(pkey[4:]))
	if p >= EndPosition {
		return 0, 0, nil, ErrCorrupt
	}
	return pkey[1], p, pkey[keyPrefixLen:], nil
}

// AppendExpiry appends the Pebble key of one due time to dst and returns it. The row's value is empty.
//
//	'E' | expireAt uint64 BE, Unix milliseconds | keyspace uint8 | slot uint16 BE | hash uint32 BE | key
//
// Everything behind expireAt is the key row's Pebble key without its tag.
func AppendExpiry(dst []byte, expireAt int64, keyspace uint8, key []byte) []byte {
	dst = append(dst, TagExpiry)
	dst = binary.BigEndian.AppendUint64(dst, uint64(expireAt))
	dst = append(dst, keyspace)
	return appendRest(dst, key)
}

// ExpirySize returns how many bytes AppendExpiry appends.
func ExpirySize(key []byte) int { return 8 + keyPrefixLen + len(key) }

// ExpiryBounds returns the range of all expiry rows due at or before now: lo inclusive, hi exclusive.
func ExpiryBounds(now int64) (lo, hi []byte) {
	hi = append(hi, TagExpiry)
	return []byte{TagExpiry}, binary.BigEndian.AppendUint64(hi, uint64(now)+1)
}

// ParseExpiry takes an expiry row's Pebble key apart. key aliases pkey.
func ParseExpiry(pkey []byte) (expireAt int64, keyspace uint8, key []byte, err error) {
	if len(pkey) < 8+keyPrefixLen || pkey[0] != TagExpiry {
		return 0, 0, nil, ErrCorrupt
	}
	return int64(binary.BigEndian.Uint64(pkey[1:])), pkey[9], pkey[8+keyPrefixLen:], nil
}

// partPrefixLen is the length of everything before the name in a part's Pebble key.
const partPrefixLen = 1 + 1 + 8

// AppendPart appends the Pebble key of one part of a collection to dst and returns it.
//
//	'D' | keyspace uint8 | id uint64 BE | name
//
// id is what the collection's key row says (Row.Parts). It stays when the key is renamed, and no other collection
// ever has it. The parts of a collection are one contiguous range, in the order of their names, and so are those of a
// keyspace. What a name is the type says: a field, a member, a position. A type with several kinds of parts begins
// their names with a byte for the kind.
func AppendPart(dst []byte, keyspace uint8, id uint64, name []byte) []byte {
	dst = append(dst, TagPart, keyspace)
	dst = binary.BigEndian.AppendUint64(dst, id)
	return append(dst, name...)
}

// PartSize returns how many bytes AppendPart appends.
func PartSize(name []byte) int { return partPrefixLen + len(name) }

// IsPart reports whether pkey, which AppendPart has made, is the Pebble key of that part.
func IsPart(pkey []byte, keyspace uint8, id uint64, name []byte) bool {
	return pkey[1] == keyspace && binary.BigEndian.Uint64(pkey[2:]) == id && bytes.Equal(pkey[partPrefixLen:], name)
}

// PartBounds returns the range of all parts of a collection: lo inclusive, hi exclusive. id is below 1<<64-1.
func PartBounds(keyspace uint8, id uint64) (lo, hi []byte) {
	return AppendPart(nil, keyspace, id, nil), AppendPart(nil, keyspace, id+1, nil)
}

// KeyspaceBounds returns the ranges of all key rows and of all parts of a keyspace: lo inclusive, hi exclusive.
func KeyspaceBounds(keyspace uint8) (keys, parts [2][]byte) {
	keys = [2][]byte{AppendPosition(nil, keyspace, 0), AppendPosition(nil, keyspace, EndPosition)}
	parts = [2][]byte{{TagPart, keyspace}, {TagPart, keyspace + 1}}
	if keyspace == 1<<8-1 {
		parts[1] = []byte{TagPart + 1}
	}
	return keys, parts
}

// ParsePart takes a part's Pebble key apart. name aliases pkey.
func ParsePart(pkey []byte) (keyspace uint8, id uint64, name []byte, err error) {
	if len(pkey) < partPrefixLen || pkey[0] != TagPart {
		return 0, 0, nil, ErrCorrupt
	}
	return pkey[1], binary.BigEndian.Uint64(pkey[2:]), pkey[partPrefixLen:], nil
}

// AppendName appends the name of the part that holds one element of a hash: types whose elements have no order of their
// own keep them in that of a hash, which a cursor of 32 bits can name, and a random number can meet.
//
//	hash uint32 BE | element
//
// hash is the CRC32C of the element, a field.
func AppendName(dst, element []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(element, castagnoli))
	return append(dst, element...)
}

// AppendNameHash appends the lower bound of all names at or above a hash.
func AppendNameHash(dst []byte, hash uint32) []byte { return binary.BigEndian.AppendUint32(dst, hash) }

// ParseName takes the name of a part apart that AppendName has made. element aliases name.
func ParseName(name []byte) (hash uint32, element []byte, err error) {
	if len(name) < 4 {
		return 0, nil, ErrCorrupt
	}
	return binary.BigEndian.Uint32(name), name[4:], nil
}

// AppendNode appends the name of the part that holds a node of a collection's tree, see storage/tree.
//
//	1 uint8 | n uvarint
//
// n is above 0.
func AppendNode(dst []byte, n uint64) []byte {
	return binary.AppendUvarint(append(dst, nodePart), n)
}

// The kinds of parts of a type that has several: what their names begin with.
const (
	nodePart   = 1 // a node of a tree
	memberPart = 2 // a member of a sorted set
)

// AppendMember appends the name of the part that holds the score of a member of a sorted set.
//
//	2 uint8 | AppendName of the member
func AppendMember(dst, member []byte) []byte { return AppendName(append(dst, memberPart), member) }

// AppendMemberFrom appends the lower bound of the members whose names, as AppendName has them, are at or above one.
func AppendMemberFrom(dst, name []byte) []byte { return append(append(dst, memberPart), name...) }

// ParseMember takes the name of a part apart that AppendMember has made. member aliases name.
func ParseMember(name []byte) (hash uint32, member []byte, err error) {
	if len(name) == 0 || name[0] != memberPart {
		return 0, nil, ErrCorrupt
	}
	return ParseName(name[1:])
}

// AppendChunk appends the Pebble key of chunk n of the row at pkey.
//
//	'V' | pkey | n uint32 BE
//
// The chunks of the rows of a range are one range.
func AppendChunk(dst, pkey []byte, n uint32) []byte {
	dst = append(append(dst, TagChunk), pkey...)
	return binary.BigEndian.AppendUint32(dst, n)
}

// AppendPiece appends the Pebble key of piece n of the large log entry that is being gathered. There is one at a
// time; its row PiecesRow tells how far it is.
//
//	'P' | n uint64 BE
func AppendPiece(dst []byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, TagPiece), n)
}

// StateRow, RecordRow, RestoredRow and PiecesRow are the keys of the node's own rows.
const (
	StateRow    = "Nstate"    // what is applied, and the databases: see State
	RecordRow   = "Nrecord"   // the snapshot record: see Record
	RestoredRow = "Nrestored" // up to which entry the Raft log may be missing: see AppendRestored
	PiecesRow   = "Npieces"   // what the pieces belong to: see Pieces
)
