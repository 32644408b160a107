package hash

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cairn/storage/layout"
)

var update = flag.Bool("update", false, "write the golden file")

// examples are payloads. What is on disk somewhere may not change: a new format gets new examples.
func examples() (names []string, payloads [][]byte) {
	add := func(name string, h head, pairs ...string) {
		b := appendHead(nil, h)
		for ; len(pairs) > 0; pairs = pairs[2:] {
			b = appendEntry(b, []byte(pairs[0]), []byte(pairs[1]))
		}
		names, payloads = append(names, name), append(payloads, b)
	}
	add("one field", head{1, 1, 5}, "field", "value")
	add("empty texts, and a past", head{2, 100, 300}, "", "v", "f", "")
	add("long texts", head{2, 2, 200}, strings.Repeat("f", 130), "v", "f", strings.Repeat("v", 200))
	add("large", head{1 << 40, 1 << 41, 1 << 26})
	return names, payloads
}

// TestGolden holds payloads to the bytes in testdata, in both directions.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "hash.golden")
	names, payloads := examples()
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, "%s\n\t%x\n", name, payloads[i])
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil || string(golden) != b.String() {
		t.Fatalf("%v; wrote\n%swant\n%s", err, b.String(), golden)
	}
	for line := range strings.Lines(string(golden)) {
		text, isHex := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "\t")
		payload, err := hex.DecodeString(text)
		if !isHex {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if again, err := rewritten(payload); err != nil || !bytes.Equal(again, payload) {
			t.Errorf("%x is read as %x, %v", payload, again, err)
		}
	}
}

// rewritten reads a payload to its end, and writes what it has read.
func rewritten(payload []byte) ([]byte, error) {
	h, entries, err := parseHead(payload)
	if err != nil {
		return nil, err
	}
	b := appendHead(nil, h)
	var e entry
	for at := 0; at < len(entries); at = e.end {
		if e, err = entryAt(entries, at); err != nil {
			return nil, err
		}
		n := len(b)
		if b = appendEntry(b, e.field, e.value); len(b)-n != entrySize(e.field, e.value) {
			return nil, fmt.Errorf("an entry of %d bytes, and entrySize says %d", len(b)-n, entrySize(e.field, e.value))
		}
		if f, err := findEntry(entries, e.field); err != nil || f.value == nil || f.at > e.at {
			return nil, fmt.Errorf("field %q at %d is found at %d, %v", e.field, e.at, f.at, err)
		}
	}
	return b, nil
}

// FuzzPayload: bytes that are refused are corrupt; of what is accepted nothing is lost.
func FuzzPayload(f *testing.F) {
	_, payloads := examples()
	for _, p := range payloads {
		f.Add(p)
		f.Add(p[:len(p)/2])
		f.Add(append(bytes.Clone(p), 0))
	}
	f.Add([]byte{1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		again, err := rewritten(b)
		if err != nil {
			if !errors.Is(err, layout.ErrCorrupt) {
				t.Errorf("%v is not ErrCorrupt", err)
			}
			return
		}
		if twice, err := rewritten(again); err != nil || !bytes.Equal(twice, again) {
			t.Errorf("%x becomes %x, and that %x, %v", b, again, twice, err)
		}
	})
}

// TestRefused: what no program writes is corrupt.
func TestRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing": {}, "another format": {2, 1, 1, 1}, "no fields": {1, 0, 1, 1}, "fewer in the past": {1, 2, 1, 1},
		"a cut head": {1, 1, 1}, "a cut field": {1, 1, 1, 1, 5, 'f'}, "no value": {1, 1, 1, 1, 1, 'f'},
		"a length beyond all": append([]byte{1, 1, 1, 1}, bytes.Repeat([]byte{0xff}, 12)...),
	} {
		if again, err := rewritten(b); !errors.Is(err, layout.ErrCorrupt) {
			t.Errorf("%s: read as %x, %v", name, again, err)
		}
	}
}
