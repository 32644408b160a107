package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/hashicorp/raft"
)

// The questions on a query link. Each but askChecksum is one byte; the answer to each but that is
//
//	status uint8 | index uint64 BE | time uint64 BE, Unix milliseconds
const (
	askIndex    = 'I' // a read index: the asked node leads, has proved it, and has applied index
	askTick     = 'T' // the same after the log's time has moved on
	askProgress = 'P' // how far the node has applied, whatever it is
	askChecksum = 'C' // see verify.go
	askTerm     = 'V' // the term that the node is in, in the place of an index

	answerLen = 1 + 8 + 8
)

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

// serveQueries answers a peer until the link ends. On a link that was not opened for this member it takes orders only: an answer to a
// question counts for the member that was asked.
func (q *queries) serveQueries(c net.Conn, bound bool) error {
	var question [1]byte
	for {
		if _, err := io.ReadFull(c, question[:]); err != nil {
			return err
		}
		if question[0] == askOrder {
			if err := q.admin.serveOrder(c, bound); err != nil {
				return err
			}
			continue
		}
		if !bound {
			return fmt.Errorf("replica: question %q on a link for orders", question[0])
		}
		var answer []byte
		var err error
		if question[0] == askChecksum {
			answer, err = q.answerChecksum(c)
		} else {
			answer, err = q.answer(question[0])
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

func (q *queries) answer(question byte) ([]byte, error) {
	var got confirmed
	var err error
	switch question {
	case askProgress:
		got = confirmed{q.machine.Applied().Index, q.clock.now()}
	case askTerm:
		got.index = q.raft.CurrentTerm()
	case askIndex, askTick:
		if err = ErrNotLeader; q.raft.State() == raft.Leader {
			got, err = q.index.leader.join(question == askTick)
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
