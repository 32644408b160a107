package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// entriesDir is the folder of the journal, in that of the store.
const entriesDir = "entries"

// openJournal opens the files of the entries and replays them.
func (s *Store) openJournal(files vfs.FS) error {
	dir := s.opts.FS.PathJoin(s.dir, entriesDir)
	s.journal = &journal{fs: s.opts.FS, dir: dir, log: logger{s.opts.Logger}, bytes: int64(s.opts.FileBytes), ended: s.sumUp}
	begun, err := s.isBegun()
	if err != nil {
		return err
	}
	if s.opts.ReadOnly {
		if begun {
			_, err = s.replayAll()
		}
		return err
	}
	if err := s.opts.FS.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := syncDir(s.opts.FS, s.dir); err != nil {
		return err
	}
	if !begun {
		return s.beginFirst(files)
	}
	logs, err := s.replayAll()
	if err != nil {
		return err
	}
	return s.beginFile(files, logs)
}

// beginFile makes the journal ready for writes, in a file behind logs.
func (s *Store) beginFile(files vfs.FS, logs wal.Logs) (err error) {
	j := s.journal
	if j.wals, err = wal.Init(j.walOptions(files), logs); err != nil {
		return err
	}
	err = j.create()
	s.size.Store(j.size())
	return err
}

// replayAll brings the store to what its files say, and returns those that it needs.
func (s *Store) replayAll() (wal.Logs, error) {
	logs, err := wal.Scan(wal.Dir{FS: s.opts.FS, Dirname: s.journal.dir})
	if err != nil {
		return nil, err
	}
	oldest, newest, err := s.fileNumbers()
	if err != nil {
		return nil, err
	}
	for ; len(logs) > 0 && logs[0].Num < oldest; logs = logs[1:] {
		if err := s.removeFile(s.journal.path(logs[0].Num)); err != nil {
			return nil, err
		}
	}
	s.oldest = oldest
	s.journal.num = oldest - 1
	for i, l := range logs {
		if l.Num != s.journal.num+1 {
			break
		}
		s.journal.num = l.Num
		if err := s.replay(l, i == len(logs)-1); err != nil {
			return nil, err
		}
		if err := s.noteFile(l); err != nil {
			return nil, err
		}
	}
	if n := s.journal.num; len(logs) == 0 || n < max(newest, logs[len(logs)-1].Num) {
		return nil, fmt.Errorf("%w: file %d of the entries is missing", ErrCorrupt, n+1)
	}
	return logs, nil
}

// noteFile notes how long a file is that was replayed, and gives back what it takes of the disk beyond that: whoever
// wrote it may have been killed before he did.
func (s *Store) noteFile(l wal.LogicalLog) error {
	size, err := l.PhysicalSize()
	if err != nil {
		return err
	}
	s.journal.whole = append(s.journal.whole, file{l.Num, int64(size)})
	if s.opts.ReadOnly {
		return nil
	}
	return s.journal.trimFile(l.Num, int64(size))
}

// fileNumbers returns the oldest file that must be there, and the newest that rows say was there.
func (s *Store) fileNumbers() (oldest, newest wal.NumWAL, err error) {
	oldest = 1
	v, err := s.numbers(oldestRow, 1)
	if len(v) == 1 {
		oldest = wal.NumWAL(v[0])
	}
	if err != nil {
		return 0, 0, err
	}
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: summaryRow(0), UpperBound: filesEnd()})
	if err != nil {
		return 0, 0, markCorrupt(err)
	}
	defer iter.Close()
	if iter.Last() && len(iter.Key()) == len(summaryRow(0)) {
		newest = wal.NumWAL(binary.BigEndian.Uint64(iter.Key()[2:]))
	}
	return oldest, newest, markCorrupt(iter.Error())
}

