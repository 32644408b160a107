package fsm

import (
	"context"
	"errors"
	"slices"
	"sync"

	"cairn/storage"
)

// keptChecksums is how many of the newest checksums a machine remembers.
const keptChecksums = 8

// ChecksumStatus says what a machine knows of the checksum of one state.
type ChecksumStatus uint8

// The statuses. Their numbers are on the wire between nodes.
const (
	ChecksumPending ChecksumStatus = 0 // the entry is not applied yet, or its state is being summed up
	ChecksumKnown   ChecksumStatus = 1
	// ChecksumSkipped: the machine has gone past the entry and has no checksum. It was busy with an earlier one, or
	// has been restarted or restored from a later state.
	ChecksumSkipped ChecksumStatus = 2
)

// checksums are the states that entries have asked to be summed up. Apply only freezes them; SumStates does the work,
// one state at a time, while at most one more waits.
type checksums struct {
	kick chan struct{} // holds one element when a state may wait

	mu struct {
		sync.Mutex
		waiting *pinnedState
		cancel  context.CancelFunc // stops what is being summed
		newest  []checksumResult
	}
}

// pinnedState is the state right after an entry.
type pinnedState struct {
	index uint64
	view  *storage.View
}

type checksumResult struct {
	index  uint64
	status ChecksumStatus
	sum    storage.Checksum
}

// pinState freezes the state right after the entry at index, which was just committed; where another one waits, it is
// skipped.
func (c *checksums) pinState(s *storage.Store, index uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.waiting != nil {
		return nil // what nobody noted counts as skipped
	}
	view, err := s.View(0)
	if err != nil {
		return err
	}
	c.mu.waiting = &pinnedState{index, view}
	c.noteLocked(checksumResult{index: index, status: ChecksumPending})
	select {
	case c.kick <- struct{}{}:
	default: // SumStates has yet to look
	}
	return nil
}

func (c *checksums) noteLocked(n checksumResult) {
	if i := slices.IndexFunc(c.mu.newest, func(old checksumResult) bool { return old.index == n.index }); i >= 0 {
		c.mu.newest[i] = n
		return
	}
	if len(c.mu.newest) == keptChecksums {
		c.mu.newest = slices.Delete(c.mu.newest, 0, 1)
	}
	c.mu.newest = append(c.mu.newest, n)
}

// takePinned returns the state that waits, and a context for summing it up; nil when none does.
func (c *checksums) takePinned(ctx context.Context) (*pinnedState, context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.mu.waiting
	if f == nil {
		return nil, nil
	}
	c.mu.waiting = nil
	ctx, c.mu.cancel = context.WithCancel(ctx)
	return f, ctx
}

func (c *checksums) finishSum(n checksumResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.cancel()
	c.mu.cancel = nil
	c.noteLocked(n)
}

// abandon gives back what waits and stops what is being summed up.
func (c *checksums) abandon() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.mu.waiting; f != nil {
		c.mu.waiting = nil
		c.noteLocked(checksumResult{index: f.index, status: ChecksumSkipped})
		err = f.view.Close()
	}
	if c.mu.cancel != nil {
		c.mu.cancel()
	}
	return err
}

// SumStates sums up the states that entries named command.ChecksumName leave, until ctx ends.
func (m *Machine) SumStates(ctx context.Context) {
	for {
		select {
		case <-m.checksums.kick:
		case <-ctx.Done():
			return
		}
		f, stoppable := m.checksums.takePinned(ctx)
		if f == nil {
			continue
		}
		sum, err := f.view.Checksum(stoppable)
		n := checksumResult{f.index, ChecksumKnown, sum}
		if err = errors.Join(err, f.view.Close()); err != nil {
			n = checksumResult{index: f.index, status: ChecksumSkipped}
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			m.log.Error("cannot sum up the state", "index", f.index, "err", err)
		}
		m.checksums.finishSum(n)
	}
}

// AbandonChecksums gives back the state that waits to be summed up, which otherwise keeps the store open. The owner
// calls it when nothing is applied any more.
func (m *Machine) AbandonChecksums() error { return m.checksums.abandon() }

// Checksum returns the checksum of the state right after the entry at index, if an entry has asked for it there.
func (m *Machine) Checksum(index uint64) (storage.Checksum, ChecksumStatus) {
	if m.Applied().Index < index {
		return storage.Checksum{}, ChecksumPending
	}
	m.checksums.mu.Lock()
	defer m.checksums.mu.Unlock()
	for _, n := range m.checksums.mu.newest {
		if n.index == index {
			return n.sum, n.status
		}
	}
	return storage.Checksum{}, ChecksumSkipped
}
