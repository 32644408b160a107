package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/layout"
)

// The stream that catches a follower up is a checkpoint's files, one after the other:
//
//	"CAIRNCKP" | format uint32 BE | files uint32 BE
//	files × ( len(name) uint32 BE | name | size uint64 BE | bytes | crc32c uint32 BE )
//
// Files come in the order of their names. The checksum covers everything of its file before it. Every number but the
// checksums is known before the first byte is sent.
const (
	streamMagic   = "CAIRNCKP"
	streamHeader  = len(streamMagic) + 4 + 4
	maxNameLen    = 255
	fileHeaderLen = 4 + 8
)

// ErrStream is returned when a checkpoint stream is cut, altered or not one.
var ErrStream = errors.New("storage: bad checkpoint stream")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checkpoint is a frozen copy of the store (hard links), read as one stream. It is for one goroutine. The caller
// closes it, which removes the copy.
type Checkpoint struct {
	s     *Store
	dir   string
	files []checkpointFile
	size  int64

	pending io.Reader // what is left of the piece being sent
	next    int       // index of the file to send after it
	open    io.Closer
	sum     *summed
}

type checkpointFile struct {
	name string
	size int64
}

// Checkpoint freezes the newest committed state. It may be newer than any snapshot record read before.
func (s *Store) Checkpoint() (*Checkpoint, error) {
	e, err := s.retain()
	if err != nil {
		return nil, err
	}
	defer e.users.Done()
	if err := e.flush(pebble.NoSync, nil); err != nil {
		return nil, fmt.Errorf("storage: checkpoint: %w", err)
	}
	c := &Checkpoint{s: s, dir: s.path(freshName(checkpointPrefix))}
	if err := e.db.Checkpoint(c.dir, pebble.WithFlushedWAL()); err != nil {
		return nil, errors.Join(fmt.Errorf("storage: checkpoint: %w", err), c.Close())
	}
	if err := c.listFiles(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	header := binary.BigEndian.AppendUint32([]byte(streamMagic), layout.FormatVersion)
	header = binary.BigEndian.AppendUint32(header, uint32(len(c.files)))
	c.pending = bytes.NewReader(header)
	return c, nil
}

func (c *Checkpoint) listFiles() error {
	names, err := c.s.o.FS.List(c.dir)
	if err != nil {
		return fmt.Errorf("storage: list checkpoint: %w", err)
	}
	slices.Sort(names)
	c.size = int64(streamHeader)
	for _, name := range names {
		info, err := c.s.o.FS.Stat(c.s.o.FS.PathJoin(c.dir, name))
		if err != nil {
			return fmt.Errorf("storage: stat checkpoint file: %w", err)
		}
		c.files = append(c.files, checkpointFile{name, info.Size()})
		c.size += int64(fileHeaderLen+len(name)+4) + info.Size()
	}
	return nil
}

// Size returns how many bytes Read will give in all.
func (c *Checkpoint) Size() int64 { return c.size }

// Read implements io.Reader.
func (c *Checkpoint) Read(p []byte) (int, error) {
	for {
		n, err := c.pending.Read(p)
		if n > 0 || (err != nil && err != io.EOF) || len(p) == 0 {
			return n, err
		}
		if err := c.advance(); err != nil {
			return 0, err
		}
	}
}

// advance makes pending the next piece: the checksum of the file just sent, or the next file.
func (c *Checkpoint) advance() error {
	if c.sum != nil {
		if c.sum.left != 0 {
			return fmt.Errorf("storage: checkpoint file %s is %d bytes short", c.files[c.next-1].name, c.sum.left)
		}
		c.pending = bytes.NewReader(binary.BigEndian.AppendUint32(nil, c.sum.crc))
		c.sum = nil
		return c.closeFile()
	}
	if c.next == len(c.files) {
		return io.EOF
	}
	f := c.files[c.next]
	c.next++
	file, err := c.s.o.FS.Open(c.s.o.FS.PathJoin(c.dir, f.name))
	if err != nil {
		return fmt.Errorf("storage: open checkpoint file: %w", err)
	}
	c.open = file
	head := binary.BigEndian.AppendUint32(nil, uint32(len(f.name)))
	head = append(head, f.name...)
	head = binary.BigEndian.AppendUint64(head, uint64(f.size))
	c.sum = &summed{r: io.MultiReader(bytes.NewReader(head), io.LimitReader(file, f.size)), left: int64(len(head)) + f.size}
	c.pending = c.sum
	return nil
}

func (c *Checkpoint) closeFile() error {
	if c.open == nil {
		return nil
	}
	defer func() { c.open = nil }()
	return c.open.Close()
}

// Close removes the frozen copy. It is idempotent.
func (c *Checkpoint) Close() error {
	err := c.closeFile()
	if e := c.s.o.FS.RemoveAll(c.dir); e != nil {
		err = errors.Join(err, fmt.Errorf("storage: remove checkpoint: %w", e))
	}
	return err
}

// summed counts and sums what is read through it.
type summed struct {
	r    io.Reader
	crc  uint32
	left int64
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.crc = crc32.Update(s.crc, castagnoli, p[:n])
	s.left -= int64(n)
	return n, err
}
