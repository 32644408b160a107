package str_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/storagetest"
	"cairn/storage/str"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// store is an empty store with a log of its own.
type store struct {
	t     testing.TB
	fs    vfs.FS
	s     *storage.Store
	index uint64
}

func newStore(t testing.TB, fs vfs.FS) *store {
	s := &store{t: t, fs: fs}
	s.open()
	t.Cleanup(func() { must(t, s.s.Close()) })
	return s
}

func (s *store) open() {
	s.t.Helper()
	opened, err := storage.Open("str", storage.Options{FS: s.fs})
	must(s.t, err)
	s.s = opened
}

// apply changes the string at a key in a transaction of its own.
func (s *store) apply(key string, fn func(e *str.Edit) error) {
	s.t.Helper()
	txn, err := s.s.Begin()
	must(s.t, err)
	defer txn.Discard()
	s.index++
	e, isString, err := str.Open(txn, 0, []byte(key))
	if must(s.t, err); !isString {
		s.t.Fatal("no string")
	}
	must(s.t, fn(&e))
	must(s.t, txn.Commit(storage.Applied{Index: s.index, Term: 1}))
}

// read looks the string at a key up in a view.
func (s *store) read(key string, fn func(v str.Value) error) {
	s.t.Helper()
	view, err := s.s.View(1)
	must(s.t, err)
	defer func() { must(s.t, view.Close()) }()
	v, _, _, err := str.Lookup(view, 0, []byte(key))
	must(s.t, err)
	must(s.t, fn(v))
}

// TestPages writes strings whole and in part, with flushes and restarts in between, and compares all ways to read them
// with bytes in memory.
func TestPages(t *testing.T) {
	r := storagetest.Rand(t)
	s := newStore(t, vfs.NewMem())
	var want []byte
	lengths := []int{0, 1, 100, 4095, 4096, 4097, str.MaxEdited, str.MaxEdited + 1, 70_000,
		str.MaxWhole - 1, str.MaxWhole, str.MaxWhole + 12_345}
	length := func() int { return lengths[r.IntN(len(lengths))] }
	for step := range 400 {
		s.apply("k", func(e *str.Edit) error {
			switch n := r.IntN(20); {
			case n == 0:
				want = nil
				return e.RemoveKey()
			case n < 3:
				want = random(r, length())
				return e.Replace(layout.AsSet, 1, want)
			case n < 5:
				patch := random(r, length()/4)
				err := e.Patch(layout.AsRaw, 1, len(want), patch)
				want = append(bytes.Clone(want), patch...)
				return err
			}
			for range 1 + r.IntN(3) { // the edit shows what it has changed
				at, patch := r.IntN(max(len(want), 1)+r.IntN(20_000)), random(r, 1+r.IntN(10_000))
				must(t, e.Patch(layout.AsRaw, 1, at, patch))
				want = str.SetRange(want, at, patch)
				got, err := e.Bytes()
				if must(t, err); !bytes.Equal(got, want) {
					t.Fatalf("after a patch at %d there are %d bytes, want %d", at, len(got), len(want))
				}
			}
			return nil
		})
		switch r.IntN(20) {
		case 0:
			must(t, s.s.Sync())
		case 1:
			must(t, s.s.Close())
			s.open()
		}
		s.read("k", func(v str.Value) error { return compare(r, v, want) })
		if t.Failed() {
			t.Fatalf("at step %d", step)
		}
	}
}

// random returns bytes of which some pages are zero.
func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for at := 0; at < n; at += 1000 {
		if r.IntN(3) == 0 {
			at += r.IntN(20_000)
			continue
		}
		for i := range b[at:min(n, at+1000)] {
			b[at+i] = byte(r.Uint32() & r.Uint32())
		}
	}
	return b
}

type mismatch string

func (m mismatch) Error() string { return string(m) }

// compare reads a string in every way that there is.
func compare(r *rand.Rand, v str.Value, want []byte) error {
	got, err := v.Bytes()
	if err != nil || !bytes.Equal(got, want) || v.Length() != len(want) {
		return mismatch("the whole")
	}
	for range 5 {
		from := r.IntN(len(want) + 1)
		to := from + r.IntN(len(want)-from+1)
		if r.IntN(2) == 0 {
			to = min(len(want), from+r.IntN(10_000))
		}
		if got, err := v.Slice(from, to); err != nil || !bytes.Equal(got, want[from:to]) {
			return mismatch("a slice")
		}
		walked := []byte{}
		err := v.Walk(from, to, func(at int, piece []byte) bool {
			if at != from+len(walked) {
				err = mismatch("a piece is not where it is")
			}
			walked = append(walked, piece...)
			return true
		})
		if err != nil || !bytes.Equal(walked, want[from:to]) {
			return mismatch("a walk")
		}
		if err := compareBits(r, v, want, from*8+r.IntN(8), to*8-r.IntN(8)); err != nil {
			return err
		}
	}
	return nil
}

