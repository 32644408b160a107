package fsm

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"cairn/storage"
	"cairn/storage/layout"
)

// ErrSuperseded is returned when a snapshot is recorded after a newer one has been, or was restored.
var ErrSuperseded = errors.New("fsm: a newer snapshot is there already")

// recordID is the id of the snapshot that the store itself is.
const recordID = "store"

// Snapshots is Raft's snapshot store. A snapshot taken here is one record in the state store; its content is the
// store. One received from a leader is a stage, until Machine.Restore makes it the store.
type Snapshots struct {
	store *storage.Store
	count atomic.Uint64

	mu struct {
		sync.Mutex
		received map[string]*received // stages whose stream has ended well, by id
		opened   uint64               // numbers received ids
	}
}

// NewSnapshots returns the snapshot store over the machine's own store.
func NewSnapshots(s *storage.Store) *Snapshots {
	ss := &Snapshots{store: s}
	ss.mu.received = make(map[string]*received)
	return ss
}

// Count returns how many records were written since start. It waits for nothing: whoever asks how a node is shall
// hear it even when the disk stands still.
func (s *Snapshots) Count() uint64 { return s.count.Load() }

// Create implements raft.SnapshotStore. What the sink gets decides what it is: Machine's own snapshot marks it as a
// record, and a leader's stream is written into it.
func (s *Snapshots) Create(version raft.SnapshotVersion, index, term uint64, c raft.Configuration, configIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &sink{s: s, id: recordID, record: layout.Record{
		Index: index, Term: term, ConfigIndex: configIndex, ConfigVersion: uint64(version), Config: raft.EncodeConfiguration(c),
	}}, nil
}

// List implements raft.SnapshotStore: there is one snapshot, the store.
func (s *Snapshots) List() ([]*raft.SnapshotMeta, error) {
	r, ok, err := s.store.Record()
	if err != nil || !ok {
		return nil, err
	}
	return []*raft.SnapshotMeta{meta(recordID, r, 0)}, nil
}

// Open implements raft.SnapshotStore. For the store it freezes a copy that is streamed and then removed; the copy may
// be newer than the record says, and whoever restores it skips the entries that it holds already.
func (s *Snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	if r := s.takeReceived(id); r != nil {
		return meta(id, r.record, r.size), r, nil
	}
	r, ok, err := s.store.Record()
	if err != nil {
		return nil, nil, err
	}
	if !ok || id != recordID {
		return nil, nil, fmt.Errorf("fsm: no snapshot %q", id)
	}
	c, err := s.store.Checkpoint()
	if err != nil {
		return nil, nil, err
	}
	return meta(id, r, c.Size()), c, nil
}

func meta(id string, r layout.Record, size int64) *raft.SnapshotMeta {
	return &raft.SnapshotMeta{
		Version: raft.SnapshotVersion(r.ConfigVersion), ID: id, Index: r.Index, Term: r.Term,
		Configuration: raft.DecodeConfiguration(r.Config), ConfigurationIndex: r.ConfigIndex, Size: size,
	}
}

// save writes a record, unless the store has gone past it.
func (s *Snapshots) save(r layout.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok, err := s.store.Record()
	if err != nil {
		return err
	}
	if ok && old.Index > r.Index {
		return fmt.Errorf("%w: %d is behind %d", ErrSuperseded, r.Index, old.Index)
	}
	s.count.Add(1)
	return s.store.SaveRecord(r)
}

func (s *Snapshots) keepReceived(r *received) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.opened++
	id = fmt.Sprintf("received-%d", s.mu.opened)
	s.mu.received[id] = r
	return id
}

func (s *Snapshots) takeReceived(id string) *received {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.mu.received[id]
	delete(s.mu.received, id)
	return r
}

// sink implements raft.SnapshotSink.
type sink struct {
	s      *Snapshots
	id     string
	record layout.Record
	own    bool // this node's snapshot: a record, no bytes
	stage  *storage.Stage
	size   int64
}

// ID implements raft.SnapshotSink; a received snapshot has its id once it is closed.
func (k *sink) ID() string { return k.id }

// Write implements io.Writer: a piece of a leader's stream.
func (k *sink) Write(p []byte) (n int, err error) {
	if k.stage == nil {
		if k.stage, err = k.s.store.NewStage(); err != nil {
			return 0, err
		}
	}
	n, err = k.stage.Write(p)
	k.size += int64(n)
	return n, err
}

