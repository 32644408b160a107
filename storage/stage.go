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

// Stage is a state being received beside the current one. Write it a checkpoint stream, then Finish and Adopt, or Abort.
type Stage struct {
	s    *Store
	name string
	pipe *io.PipeWriter
	done chan error // the unpacker's result, sent once

	finished bool
	err      error
}

// NewStage starts to receive a state.
func (s *Store) NewStage() (*Stage, error) {
	g := &Stage{s: s, name: s.freshName(stagePrefix), done: make(chan error, 1)}
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
func (g *Stage) Finish() error { return g.finish(nil) }

func (g *Stage) finish(cause error) error {
	if !g.finished {
		g.finished = true
		_ = g.pipe.CloseWithError(cause) // never fails
		g.err = <-g.done
	}
	return g.err
}

// Abort stops receiving and removes what came.
func (g *Stage) Abort() error {
	_ = g.finish(ErrStream) // why it stopped is the caller's choice
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
	for i := range binary.BigEndian.Uint32(header[12:]) {
		if err := g.unpackFile(r); err != nil {
			return fmt.Errorf("%w: file %d: %w", ErrStream, i, err)
		}
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return fmt.Errorf("%w: bytes behind the last file", ErrStream)
	}
	return syncDir(g.s.o.FS, g.s.path(g.name))
}

func (g *Stage) unpackFile(r io.Reader) error {
	crc := crc32.New(castagnoli)
	body := io.TeeReader(r, crc)
	var n [8]byte
	if _, err := io.ReadFull(body, n[:4]); err != nil {
		return err
	}
	nameLen := binary.BigEndian.Uint32(n[:])
	if nameLen == 0 || nameLen > maxNameLen {
		return fmt.Errorf("name of %d bytes", nameLen)
	}
	name := make([]byte, nameLen)
	if _, err := io.ReadFull(body, name); err != nil {
		return err
	}
	// The name comes from a peer: it must not lead out of the stage.
	fs := g.s.o.FS
	if base := string(name); fs.PathBase(base) != base || base == "." || base == ".." {
		return fmt.Errorf("name %q", name)
	}
	if _, err := io.ReadFull(body, n[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint64(n[:])
	if size > 1<<62 {
		return fmt.Errorf("size %d", size)
	}
	if err := copyFile(fs, fs.PathJoin(g.s.path(g.name), string(name)), body, int64(size)); err != nil {
		return err
	}
	want := crc.Sum32()
	if _, err := io.ReadFull(r, n[:4]); err != nil {
		return err
	}
	if got := binary.BigEndian.Uint32(n[:]); got != want {
		return fmt.Errorf("checksum of %q is %08x, want %08x", name, got, want)
	}
	return nil
}

// copyFile writes the next size bytes of r to a new file and syncs it.
func copyFile(fs FS, path string, r io.Reader, size int64) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, r, size)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Adopt replaces the store's state by a finished stage, whose snapshot record becomes r. Views of the old state stay valid;
// Adopt waits for them, then removes it. A crash leaves the old state or the new, whole. The caller is the writer.
func (s *Store) Adopt(g *Stage, r layout.Record) error {
	if !g.finished || g.err != nil {
		return fmt.Errorf("storage: adopt a stage that is not finished: %w", errors.Join(g.err, ErrStream))
	}
	e, err := s.openEngine(g.name)
	if err != nil {
		return err
	}
	state, err := e.state()
	if err == nil {
		err = e.db.Set([]byte(layout.RecordRow), layout.AppendRecord(nil, r), pebble.Sync)
	}
	if err == nil {
		err = s.setCurrent(g.name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("storage: adopt: %w", err), e.db.Close())
	}
	return s.replace(e, state)
}

// replace makes e the engine and removes the old one.
func (s *Store) replace(e *engine, state layout.State) error {
	s.mu.Lock()
	old := s.mu.engine
	s.mu.engine, s.mu.state = e, state
	s.mu.Unlock()

	old.views.Wait()
	if err := old.db.Close(); err != nil {
		return fmt.Errorf("storage: close the replaced state: %w", err)
	}
	if err := s.o.FS.RemoveAll(s.path(old.name)); err != nil {
		return fmt.Errorf("storage: remove the replaced state: %w", err)
	}
	return nil
}
