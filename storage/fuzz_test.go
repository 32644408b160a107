package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// framed makes a stream of files with right checksums; of each line of in, the first word is a file's name and the
// rest its bytes.
func framed(in []byte) []byte {
	lines := bytes.Split(in, []byte("\n"))
	b := binary.BigEndian.AppendUint32([]byte(streamMagic), layout.FormatVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(lines)))
	for _, line := range lines {
		name, body, _ := bytes.Cut(line, []byte(" "))
		begin := len(b)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(name))), name...)
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(body))), body...)
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b[begin:], castagnoli))
	}
	return b
}

// FuzzStage: a stream from a peer, as it is or with its checksums made right, leads nowhere out of the stage's
// folder, leaves nothing behind, and is refused with ErrStream or received whole.
func FuzzStage(f *testing.F) {
	small := opened(f, vfs.NewMem())
	put(f, small, "M", "k")
	f.Add(streamOf(f, small), false)
	f.Add([]byte("000001.log abc\nCURRENT x\nMANIFEST-000001 "), true)
	f.Add([]byte("../escape x"), true)
	f.Add([]byte("a x\na y"), true)
	f.Add([]byte("/etc/passwd x"), true)
	f.Add(append([]byte(streamMagic), 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff), false)
	fs := vfs.NewMem()
	s := opened(f, fs)
	f.Fuzz(func(t *testing.T, in []byte, frame bool) {
		stream := in
		if frame {
			stream = framed(in)
		}
		before := allNames(t, fs, "", "")
		g, err := receive(s, stream)
		if g == nil {
			t.Fatal(err)
		}
		if err != nil && !errors.Is(err, ErrStream) {
			t.Errorf("%q: %v is not ErrStream", in, err)
		}
		for _, name := range allNames(t, fs, "", "") {
			if !slices.Contains(before, name) && !strings.HasPrefix(name, s.path(g.name)) {
				t.Errorf("%q made %s", in, name)
			}
		}
		must(t, g.Abort())
		if after := allNames(t, fs, "", ""); !slices.Equal(before, after) {
			t.Errorf("%q leaves %q, there was %q", in, after, before)
		}
	})
}

// allNames lists the files of a file system in order.
func allNames(t testing.TB, fs *vfs.MemFS, dir, prefix string) (all []string) {
	t.Helper()
	names, err := fs.List(dir)
	must(t, err)
	slices.Sort(names)
	for _, name := range names {
		path := prefix + name
		all = append(all, path)
		if info, err := fs.Stat(path); err == nil && info.IsDir() {
			all = append(all, allNames(t, fs, path, path+"/")...)
		}
	}
	return all
}
