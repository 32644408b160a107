package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
	"cairn/storage/storagetest"
)

// streamOf returns the bytes of a checkpoint of s.
func streamOf(t testing.TB, s *Store) []byte {
	t.Helper()
	c, err := s.Checkpoint()
	must(t, err)
	b, err := io.ReadAll(c)
	must(t, err)
	if int64(len(b)) != c.Size() {
		t.Fatalf("the stream has %d bytes, Size said %d", len(b), c.Size())
	}
	must(t, c.Close())
	return b
}

// receive writes a stream into a new stage of s.
func receive(s *Store, stream []byte) (*Stage, error) {
	g, err := s.NewStage()
	if err != nil {
		return nil, err
	}
	_, werr := g.Write(stream)
	ferr := g.Finish()
	if ferr == nil {
		ferr = werr
	}
	return g, ferr
}

// TestRoundTrip: a follower that adopts a checkpoint holds what the leader held, whatever pieces the stream came in.
func TestRoundTrip(t *testing.T) {
	for name, reader := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
		"with EOF": iotest.DataErrReader,
	} {
		t.Run(name, func(t *testing.T) {
			leader, follower := opened(t, vfs.NewMem()), opened(t, vfs.NewMem())
			m := fill(t, leader, "new", 50)
			fill(t, follower, "old", 10)
			c, err := leader.Checkpoint()
			must(t, err)
			put(t, leader, "M", "after the checkpoint")

			g, err := follower.NewStage()
			must(t, err)
			for r := reader(c); err == nil; {
				b := make([]byte, 1000)
				var n int
				n, err = r.Read(b)
				if _, werr := g.Write(b[:n]); werr != nil {
					t.Fatal(werr)
				}
			}
			if err != io.EOF {
				t.Fatal(err)
			}
			if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("behind its end the stream gives %d, %v", n, err)
			}
			must(t, c.Close())
			must(t, c.Close())
			if _, err := g.Write(nil); err != nil { // an empty write at the end is no byte behind the last file
				t.Fatal(err)
			}
			must(t, g.Finish())
			must(t, g.Finish())
			m.record = layout.Record{Index: 49, Term: 2, Config: []byte("of the leader")}
			must(t, follower.Adopt(g, m.record))
			must(t, m.checkStore(follower))
			must(t, g.Abort())
			must(t, m.checkStore(follower))
			put(t, follower, "M", "goes on")
			if left := list(t, leader.o.FS, "db"); len(left) != 3 {
				t.Errorf("the leader's folder holds %q", left)
			}
			if left := list(t, follower.o.FS, "db"); len(left) != 3 {
				t.Errorf("the follower's folder holds %q", left)
			}
		})
	}
}

// refuses holds: a stage that is given stream ends with ErrStream, leaves nothing behind, and the store as it was.
func refuses(t *testing.T, s *Store, stream []byte, what string) {
	t.Helper()
	before := list(t, s.o.FS, "db")
	g, err := receive(s, stream)
	if !errors.Is(err, ErrStream) {
		t.Errorf("%s: %v, want ErrStream", what, err)
	}
	if n := len(list(t, s.o.FS, "db")); n != len(before)+1 {
		t.Errorf("%s: the stage is %d entries in the store's folder", what, n-len(before))
	}
	if err := s.Adopt(g, layout.Record{}); !errors.Is(err, ErrStream) {
		t.Errorf("%s: adopted with %v", what, err)
	}
	must(t, g.Abort())
	must(t, g.Abort())
	if after := list(t, s.o.FS, "db"); !slices.Equal(before, after) {
		t.Errorf("%s: %q became %q", what, before, after)
	}
}

// TestCutStream: no part of a stream is taken for the whole.
func TestCutStream(t *testing.T) {
	s := opened(t, vfs.NewMem())
	stream := streamOf(t, opened(t, vfs.NewMem()))
	m := fill(t, s, "own", 3)
	for n := range stream {
		refuses(t, s, stream[:n], fmt.Sprintf("the first %d of %d bytes", n, len(stream)))
		if t.Failed() {
			return
		}
	}
	refuses(t, s, append(bytes.Clone(stream), 0), "one byte too many")
	must(t, m.checkStore(s))
}

// TestFlippedBits: no altered stream is taken for a good one.
func TestFlippedBits(t *testing.T) {
	r := storagetest.Rand(t)
	leader, s := opened(t, vfs.NewMem()), opened(t, vfs.NewMem())
	fill(t, leader, "x", 100)
	stream, m := streamOf(t, leader), fill(t, s, "own", 3)
	for range 200 {
		altered := bytes.Clone(stream)
		at, bit := r.IntN(len(stream)), byte(1)<<r.IntN(8)
		if r.IntN(2) == 0 {
			at = r.IntN(200) // headers and names
		}
		altered[at] ^= bit
		refuses(t, s, altered, fmt.Sprintf("bit %02x of byte %d", bit, at))
	}
	must(t, m.checkStore(s))
}

type file struct{ name, bytes string }

