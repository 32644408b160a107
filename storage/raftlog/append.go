package raftlog

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

const (
	maxBatchBytes    = 1 << 30 // Pebble panics at 4 GiB
	batchRecordBytes = 16      // what Pebble adds to a key and a value in a batch, at most
)

// StoreLog appends one entry, see StoreLogs.
func (s *Store) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// StoreLogs appends logs and returns once they are fsynced: all of them in one Pebble batch, or, with an error, none.
// Their indexes follow each other and the last entry; only into an empty log they may start anywhere above 0. Anything
// else is ErrGap: before it overwrites a conflicting tail, Raft deletes it. The store keeps no reference to logs.
func (s *Store) StoreLogs(logs []*raft.Log) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.gate.leave()
	if len(logs) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := checkContiguous(s.last.Load(), logs); err != nil {
		return fmt.Errorf("storage/raftlog: store: %w", err)
	}
	stored, err := s.commitLogs(logs)
	if err != nil {
		return err
	}
	for _, slot := range stored {
		s.cache.add(slot.log, slot.sizeBytes)
	}
	if s.mu.physical == 0 {
		s.mu.physical = logs[0].Index
		s.first.Store(logs[0].Index)
	}
	s.last.Store(logs[len(logs)-1].Index)
	return nil
}

// commitLogs writes and syncs logs and returns them as they would be read back, in memory of their own.
func (s *Store) commitLogs(logs []*raft.Log) ([]cacheSlot, error) {
	lo, hi, sizeBytes := logs[0].Index, logs[len(logs)-1].Index, 0
	for _, log := range logs {
		sizeBytes += entryKeyLen + entryLen(log) + batchRecordBytes
	}
	if sizeBytes > maxBatchBytes {
		return nil, fmt.Errorf("storage/raftlog: store %d..%d: %d bytes are more than %d", lo, hi, sizeBytes, maxBatchBytes)
	}
	batch := s.db.NewBatchWithSize(sizeBytes)
	defer batch.Close()
	stored := make([]cacheSlot, len(logs))
	for i, log := range logs {
		pkey := entryKey(log.Index)
		value := encodeEntry(pkey, log)
		if err := batch.Set(pkey, value, nil); err != nil {
			return nil, fmt.Errorf("storage/raftlog: store %d..%d: %w", lo, hi, err)
		}
		// Decoding what was just encoded makes a cached entry equal to a stored one, to the last bit of its time.
		decoded, err := decodeEntry(pkey, value)
		if err != nil {
			return nil, fmt.Errorf("storage/raftlog: store %d..%d: %w", lo, hi, err)
		}
		stored[i] = cacheSlot{log: decoded, sizeBytes: len(value)}
	}
	if err := batch.Commit(pebble.Sync); err != nil {
		return nil, fmt.Errorf("storage/raftlog: store %d..%d: %w", lo, hi, err)
	}
	return stored, nil
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