// Close implements raft.SnapshotSink.
func (k *sink) Close() error {
	if k.own {
		return k.s.save(k.record)
	}
	if k.stage == nil {
		return fmt.Errorf("%w: it is empty", storage.ErrStream)
	}
	if err := k.stage.Finish(); err != nil {
		return errors.Join(err, k.stage.Abort())
	}
	k.id = k.s.keepReceived(&received{s: k.s, stage: k.stage, record: k.record, size: k.size})
	return nil
}

// Cancel implements raft.SnapshotSink.
func (k *sink) Cancel() error {
	if k.stage == nil {
		return nil
	}
	return k.stage.Abort()
}

// received is a complete state from a leader that waits to become the store. Its bytes are unpacked already, so it
// reads as empty; Machine.Restore knows it.
type received struct {
	s       *Snapshots
	stage   *storage.Stage
	record  layout.Record
	size    int64
	adopted bool
}

// Read implements io.Reader.
func (*received) Read([]byte) (int, error) { return 0, io.EOF }

// Close implements io.Closer: what was not adopted is removed.
func (r *received) Close() error {
	if r.adopted {
		return nil
	}
	return r.stage.Abort()
}

// Snapshot implements raft.FSM: the store is the snapshot, so nothing is captured.
func (m *Machine) Snapshot() (raft.FSMSnapshot, error) { return ownSnapshot{}, nil }

type ownSnapshot struct{}

// Persist implements raft.FSMSnapshot.
func (ownSnapshot) Persist(to raft.SnapshotSink) error {
	k, ok := to.(*sink)
	if !ok {
		return fmt.Errorf("fsm: snapshot into a %T", to)
	}
	k.own = true // Raft closes the sink next, which writes the record
	return nil
}

// Release implements raft.FSMSnapshot.
func (ownSnapshot) Release() {}

// Restore implements raft.FSM: a received state becomes the store, whole or not at all.
func (m *Machine) Restore(from io.ReadCloser) error {
	for {
		w, ok := from.(interface{ WrappedReadCloser() io.ReadCloser })
		if !ok {
			break
		}
		from = w.WrappedReadCloser()
	}
	r, ok := from.(*received)
	if !ok {
		return fmt.Errorf("fsm: restore from a %T", from)
	}
	if m.applied.now().Index >= r.record.Index {
		return m.keepOwn(r) // the store holds all of it, and perhaps more
	}
	m.restoring.Store(true) // the store waits for views of the state that it replaces
	defer m.restoring.Store(false)
	if err := m.checksums.abandon(); err != nil {
		return err
	}
	if err := r.adopt(); err != nil {
		m.surviveOrStop(err)
		return err
	}
	m.restored.Add(1)
	s := m.store.State()
	m.snapshotAt = s.Index
	m.applied.reach(Position{s.Index, s.Term})
	m.log.Info("restored a snapshot", "index", r.record.Index, "applied", s.Index, "bytes", r.size)
	return nil
}

// surviveOrStop ends the process when the store refuses every call from now on, because a restart could find the old
// state or the received one. A node without a store would go on voting, and never catch up.
func (m *Machine) surviveOrStop(restoring error) {
	v, err := m.store.View(0)
	if err == nil {
		err = v.Close()
	}
	if err != nil && !errors.Is(err, storage.ErrClosed) {
		m.stopWith(fmt.Errorf("fsm: restore: %w", restoring))
	}
}

// adopt makes r the store. The lock keeps a snapshot of this node, begun before and saved now, from moving the record
// back: Raft empties its log up to the record next.
func (r *received) adopt() error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	err := r.s.store.Adopt(r.stage, r.record)
	r.adopted = err == nil
	return err
}

// keepOwn answers a restore that would bring the store nothing new: only the record moves, with the log. It may move
// back: Raft begins again behind it, and what it hands out from there up to the applied index is skipped. It is
// synced, for Raft empties its log next.
func (m *Machine) keepOwn(r *received) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return m.store.Rewind(r.record)
}

// Restored returns how many received states have become the store since start.
func (m *Machine) Restored() uint64 { return m.restored.Load() }
