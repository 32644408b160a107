package str_test

import (
	"bytes"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
	"cairn/storage/str"
)

// TestOneBitOfMany counts the bytes that are read from the disk and written to it, by a program that has nothing of a
// bitmap of 64 MiB in memory, while one bit of it is read, changed and flushed, and a few bytes are read.
func TestOneBitOfMany(t *testing.T) {
	const size, most = 64 << 20, 512 << 10
	fs := &counting{FS: vfs.NewMem()}
	s := newStore(t, fs)
	some := make([]byte, 1<<20) // Pebble compresses less at a time
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range some {
		some[i] = byte(rnd.Uint32()) | 1
	}
	bitmap := bytes.Repeat(some, size/len(some))
	s.apply("k", func(e *str.Edit) error { return e.Replace(layout.AsRaw, 1, bitmap) })
	must(t, s.s.Close())
	s.open()
	const at = 50_000_000
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"a bit is read", func() {
			s.read("k", func(v str.Value) error {
				n, err := v.Bits(at*8, 8)
				if byte(n) != bitmap[at] {
					t.Errorf("the bits are %x, want %x", n, bitmap[at])
				}
				return err
			})
		}},
		{"a bit is changed", func() {
			s.apply("k", func(e *str.Edit) error {
				b, err := e.Slice(at, at+1)
				must(t, err)
				bitmap[at] ^= 0x80
				return e.Patch(layout.AsRaw, 1, at, []byte{b[0] ^ 0x80})
			})
			must(t, s.s.Sync())
		}},
		{"a range is read", func() {
			s.read("k", func(v str.Value) error { _, err := v.Slice(size/2, size/2+10_000); return err })
		}},
	} {
		fs.read.Store(0)
		fs.written.Store(0)
		test.do()
		if read, written := fs.read.Load(), fs.written.Load(); read > most || written > most || read+written == 0 {
			t.Errorf("%s: %d bytes are read and %d written", test.name, read, written)
		}
	}
	s.read("k", func(v str.Value) error {
		if got, err := v.Slice(at, at+1); err != nil || got[0] != bitmap[at] {
			t.Errorf("afterwards: %x, want %x", got, bitmap[at])
		}
		return nil
	})
}

// counting counts the bytes that are read and written.
type counting struct {
	vfs.FS
	read, written atomic.Int64
}

type countingFile struct {
	vfs.File
	fs *counting
}

func (c *counting) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return f, err
	}
	return countingFile{f, c}, nil
}

func (c *counting) Create(name string, k vfs.DiskWriteCategory) (vfs.File, error) {
	return c.file(c.FS.Create(name, k))
}

func (c *counting) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	return c.file(c.FS.Open(name, o...))
}

func (f countingFile) Read(p []byte) (n int, err error) {
	n, err = f.File.Read(p)
	f.fs.read.Add(int64(n))
	return n, err
}

func (f countingFile) ReadAt(p []byte, at int64) (n int, err error) {
	n, err = f.File.ReadAt(p, at)
	f.fs.read.Add(int64(n))
	return n, err
}

func (f countingFile) Write(p []byte) (n int, err error) {
	n, err = f.File.Write(p)
	f.fs.written.Add(int64(n))
	return n, err
}
