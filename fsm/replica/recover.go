package replica

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/fsm/replica/raftfix"
	"cairn/storage"
	"cairn/storage/layout"
	"cairn/storage/raftlog"
)

// ErrUnrecoverable is returned by PlanRecovery when the membership that is asked for, or what the node holds, does
// not allow it.
var ErrUnrecoverable = errors.New("replica: cannot recover")

// Recovery is a new membership for a stopped node whose cluster has lost its majority for good: one more entry at the
// end of the node's log, in a term of its own. Whatever the log holds before it counts as committed once the new
// members have elected a leader; what the lost nodes had acknowledged without this one is gone.
type Recovery struct {
	ID, Cluster string
	First, Last uint64    // the log's entries; 0 when it is empty
	Applied     uint64    // where the state is
	Newest      time.Time // when the newest write in the log was made, by its leader's clock; zero when the log holds none
	Now, Then   []string  // the members: "n1 127.0.0.1:7001 Voter"
	Index, Term uint64    // of the entry that holds the new membership

	config raft.Configuration
	move   *layout.Record // where the log cannot go on at its end: the snapshot record that it goes on after
}

// PlanRecovery says what a recovery of the stopped node id to members, all voters, finds and changes. It changes
// nothing.
func PlanRecovery(s *storage.Store, log *raftlog.Store, id string, members []Peer) (Recovery, error) {
	state := s.State()
	r := Recovery{ID: id, Cluster: state.Cluster, Applied: state.Index}
	r.First, _ = log.FirstIndex() // never fails
	r.Last, _ = log.LastIndex()
	if err := r.name(members); err != nil {
		return r, err
	}
	record, _, err := s.Record()
	if err != nil {
		return r, err
	}
	if r.Applied < record.Index || r.First > r.Applied+1 {
		return r, fmt.Errorf("%w: node %s has lost entries: its snapshot is at entry %d, its state at %d, and its log goes from %d to %d; use another node",
			ErrUnrecoverable, id, record.Index, r.Applied, r.First, r.Last)
	}
	term, err := log.GetUint64([]byte("CurrentTerm")) // as hashicorp/raft calls it
	if err != nil {
		return r, err
	}
	r.Term = max(term, state.Term)
	config, configIndex, err := r.readConfiguration(log, record)
	if err != nil {
		return r, err
	}
	if r.Now, err = raftlog.Members(config); err != nil || len(r.Now) == 0 {
		return r, errors.Join(fmt.Errorf("%w: node %s knows of no membership: it has not been part of a cluster", ErrUnrecoverable, id), err)
	}
	r.Index, r.Term = max(r.Last, r.Applied)+1, r.Term+1
	if r.Applied > r.Last {
		r.move = &layout.Record{Index: r.Applied, Term: state.Term, ConfigIndex: configIndex, ConfigVersion: 1, Config: config}
	}
	return r, nil
}

// name checks the new membership and puts it in an order that does not depend on how it was written: two survivors
// that are told the same must write the same.
func (r *Recovery) name(members []Peer) error {
	members = slices.SortedFunc(slices.Values(members), func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
	ids, addrs := map[string]bool{}, map[string]bool{}
	for _, m := range members {
		if ids[m.ID] || addrs[m.Addr] {
			return fmt.Errorf("%w: %s=%s: its id or address stands twice", ErrUnrecoverable, m.ID, m.Addr)
		}
		ids[m.ID], addrs[m.Addr] = true, true
		r.config.Servers = append(r.config.Servers, raft.Server{ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.Addr)})
		r.Then = append(r.Then, fmt.Sprintf("%s %s %s", m.ID, m.Addr, raft.Voter))
	}
	if !ids[r.ID] {
		return fmt.Errorf("%w: the new members do not name this node, %s", ErrUnrecoverable, r.ID)
	}
	return nil
}

// readConfiguration finds the newest membership and the newest time in the log.
func (r *Recovery) readConfiguration(log *raftlog.Store, record layout.Record) (config []byte, index uint64, err error) {
	config, index = record.Config, record.ConfigIndex
	for i := r.First; i > 0 && i <= r.Last; i++ {
		var l raft.Log
		if err := log.GetLog(i, &l); err != nil {
			return nil, 0, fmt.Errorf("replica: read entry %d: %w", i, err)
		}
		r.Term = max(r.Term, l.Term)
		switch {
		case l.Type == raft.LogConfiguration && i > record.Index:
			config, index = l.Data, i
		case l.Type == raft.LogCommand:
			e, err := entry.Parse(l.Data)
			if err != nil {
				return nil, 0, fmt.Errorf("replica: read entry %d: %w", i, err)
			}
			r.Newest = time.UnixMilli(e.Time)
		}
	}
	return config, index, nil
}

// Apply does what the plan says, on the stores that it was made from. A crash in the middle leaves a node that can be
// recovered again.
func (r Recovery) Apply(s *storage.Store, log *raftlog.Store) error {
	if r.move != nil {
		if err := errors.Join(s.SaveRecord(*r.move), s.Sync()); err != nil {
			return err
		}
		if r.Last > 0 {
			if err := log.DeleteRange(r.First, r.Last); err != nil {
				return err
			}
		}
	}
	if err := log.SetUint64([]byte("CurrentTerm"), r.Term); err != nil {
		return err
	}
	for _, key := range [][]byte{raftfix.OriginKey, intentKey, soleVoterKey} { // whatever kept it from voting is over
		if err := log.SetUint64(key, 0); err != nil {
			return err
		}
	}
	return log.StoreLog(&raft.Log{Index: r.Index, Term: r.Term, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(r.config)})
}
