package storage

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/layout"
)

// Adopt replaces the store's state by a finished stage, whose snapshot record becomes r; its state must not be behind
// r. Views of the old state stay valid; Adopt waits for them, then removes it. A crash leaves the old state or the
// new, whole. The caller is the writer and has no open transaction.
//
// After an error the old state goes on, unless it is unknown which of the two a restart would find: then every later
// call of the store returns the error too.
func (s *Store) Adopt(g *Stage, r layout.Record) error {
	s.adopting.Lock()
	defer s.adopting.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if !g.finished || g.adopted {
		return errors.New("storage: adopt a stage that is not finished, or was adopted before")
	}
	if g.err != nil {
		return fmt.Errorf("storage: adopt: %w", g.err)
	}
	e, err := s.openEngine(g.name, false)
	if err != nil {
		return err
	}
	if err := e.prepareAdopted(r); err != nil {
		return errors.Join(fmt.Errorf("storage: adopt: %w", err), e.shutDown(false))
	}
	g.adopted = true
	if err := s.setCurrent(e.name); err != nil {
		// The rename may have happened. What is committed to either state from now on could be lost with it.
		err = fmt.Errorf("storage: adopt: %w", err)
		s.mu.Lock()
		s.mu.err = err
		s.mu.Unlock()
		return errors.Join(err, e.shutDown(false))
	}
	s.replace(e)
	return nil
}

// prepareAdopted makes a received state ready: it carries r, and all of it is on disk.
func (e *engine) prepareAdopted(r layout.Record) error {
	if at := e.state().Index; at < r.Index {
		return fmt.Errorf("%w: the state is at %d, the snapshot at %d", ErrStream, at, r.Index)
	}
	return e.restored(r)
}

// restored writes, durably and in one, the snapshot record r and that the log may end before the state.
func (e *engine) restored(r layout.Record) error {
	return e.flush(pebble.Sync, func(b *pebble.Batch, state layout.State) error {
		e.kept = r.Index
		if err := b.Set([]byte(layout.RecordRow), layout.AppendRecord(nil, r), nil); err != nil {
			return err
		}
		return b.Set([]byte(layout.RestoredRow), layout.AppendRestored(nil, state.Index), nil)
	})
}

// replace makes e the engine and removes the old one once nobody reads it. What fails now, the next Open mends.
func (s *Store) replace(e *engine) {
	s.mu.Lock()
	old := s.mu.engine
	s.mu.engine = e
	s.mu.Unlock()

	if err := errors.Join(old.shutDown(false), s.o.FS.RemoveAll(s.path(old.name))); err != nil {
		s.o.Logger.Warn("replaced state is not removed", "err", err)
	}
}