// removeFile removes a file that nobody needs. One that is gone already is no error.
func (s *Store) removeFile(path string) error {
	if s.opts.ReadOnly {
		return nil
	}
	if err := s.opts.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// replay does what the records of a file say, or what its summary does.
func (s *Store) replay(l wal.LogicalLog, last bool) error {
	known, err := s.applySummary(l.Num)
	if known || err != nil {
		return err
	}
	end, err := s.replayRecords(l, last)
	if err != nil || s.opts.ReadOnly {
		return err
	}
	if last {
		if err := s.writeAgain(l.Num, end); err != nil {
			return fmt.Errorf("write file %d of the entries again: %w", l.Num, err)
		}
	}
	return s.sumUp(l.Num)
}

// replayRecords does what the records of a file say, and returns where they end. A crash may have torn the end of the
// last one.
func (s *Store) replayRecords(l wal.LogicalLog, last bool) (end int64, err error) {
	r := l.OpenForRead()
	defer r.Close()
	var buf bytes.Buffer
	for n := 1; ; n++ {
		b, at, err := r.NextRecord()
		if errors.Is(err, io.EOF) || last && errors.Is(err, record.ErrUnexpectedEOF) {
			return at.Physical, nil
		}
		if err == nil {
			buf.Reset()
			_, err = buf.ReadFrom(b)
		}
		if err == nil {
			err = s.replayRecord(buf.Bytes(), l.Num, at.Physical)
		}
		if err != nil {
			return 0, fmt.Errorf("file %d of the entries, record %d: %w", l.Num, n, damaged(err))
		}
	}
}

// writeAgain makes the last file one that ends with its last record, and is on the disk. Whoever wrote it was killed,
// perhaps before it was synced, perhaps because a sync had failed, and then the system may take for written what is
// not: so nothing but to write it again will do.
func (s *Store) writeAgain(num wal.NumWAL, end int64) (err error) {
	fs, name := s.opts.FS, s.opts.FS.PathJoin(s.journal.dir, againFile)
	from, err := fs.Open(s.journal.path(num))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, io.NewSectionReader(from, 0, end))
	if err := errors.Join(err, to.Sync(), to.Close()); err != nil {
		return err
	}
	if err := fs.Rename(name, s.journal.path(num)); err != nil {
		return err
	}
	return syncDir(fs, s.journal.dir)
}

// againFile is what a file is called while it is written again; the next start begins that anew.
const againFile = "AGAIN"

// sumUp writes the summary of a file that has got its last record: a start need not read it. What the crash of a
// machine takes of that is written again. It is called with mu held, or while nobody else has the store.
func (s *Store) sumUp(num wal.NumWAL) error {
	first, last := s.journal.entriesIn(num)
	var v []byte
	for _, n := range [...]uint64{s.journal.seq, first, last, s.mu.physical, s.last.Load()} {
		v = binary.BigEndian.AppendUint64(v, n)
	}
	row := summaryRow(num)
	return s.db.Set(row, encodeStable(row, v), pebble.NoSync)
}

// applySummary brings the store to what it was when the last record of a file was written, if there is a summary of
// it: in the file are the entries from first to last, or none; the log was that from physical to end.
func (s *Store) applySummary(num wal.NumWAL) (known bool, err error) {
	n, err := s.numbers(summaryRow(num), 5)
	if n == nil || err != nil {
		return false, err
	}
	seq, first, last, physical, end := n[0], n[1], n[2], n[3], n[4]
	if first != 0 {
		if physical < first {
			s.journal.trimLocations(physical, first-1)
		} else {
			s.journal.trimLocations(0, 0)
		}
		s.journal.mu.locations = append(s.journal.mu.locations, location{first: first, last: last, seq: seq, num: num, whole: true})
	}
	s.journal.trimLocations(physical, end)
	switch from := s.journal.firstLocated(); {
	case from == 0: // all of them were in files that are gone
		physical, end = 0, 0
	case gap(s.journal.between(from, end), max(physical, from), end):
		return false, fmt.Errorf("%w: after file %d of the entries, the log is not that from %d to %d", ErrCorrupt, num, physical, end)
	default:
		physical = max(physical, from)
	}
	s.journal.seq = seq
	s.setBoundsLocked(physical, physical, end)
	return true, nil
}

