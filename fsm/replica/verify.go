package replica

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
	"cairn/storage"
)

// ErrVerifying is returned by Verify while another call of it runs; nothing was proposed.
var ErrVerifying = errors.New("replica: another verification is running")

// Verdict is what the members say of the state right after one entry.
type Verdict struct {
	Index   uint64
	Agree   bool // no two checksums differ
	Missing int  // members without a checksum
	Nodes   []Evidence
}

// Evidence is what one member says.
type Evidence struct {
	ID, Addr string
	Status   string // EvidenceOK or why there is no checksum
	Checksum string // 40 hexadecimal digits; empty without one
}

// What a member has to say.
const (
	EvidenceOK          = "ok"
	EvidenceBehind      = "behind"      // it has not reached the entry, or not finished, in time
	EvidenceSkipped     = "skipped"     // it has passed the entry without a checksum: just restarted, restored, or busy; try again
	EvidenceUnreachable = "unreachable" // it does not answer
)

const (
	// reachTime is how long a member may not answer before it counts as unreachable.
	reachTime = 2 * time.Second
	// checksumPause is the time between two questions for a checksum.
	checksumPause = 20 * time.Millisecond
)

// verifier compares the states of the members.
type verifier struct {
	*node
	links     *link.Links
	proposer  *proposer
	verifying chan struct{} // full while Verify runs
}

// verify is Replica.Verify.
func (r *verifier) verify(ctx context.Context, timeout time.Duration) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	select {
	case r.verifying <- struct{}{}:
		defer func() { <-r.verifying }()
	case <-ctx.Done():
		return Verdict{}, ErrVerifying
	}
	replies, err := r.proposer.writeGroups(ctx, []entry.Group{{Calls: []entry.Call{{Argv: [][]byte{[]byte(command.ChecksumName)}}}}})
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Index: uint64(replies[0].Int)}
	servers := r.servers()
	v.Nodes = make([]Evidence, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { v.Nodes[i] = r.evidence(ctx, s, v.Index) })
	}
	wg.Wait()
	if v.judge(); !v.Agree {
		r.log.Error("the nodes hold different states at one index: keep their data directories and report it", "index", v.Index, "nodes", v.String())
	}
	return v, nil
}

// judge compares the checksums.
func (v *Verdict) judge() {
	v.Agree = true
	first := ""
	for _, n := range v.Nodes {
		switch {
		case n.Status != EvidenceOK:
			v.Missing++
		case first == "":
			first = n.Checksum
		case n.Checksum != first:
			v.Agree = false
		}
	}
}

// String lists the members with their checksums: "n1=9f3c… n2=unreachable".
func (v *Verdict) String() string {
	var all []string
	for _, n := range v.Nodes {
		said := n.Checksum
		if n.Status != EvidenceOK {
			said = n.Status
		}
		all = append(all, n.ID+"="+said)
	}
	return strings.Join(all, " ")
}

// evidence asks one member, this node included, until it has a checksum, or never will, or ctx ends.
func (r *verifier) evidence(ctx context.Context, s raft.Server, index uint64) Evidence {
	e := Evidence{ID: string(s.ID), Addr: string(s.Address)}
	a := &asker{l: r.links}
	defer a.closeConn()
	answered := false
	for heard := time.Now(); ; {
		sum, status, err := r.checksum(ctx, a, s, index)
		switch {
		case err != nil && time.Since(heard) > reachTime:
			e.Status = EvidenceUnreachable
			return e
		case err == nil && status == fsm.ChecksumKnown:
			e.Status, e.Checksum = EvidenceOK, sum.String()
			return e
		case err == nil && status == fsm.ChecksumSkipped:
			e.Status = EvidenceSkipped
			return e
		}
		if err == nil {
			heard, answered = time.Now(), true
		}
		if !r.pause(checksumPause, ctx.Done()) {
			if e.Status = EvidenceBehind; !answered {
				e.Status = EvidenceUnreachable
			}
			return e
		}
	}
}

// checksum is one question to a member.
//
//	question: 'C' | index uint64 BE
//	answer:   fsm.ChecksumStatus uint8 | checksum[20]
func (r *verifier) checksum(ctx context.Context, a *asker, s raft.Server, index uint64) (sum storage.Checksum, status fsm.ChecksumStatus, err error) {
	if string(s.ID) == r.o.ID {
		sum, status = r.machine.Checksum(index)
		return sum, status, nil
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime/2)
	defer cancel()
	var b [1 + len(sum)]byte
	if err := a.exchange(ctx, raftfix.Located(s), binary.BigEndian.AppendUint64([]byte{askChecksum}, index), b[:]); err != nil {
		return sum, 0, err
	}
	copy(sum[:], b[1:])
	return sum, fsm.ChecksumStatus(b[0]), nil
}

// answerChecksum answers a peer, whose question is left to be read from c but for its first byte.
func (q *queries) answerChecksum(c io.Reader) ([]byte, error) {
	var index [8]byte
	if _, err := io.ReadFull(c, index[:]); err != nil {
		return nil, fmt.Errorf("replica: question for a checksum: %w", err)
	}
	sum, status := q.machine.Checksum(binary.BigEndian.Uint64(index[:]))
	return append([]byte{byte(status)}, sum[:]...), nil
}
