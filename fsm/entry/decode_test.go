package entry

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestDecoder: a decoder reads entries of all shapes one after the other, cut ones among them, each as if it were the
// first; when it lets go of one it keeps none of its bytes.
func TestDecoder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng, d := rand.New(rand.NewPCG(seed, 0)), &Decoder{}
	for range 300 {
		e := Entry{Time: rng.Int64N(1 << 40), Seed: rng.Uint64()}
		for range rng.IntN(5) {
			g := Group{Atomic: rng.IntN(2) == 0}
			for range rng.IntN(1 + rng.IntN(300)) {
				c := Call{DB: uint8(rng.IntN(16))}
				for range 1 + rng.IntN(4) {
					c.Argv = append(c.Argv, fmt.Append(nil, rng.Uint64N(1<<rng.IntN(60))))
				}
				g.Calls = append(g.Calls, c)
			}
			e.Groups = append(e.Groups, g)
		}
		b := Append(nil, e)
		if rng.IntN(4) == 0 {
			b = b[:rng.IntN(len(b))]
		}
		want, wantErr := Parse(b)
		got, err := d.Parse(b)
		if (err == nil) != (wantErr == nil) || err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v, %v; want %v, %v", got, err, want, wantErr)
		}
		if rng.IntN(2) == 0 {
			continue
		}
		d.Release()
		for _, w := range d.words.all {
			if w != nil {
				t.Fatalf("the decoder keeps %q", w)
			}
		}
		for _, c := range d.calls.all {
			if !reflect.ValueOf(c).IsZero() {
				t.Fatalf("the decoder keeps %v", c)
			}
		}
	}
}

// TestDecoderKeepsRoom: an entry of a thousand calls in many groups costs no memory once one like it was read; what a
// very long one takes is not kept.
func TestDecoderKeepsRoom(t *testing.T) {
	entryOf := func(groups, calls int) []byte {
		e := Entry{Groups: make([]Group, groups)}
		for i := range e.Groups {
			for range calls {
				e.Groups[i].Calls = append(e.Groups[i].Calls, Call{Argv: [][]byte{[]byte("set"), []byte("key"), []byte("value")}})
			}
		}
		return Append(nil, e)
	}
	d, b := &Decoder{}, entryOf(60, 17)
	parse := func() {
		if _, err := d.Parse(b); err != nil {
			t.Fatal(err)
		}
	}
	parse()
	if n := testing.AllocsPerRun(20, parse); n > 0 {
		t.Errorf("%v allocations an entry", n)
	}
	b = entryOf(2, maxKept)
	parse()
	if d.Release(); len(d.calls.all) > maxKept || len(d.words.all) > maxKept {
		t.Errorf("memory for %d calls and %d words is kept", len(d.calls.all), len(d.words.all))
	}
}

// TestNothingAfterShort: after a read of more than there is, every read gives zero.
func TestNothingAfterShort(t *testing.T) {
	d := decoder{b: []byte{1, 2, 3}}
	if b := d.bytes(4); b != nil || !d.bad {
		t.Fatalf("four of three bytes are %v, and that is bad: %v", b, d.bad)
	}
	if v, n, b, s := d.uvarint(), d.length(1), d.byte(), d.bytes(1); v != 0 || n != 0 || b != 0 || s != nil {
		t.Errorf("then a number is %d, a count %d, a byte %d, bytes are %v", v, n, b, s)
	}
}
