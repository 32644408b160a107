package replica

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
	"cairn/storage/raftlog/raftlogtest"
)

// TestVoteIsForAMember: hashicorp/raft remembers whom it has voted for by what EncodePeer gives, and grants him the
// vote again in the same term, whatever his log holds. Another member that comes to his address is not him.
func TestVoteIsForAMember(t *testing.T) {
	l := startMember(t, raftlogtest.InMemory(t), time.Hour, Peer{"n1", "a1"}, Peer{"n2", "a2"}, Peer{"n3", "a3"})
	vote := func(id string, lastIndex, lastTerm uint64) bool {
		h := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(id), Addr: l.r.transport.EncodePeer(raft.ServerID(id), "a2")}
		answer := make(chan raft.RPCResponse, 1)
		l.r.transport.Hand(raft.RPC{RespChan: answer, Command: &raft.RequestVoteRequest{RPCHeader: h, Term: 7, LastLogIndex: lastIndex, LastLogTerm: lastTerm}})
		resp, ok := (<-answer).Response.(*raft.RequestVoteResponse)
		return ok && resp.Granted
	}
	if !vote("n2", 9, 6) {
		t.Fatal("n2 does not get the vote")
	}
	if !vote("n2", 9, 6) {
		t.Error("n2 asks again and does not hear that it has the vote")
	}
	if vote("n3", 0, 0) {
		t.Error("n3 has the vote of a term that n2 has it of")
	}
}

// TestEachQuestionIsAMembers: whatever is asked of a member, another one that answers at its address is not heard,
// open links or not.
func TestEachQuestionIsAMembers(t *testing.T) {
	_, leader := newTrio(t, time.Second)
	asked, there := raft.ServerID("n4"), leader.index.confirmers.others(leader.voters())[0].Address
	tr, h := leader.transport, raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(leader.o.ID)}
	a := &asker{l: leader.links}
	defer a.closeConn()
	if _, err := a.query(t.Context(), raftfix.MemberAddr{ID: string(leader.index.confirmers.others(leader.voters())[0].ID), Addr: string(there)}, askProgress); err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"append": func() error {
			return tr.AppendEntries(asked, there, &raft.AppendEntriesRequest{RPCHeader: h}, new(raft.AppendEntriesResponse))
		},
		"vote": func() error {
			return tr.RequestVote(asked, there, &raft.RequestVoteRequest{RPCHeader: h}, new(raft.RequestVoteResponse))
		},
		"pre-vote": func() error {
			return tr.RequestPreVote(asked, there, &raft.RequestPreVoteRequest{RPCHeader: h}, new(raft.RequestPreVoteResponse))
		},
		"pipeline": func() error {
			p, err := tr.AppendEntriesPipeline(asked, there)
			if err == nil {
				_ = p.Close()
			}
			return err
		},
		"offer": func() error {
			return tr.TimeoutNow(asked, there, &raft.TimeoutNowRequest{RPCHeader: h}, new(raft.TimeoutNowResponse))
		},
		"snapshot": func() error {
			return tr.InstallSnapshot(asked, there, &raft.InstallSnapshotRequest{RPCHeader: h}, new(raft.InstallSnapshotResponse), strings.NewReader(""))
		},
		"read index": func() error {
			_, err := a.query(t.Context(), raftfix.MemberAddr{ID: string(asked), Addr: string(there)}, askIndex, 0, 0, 0, 0, 0, 0, 0, 0)
			return err
		},
	} {
		if err := ask(); !errors.Is(err, link.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoQuestionsToAnyone: a link that was opened for whoever is at an address carries no question whose answer
// counts for a member.
func TestNoQuestionsToAnyone(t *testing.T) {
	q := &queries{node: &node{o: Options{ID: "n1"}}}
	for _, question := range []byte{askIndex, askTick, askProgress, askTerm, askChecksum} {
		here, there := net.Pipe()
		done := make(chan error, 1)
		go func() {
			defer func() { // it looks for what this replica has not
				if recover() != nil {
					done <- nil
				}
			}()
			done <- q.serveQueries(there, link.Hello{ID: "n2"})
		}()
		if _, err := here.Write([]byte{question}); err != nil {
			t.Error(err)
		}
		if err := <-done; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("question %q: %v", question, err)
		}
		here.Close()
	}
}
