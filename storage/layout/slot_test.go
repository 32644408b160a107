package layout

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSlot holds Slot to the values of the cluster specification and of redis-cli's CLUSTER KEYSLOT.
func TestSlot(t *testing.T) {
	for key, want := range map[string]uint16{
		"":                     0,
		"foo":                  12182,
		"bar":                  5061,
		"hello":                866,
		"123456789":            0x31c3, // the CRC's own check value
		"{user1000}.following": 3443,
		"{user1000}.followers": 3443,
		"user1000":             3443,
		"foo{}{bar}":           8363,  // an empty tag is none, and the next pair does not count
		"foo{{bar}}zap":        4015,  // the tag is "{bar"
		"foo{bar}{zap}":        5061,  // the first tag counts
		"foo{bar":              15278, // an open tag is none
		"{}foo":                9500,
		"foo{}":                5542,
		"}foo{bar}":            5061,
	} {
		if got := Slot([]byte(key)); got != want {
			t.Errorf("%q has slot %d, want %d", key, got, want)
		}
	}
}

// slowCRC is CRC-16/XMODEM bit by bit, written from its definition.
func slowCRC(b []byte) uint16 {
	var crc uint32
	for _, c := range append(bytes.Clone(b), 0, 0) {
		for bit := 7; bit >= 0; bit-- {
			crc = crc<<1 | uint32(c>>bit&1)
			if crc&0x10000 != 0 {
				crc ^= 0x11021
			}
		}
	}
	return uint16(crc)
}

func FuzzSlot(f *testing.F) {
	f.Add([]byte("foo"), []byte("bar"))
	f.Add([]byte("}{"), []byte("{}"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if got := crc16(a); got != slowCRC(a) {
			t.Errorf("the CRC of %q is %04x, want %04x", a, got, slowCRC(a))
		}
		if Slot(a) >= Slots {
			t.Errorf("%q has slot %d", a, Slot(a))
		}
		// A tag decides alone, whatever is before or behind it.
		if len(a) > 0 && !bytes.Contains(a, []byte("}")) && !bytes.Contains(b, []byte("{")) {
			key := slices.Concat(b, []byte("{"), a, []byte("}"), a, []byte("{}"), b)
			if Slot(key) != crc16(a)%Slots {
				t.Errorf("%q has slot %d, want that of %q, %d", key, Slot(key), a, crc16(a)%Slots)
			}
		}
	})
}

func randomKey(r *rand.Rand) []byte {
	key := make([]byte, r.IntN(12))
	for i := range key {
		key[i] = "ab{}\x00\xff"[r.IntN(6)]
	}
	return key
}

// TestOrder: the Pebble keys of one keyspace are in the order of (position, key), a keyspace is one range, and a
// position is a bound that parts the keys below it from the others.
func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		a, b, ks := randomKey(r), randomKey(r), uint8(r.IntN(256))
		ka, kb := AppendKey(nil, ks, a), AppendKey(nil, ks, b)
		pa, pb := PositionOf(a), PositionOf(b)
		if pa>>32 != Position(Slot(a)) {
			t.Fatalf("position %x of %q does not have slot %d", pa, a, Slot(a))
		}
		want := bytes.Compare(a, b)
		if pa != pb {
			want = -1
			if pa > pb {
				want = 1
			}
		}
		if got := bytes.Compare(ka, kb); got != want {
			t.Fatalf("%q (%x) to %q (%x) is %d, want %d", a, pa, b, pb, got, want)
		}
		bound := AppendPosition(nil, ks, pb)
		if below := bytes.Compare(ka, bound) < 0; below != (pa < pb) {
			t.Fatalf("%q (%x) is below position %x: %v", a, pa, pb, below)
		}
		lo, hi := AppendPosition(nil, ks, 0), AppendPosition(nil, ks, EndPosition)
		if bytes.Compare(lo, ka) > 0 || bytes.Compare(ka, hi) >= 0 {
			t.Fatalf("%q is outside its keyspace", a)
		}
		if ks < 255 && bytes.Compare(hi, AppendPosition(nil, ks+1, 0)) >= 0 {
			t.Fatalf("keyspace %d reaches into the next", ks)
		}
	}
}

// TestExpiryOrder: rows are in the order of their times, and the bounds part what is due from what is not.
func TestExpiryOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		at, now := r.Int64N(1<<(1+r.Int64N(62))), r.Int64N(1<<(1+r.Int64N(62)))
		if r.IntN(4) == 0 {
			now = at + r.Int64N(3) - 1
		}
		pkey := AppendExpiry(nil, at, uint8(r.IntN(256)), randomKey(r))
		lo, hi := ExpiryBounds(now)
		if due := bytes.Compare(lo, pkey) <= 0 && bytes.Compare(pkey, hi) < 0; due != (at <= now) {
			t.Fatalf("at %d, a row of %d is due: %v", now, at, due)
		}
		later := AppendExpiry(nil, at+1, 0, nil)
		if bytes.Compare(pkey, later) >= 0 {
			t.Fatalf("a row of %d is not before one of %d", at, at+1)
		}
	}
}

// TestExpiryHoldsKey: behind the time, an expiry row's Pebble key is the key row's, without its tag.
func TestExpiryHoldsKey(t *testing.T) {
	for _, key := range []string{"", "foo", "{a}b"} {
		if e, k := AppendExpiry(nil, 77, 5, []byte(key)), AppendKey(nil, 5, []byte(key)); !bytes.Equal(e[9:], k[1:]) {
			t.Errorf("%q: %x does not end in %x", key, e, k[1:])
		}
	}
}

func TestTypeNames(t *testing.T) {
	for typ, want := range map[Type]string{String: "string", 99: "type(99)"} {
		if got := fmt.Sprint(typ); got != want {
			t.Errorf("type %d is called %q, want %q", uint8(typ), got, want)
		}
	}
}
