package elements

import (
	"bytes"
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

// The forms of the examples, and of what is fuzzed.
var (
	withValues = Form{Type: layout.Hash, Values: true}
	onlyNames  = Form{Type: layout.Set}
)

// example is a payload of a form.
type example struct {
	name    string
	form    Form
	payload []byte
}

// examples are what is on disk somewhere and may not change: a new format gets new examples.
func examples() (found []example) {
	add := func(name string, form Form, h Head, texts ...string) {
		b := AppendHead(nil, h)
		for len(texts) > 0 {
			if n := form.texts(); n == 2 {
				b = form.appendEntry(b, []byte(texts[0]), []byte(texts[1]))
			} else {
				b = form.appendEntry(b, []byte(texts[0]), nil)
			}
			texts = texts[form.texts():]
		}
		found = append(found, example{name, form, b})
	}
	add("one field", withValues, Head{1, 1, 5}, "field", "value")
	add("empty texts, and a past", withValues, Head{2, 100, 300}, "", "v", "f", "")
	add("long texts", withValues, Head{2, 2, 200}, strings.Repeat("f", 130), "v", "f", strings.Repeat("v", 200))
	add("large", withValues, Head{1 << 40, 1 << 41, 1 << 26})
	add("two members", onlyNames, Head{2, 2, 0}, "1", "-20")
	add("an empty member, and a long one", onlyNames, Head{2, 3, 201}, "", strings.Repeat("m", 200))
	return found
}

// texts is how many texts an entry has.
func (f *Form) texts() int {
	if f.Values {
		return 2
	}
	return 1
}

// TestGolden holds payloads to the bytes in testdata, in both directions.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "elements.golden")
	var b strings.Builder
	for _, e := range examples() {
		fmt.Fprintf(&b, "%s\n\t%x\n", e.name, e.payload)
		if again, err := rewritten(e.form, e.payload); err != nil || !bytes.Equal(again, e.payload) {
			t.Errorf("%x is read as %x, %v", e.payload, again, err)
		}
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
}

// rewritten reads a payload to its end, and writes what it has read.
func rewritten(f Form, payload []byte) ([]byte, error) {
	h, entries, err := ParseHead(payload)
	if err != nil {
		return nil, err
	}
	b := AppendHead(nil, h)
	var e entry
	for at := 0; at < len(entries); at = e.end {
		if e, err = f.entryAt(entries, at); err != nil {
			return nil, err
		}
		n := len(b)
		if b = f.appendEntry(b, e.name, e.value); len(b)-n != f.size(e.name, e.value) {
			return nil, fmt.Errorf("an entry of %d bytes, and size says %d", len(b)-n, f.size(e.name, e.value))
		}
		if x, err := f.find(entries, e.name); err != nil || x.value == nil || x.at > e.at {
			return nil, fmt.Errorf("%q at %d is found at %d, %v", e.name, e.at, x.at, err)
		}
	}
	return b, nil
}

// FuzzPayload: bytes that are refused are corrupt; of what is accepted nothing is lost.
func FuzzPayload(f *testing.F) {
	for _, e := range examples() {
		p := e.payload
		f.Add(e.form.Values, p)
		f.Add(e.form.Values, p[:len(p)/2])
		f.Add(e.form.Values, append(bytes.Clone(p), 0))
	}
	f.Add(true, []byte{1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, values bool, b []byte) {
		form := onlyNames
		if values {
			form = withValues
		}
		again, err := rewritten(form, b)
		if err != nil {
			if !errors.Is(err, layout.ErrCorrupt) {
				t.Errorf("%v is not ErrCorrupt", err)
			}
			return
		}
		if twice, err := rewritten(form, again); err != nil || !bytes.Equal(twice, again) {
			t.Errorf("%x becomes %x, and that %x, %v", b, again, twice, err)
		}
	})
}

// TestRefused: what no program writes is corrupt.
func TestRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing": {}, "another format": {2, 1, 1, 1}, "no elements": {1, 0, 1, 1}, "fewer in the past": {1, 2, 1, 1},
		"a cut head": {1, 1, 1}, "a cut name": {1, 1, 1, 1, 5, 'f'}, "no value": {1, 1, 1, 1, 1, 'f'},
		"a length beyond all": append([]byte{1, 1, 1, 1}, bytes.Repeat([]byte{0xff}, 12)...),
	} {
		if again, err := rewritten(withValues, b); !errors.Is(err, layout.ErrCorrupt) {
			t.Errorf("%s: read as %x, %v", name, again, err)
		}
		if again, err := rewritten(onlyNames, b); name != "no value" && !errors.Is(err, layout.ErrCorrupt) {
			t.Errorf("%s of a set: read as %x, %v", name, again, err)
		}
	}
}
