package replica

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/raftfix"
)

// transfer hands leadership to another voter.
type transfer struct {
	*node
	contacts     *raftfix.Contacts
	transfers    *raftfix.Transfers
	proposer     *proposer
	progress     *progress
	transferTerm atomic.Uint64 // the newest term in which leadership was offered to another node
}

// to is Replica.TransferLeadership.
func (t *transfer) to(id string) error {
	if !t.proposer.enter() {
		return ErrClosed
	}
	defer t.proposer.waiting.Done()
	// An entry that is in flight when the other node takes over may be committed without this node hearing of it in
	// time: its clients would be told that it is in doubt. So nothing is in flight then.
	t.proposer.gate.Lock()
	defer t.proposer.gate.Unlock()
	if err := t.proposer.finishFlights(); err != nil {
		return err
	}
	t.transferTerm.Store(math.MaxUint64) // no leases
	defer func() { t.transferTerm.Store(t.raft.CurrentTerm()) }()
	if id == "" {
		return t.transferToAny()
	}
	for _, s := range t.voters() {
		if string(s.ID) == id {
			return t.transferTo(s)
		}
	}
	return fmt.Errorf("replica: no voter is called %q", id)
}

// transferTo offers leadership to a voter. One that has failed is not repeated before appends to the node go on.
func (t *transfer) transferTo(s raft.Server) error {
	term := t.raft.CurrentTerm()
	for deadline := time.Now().Add(2 * t.o.Heartbeat); !t.transfers.May(term, s.ID); {
		if time.Now().After(deadline) || !t.pause(retryPause, nil) {
			return fmt.Errorf("replica: %s was offered leadership before and takes no entries now", s.ID)
		}
	}
	err := t.raft.LeadershipTransferToServer(s.ID, s.Address).Error()
	if err != nil {
		t.transfers.Failed(term, s.ID)
	}
	return err
}

// transferToAny offers leadership to the voters that answer, the most current ones first, until one has taken it.
// Raft's own choice may be a node that is dead.
func (t *transfer) transferToAny() error {
	err := errors.New("replica: no other voter answers")
	voters := slices.DeleteFunc(t.voters(), func(s raft.Server) bool { return string(s.ID) == t.o.ID || !t.answers(s.ID) })
	slices.SortStableFunc(voters, func(a, b raft.Server) int {
		return cmp.Compare(t.progress.of(b.ID).applied, t.progress.of(a.ID).applied)
	})
	for _, s := range append(voters, voters...) { // a second time, for those who were busy
		if err = t.transferTo(s); err == nil || t.raft.State() != raft.Leader {
			return err
		}
	}
	return err
}

// answerTime is how long a member that answers may be silent.
func (t *transfer) answerTime() time.Duration { return max(time.Second, 2*t.o.Heartbeat) }

// answers reports whether a member has followed this leader lately.
func (t *transfer) answers(id raft.ServerID) bool {
	return time.Since(t.contacts.Of(t.raft.CurrentTerm(), id)) < t.answerTime()
}
