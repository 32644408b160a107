package rdb

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestGolden: payloads that redis-server 7.0 has written, and what they hold.
func TestGolden(t *testing.T) {
	for _, test := range []struct {
		payload string
		kind    Kind
		want    string // items, with spaces
		scores  []float64
		again   bool // it is what is written here too
	}{
		{"000568656c6c6f0a006372df766534200a", String, "hello", nil, true},
		{"00000a005d9b5c400f7fa2da", String, "", nil, true},
		{"00c0070a0074cd48a283abce92", String, "7", nil, true},
		{"00c17fff0a001760822854808480", String, "-129", nil, true},
		{"00c2409c00000a0009cd631ff3b98cf2", String, "40000", nil, true},
		{"00c2000000800a00c74f873e33558187", String, "-2147483648", nil, true},
		{"000a323134373438333634380a00e7b129a34c1d76ee", String, "2147483648", nil, true},
		{"00c3093c016161e02f000161610a00a67e08b217d09780", String, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", nil, false},
		{"04010166c1e8030a000aa4344f8f488c88", Hash, "f 1000", nil, true},
		{"0201016d0a00c6fcb657e086a5b0", Set, "m", nil, true},
		{"0501016d000000000000f83f0a0086ee8a3d9a70e97f", SortedSet, "m", []float64{1.5}, true},
		{"1013130000000400816602c3e802816702817802ff0a00516a5330e3782171", Hash, "f 1000 g x", nil, false},
		{"0b140400000003000000fbffffff01000000701101000a0086a0bbcf3a22ed25", Set, "-5 1 70000", nil, false},
		{"1118180000000400816e02842d696e6605816d0283312e3504ff0a00edfaf83b518ec62c", SortedSet, "n m", []float64{math.Inf(-1), 1.5}, false},
		{"120102161600000003008161020201f4005ed0b20000000009ff0a00d715c58a27aac335", List, "a 2 3000000000", nil, false},
	} {
		b, err := hex.DecodeString(test.payload)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Parse(b)
		got := string(bytes.Join(v.Items, []byte(" ")))
		if err != nil || v.Kind != test.kind || got != test.want || !slices.Equal(v.Scores, test.scores) {
			t.Errorf("%s: %d %q %v, %v", test.payload, v.Kind, got, v.Scores, err)
		}
		if again := write(v); bytes.Equal(again, b) != test.again {
			t.Errorf("%s is written as %x", test.payload, again)
		}
	}
}

func write(v Value) []byte {
	n := len(v.Items)
	if v.Kind == Hash {
		n /= 2
	}
	w := NewWriter(v.Kind, n)
	for i, item := range v.Items {
		if w.AddText(item); v.Kind == SortedSet {
			w.AddScore(v.Scores[i])
		}
	}
	return w.Finish()
}

// TestDamaged: every bit that is flipped, and every cut, is noticed by the checksum; and behind a right checksum all
// that cannot be is refused.
func TestDamaged(t *testing.T) {
	w := NewWriter(Hash, 1)
	w.AddText([]byte("field"))
	w.AddText([]byte("value"))
	payload := w.Finish()
	for i := range payload {
		for bit := range 8 {
			flipped := bytes.Clone(payload)
			flipped[i] ^= 1 << bit
			if _, err := Parse(flipped); !errors.Is(err, ErrChecksum) {
				t.Errorf("bit %d of byte %d: %v", bit, i, err)
			}
		}
		if _, err := Parse(payload[:i]); !errors.Is(err, ErrChecksum) {
			t.Errorf("%d bytes: %v", i, err)
		}
	}
	if _, err := Parse(Seal([]byte("\x00\x01a"), Version+1)); !errors.Is(err, ErrChecksum) {
		t.Errorf("a newer version: %v", err)
	}
	for name, body := range map[string]string{
		"nothing":                      "",
		"an unknown type":              "\x63\x01a",
		"a stream":                     "\x13\x00",
		"a module":                     "\x07\x00",
		"a cut text":                   "\x00\x05abc",
		"a length of no form":          "\x00\x82abc",
		"a text of no form":            "\x00\xc4abc",
		"a cut number":                 "\x00\xc2\x01",
		"an empty list":                "\x01\x00",
		"a cut list":                   "\x01\x03\x01a",
		"a set with a member twice":    "\x02\x02\x01a\x01a",
		"a hash with a field twice":    "\x04\x02\x01a\x01b\x01a\x01c",
		"a score of NaN":               "\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f",
		"an old score of NaN":          "\x03\x01\x01a\xfd",
		"an old score of no number":    "\x03\x01\x01a\x01x",
		"a member without its score":   "\x11\x0b\x0b\x00\x00\x00\x01\x00\x81a\x02\xff",
		"a field without its value":    "\x10\x0a\x0a\x00\x00\x00\x01\x00\x81a\x02\xff",
		"a listpack of another size":   "\x10\x0a\x0b\x00\x00\x00\x01\x00\x81a\x02\xff",
		"a listpack without its end":   "\x10\x09\x09\x00\x00\x00\x01\x00\x81a\x02",
		"a listpack of no form":        "\x10\x0a\x0a\x00\x00\x00\x01\x00\xf5a\x02\xff",
		"an intset of no width":        "\x0b\x09\x01\x00\x00\x00\x01\x00\x00\x00a",
		"an intset that is cut":        "\x0b\x09\x02\x00\x00\x00\x01\x00\x00\x00a",
		"a node of no container":       "\x12\x01\x03\x01a",
		"LZF that goes back too far":   "\x00\xc3\x04\x05\x00a\x20\x01",
		"LZF that ends early":          "\x00\xc3\x02\x05\x00a",
		"LZF that is longer than told": "\x00\xc3\x04\x01\x02abc",
		"LZF that claims the world":    "\x00\xc3\x02\x80\xff\xff\xff\xff\x00a",
		"a zipmap that is cut":         "\x09\x04\x01\x01a\xff",
	} {
		if v, err := Parse(Seal([]byte(body), Version)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

// TestBounds: a payload costs what it is. Of one that claims more, or that grows, nothing is made before it is known to
// be there.
func TestBounds(t *testing.T) {
	many := append([]byte{byte(List), length32, 0, 0x20, 0, 1}, make([]byte, MaxItems+1)...)
	bomb := append([]byte{byte(List), 4}, bytes.Repeat(lzf(t, 80<<20), 4)...)
	for name, test := range map[string]struct {
		body []byte
		want error
		most uint64 // bytes that may be allocated
	}{
		"a text of 4 GiB":            {[]byte("\x00\x80\xff\xff\xff\xffa"), ErrFormat, 1 << 20},
		"a text of 2^64 bytes":       {[]byte("\x00\x81\xff\xff\xff\xff\xff\xff\xff\xffa"), ErrFormat, 1 << 20},
		"4 G elements":               {[]byte("\x01\x80\xff\xff\xff\xff\x01a"), ErrFormat, 1 << 20},
		"more elements than allowed": {many, ErrTooLarge, 1 << 20},
		"more than can be unpacked":  {bomb, ErrTooLarge, 300 << 20},
		"an intset of 4 G numbers":   {[]byte("\x0b\x08\x02\x00\x00\x00\xff\xff\xff\xff"), ErrFormat, 1 << 20},
	} {
		payload := Seal(test.body, Version)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse(payload)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, test.want) || after.TotalAlloc-before.TotalAlloc > test.most {
			t.Errorf("%s: %v, %d bytes are allocated", name, err, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

// lzf makes a compressed text of n bytes, all of them the same.
func lzf(t *testing.T, n int) []byte {
	t.Helper()
	packed := []byte{0, 'a'}
	left := n - 1
	for ; left >= 264; left -= 264 {
		packed = append(packed, 0xe0, 0xff, 0)
	}
	for range left {
		packed = append(packed, 0, 'a')
	}
	w := Writer{b: []byte{lzfText}}
	w.appendLength(len(packed))
	w.appendLength(n)
	return append(w.b, packed...)
}

func TestLZF(t *testing.T) {
	for _, n := range []int{1, 2, 264, 265, 1000, 100_000} {
		v, err := Parse(Seal(append([]byte{byte(String)}, lzf(t, n)...), Version))
		if err != nil || string(v.Items[0]) != strings.Repeat("a", n) {
			t.Errorf("%d bytes: %d, %v", n, len(v.Items), err)
		}
	}
}

// FuzzPayload holds: whatever is behind a right checksum is refused, or a value that is written and read again as it
// is.
func FuzzPayload(f *testing.F) {
	for _, body := range []string{
		"\x00\x03abc", "\x00\xc0\x05", "\x00\xc3\x05\x06\x00a\xe0\x00\x00", "\x01\x02\x01a\x01b", "\x02\x01\x01a", "\x04\x01\x01f\x01v",
		"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f", "\x03\x02\x01a\x031.5\x01b\xfe", "\x09\x07\x01\x01f\x01\x00v\xff",
		"\x0a\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01a\xff", "\x0b\x0a\x02\x00\x00\x00\x01\x00\x00\x00\x05\x00",
		"\x10\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xff", "\x11\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x811\x02\xff", "\x12\x02\x01\x01a\x01\x01b",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = Parse(body)
		v, err := Parse(Seal(bytes.Clone(body), Version))
		if err != nil {
			return
		}
		again, err := Parse(write(v))
		same := slices.EqualFunc(v.Items, again.Items, bytes.Equal) && slices.EqualFunc(v.Scores, again.Scores, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
		if err != nil || v.Kind != again.Kind || !same {
			t.Fatalf("%v is written and read as %v, %v", v, again, err)
		}
	})
}