// build makes a stream as Checkpoint would, of whatever files.
func build(files ...file) []byte {
	b := binary.BigEndian.AppendUint32([]byte(streamMagic), layout.FormatVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(files)))
	for _, f := range files {
		from := len(b)
		b = binary.BigEndian.AppendUint32(b, uint32(len(f.name)))
		b = append(b, f.name...)
		b = binary.BigEndian.AppendUint64(b, uint64(len(f.bytes)))
		b = append(b, f.bytes...)
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
	}
	return b
}

// TestHostileNames: names come from a peer. None leads out of the stage, and none is written twice.
func TestHostileNames(t *testing.T) {
	s := opened(t, vfs.NewMem())
	m := fill(t, s, "own", 3)
	for _, name := range []string{
		"", ".", "..", "/", "../CURRENT", "../../x", "/x", "a/b", "./a", "a/", "\\x", "..\\x", "C:x", ".hidden", "a\x00b", "a b", "ä",
		strings.Repeat("x", maxNameLen+1),
	} {
		refuses(t, s, build(file{name, "x"}), fmt.Sprintf("%.20q", name))
	}
	refuses(t, s, build(file{"a", "1"}, file{"a", "2"}), "a name twice")
	refuses(t, s, build(file{"b", "1"}, file{"a", "2"}), "names out of order")
	must(t, m.checkStore(s))
	g, err := receive(s, build(file{strings.Repeat("x", maxNameLen), ""}, file{"z", "2"}))
	must(t, err)
	must(t, g.Abort())
}

// TestHostileSizes: what a header claims costs nothing until the bytes come.
func TestHostileSizes(t *testing.T) {
	s := opened(t, vfs.NewMem())
	one := build(file{"a", ""})
	number := func(at int, b ...byte) []byte {
		c := bytes.Clone(one)
		copy(c[at:], b)
		return c
	}
	const size = streamHeader + 4 + 1
	for what, stream := range map[string][]byte{
		"4 billion files":       number(12, 0xff, 0xff, 0xff, 0xff),
		"a name of 4 GiB":       number(streamHeader, 0xff, 0xff, 0xff, 0xff),
		"a file of 2^60 bytes":  number(size, 0x10),
		"a file of 2^63 bytes":  number(size, 0x80),
		"a file of 2^64-1":      number(size, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"another magic":         number(0, 'X'),
		"another format":        number(11, layout.FormatVersion+1),
		"less files than there": number(15, 0),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		refuses(t, s, stream, what)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s: %d bytes were allocated", what, n)
		}
	}
}

// TestForeignState: an intact stream that is no state, or one behind its snapshot, is not adopted.
func TestForeignState(t *testing.T) {
	s := opened(t, vfs.NewMem())
	m := fill(t, s, "own", 3)
	empty := opened(t, vfs.NewMem())
	behind := opened(t, vfs.NewMem())
	fill(t, behind, "behind", 9)
	for what, stream := range map[string][]byte{
		"no files": build(), "no database": build(file{"a", "b"}), "nothing applied": streamOf(t, empty), "behind": streamOf(t, behind),
	} {
		index := uint64(10)
		if strings.HasPrefix(what, "no ") {
			index = 0 // refused for what it is, not for where it is
		}
		before := list(t, s.o.FS, "db")
		g, err := receive(s, stream)
		must(t, err)
		if err := s.Adopt(g, layout.Record{Index: index}); err == nil {
			t.Errorf("%s: adopted", what)
		}
		must(t, g.Abort())
		must(t, m.checkStore(s))
		if after := list(t, s.o.FS, "db"); !slices.Equal(before, after) {
			t.Errorf("%s: %q became %q", what, before, after)
		}
	}
}

// TestStageLife: what is called too early, twice or too late gives errors.
func TestStageLife(t *testing.T) {
	leader, s := opened(t, vfs.NewMem()), mustOpen(t, vfs.NewMem())
	m := fill(t, leader, "x", 5)
	stream := streamOf(t, leader)

	g, err := s.NewStage()
	must(t, err)
	if err := s.Adopt(g, m.record); err == nil {
		t.Error("a stage was adopted before it was finished")
	}
	_, err = g.Write(stream)
	must(t, err)
	must(t, g.Finish())
	if _, err := g.Write([]byte("x")); err == nil {
		t.Error("a finished stage takes more")
	}
	must(t, s.Adopt(g, m.record))
	if err := s.Adopt(g, m.record); err == nil {
		t.Error("a stage was adopted twice")
	}
	must(t, g.Abort())
	must(t, m.checkStore(s))

	late, err := receive(s, stream)
	must(t, err)
	must(t, s.Close())
	if err := s.Adopt(late, m.record); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed store adopts: %v", err)
	}
	must(t, late.Abort())
	if _, err := s.NewStage(); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed store makes a stage: %v", err)
	}

	ro, err := Open("db", Options{FS: s.o.FS, ReadOnly: true})
	must(t, err)
	if _, err := ro.NewStage(); !errors.Is(err, pebble.ErrReadOnly) {
		t.Errorf("a store that is only read makes a stage: %v", err)
	}
	if _, err := ro.Checkpoint(); !errors.Is(err, pebble.ErrReadOnly) {
		t.Errorf("a store that is only read makes a checkpoint: %v", err)
	}
	must(t, ro.Close())
}
