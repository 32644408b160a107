package layout

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// seed gives a fuzz test the bytes of all examples, whole and cut.
func seed(f *testing.F) {
	for _, e := range examples() {
		f.Add(e.bytes)
		f.Add(e.bytes[:len(e.bytes)/2])
		f.Add(append(bytes.Clone(e.bytes), 0))
	}
	f.Add(bytes.Repeat([]byte{0xff}, 64))
}

// roundTrip holds: bytes that a parser refuses are corrupt; of what it accepts it loses nothing.
func roundTrip[T any](f *testing.F, parse func([]byte) (T, error), appendTo func([]byte, T) []byte, canonical bool) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parse(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v is not ErrCorrupt", err)
			}
			return
		}
		again := appendTo(nil, x)
		if canonical && !bytes.Equal(again, b) {
			t.Errorf("%x parsed as %+v, which is %x", b, x, again)
		}
		if y, err := parse(again); err != nil || !reflect.DeepEqual(x, y) {
			t.Errorf("%+v came back as %+v, %v", x, y, err)
		}
	})
}

func FuzzKey(f *testing.F) {
	roundTrip(f, parseKey, func(dst []byte, k parsedKey) []byte {
		return append(AppendPosition(dst, k.Keyspace, k.Position), k.Key...)
	}, true)
}

// FuzzExpiry: the position is not parsed, so only one that is the key's comes back.
func FuzzExpiry(f *testing.F) {
	roundTrip(f, parseExpiry, func(dst []byte, k parsedKey) []byte {
		return AppendExpiry(dst, k.ExpireAt, k.Keyspace, []byte(k.Key))
	}, false)
}

func FuzzRow(f *testing.F) { roundTrip(f, ParseRow, AppendRow, true) }

// FuzzState and FuzzRecord: a number may be written with more bytes than it needs, which nobody does.
func FuzzState(f *testing.F) { roundTrip(f, ParseState, AppendState, false) }

func FuzzRecord(f *testing.F) { roundTrip(f, ParseRecord, AppendRecord, false) }

func FuzzRestored(f *testing.F) { roundTrip(f, ParseRestored, AppendRestored, false) }

func FuzzChunked(f *testing.F) { roundTrip(f, ParseChunked, AppendChunked, false) }

func FuzzPieces(f *testing.F) { roundTrip(f, ParsePieces, AppendPieces, false) }

// FuzzBuild goes the other way: whatever is appended is parsed.
func FuzzBuild(f *testing.F) {
	f.Add(uint8(3), []byte("foo"), int64(1763769600000), uint64(7), uint64(1)<<40, []byte("bar"))
	f.Add(uint8(255), []byte("{}"), int64(-1), uint64(0), ^uint64(0), []byte{})
	f.Fuzz(func(t *testing.T, n uint8, k []byte, at int64, a, b uint64, payload []byte) {
		s := NewState()
		s.Index, s.Term, s.Time, s.Parts, s.Cluster = a, b, at, b, string(k)
		s.Databases[n%Databases] = Database{Keyspace: n, Keys: a, Expires: b}
		r := Row{Type: Type(n), Encoding: Encoding(n % 3), Version: a, WrittenAt: int64(uint32(b)) * 1000, ExpireAt: at, Parts: a, Payload: payload}
		if len(payload) == 0 {
			r.Payload = []byte{}
		}
		for _, e := range []example{
			key(n, string(k)), expiry(at, n, string(k)), part(n, a, string(k)), name(string(k)), row("", r), state("", s),
			record("", Record{Index: a, Term: b, ConfigIndex: b, ConfigVersion: a, Config: append([]byte(nil), payload...)}),
		} {
			if err := e.check(e.bytes); err != nil {
				t.Errorf("%s: %v", e.name, err)
			}
		}
		if n := len(AppendRow(nil, r)); n != RowSize(r) {
			t.Errorf("a row has %d bytes, and RowSize says %d", n, RowSize(r))
		}
	})
}

// TestRefused: cut bytes, and bytes that no Append function writes, are corrupt.
func TestRefused(t *testing.T) {
	volatile, parted := AppendRow(nil, Row{Type: String, ExpireAt: 1}), AppendRow(nil, Row{Type: 200, Parts: 1})
	parsers := []struct {
		name  string
		whole []byte // ends where its fixed part ends
		parse func([]byte) error
	}{
		{"key", AppendKey(nil, 0, nil), func(b []byte) error { _, err := parseKey(b); return err }},
		{"expiry", AppendExpiry(nil, 1, 0, nil), func(b []byte) error { _, err := parseExpiry(b); return err }},
		{"row", volatile, func(b []byte) error { _, err := ParseRow(b); return err }},
		{"part", AppendPart(nil, 0, 1, nil), func(b []byte) error { _, err := parsePart(b); return err }},
		{"part row", AppendPartRow(nil, nil), func(b []byte) error { _, err := ParsePartRow(b); return err }},
		{"row with parts", parted, func(b []byte) error { _, err := ParseRow(b); return err }},
		{"state", AppendState(nil, NewState()), func(b []byte) error { _, err := ParseState(b); return err }},
		{"record", AppendRecord(nil, Record{}), func(b []byte) error { _, err := ParseRecord(b); return err }},
		{"restored", AppendRestored(nil, 300), func(b []byte) error { _, err := ParseRestored(b); return err }},
		{"chunked", AppendChunked(nil, 300), func(b []byte) error { _, err := ParseChunked(b); return err }},
		{"pieces", AppendPieces(nil, Pieces{Count: 300}), func(b []byte) error { _, err := ParsePieces(b); return err }},
		{"member's name", AppendMember(nil, nil), func(b []byte) error { _, err := parseMember(b); return err }},
		{"row's name", AppendName(nil, nil), func(b []byte) error { _, err := parseName(b); return err }},
	}
	for _, p := range parsers {
		t.Run(p.name, func(t *testing.T) {
			if err := p.parse(p.whole); err != nil {
				t.Fatal(err)
			}
			for n := range p.whole {
				if err := p.parse(p.whole[:n]); !errors.Is(err, ErrCorrupt) {
					t.Errorf("the first %d of %d bytes: %v", n, len(p.whole), err)
				}
			}
			other := bytes.Clone(p.whole)
			other[0]++ // the tag, the format version
			if err := p.parse(other); !strings.HasPrefix(p.name, "row") && !errors.Is(err, ErrCorrupt) {
				t.Errorf("with another first byte: %v", err)
			}
		})
	}
	flags, never, slot := bytes.Clone(volatile), bytes.Clone(volatile), AppendKey(nil, 0, nil)
	flags[1] |= 16 // a flag of the future
	encoding := bytes.Clone(volatile)
	encoding[1] |= 4 | 8    // an encoding of the future
	never[len(never)-1] = 0 // an expiry that is none
	slot[2] = 0x40          // slot 16384
	nowhere := bytes.Clone(parted)
	nowhere[len(nowhere)-1] = 0 // parts under no id
	long := append(AppendState(nil, NewState()), 0)
	for name, err := range map[string]error{
		"unknown flag": parsers[2].parse(flags), "unknown encoding": parsers[2].parse(encoding), "expiry of 0": parsers[2].parse(never), "parts of 0": parsers[2].parse(nowhere),
		"slot of 16384": parsers[0].parse(slot), "bytes behind the state": parsers[6].parse(long),
	} {
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
