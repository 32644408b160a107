package zset

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cairn/storage/elements"
	"cairn/storage/layout"
)

var update = flag.Bool("update", false, "write the golden file")

// examples are payloads. What is on disk somewhere may not change: a new format gets new examples.
func examples() (names []string, payloads [][]byte) {
	add := func(name string, h elements.Head, members ...Member) {
		b := elements.AppendHead(nil, h)
		for _, m := range members {
			b = appendEntry(b, m.Score, m.Name)
		}
		names, payloads = append(names, name), append(payloads, b)
	}
	add("one member", elements.Head{Count: 1, Most: 1, Past: 6}, Member{[]byte("member"), 1.5})
	add("all kinds of scores, and a past", elements.Head{Count: 6, Most: 100, Past: 300}, Member{nil, math.Inf(-1)}, Member{[]byte("a"), -2},
		Member{[]byte("b"), math.Copysign(0, -1)}, Member{[]byte("c"), math.SmallestNonzeroFloat64}, Member{[]byte("d"), 1e17}, Member{[]byte("e"), math.Inf(1)})
	add("a long member", elements.Head{Count: 1, Most: 1, Past: 200}, Member{bytes.Repeat([]byte("m"), 200), 0})
	add("large, without its tree", elements.Head{Count: 1 << 40, Most: 1 << 41, Past: 1 << 26})
	return names, payloads
}

// TestGolden holds payloads to the bytes in testdata, in both directions.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "zset.golden")
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
		if !isHex {
			continue
		}
		payload, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := rewritten(payload); err != nil || !bytes.Equal(again, payload) {
			t.Errorf("%x is read as %x, %v", payload, again, err)
		}
	}
}

// rewritten reads a payload to its end, and writes what it has read.
func rewritten(payload []byte) ([]byte, error) {
	h, entries, err := elements.ParseHead(payload)
	if err != nil {
		return nil, err
	}
	b := elements.AppendHead(nil, h)
	z := Set{Head: h, entries: entries}
	err = z.WalkRanks(0, func(member []byte, score float64) (bool, error) {
		n := len(b)
		if b = appendEntry(b, score, member); len(b)-n != entrySize(member) {
			return false, fmt.Errorf("an entry of %d bytes, and entrySize says %d", len(b)-n, entrySize(member))
		}
		if _, ok, err := z.Score(member); err != nil || !ok {
			return false, fmt.Errorf("%q is not found, %v", member, err)
		}
		return true, nil
	})
	return b, err
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
		z, err := Of(nil, 0, layout.Row{Type: layout.SortedSet, Payload: b})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := z.Texts(Text{Text: []byte("a")}, Text{Infinite: 1}, len(b)%2 == 0); err != nil && !errors.Is(err, layout.ErrCorrupt) {
			t.Error(err)
		}
		if _, err := z.Below(1, true); err != nil {
			t.Error(err)
		}
	})
}

// TestRefused: what no program writes is corrupt.
func TestRefused(t *testing.T) {
	nan := append([]byte{1, 1, 1, 1, 8}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	minus := append([]byte{1, 1, 1, 1, 8}, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	for name, b := range map[string][]byte{
		"nothing": {}, "another format": {2, 1, 1, 1}, "no members": {1, 0, 1, 1}, "fewer in the past": {1, 2, 1, 1},
		"a cut head": {1, 1, 1}, "a cut entry": {1, 1, 1, 1, 9, 'f'}, "no score": {1, 1, 1, 1, 1, 'f'}, "not a number": nan, "minus zero": minus,
		"a length beyond all": append([]byte{1, 1, 1, 1}, bytes.Repeat([]byte{0xff}, 12)...),
	} {
		if again, err := rewritten(b); !errors.Is(err, layout.ErrCorrupt) {
			t.Errorf("%s: read as %x, %v", name, again, err)
		}
	}
}

// TestScoreOrder: the bytes of scores are in the order of the scores.
func TestScoreOrder(t *testing.T) {
	scores := []float64{math.Inf(-1), -math.MaxFloat64, -1e10, -1, -math.SmallestNonzeroFloat64, 0, math.SmallestNonzeroFloat64, 0.5, 1, 1e10, math.MaxFloat64, math.Inf(1)}
	for i, s := range scores {
		b := AppendScore(nil, s)
		if got, err := parseScore(b); err != nil || got != s {
			t.Errorf("%g is read as %g, %v", s, got, err)
		}
		if i > 0 && bytes.Compare(AppendScore(nil, scores[i-1]), b) >= 0 {
			t.Errorf("%g is not behind %g", s, scores[i-1])
		}
	}
	if got, err := parseScore(AppendScore(nil, math.Copysign(0, -1))); err != nil || math.Signbit(got) {
		t.Errorf("minus zero is read as %g, %v", got, err)
	}
}
