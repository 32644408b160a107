package entry

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden file")

var example = Entry{
	Time: 1_700_000_000_000,
	Seed: 0x0123456789abcdef,
	Groups: []Group{
		{Calls: []Call{{DB: 0, Argv: [][]byte{[]byte("set"), []byte("foo"), []byte("bar")}}}},
		{Atomic: true, Calls: []Call{
			{DB: 15, Argv: [][]byte{[]byte("incr"), []byte("n")}},
			{DB: 15, Argv: [][]byte{[]byte("append"), {}, []byte("\x00\xff")}},
		}},
	},
}

// TestGolden holds the format: an entry that an older program has written must still be read.
func TestGolden(t *testing.T) {
	const path = "testdata/entry.hex"
	got := Append(nil, example)
	if *update {
		if err := os.WriteFile(path, []byte(hex.EncodeToString(got)+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the bytes have changed: %x, want %x; a new format needs a new Version", got, want)
	}
	if e, err := Parse(want); err != nil || !reflect.DeepEqual(e, example) {
		t.Errorf("the golden bytes read as %+v, %v", e, err)
	}
}

// TestCorrupt: bytes that are no entry are refused, and a short input cannot ask for much memory.
func TestCorrupt(t *testing.T) {
	whole := Append(nil, example)
	for cut := range whole {
		if _, err := Parse(whole[:cut]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut at %d of %d: %v", cut, len(whole), err)
		}
	}
	for name, b := range map[string][]byte{
		"trailing byte":       append(bytes.Clone(whole), 0),
		"version":             append([]byte{2}, whole[1:]...),
		"four billion groups": append(append([]byte{Version, 0}, make([]byte, 8)...), 0xff, 0xff, 0xff, 0xff, 0x0f),
		"unknown group flag":  append(append([]byte{Version, 0}, make([]byte, 8)...), 1, 2, 0),
	} {
		if _, err := Parse(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSize: a group never takes more than Size says; group commit bounds entries by it.
func TestSize(t *testing.T) {
	for i, g := range example.Groups {
		if got := len(appendGroup(nil, g)); got > g.Size() {
			t.Errorf("group %d takes %d bytes, Size says %d", i, got, g.Size())
		}
	}
}

// FuzzParse: arbitrary bytes never panic, and what is an entry is written as the same entry again.
func FuzzParse(f *testing.F) {
	f.Add(Append(nil, example))
	f.Add([]byte{Version})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(Append(nil, e))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%x reads as %+v, written and read again %+v, %v", b, e, again, err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	buf := make([]byte, 0, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], example)
	}
}

func BenchmarkParse(b *testing.B) {
	data := Append(nil, example)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
