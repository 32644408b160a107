package layout

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// examples of every byte format. What is on disk somewhere may not change: a new FormatVersion gets new examples.
func examples() []example {
	full := NewState()
	full.Index, full.Term, full.Time, full.Parts, full.Cluster = 1<<40, 300, 1763769600000, 129, "c0ffee"
	full.Databases[0] = Database{Keyspace: 15, Keys: 1 << 33, Expires: 127}
	full.Databases[15] = Database{Keyspace: 0, Keys: 128, Expires: 128}
	return []example{
		key(0, ""), key(0, "foo"), key(9, "{user1000}.following"), key(255, "\x00\xff"),
		expiry(1, 0, ""), expiry(1763769600000, 3, "foo"), expiry(1<<63-1, 255, "\x00"),
		row("empty string", Row{Type: String}),
		row("string", Row{Type: String, Version: 7<<20 | 3, WrittenAt: 1763769600000, Payload: []byte("bar")}),
		row("volatile string", Row{Type: String, Version: 1<<64 - 1, WrittenAt: 4294967295000, ExpireAt: 1763769600001, Payload: []byte{0}}),
		row("appended string", Row{Type: String, Encoding: AsRaw, Version: 1, Payload: []byte("10")}),
		row("volatile float", Row{Type: String, Encoding: AsText, ExpireAt: 1, Payload: []byte("3")}),
		row("unknown type", Row{Type: 200, ExpireAt: -1}),
		state("new", NewState()), state("full", full),
		record("empty", Record{}),
		record("full", Record{Index: 1 << 40, Term: 300, ConfigIndex: 129, ConfigVersion: 1, Config: []byte("membership")}),
		{"position", AppendPosition(nil, 2, 12182<<32|0xdeadbeef), nil},
		{"end position", AppendPosition(nil, 2, EndPosition), nil},
		{"state row", []byte(StateRow), nil}, {"record row", []byte(RecordRow), nil},
		{"restored row", []byte(RestoredRow), nil}, parses("restored", AppendRestored(nil, 300), 300, ParseRestored),
		parses("reached", AppendReached(nil, 300), 300, func(b []byte) (uint64, error) { return ParseReached(b), nil }),
		row("collection with parts", Row{Type: 200, Version: 9, ExpireAt: 1763769600001, Parts: 7<<20 | 3, Payload: []byte{5}}),
		part(2, 7<<20|3, "field"), part(255, 1<<64-1, ""), parses("part row", AppendPartRow(nil, []byte("value")), []byte("value"), ParsePartRow),
		name("field"), name(""), {"name hash", AppendNameHash(nil, 0xdeadbeef), nil},
		member("member"), {"members from a name", AppendMemberFrom(nil, []byte("f")), nil},
		row("hash", Row{Type: Hash, Version: 9, Payload: []byte{1}}),
		{"chunk", AppendChunk(nil, AppendKey(nil, 2, []byte("foo")), 258), nil}, parses("chunked", AppendChunked(nil, 1<<26), 1<<26, ParseChunked),
		{"piece", AppendPiece(nil, 258), nil}, {"pieces row", []byte(PiecesRow), nil},
		parses("pieces", AppendPieces(nil, Pieces{ID: 1 << 63, Count: 3, Bytes: 300}), Pieces{ID: 1 << 63, Count: 3, Bytes: 300}, ParsePieces),
	}
}

type example struct {
	name  string
	bytes []byte
	check func([]byte) error // parses the bytes and compares with what they were made of
}

// parses makes an example whose bytes must give want again.
func parses[T any](name string, b []byte, want T, parse func([]byte) (T, error)) example {
	return example{name, b, func(b []byte) error {
		got, err := parse(b)
		if err == nil && !reflect.DeepEqual(got, want) {
			err = fmt.Errorf("parsed as %+v, want %+v", got, want)
		}
		return err
	}}
}

type parsedKey struct {
	ExpireAt int64
	Keyspace uint8
	Position Position
	Key      string
}

func parseKey(b []byte) (parsedKey, error) {
	ks, p, key, err := ParseKey(b)
	return parsedKey{0, ks, p, string(key)}, err
}

func parseExpiry(b []byte) (parsedKey, error) {
	at, ks, key, err := ParseExpiry(b)
	return parsedKey{at, ks, 0, string(key)}, err
}

func key(ks uint8, k string) example {
	want := parsedKey{0, ks, PositionOf([]byte(k)), k}
	return parses(fmt.Sprintf("key %q in %d", k, ks), AppendKey(nil, ks, []byte(k)), want, parseKey)
}

