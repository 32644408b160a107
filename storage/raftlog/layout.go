package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2/wal"
	"github.com/hashicorp/raft"
)

// Every byte this package writes is drawn in this file. testdata/layout.golden holds an example of each.
//
// Whatever its format, a value ends with the CRC-32C, big endian, of its key followed by the rest of the value. A
// flipped bit, a cut value and a value under a foreign key are all found on read.
const (
	tagEntry  = 'L' // an entry of the log
	tagStable = 'S' // a stable value
	tagFiles  = 'F' // a number about the files of the entries

	formatEntry1  = 1
	formatStable1 = 1

	entryKeyLen    = 1 + 8
	entryHeaderLen = 1 + 1 + 8 + 8 + 4
	checksumLen    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entryKey returns the Pebble key of the entry at index.
//
//	'L' | index uint64 BE
//
// Keys are ordered as the log is.
func entryKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, entryKeyLen), tagEntry), index)
}

// decodeEntryKey returns the index of an entry's key.
func decodeEntryKey(pkey []byte) (uint64, error) {
	if len(pkey) != entryKeyLen || pkey[0] != tagEntry {
		return 0, fmt.Errorf("%w: %x is not the key of an entry", ErrCorrupt, pkey)
	}
	return binary.BigEndian.Uint64(pkey[1:]), nil
}

// entriesBegin and entriesEnd enclose the keys of all entries; the end is not among them.
func entriesBegin() []byte { return []byte{tagEntry} }
func entriesEnd() []byte   { return []byte{tagEntry + 1} }

// entryKeyAfter returns a key after that of the entry at index and at or before that of the next one.
func entryKeyAfter(index uint64) []byte {
	if index == math.MaxUint64 {
		return entriesEnd()
	}
	return entryKey(index + 1)
}

// entryLen returns the length of the value that encodeEntry makes of log.
func entryLen(log *raft.Log) int {
	return entryHeaderLen + len(log.Extensions) + len(log.Data) + checksumLen
}

// encodeEntry returns the Pebble value of log, whose key is pkey, in room, where that has entryLen bytes of it.
//
//	format uint8 = 1 | type uint8 | term uint64 BE | appendedAt int64 BE | len(extensions) uint32 BE | extensions | data | crc
//
// type is the number hashicorp/raft gives it, part of its wire protocol. appendedAt is in nanoseconds since 1970, and
// 0 for the zero time; the index is in the key. The result shares no memory with log.
func encodeEntry(room, pkey []byte, log *raft.Log) []byte {
	v := append(room[:0], formatEntry1, byte(log.Type))
	v = binary.BigEndian.AppendUint64(v, log.Term)
	v = binary.BigEndian.AppendUint64(v, uint64(nanosOf(log.AppendedAt)))
	v = binary.BigEndian.AppendUint32(v, uint32(len(log.Extensions)))
	v = append(v, log.Extensions...)
	v = append(v, log.Data...)
	return appendChecksum(v, pkey)
}

func nanosOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}

// readBack returns what decodeEntry makes of what encodeEntry makes of log, to the last bit of its time. Its data and
// extensions are log's.
func readBack(log *raft.Log) raft.Log {
	return raft.Log{
		Index: log.Index, Term: log.Term, Type: log.Type, AppendedAt: timeOf(nanosOf(log.AppendedAt)),
		Extensions: clipped(log.Extensions), Data: clipped(log.Data),
	}
}

// decodeEntry returns the entry whose value is v. Its data and extensions alias v and are nil if they are empty.
func decodeEntry(pkey, v []byte) (raft.Log, error) {
	index, err := decodeEntryKey(pkey)
	if err != nil {
		return raft.Log{}, err
	}
	body, err := verifyChecksum(v, pkey)
	if err != nil {
		return raft.Log{}, fmt.Errorf("entry %d: %w", index, err)
	}
	if body[0] != formatEntry1 {
		return raft.Log{}, fmt.Errorf("entry %d: %w: %d", index, ErrUnknownFormat, body[0])
	}
	if len(body) < entryHeaderLen {
		return raft.Log{}, fmt.Errorf("entry %d: %w: it is %d bytes long", index, ErrCorrupt, len(v))
	}
	rest, extensionsLen := body[entryHeaderLen:], binary.BigEndian.Uint32(body[18:])
	if uint64(extensionsLen) > uint64(len(rest)) {
		return raft.Log{}, fmt.Errorf("entry %d: %w: extensions of %d bytes in %d", index, ErrCorrupt, extensionsLen, len(rest))
	}
	return raft.Log{
		Index:      index,
		Term:       binary.BigEndian.Uint64(body[2:]),
		Type:       raft.LogType(body[1]),
		AppendedAt: timeOf(int64(binary.BigEndian.Uint64(body[10:]))),
		Extensions: clipped(rest[:extensionsLen]),
		Data:       clipped(rest[extensionsLen:]),
	}, nil
}

// stableKey returns the Pebble key of the stable value called name.
//
//	'S' | name
func stableKey(name []byte) []byte {
	return append(append(make([]byte, 0, 1+len(name)), tagStable), name...)
}

// stablesBegin and stablesEnd enclose the keys of all stable values; the end is not among them.
func stablesBegin() []byte { return []byte{tagStable} }
func stablesEnd() []byte   { return []byte{tagStable + 1} }

// The rows of the files of the entries. Their values are those of stable numbers.
//
//	'F' | 'o'                  the oldest file that the log needs; 1 without the row
var oldestRow = []byte{tagFiles, 'o'}

//	'F' | 's' | file uint64 BE its summary
//
// A summary is five numbers, uint64 BE each.
func summaryRow(file wal.NumWAL) []byte {
	return binary.BigEndian.AppendUint64([]byte{tagFiles, 's'}, uint64(file))
}

// filesEnd is behind the keys of all these rows.
func filesEnd() []byte { return []byte{tagFiles + 1} }

// encodeStable returns the Pebble value of a stable value, whose key is pkey.
//
//	format uint8 = 1 | value | crc
//
// What SetUint64 stores is a value of eight bytes, big endian.
func encodeStable(pkey, value []byte) []byte {
	v := append(make([]byte, 0, 1+len(value)+checksumLen), formatStable1)
	return appendChecksum(append(v, value...), pkey)
}

// decodeStable returns the stable value whose Pebble value is v. It aliases v and is never nil.
func decodeStable(pkey, v []byte) ([]byte, error) {
	body, err := verifyChecksum(v, pkey)
	if err != nil {
		return nil, err
	}
	if body[0] != formatStable1 {
		return nil, fmt.Errorf("%w: %d", ErrUnknownFormat, body[0])
	}
	return body[1:len(body):len(body)], nil
}

// appendChecksum completes the value v of pkey.
func appendChecksum(v, pkey []byte) []byte {
	return binary.BigEndian.AppendUint32(v, checksum(pkey, v))
}

// verifyChecksum returns the value v of pkey without its checksum, at least the format byte.
func verifyChecksum(v, pkey []byte) ([]byte, error) {
	n := len(v) - checksumLen
	if n < 1 {
		return nil, fmt.Errorf("%w: it is %d bytes long", ErrCorrupt, len(v))
	}
	if got, want := checksum(pkey, v[:n]), binary.BigEndian.Uint32(v[n:]); got != want {
		return nil, fmt.Errorf("%w: checksum is %08x, not %08x", ErrCorrupt, got, want)
	}
	return v[:n], nil
}

func checksum(pkey, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(pkey, castagnoli), castagnoli, body)
}

// clipped returns b without room to append in place, and nil if it is empty.
func clipped(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b[:len(b):len(b)]
}
