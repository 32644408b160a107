package storage

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// Stage is a state being received beside the current one. Write it a checkpoint stream, then Finish and Adopt, or
// Abort. It is for one goroutine.
type Stage struct {
	s    *Store
	name string
	pipe *io.PipeWriter
	done chan error // the unpacker's result, sent once

	finished bool
	err      error
	adopted  bool // CURRENT names it, or may
}

// NewStage starts to receive a state. The caller ends it with Abort, which does nothing after Adopt.
func (s *Store) NewStage() (*Stage, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if s.o.ReadOnly {
		return nil, fmt.Errorf("storage: new stage: %w", pebble.ErrReadOnly)
	}
	g := &Stage{s: s, name: freshName(enginePrefix), done: make(chan error, 1)}
	if err := MkdirAll(s.o.FS, s.path(g.name)); err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	g.pipe = w
	go func() {
		err := g.unpack(bufio.NewReaderSize(r, 256<<10))
		_ = r.CloseWithError(err) // never fails; a writer in Write gets err
		g.done <- err
	}()
	return g, nil
}

// Write takes the next bytes of the stream.
func (g *Stage) Write(p []byte) (int, error) { return g.pipe.Write(p) }

// Finish returns nil once the whole stream was received, found intact and made durable. It is idempotent.
func (g *Stage) Finish() error { return g.finishUnpack(nil) }

func (g *Stage) finishUnpack(cause error) error {
	if !g.finished {
		g.finished = true
		_ = g.pipe.CloseWithError(cause) // never fails
		g.err = <-g.done
	}
	return g.err
}

// Abort stops receiving and removes what came, unless it was adopted. It is idempotent.
func (g *Stage) Abort() error {
	_ = g.finishUnpack(ErrStream) // why it stopped is the caller's choice
	if g.adopted {
		return nil
	}
	if err := g.s.o.FS.RemoveAll(g.s.path(g.name)); err != nil {
		return fmt.Errorf("storage: remove stage: %w", err)
	}
	return nil
}

func (g *Stage) unpack(r io.Reader) error {
	var header [streamHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return fmt.Errorf("%w: header: %w", ErrStream, err)
	}
	if !bytes.HasPrefix(header[:], []byte(streamMagic)) {
		return fmt.Errorf("%w: it does not begin with %s", ErrStream, streamMagic)
	}
	if v := binary.BigEndian.Uint32(header[8:]); v != layout.FormatVersion {
		return fmt.Errorf("%w: format version %d, this program reads %d", ErrStream, v, layout.FormatVersion)
	}
	last := ""
	for i := range binary.BigEndian.Uint32(header[12:]) {
		name, err := g.unpackFile(r, last)
		if err != nil {
			return fmt.Errorf("storage: receive file %d: %w", i, err)
		}
		last = name
	}
	if _, err := io.ReadFull(r, header[:1]); err != io.EOF {
		return fmt.Errorf("%w: bytes behind the last file", ErrStream)
	}
	return syncDir(g.s.o.FS, g.s.path(g.name))
}

// unpackFile reads one file of the stream and returns its name, which must come after last.
func (g *Stage) unpackFile(r io.Reader, last string) (string, error) {
	crc := crc32.New(castagnoli)
	body := io.TeeReader(r, crc)
	var n [8]byte
	if _, err := io.ReadFull(body, n[:4]); err != nil {
		return "", fmt.Errorf("%w: name: %w", ErrStream, err)
	}
	nameLen := binary.BigEndian.Uint32(n[:])
	if nameLen > maxNameLen {
		return "", fmt.Errorf("%w: name of %d bytes", ErrStream, nameLen)
	}
	b := make([]byte, nameLen)
	if _, err := io.ReadFull(body, b); err != nil {
		return "", fmt.Errorf("%w: name: %w", ErrStream, err)
	}
	// The name comes from a peer: it must not lead out of the stage.
	name := string(b)
	if !isFileName(name) || name <= last {
		return "", fmt.Errorf("%w: name %q after %q", ErrStream, name, last)
	}
	if _, err := io.ReadFull(body, n[:]); err != nil {
		return "", fmt.Errorf("%w: size: %w", ErrStream, err)
	}
	size := binary.BigEndian.Uint64(n[:])
	if size > 1<<62 {
		return "", fmt.Errorf("%w: %s has %d bytes", ErrStream, name, size)
	}
	if err := copyFile(g.s.o.FS, g.s.o.FS.PathJoin(g.s.path(g.name), name), body, int64(size)); err != nil {
		return "", err
	}
	want := crc.Sum32()
	if _, err := io.ReadFull(r, n[:4]); err != nil {
		return "", fmt.Errorf("%w: checksum of %s: %w", ErrStream, name, err)
	}
	if got := binary.BigEndian.Uint32(n[:]); got != want {
		return "", fmt.Errorf("%w: checksum of %s is %08x, want %08x", ErrStream, name, got, want)
	}
	return name, nil
}

// copyFile writes the next size bytes of r to a new file and syncs it.
func copyFile(fs FS, path string, r io.Reader, size int64) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	n, err := io.CopyN(f, r, size)
	switch {
	case err == io.EOF:
		err = fmt.Errorf("%w: it ends in %s, %d bytes short", ErrStream, fs.PathBase(path), size-n)
	case err == nil:
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