func expiry(at int64, ks uint8, k string) example {
	name := fmt.Sprintf("expiry %q in %d at %d", k, ks, at)
	if n := len(AppendExpiry(nil, at, ks, []byte(k))); n != ExpirySize([]byte(k)) {
		panic(fmt.Sprintf("%s has %d bytes, and ExpirySize says %d", name, n, ExpirySize([]byte(k))))
	}
	return parses(name, AppendExpiry(nil, at, ks, []byte(k)), parsedKey{at, ks, 0, k}, parseExpiry)
}

type parsedPart struct {
	Keyspace uint8
	ID       uint64
	Name     string
}

func parsePart(b []byte) (parsedPart, error) {
	ks, id, name, err := ParsePart(b)
	return parsedPart{ks, id, string(name)}, err
}

func part(ks uint8, id uint64, name string) example {
	return parses(fmt.Sprintf("part %q of %d in %d", name, id, ks), AppendPart(nil, ks, id, []byte(name)), parsedPart{ks, id, name}, parsePart)
}

type parsedName struct {
	Hash    uint32
	Element string
}

func parseName(b []byte) (parsedName, error) {
	hash, element, err := ParseName(b)
	return parsedName{hash, string(element)}, err
}

func name(element string) example {
	want := parsedName{crc32.Checksum([]byte(element), castagnoli), element}
	return parses(fmt.Sprintf("name %q", element), AppendName(nil, []byte(element)), want, parseName)
}

func parseMember(b []byte) (parsedName, error) {
	hash, element, err := ParseMember(b)
	return parsedName{hash, string(element)}, err
}

func member(element string) example {
	want := parsedName{crc32.Checksum([]byte(element), castagnoli), element}
	return parses(fmt.Sprintf("member %q", element), AppendMember(nil, []byte(element)), want, parseMember)
}

func row(name string, r Row) example {
	if r.Payload == nil {
		r.Payload = []byte{}
	}
	return parses("row "+name, AppendRow(nil, r), r, ParseRow)
}

func state(name string, s State) example {
	return parses("state "+name, AppendState(nil, s), s, ParseState)
}

func record(name string, r Record) example {
	return parses("record "+name, AppendRecord(nil, r), r, ParseRecord)
}

// TestGolden holds every format to the bytes in testdata, in both directions.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "layout.golden")
	if *update {
		var b bytes.Buffer
		for _, e := range examples() {
			fmt.Fprintf(&b, "%s\n\t%x\n", e.name, e.bytes)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2*len(examples()) {
		t.Fatalf("%s has %d lines, want two for each of %d examples", path, len(lines), len(examples()))
	}
	for i, e := range examples() {
		t.Run(e.name, func(t *testing.T) {
			golden, err := hex.DecodeString(strings.TrimSpace(lines[2*i+1]))
			if err != nil || lines[2*i] != e.name {
				t.Fatalf("lines %q and %q: %v", lines[2*i], lines[2*i+1], err)
			}
			if !bytes.Equal(e.bytes, golden) {
				t.Errorf("wrote\n\t%x, want\n\t%x", e.bytes, golden)
			}
			if e.check != nil {
				if err := e.check(golden); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestAppendKeepsPrefix: Append functions append.
func TestAppendKeepsPrefix(t *testing.T) {
	for name, f := range map[string]func(dst []byte) []byte{
		"key":      func(dst []byte) []byte { return AppendKey(dst, 1, []byte("k")) },
		"position": func(dst []byte) []byte { return AppendPosition(dst, 1, 5) },
		"expiry":   func(dst []byte) []byte { return AppendExpiry(dst, 1, 1, []byte("k")) },
		"row":      func(dst []byte) []byte { return AppendRow(dst, Row{Type: String}) },
		"state":    func(dst []byte) []byte { return AppendState(dst, NewState()) },
		"record":   func(dst []byte) []byte { return AppendRecord(dst, Record{}) },
		"restored": func(dst []byte) []byte { return AppendRestored(dst, 300) },
		"part":     func(dst []byte) []byte { return AppendPart(dst, 1, 300, []byte("f")) },
		"part row": func(dst []byte) []byte { return AppendPartRow(dst, []byte("v")) },
		"name":     func(dst []byte) []byte { return AppendName(dst, []byte("f")) },
		"hash":     func(dst []byte) []byte { return AppendNameHash(dst, 300) },
		"member":   func(dst []byte) []byte { return AppendMember(dst, []byte("m")) },
		"chunk":    func(dst []byte) []byte { return AppendChunk(dst, []byte("Mk"), 300) },
		"chunked":  func(dst []byte) []byte { return AppendChunked(dst, 300) },
		"piece":    func(dst []byte) []byte { return AppendPiece(dst, 300) },
		"pieces":   func(dst []byte) []byte { return AppendPieces(dst, Pieces{ID: 300}) },
	} {
		if got, want := f([]byte("dst")), append([]byte("dst"), f(nil)...); !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
	}
}
