package raftlog

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

const (
	maxBatchBytes    = 1 << 30 // of one append; Raft comes nowhere near
	batchRecordBytes = 16      // what Pebble adds to a key and a value in a batch, at most
)

// StoreLog appends one entry, see StoreLogs.
func (s *Store) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// StoreLogs appends logs and returns once they are fsynced, or, with an error, none of them. A crash before that may
// leave the first of them. Their indexes follow each other and the last entry; only into an empty log they may start
// anywhere above 0. Anything else is ErrGap: before it overwrites a conflicting tail, Raft deletes it. The store
// keeps data and extensions of logs in its cache: nobody changes them any more.
func (s *Store) StoreLogs(logs []*raft.Log) error {
	return s.store(logs, func(p *pending, seq uint64) {
		s.journal.await(p)
		s.journal.synced(seq)
	})
}

// AppendLogs is StoreLogs that does not wait for the disk. Readers find the entries at once; a crash may take them
// until synced is called, by a goroutine of the store and in the order of the appends. What StoreLogs or DeleteRange
// syncs later is not on the disk without them. A failure of the disk ends the process, as it does in StoreLogs.
func (s *Store) AppendLogs(logs []*raft.Log, synced func()) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	err := s.store(logs, func(p *pending, seq uint64) { s.syncing <- syncing{p, seq, synced} })
	if err != nil || len(logs) == 0 {
		s.gate.leave()
	}
	return err
}

// syncing is an append that the disk is at work on.
type syncing struct {
	pending *pending
	seq     uint64
	synced  func()
}

// maxSyncing is how many appends may wait for the disk; the next waits for room.
const maxSyncing = 64

// tellSynced calls the functions that AppendLogs was given until the store is closed.
func (s *Store) tellSynced() {
	for a := range s.syncing {
		s.journal.await(a.pending)
		s.journal.synced(a.seq)
		a.synced()
		s.gate.leave()
	}
}

// store appends logs, in records of about recordBytes. after gets the last of them, which is on its way to the disk
// behind the others.
func (s *Store) store(logs []*raft.Log, after func(p *pending, seq uint64)) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.gate.leave()
	if len(logs) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := checkContiguous(s.last.Load(), logs)
	if err == nil {
		if n := batchBytes(logs); n > maxBatchBytes {
			err = fmt.Errorf("%d bytes are more than %d", n, maxBatchBytes)
		}
	}
	if err != nil {
		return fmt.Errorf("storage/raftlog: store %d..%d: %w", logs[0].Index, logs[len(logs)-1].Index, err)
	}
	for rest := logs; len(rest) > 0; {
		n, bytes := 0, 0
		for ; n < len(rest) && (n == 0 || bytes+entryLen(rest[n]) <= recordBytes); n++ {
			bytes += entryLen(rest[n])
		}
		batch, err := s.batchOf(rest[:n])
		if err != nil { // records before it may have been written
			s.journal.log.Fatalf("write the raft log: %v", err)
		}
		if n < len(rest) {
			s.journal.append(batch, rest[:n], nil)
		} else {
			p := new(pending)
			after(p, s.journal.append(batch, rest, p))
		}
		rest = rest[n:]
	}
	for _, log := range logs {
		s.cache.addEntry(readBack(log), entryLen(log))
	}
	if s.mu.physical == 0 {
		s.mu.physical = logs[0].Index
		s.first.Store(logs[0].Index)
	}
	s.last.Store(logs[len(logs)-1].Index)
	s.size.Store(s.journal.size())
	return nil
}

// recordBytes is how many bytes of entries a record holds, about. An entry that is read from its file costs the
// record that it is in.
const recordBytes = 1 << 20

// batchBytes is about how many bytes a batch takes that writes logs.
func batchBytes(logs []*raft.Log) (n int) {
	for _, log := range logs {
		n += entryKeyLen + entryLen(log) + batchRecordBytes
	}
	return n
}

// batchOf returns a batch that writes logs.
func (s *Store) batchOf(logs []*raft.Log) (*pebble.Batch, error) {
	batch := s.db.NewBatchWithSize(batchBytes(logs))
	for _, log := range logs {
		row := batch.SetDeferred(entryKeyLen, entryLen(log))
		copy(row.Key, entryKey(log.Index))
		encodeEntry(row.Value, row.Key, log)
		if err := row.Finish(); err != nil {
			return nil, errors.Join(err, batch.Close())
		}
	}
	return batch, nil
}

// checkContiguous reports whether logs may be appended to a log that ends at last, 0 if it is empty.
func checkContiguous(last uint64, logs []*raft.Log) error {
	for i, log := range logs {
		if log.Index == 0 {
			return fmt.Errorf("%w: entry with index 0", ErrGap)
		}
		if log.Index != last+1 && (i > 0 || last > 0) {
			return fmt.Errorf("%w: entry %d after entry %d", ErrGap, log.Index, last)
		}
		last = log.Index
	}
	return nil
}
