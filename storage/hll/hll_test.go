package hll

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestSelfTest(t *testing.T) {
	if err := SelfTest(); err != nil {
		t.Error(err)
	}
}

// TestDecode: the register that an element sets is that of redis-server 7.0, as its PFDEBUG DECODE shows it.
func TestDecode(t *testing.T) {
	for _, test := range []struct{ element, want string }{
		{"", "Z:5938 v:2,1 Z:10445"},
		{"a", "Z:12711 v:2,1 Z:3672"},
		{"1234567", "Z:10327 v:3,1 Z:6056"},
		{"12345678", "Z:10579 v:3,1 Z:5804"},
		{"a longer element", "Z:1013 v:1,1 Z:15370"},
	} {
		s := New()
		if changed, err := s.Observe([]byte(test.element)); !changed || err != nil {
			t.Errorf("%q: %v, %v", test.element, changed, err)
		}
		if got := s.Decode(); got != test.want {
			t.Errorf("%q is %q, want %q", test.element, got, test.want)
		}
	}
}

// TestParsedIsNotChanged: a sketch changes none of the bytes that it was made of.
func TestParsedIsNotChanged(t *testing.T) {
	for _, toDense := range []bool{false, true} {
		first := New()
		if _, err := first.Observe([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if toDense {
			if err := first.ToDense(); err != nil {
				t.Fatal(err)
			}
		}
		kept := bytes.Clone(first.Bytes())
		s, ok := Parse(kept)
		if !ok {
			t.Fatal("it is no sketch")
		}
		for i := range 100 {
			if _, err := s.Observe(fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
		s.Stale()
		if !bytes.Equal(kept, first.Bytes()) {
			t.Error("the bytes are others")
		}
	}
}

// TestRunsMeet: neighbours of one value become one run, up to four; what is full stays.
func TestRunsMeet(t *testing.T) {
	s := New()
	for _, test := range []struct {
		register int
		value    uint8
		want     string
	}{
		{5, 3, "z:5 v:3,1 Z:16378"},
		{7, 3, "z:5 v:3,1 z:1 v:3,1 Z:16376"},
		{6, 3, "z:5 v:3,3 Z:16376"},
		{8, 3, "z:5 v:3,4 Z:16375"},
		{4, 3, "z:4 v:3,1 v:3,4 Z:16375"},
		{6, 4, "z:4 v:3,2 v:4,1 v:3,2 Z:16375"},
		{6, 2, "z:4 v:3,2 v:4,1 v:3,2 Z:16375"},
		{0, 1, "v:1,1 z:3 v:3,2 v:4,1 v:3,2 Z:16375"},
		{registers - 1, 32, "v:1,1 z:3 v:3,2 v:4,1 v:3,2 Z:16374 v:32,1"},
	} {
		if _, err := s.Raise(test.register, test.value); err != nil {
			t.Fatal(err)
		}
		if got := s.Decode(); got != test.want {
			t.Errorf("after %d is %d: %q, want %q", test.register, test.value, got, test.want)
		}
	}
	if _, err := s.Raise(9, 33); err != nil || !s.Dense() {
		t.Errorf("a value of 33 leaves it sparse, %v", err)
	}
}

// FuzzSketch holds: whatever a string is, it is no sketch, or corrupt, or one; nothing reads or writes beyond it.
func FuzzSketch(f *testing.F) {
	s := New()
	f.Add(bytes.Clone(s.Bytes()), []byte("a"))
	for i := range 50 {
		if _, err := s.Observe(fmt.Append(nil, i)); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(bytes.Clone(s.Bytes()), []byte("b"))
	f.Add(append(bytes.Clone(s.Bytes()[:headBytes]), 0xff, 0xff, 0x7f), []byte("c"))
	f.Add(append(bytes.Clone(s.Bytes()[:headBytes]), 0x7f, 0xff, 0x7f, 0xff), []byte("c"))
	if err := s.ToDense(); err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Clone(s.Bytes()), []byte("d"))
	f.Fuzz(func(t *testing.T, b, element []byte) {
		s, ok := Parse(b)
		if !ok {
			return
		}
		var all Registers
		_, errCount := s.Estimate()
		errMerge := all.Merge(&s)
		if (errCount == nil) != (errMerge == nil) {
			t.Fatalf("Estimate: %v, Merge: %v", errCount, errMerge)
		}
		if !s.Dense() {
			_ = s.Decode()
		}
		_, errAdd := s.Observe(element)
		for _, err := range []error{errCount, errAdd} {
			if err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
		}
		if errMerge != nil {
			return
		}
		if errAdd != nil {
			t.Fatalf("a right sketch takes no element: %v", errAdd)
		}
		if len(s.Bytes()) > MaxBytes {
			t.Fatalf("%d bytes", len(s.Bytes()))
		}
		var after Registers
		if err := errors.Join(after.Merge(&s), s.ToDense()); err != nil {
			t.Fatal(err)
		}
		raised := 0
		for i := range all {
			if after[i] < all[i] {
				t.Fatalf("register %d goes from %d to %d", i, all[i], after[i])
			}
			if after[i] > all[i] {
				raised++
			}
		}
		if raised > 1 {
			t.Fatalf("one element raises %d registers", raised)
		}
	})
}

// BenchmarkEstimate counts what is in a dense sketch.
func BenchmarkEstimate(b *testing.B) {
	s := New()
	for i := range 100_000 {
		if _, err := s.Observe(fmt.Append(nil, i)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := s.Estimate(); err != nil {
			b.Fatal(err)
		}
	}
}
