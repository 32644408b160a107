package layout

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Databases is the number of databases that SELECT reaches.
const Databases = 16

// Database is what the state row says of one database.
type Database struct {
	Keyspace uint8  // the number its rows carry
	Keys     uint64 // how many key rows it has, expired ones not yet removed included
	Expires  uint64 // how many of them have a time to live
}

// State is the state row. It is written in the batch of the data that it describes, so data and applied index are
// never apart.
type State struct {
	Index     uint64 // the log index of the newest applied entry
	Term      uint64 // and its term
	Time      int64  // the newest time an entry carried, Unix milliseconds; it never runs backwards
	Parts     uint64 // the newest id under which the parts of a collection are kept
	Cluster   string // the cluster's id, empty until the first leader has agreed one
	Databases [Databases]Database
}

// NewState returns the state of an empty store: nothing applied, database n in keyspace n.
func NewState() State {
	var s State
	for i := range s.Databases {
		s.Databases[i].Keyspace = uint8(i)
	}
	return s
}

// AppendState appends the bytes of s to dst and returns them.
//
//	format uvarint | index uvarint | term uvarint | time uvarint | parts uvarint | len(cluster) uvarint | cluster |
//	16 × (keyspace uint8 | keys uvarint | expires uvarint)
func AppendState(dst []byte, s State) []byte {
	dst = binary.AppendUvarint(dst, FormatVersion)
	dst = binary.AppendUvarint(dst, s.Index)
	dst = binary.AppendUvarint(dst, s.Term)
	dst = binary.AppendUvarint(dst, uint64(s.Time))
	dst = binary.AppendUvarint(dst, s.Parts)
	dst = binary.AppendUvarint(dst, uint64(len(s.Cluster)))
	dst = append(dst, s.Cluster...)
	for _, d := range s.Databases {
		dst = append(dst, d.Keyspace)
		dst = binary.AppendUvarint(dst, d.Keys)
		dst = binary.AppendUvarint(dst, d.Expires)
	}
	return dst
}

// ParseState reads what AppendState wrote.
func ParseState(b []byte) (State, error) {
	d := decoder{b: b}
	if v := d.uvarint(); v != FormatVersion && !d.bad {
		return State{}, fmt.Errorf("%w: format version %d, this program reads %d", ErrCorrupt, v, FormatVersion)
	}
	s := State{Index: d.uvarint(), Term: d.uvarint(), Time: int64(d.uvarint()), Parts: d.uvarint()}
	s.Cluster = string(d.bytes(d.uvarint()))
	for i := range s.Databases {
		s.Databases[i] = Database{Keyspace: d.byte(), Keys: d.uvarint(), Expires: d.uvarint()}
	}
	if d.bad || len(d.b) != 0 {
		return State{}, fmt.Errorf("%w: state row", ErrCorrupt)
	}
	return s, nil
}

// Record is the snapshot record: all that taking a snapshot writes. The store itself is the snapshot's content.
type Record struct {
	Index, Term   uint64 // what the snapshot covers; never ahead of what is applied
	ConfigIndex   uint64 // the log index of Config
	ConfigVersion uint64 // raft.SnapshotVersion
	Config        []byte // the membership, as raft.EncodeConfiguration writes it
}

// AppendRecord appends the bytes of r to dst and returns them.
//
//	format uvarint | index uvarint | term uvarint | configIndex uvarint | configVersion uvarint | config
func AppendRecord(dst []byte, r Record) []byte {
	dst = binary.AppendUvarint(dst, FormatVersion)
	dst = binary.AppendUvarint(dst, r.Index)
	dst = binary.AppendUvarint(dst, r.Term)
	dst = binary.AppendUvarint(dst, r.ConfigIndex)
	dst = binary.AppendUvarint(dst, r.ConfigVersion)
	return append(dst, r.Config...)
}

// ParseRecord reads what AppendRecord wrote. Config is a copy.
func ParseRecord(b []byte) (Record, error) {
	d := decoder{b: b}
	if v := d.uvarint(); v != FormatVersion && !d.bad {
		return Record{}, fmt.Errorf("%w: format version %d, this program reads %d", ErrCorrupt, v, FormatVersion)
	}
	r := Record{Index: d.uvarint(), Term: d.uvarint(), ConfigIndex: d.uvarint(), ConfigVersion: d.uvarint()}
	if d.bad {
		return Record{}, fmt.Errorf("%w: snapshot record", ErrCorrupt)
	}
	r.Config = append([]byte(nil), d.b...)
	return r, nil
}

// AppendRestored appends to dst the bytes of a row that says: a restore has brought the state to index and emptied
// the Raft log, so that the log may end before index.
//
//	format uvarint | index uvarint
func AppendRestored(dst []byte, index uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, FormatVersion), index)
}

// ParseRestored reads what AppendRestored wrote.
func ParseRestored(b []byte) (index uint64, err error) {
	d := decoder{b: b}
	if v := d.uvarint(); v != FormatVersion && !d.bad {
		return 0, fmt.Errorf("%w: format version %d, this program reads %d", ErrCorrupt, v, FormatVersion)
	}
	index = d.uvarint()
	if d.bad || len(d.b) != 0 {
		return 0, fmt.Errorf("%w: restored row", ErrCorrupt)
	}
	return index, nil
}

// Pieces says which pieces of a large log entry there are: number 0 to Count-1, Bytes in all.
type Pieces struct{ ID, Count, Bytes uint64 }

// AppendPieces appends the bytes of p to dst and returns them.
//
//	format uvarint | id uvarint | count uvarint | bytes uvarint
func AppendPieces(dst []byte, p Pieces) []byte {
	dst = binary.AppendUvarint(dst, FormatVersion)
	dst = binary.AppendUvarint(dst, p.ID)
	dst = binary.AppendUvarint(dst, p.Count)
	return binary.AppendUvarint(dst, p.Bytes)
}

// ParsePieces reads what AppendPieces wrote.
func ParsePieces(b []byte) (Pieces, error) {
	d := decoder{b: b}
	if v := d.uvarint(); v != FormatVersion && !d.bad {
		return Pieces{}, fmt.Errorf("%w: format version %d, this program reads %d", ErrCorrupt, v, FormatVersion)
	}
	p := Pieces{ID: d.uvarint(), Count: d.uvarint(), Bytes: d.uvarint()}
	if d.bad || len(d.b) != 0 {
		return Pieces{}, fmt.Errorf("%w: pieces row", ErrCorrupt)
	}
	return p, nil
}

// decoder reads from the front of b; after the first short read bad is true and every read gives zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || d.bad {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	b := d.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (d *decoder) bytes(n uint64) []byte {
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

// ReachedLen is how many bytes AppendReached appends.
const ReachedLen = 8 + 4

// AppendReached appends to dst the bytes of the file that says up to which entry the Raft log was applied.
//
//	index uint64 BE | crc32c uint32 BE
func AppendReached(dst []byte, index uint64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, index)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[len(dst)-8:], castagnoli))
}

// ParseReached reads what AppendReached wrote, ReachedLen bytes. Anything else, as a power cut may leave it, is 0: it
// says nothing.
func ParseReached(b []byte) (index uint64) {
	if len(b) != ReachedLen || crc32.Checksum(b[:8], castagnoli) != binary.BigEndian.Uint32(b[8:]) {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