// compareBits counts and looks for bits.
func compareBits(r *rand.Rand, v str.Value, want []byte, from, to int) error {
	if from >= to {
		return nil
	}
	is := func(bit int) bool { at, mask := str.ByteOf(bit); return want[at]&mask != 0 }
	count, first := 0, [2]int{-1, -1}
	for bit := from; bit < to; bit++ {
		set := 0
		if is(bit) {
			set = 1
			count++
		}
		if first[set] < 0 {
			first[set] = bit
		}
	}
	if n, err := v.CountBits(from, to); err != nil || n != count {
		return mismatch("a count")
	}
	for set, at := range first {
		if found, err := v.FindBit(set == 1, from, to); err != nil || found != at {
			return mismatch("a bit")
		}
	}
	at, width := from+r.IntN(to-from), 1+r.IntN(64)
	n, err := v.Bits(at, width)
	for i := range width {
		if bit := at + i; bit < len(want)*8 && is(bit) != (n>>(width-1-i)&1 == 1) {
			return mismatch("bits")
		}
	}
	return err
}

// TestZerosAreFree: a bit far out costs a page, and so does one of a string of zeros; a page of zeros goes.
func TestZerosAreFree(t *testing.T) {
	s := newStore(t, vfs.NewMem())
	pages := func() (n int) {
		view, err := s.s.View(1)
		must(t, err)
		defer view.Close()
		row, _, err := keys.Lookup(view, 0, []byte("k"))
		must(t, err)
		must(t, keys.WalkParts(view, 0, row, nil, func([]byte, []byte) (bool, error) { n++; return true, nil }))
		return n
	}
	const far = 60 << 20
	s.apply("k", func(e *str.Edit) error { return e.Patch(layout.AsRaw, 1, far, []byte{1}) })
	if n := pages(); n != 1 {
		t.Errorf("a far bit has %d pages", n)
	}
	s.apply("k", func(e *str.Edit) error { return e.Patch(layout.AsRaw, 1, far, []byte{0}) })
	if n := pages(); n != 0 {
		t.Errorf("zeros have %d pages", n)
	}
	s.read("k", func(v str.Value) error {
		if n, err := v.FindBit(true, 0, v.Length()*8); n != -1 || err != nil || v.Length() != far+1 {
			t.Errorf("a bit at %d of %d bytes, %v", n, v.Length(), err)
		}
		return nil
	})
}

// TestFormat: what is on disk of a string in pages, which no later program may take for something else.
func TestFormat(t *testing.T) {
	if str.MaxEdited != 8192 || str.MaxWhole != 1<<20 {
		t.Error("the limits have changed: replicas of two programs would differ")
	}
	s := newStore(t, vfs.NewMem())
	s.apply("k", func(e *str.Edit) error { return e.Patch(layout.AsRaw, 7, 8192, []byte("a\x00b\x00")) })
	view, err := s.s.View(1)
	must(t, err)
	defer view.Close()
	row, _, err := keys.Lookup(view, 0, []byte("k"))
	if must(t, err); row.Type != layout.String || row.Parts != 1 || string(row.Payload) != "\x84\x40\x0c" {
		t.Errorf("the row is %+v", row)
	}
	must(t, keys.WalkParts(view, 0, row, nil, func(name, page []byte) (bool, error) {
		if string(name) != "\x00\x00\x00\x02" || string(page) != "a\x00b" {
			t.Errorf("%x: %q", name, page)
		}
		return true, nil
	}))
	s.apply("k", func(e *str.Edit) error { return e.Replace(layout.AsRaw, 7, make([]byte, 1<<20)) })
	large, err := s.s.View(1)
	must(t, err)
	defer large.Close()
	row, _, err = keys.Lookup(large, 0, []byte("k"))
	if must(t, err); string(row.Payload) != "\x80\x80\x40\x11" {
		t.Errorf("the row of what is written at once is %+v", row)
	}
	for _, payload := range []string{"", "\x80", "\x01", "\x01\x0d", "\x01\x0c\x0c", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x0c"} {
		if _, err := str.Of(view, 0, layout.Row{Type: layout.String, Parts: 1, Payload: []byte(payload)}); !errors.Is(err, layout.ErrCorrupt) {
			t.Errorf("a payload of %q: %v", payload, err)
		}
	}
}
