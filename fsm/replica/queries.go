package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/link"
)

// The questions on a query link. Each but askIndex and askChecksum is one byte; the answer to each but askChecksum is
//
//	status uint8 | index uint64 BE | time uint64 BE, Unix milliseconds
const (
	askIndex    = 'I' // | term uint64 BE, that the asker is in; a read index: the asked node leads, has proved it, and has applied an entry of its term
	askTick     = 'T' // the same after the log's time has moved on
	askProgress = 'P' // how far the node has applied, whatever it is
	askChecksum = 'C' // see verify.go
	askTerm     = 'V' // the term that the node is in, in the place of an index

	answerLen = 1 + 8 + 8
)

// rpcTimeout bounds one exchange on a link; on a raft link, how long it stands still.
const rpcTimeout = 5 * time.Second

// The statuses of an answer.
const (
	answerOK        = 0
	answerNotLeader = 1
	answerNotReady  = 2
	answerNoQuorum  = 3
)

// queries answers what other members ask.
type queries struct {
	*node
	index *readIndex
	admin *admin
}

// serveQueries answers a peer until the link ends. On a link that was not opened for this member it takes requests
// only: an answer to a question counts for the member that was asked, and askIndex for the one that asks.
func (q *queries) serveQueries(c net.Conn, peer link.Hello) error {
	bound := peer.To != ""
	var question [1]byte
	for {
		if _, err := io.ReadFull(c, question[:]); err != nil {
			return err
		}
		if question[0] == askRequest {
			if err := q.admin.serveRequest(c, bound); err != nil {
				return err
			}
			continue
		}
		if !bound {
			return fmt.Errorf("replica: question %q on a link for requests", question[0])
		}
		var answer []byte
		var err error
		if question[0] == askChecksum {
			answer, err = q.answerChecksum(c)
		} else {
			answer, err = q.answer(c, question[0], raft.ServerID(peer.ID))
		}
		if err != nil {
			return err
		}
		_ = c.SetWriteDeadline(time.Now().Add(rpcTimeout)) // an error shows at the write
		if _, err := c.Write(answer); err != nil {
			return err
		}
	}
}

// answer answers a member. What follows the first byte of its question is left to be read from c.
func (q *queries) answer(c io.Reader, question byte, asker raft.ServerID) ([]byte, error) {
	var got confirmed
	var err error
	switch question {
	case askProgress:
		got = confirmed{q.machine.Applied().Index, q.clock.now()}
	case askTerm:
		got.index = q.raft.CurrentTerm()
	case askIndex:
		var term [8]byte
		if _, err := io.ReadFull(c, term[:]); err != nil {
			return nil, fmt.Errorf("replica: question for a read index: %w", err)
		}
		got, err = q.index.asked(asker, binary.BigEndian.Uint64(term[:]))
	case askTick:
		if err = ErrNotLeader; q.raft.State() == raft.Leader {
			got, err = q.index.leader.join(true)
		}
	default:
		return nil, fmt.Errorf("replica: unknown question %q", question)
	}
	b := binary.BigEndian.AppendUint64([]byte{statusOf(err)}, got.index)
	return binary.BigEndian.AppendUint64(b, uint64(got.now)), nil
}

func statusOf(err error) byte {
	switch {
	case err == nil:
		return answerOK
	case errors.Is(err, ErrNotLeader) || errors.Is(err, raft.ErrNotLeader):
		return answerNotLeader
	case errors.Is(err, errNotReady):
		return answerNotReady
	}
	return answerNoQuorum
}
