// Package fsm is the state machine: it applies log entries to the store, answers queries on views of it, and is a
// snapshot of itself at all times.
//
// Everything that happens inside ApplyBatch depends on the store and the entries alone, so that every node that has
// applied an index holds the same keyspace. The machine publishes its own applied index: hashicorp/raft's means
// "handed over".
package fsm

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"cairn/fsm/command"
	"cairn/fsm/reply"
	"cairn/storage"
)

// maxBatchBytes is about how much one transaction writes before the machine commits it at the next entry's end.
const maxBatchBytes = 1 << 20

// errContradiction says that the log and the state are not one history: a disk has lost what it had synced, or
// another node's has.
var errContradiction = errors.New("fsm: the log contradicts the state; start this node again on an empty directory")

// Options configures a Machine. The zero value of a field means its default.
type Options struct {
	Store *storage.Store // required; the machine is its writer
	// SnapshotEntries is how many applied entries make a snapshot due; default 10.
	SnapshotEntries uint64
	Logger          *slog.Logger // default: discards
}

func (o Options) withDefaults() Options {
	if o.SnapshotEntries == 0 {
		o.SnapshotEntries = 10
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Machine is the replicated state machine of one node. It implements raft.BatchingFSM.
type Machine struct {
	store   *storage.Store
	table   *command.Table
	log     *slog.Logger
	every   uint64 // SnapshotEntries
	applied progress

	snapshotDue chan struct{} // holds one element when a snapshot is due
	snapshotAt  uint64        // the index of the last due snapshot; only ApplyBatch touches it
	runner      runner        // likewise
	checksums   checksums
	restoring   atomic.Bool // a received state is about to replace the own
	restored    atomic.Uint64
	groupReads  int // maxGroupReads, but in tests
}

// New makes a machine over an open store.
func New(o Options) *Machine {
	o = o.withDefaults()
	m := &Machine{
		store: o.Store, table: command.NewTable(command.Rows()), log: o.Logger, every: o.SnapshotEntries, groupReads: maxGroupReads,
		snapshotDue: make(chan struct{}, 1),
	}
	m.checksums.kick = make(chan struct{}, 1)
	s := o.Store.State()
	m.applied.reach(Position{s.Index, s.Term})
	m.snapshotAt = s.Index
	return m
}

// SnapshotDue delivers one element each time a snapshot has become due; a due one that nobody has taken yet counts
// for both.
func (m *Machine) SnapshotDue() <-chan struct{} { return m.snapshotDue }

// Results are the replies of one applied entry, call after call in the order of the entry, group borders left out.
type Results []reply.Reply

// ApplyBatch implements raft.BatchingFSM. Each element of the answer is the Results of a command entry, or nil. An
// entry at or below the applied index is in the store already and is skipped. An entry that cannot be applied stops
// the node: to skip it would let this replica differ in silence.
func (m *Machine) ApplyBatch(logs []*raft.Log) []any {
	answers := make([]any, len(logs))
	m.applyAll(logs, answers)
	return answers
}

// Replay is ApplyBatch for entries whose answers nobody waits for, which are those of other nodes: they are not kept.
func (m *Machine) Replay(logs []*raft.Log) { m.applyAll(logs, nil) }

// stopWith ends the process: a restart finds what is durable, and the log brings the rest.
func (m *Machine) stopWith(err error) {
	m.log.Error(Stopping, "err", err)
	panic(err.Error())
}

// Stopping is the log message with which a machine ends the process, because its state or its disk cannot be relied on.
const Stopping = "the machine cannot continue"

// Apply implements raft.FSM.
func (m *Machine) Apply(l *raft.Log) any { return m.ApplyBatch([]*raft.Log{l})[0] }

// applyAll applies what the state does not have yet, and stops the node if it cannot. answers has room for those of
// all, or is nil.
func (m *Machine) applyAll(logs []*raft.Log, answers []any) {
	first, last := logs[0].Index, logs[len(logs)-1].Index
	if err := m.tryAll(logs, answers); err != nil {
		m.stopWith(fmt.Errorf("fsm: apply %d to %d: %w", first, last, err))
	}
}

func (m *Machine) tryAll(logs []*raft.Log, answers []any) error {
	done := 0
	for at := m.applied.now(); done < len(logs) && logs[done].Index <= at.Index; done++ {
		if l := logs[done]; l.Term > at.Term || l.Index == at.Index && l.Term != at.Term {
			return fmt.Errorf("%w: entry %d has term %d, and the state holds entry %d of term %d", errContradiction, l.Index, l.Term, at.Index, at.Term)
		}
	}
	for done < len(logs) {
		n, err := m.applySome(logs[done:], answers[min(done, len(answers)):])
		if err != nil {
			return err
		}
		done += n
	}
	return nil
}

// applySome applies as many entries as one transaction should hold, commits them, and says how many they were. An entry
// whose state is to be summed up ends a batch: only what is committed can be looked at.
func (m *Machine) applySome(logs []*raft.Log, answers []any) (n int, err error) {
	t, err := m.store.Begin()
	if err != nil {
		return 0, err
	}
	sum := false
	for n < len(logs) && t.Size() < maxBatchBytes && !sum {
		l := logs[n]
		if l.Type == raft.LogCommand {
			var results Results
			results, sum, err = m.runEntry(t, l, len(answers) > 0)
			if err != nil {
				t.Discard()
				return 0, fmt.Errorf("entry %d: %w", l.Index, err)
			}
			if len(answers) > 0 {
				answers[n] = results
			}
		}
		n++
	}
	last := logs[n-1]
	if err := t.Commit(storage.Applied{Index: last.Index, Term: last.Term}); err != nil {
		return 0, err
	}
	if sum {
		if err := m.checksums.pinState(m.store, last.Index); err != nil {
			return 0, err
		}
	}
	m.applied.reach(Position{last.Index, last.Term})
	m.countSnapshot(last.Index)
	return n, nil
}

// countSnapshot makes a snapshot due when enough entries were applied since the last one was.
func (m *Machine) countSnapshot(index uint64) {
	if index-m.snapshotAt < m.every {
		return
	}
	m.snapshotAt = index
	select {
	case m.snapshotDue <- struct{}{}:
	default: // the one that is due covers this too
	}
}