// damaged adds ErrCorrupt to those errors of a reader of records that mean it.
func damaged(err error) error {
	if record.IsInvalidRecord(err) || errors.Is(err, io.EOF) || errors.Is(err, record.ErrInvalidChunk) ||
		errors.Is(err, record.ErrZeroedChunk) || errors.Is(err, record.ErrUnexpectedEOF) || pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// replayRecord does what a record says.
func (s *Store) replayRecord(b []byte, num wal.NumWAL, at int64) error {
	s.journal.seq = uint64(batchrepr.ReadSeqNum(b)) // Pebble's reader has looked at its length
	p, err := locationOf(b, num, at)
	if err != nil || p.first == 0 {
		return errors.Join(err, changesOf(b, func([]byte, []byte) error { return nil }, s.replayCut))
	}
	if last := s.last.Load(); last != 0 && p.first != last+1 {
		return fmt.Errorf("%w: entry %d after %d", ErrCorrupt, p.first, last)
	}
	if s.mu.physical == 0 {
		s.mu.physical = p.first
		s.first.Store(p.first)
	}
	s.last.Store(p.last)
	s.journal.mu.locations = append(s.journal.mu.locations, p)
	return nil
}

// replayCut removes what a record has removed, of what there is.
func (s *Store) replayCut(lo, hi []byte) error {
	from, err := decodeEntryKey(lo)
	if len(lo) == len(entriesBegin()) {
		from, err = 0, nil
	}
	if err != nil {
		return err
	}
	to := uint64(math.MaxUint64)
	if len(hi) == entryKeyLen {
		if to, err = decodeEntryKey(hi); err != nil {
			return err
		}
		to--
	}
	switch first, last := s.first.Load(), s.last.Load(); planCut(first, last, from, to) {
	case cutHead:
		s.setBoundsLocked(to+1, to+1, last)
	case cutTail:
		s.setBoundsLocked(first, first, from-1)
	case cutAll:
		s.setBoundsLocked(0, 0, 0)
	case cutMiddle:
		return fmt.Errorf("%w: a record removes %d to %d of %d to %d", ErrCorrupt, from, to, first, last)
	}
	return nil
}

// dropFiles lets go of the files that the log does not need any more. It is called with truncating held.
func (s *Store) dropFiles(oldest wal.NumWAL) error {
	if oldest == s.oldest || s.journal.walks.Load() > 0 {
		return nil
	}
	// On the disk before a file is gone, or written over: a file that is missing is damage.
	b := s.db.NewBatch()
	defer b.Close()
	err := errors.Join(
		b.Set(oldestRow, encodeStable(oldestRow, binary.BigEndian.AppendUint64(nil, uint64(oldest))), nil),
		b.DeleteRange(summaryRow(0), summaryRow(oldest), nil),
	)
	if err == nil {
		err = b.Commit(pebble.Sync)
	}
	if err != nil {
		return err
	}
	unused, err := s.journal.releaseFiles(oldest)
	if err != nil {
		return err
	}
	s.forgetFiles(oldest)
	for _, f := range unused {
		if err := s.removeFile(f.Path); err != nil {
			return err
		}
	}
	s.oldest = oldest
	return nil
}

// forgetFiles forgets how long the files before oldest are.
func (s *Store) forgetFiles(oldest wal.NumWAL) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.whole = slices.DeleteFunc(s.journal.whole, func(f file) bool { return f.num < oldest })
}

// begunRow is the row of the database that says that it has files of entries beside it. It is under an entry's key
// because the first programs had the entries in the database: they read its format as one that they do not know,
// where they would else find an empty log.
func begunRow() []byte { return entryKey(math.MaxUint64) }

const formatBegun = 2

// isBegun reads the row. A database with entries in it is refused.
func (s *Store) isBegun() (bool, error) {
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: entriesBegin(), UpperBound: begunRow()})
	if err != nil {
		return false, markCorrupt(err)
	}
	older := iter.First()
	if err := iter.Close(); err != nil {
		return false, markCorrupt(err)
	}
	if older {
		return false, fmt.Errorf("%w: entries in the database, as programs before 0.1.0 have them", ErrUnknownFormat)
	}
	_, err = s.readRow(begunRow())
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// beginFirst makes the first file of a store that has none. What a crash has left of that before has no entries:
// files that have some belong to another database.
func (s *Store) beginFirst(files vfs.FS) error {
	logs, err := wal.Scan(wal.Dir{FS: s.opts.FS, Dirname: s.journal.dir})
	if err != nil {
		return err
	}
	for _, l := range logs {
		r := l.OpenForRead()
		_, _, none := r.NextRecord()
		if err := r.Close(); err != nil {
			return err
		}
		if none == nil {
			return fmt.Errorf("%w: file %d has entries, and the database beside it does not know of them", ErrCorrupt, l.Num)
		}
	}
	for _, l := range logs {
		if err := s.removeFile(s.journal.path(l.Num)); err != nil {
			return err
		}
	}
	s.oldest = 1
	if err := s.beginFile(files, nil); err != nil {
		return err
	}
	return s.db.Set(begunRow(), appendChecksum([]byte{formatBegun}, begunRow()), pebble.Sync)
}

// numbers returns the numbers in a row about the files, n of them, nil when there is no such row.
func (s *Store) numbers(row []byte, n int) ([]uint64, error) {
	v, err := s.readRow(row)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		v, err = decodeStable(row, v)
	}
	if err == nil && len(v) != 8*n {
		err = fmt.Errorf("%w: row %q", ErrCorrupt, row)
	}
	if err != nil {
		return nil, err
	}
	all := make([]uint64, n)
	for i := range all {
		all[i] = binary.BigEndian.Uint64(v[8*i:])
	}
	return all, nil
}
