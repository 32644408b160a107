package replica

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// TestVet: who may use a link, at both ends.
func TestVet(t *testing.T) {
	members := membership{servers: []raft.Server{{ID: "n1", Address: "a1"}, {ID: "n2", Address: "a2"}, {ID: "n3", Address: "a3"}}}
	member := func(id, addr, cluster string) hello {
		return hello{id: id, addr: addr, cluster: cluster, past: true, founder: true, run: id + "'s"}
	}
	to := func(h hello, kind byte, to string) hello { h.kind, h.to = kind, to; return h }
	fresh := func(id, addr string, genesis byte) hello {
		return hello{id: id, addr: addr, founder: true, genesis: [genesisLen]byte{genesis}}
	}
	joiner := hello{id: "n9", addr: "a9"}
	n2 := member("n2", "a2", "c")
	for _, c := range []struct {
		name             string
		opener, acceptor hello
		members          membership // the acceptor's
		opens, accepts   string     // why the opener, the acceptor refuses; "" when it does not
	}{
		{name: "members", opener: to(member("n1", "a1", "c"), raftLink, "n2"), acceptor: n2, members: members},
		{name: "a vote of one at another's address", opener: to(member("n1", "a1", "c"), raftLink, "n3"), acceptor: n2, members: members,
			opens: "here answers n2", accepts: "here answers n2"},
		{name: "a question to one at another's address", opener: to(member("n1", "a1", "c"), queryLink, "n3"), acceptor: n2, members: members,
			opens: "here answers n2", accepts: "here answers n2"},
		{name: "itself at another's address", opener: to(n2, raftLink, "n3"), acceptor: n2, members: members,
			opens: "here answers n2", accepts: "here answers n2"},
		{name: "another cluster's member of that name", opener: to(member("n1", "a1", "d"), raftLink, "n2"), acceptor: n2, members: members,
			opens: "of cluster c", accepts: "of cluster d"},
		{name: "a question without a name", opener: to(member("n1", "a1", "c"), queryLink, ""), acceptor: n2, members: members},
		{name: "Raft without a name", opener: to(member("n1", "a1", "c"), raftLink, ""), acceptor: n2, members: members, accepts: "names the member"},
		{name: "a member that has moved", opener: to(member("n1", "a7", "c"), raftLink, "n2"), acceptor: n2, members: members},
		{name: "a lost disk at its place", opener: to(fresh("n1", "a1", 1), raftLink, "n2"), acceptor: n2, members: members},
		{name: "a lost disk elsewhere", opener: to(fresh("n1", "a7", 1), raftLink, "n2"), acceptor: n2, members: members, accepts: "is a member at a1"},
		{name: "a founder of another cluster", opener: to(fresh("m1", "a7", 1), raftLink, "n2"), acceptor: n2, members: members, accepts: "is no member"},
		{name: "a joiner", opener: to(joiner, queryLink, ""), acceptor: n2, members: members},
		{name: "a joiner that was added", opener: to(joiner, queryLink, "n2"), acceptor: n2, members: members},
		{name: "founders", opener: to(fresh("n1", "a1", 1), raftLink, "n2"), acceptor: fresh("n2", "a2", 1), members: members},
		{name: "founders with different peers", opener: to(fresh("n1", "a1", 1), raftLink, "n2"), acceptor: fresh("n2", "a2", 2), members: members,
			opens: "different --peers", accepts: "different --peers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(who, got, want string) {
				if (got == "") != (want == "") || !strings.Contains(got, want) {
					t.Errorf("the %s says %q, want %q", who, got, want)
				}
			}
			check("opener", judge{own: c.opener}.acceptor(c.acceptor), c.opens)
			check("acceptor", judge{c.acceptor, c.members}.opener(c.opener), c.accepts)
		})
	}
}

// TestDisplaces: which call tells a node that it has begun a cluster in the place of a member.
func TestDisplaces(t *testing.T) {
	alone := membership{servers: []raft.Server{{ID: "n1", Address: "a1"}}}
	trio := membership{servers: []raft.Server{{ID: "n1", Address: "a1"}, {ID: "n2", Address: "a2"}, {ID: "n3", Address: "a3"}}}
	const old, young = "01a", "01b"
	for _, c := range []struct {
		name    string
		own     hello
		members membership
		peer    hello
		want    bool
	}{
		{"it waits to begin alone", hello{id: "n1", founder: true}, membership{}, hello{id: "n2", to: "n1", past: true, cluster: old}, true},
		{"it has begun alone", hello{id: "n1", founder: true, past: true}, alone, hello{id: "n2", to: "n1", past: true, cluster: old}, true},
		{"another member's place", hello{id: "m3", founder: true}, membership{servers: []raft.Server{{ID: "m3"}}}, hello{id: "n1", to: "n3", past: true, cluster: old}, true},
		{"another cluster with the same names", hello{id: "n1", founder: true}, trio, hello{id: "n2", to: "n1", addr: "b2", past: true, cluster: old}, true},
		{"a lost disk", hello{id: "n1", founder: true}, trio, hello{id: "n2", to: "n1", addr: "a2", past: true, cluster: old}, false},
		{"a lost disk, another member's place", hello{id: "n3", founder: true}, trio, hello{id: "n1", to: "n2", addr: "a1", past: true, cluster: old}, false},
		{"a member after a kill, at another's address", hello{id: "n3", founder: true, past: true}, trio, hello{id: "n1", to: "n2", past: true, leads: true, cluster: old}, false},
		{"its cluster is younger", hello{id: "n1", founder: true, past: true, cluster: young}, alone, hello{id: "n2", to: "n1", past: true, leads: true, cluster: old}, true},
		{"its cluster is older", hello{id: "n1", founder: true, past: true, cluster: old}, alone, hello{id: "n2", to: "n1", past: true, leads: true, cluster: young}, false},
		{"a cluster without a leader", hello{id: "n1", founder: true, past: true, cluster: young}, alone, hello{id: "n2", to: "n1", past: true, cluster: old}, false},
		{"a joiner", hello{id: "n1"}, membership{}, hello{id: "n2", to: "n1", past: true, cluster: old}, false},
		{"an order", hello{id: "n1", founder: true}, membership{}, hello{id: "n2", past: true, cluster: old}, false},
		{"a newcomer", hello{id: "n1", founder: true}, membership{}, hello{id: "n2", to: "n1"}, false},
		{"its own cluster", hello{id: "n1", founder: true, past: true, cluster: old}, trio, hello{id: "n2", to: "n1", past: true, leads: true, cluster: old}, false},
	} {
		if got := (judge{c.own, c.members}).displaces(c.peer); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestClusterIDsAreInOrder: the older of two clusters has the smaller id.
func TestClusterIDsAreInOrder(t *testing.T) {
	now := time.Now().UnixMilli()
	a, b := newClusterID(now), newClusterID(now+1)
	if a >= b || len(a) != 40 || a == newClusterID(now) {
		t.Errorf("ids %s, %s a millisecond later", a, b)
	}
}

// TestVoteIsForAMember: hashicorp/raft remembers whom it has voted for by what EncodePeer gives, and grants him the vote again in the
// same term, whatever his log holds. Another member that comes to his address is not him.
func TestVoteIsForAMember(t *testing.T) {
	l := startMember(t, memLog(t), time.Hour, Peer{"n1", "a1"}, Peer{"n2", "a2"}, Peer{"n3", "a3"})
	vote := func(id string, lastIndex, lastTerm uint64) bool {
		h := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(id), Addr: l.r.transport.EncodePeer(raft.ServerID(id), "a2")}
		answer := make(chan raft.RPCResponse, 1)
		l.r.transport.hand(raft.RPC{RespChan: answer, Command: &raft.RequestVoteRequest{RPCHeader: h, Term: 7, LastLogIndex: lastIndex, LastLogTerm: lastTerm}})
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

// TestEachQuestionIsAMembers: whatever is asked of a member, another one that answers at its address is not heard, open links or not.
func TestEachQuestionIsAMembers(t *testing.T) {
	_, leader := newTrio(t, time.Second)
	asked, there := raft.ServerID("n4"), leader.confirmers.others(leader.voters())[0].Address
	tr, h := leader.transport, raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(leader.o.ID)}
	a := &asker{l: leader.links}
	defer a.close()
	if _, err := a.ask(t.Context(), memberAddr{string(leader.confirmers.others(leader.voters())[0].ID), string(there)}, askProgress); err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"append": func() error {
			return tr.NetworkTransport.AppendEntries(asked, bound(asked, there), &raft.AppendEntriesRequest{RPCHeader: h}, new(raft.AppendEntriesResponse))
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
			_, err := a.ask(t.Context(), memberAddr{string(asked), string(there)}, askIndex)
			return err
		},
	} {
		if err := ask(); !errors.Is(err, errRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoQuestionsToAnyone: a link that was opened for whoever is at an address carries no question whose answer counts for a member.
func TestNoQuestionsToAnyone(t *testing.T) {
	r := &Replica{o: Options{ID: "n1"}}
	for _, question := range []byte{askIndex, askTick, askProgress, askTerm, askChecksum} {
		here, there := net.Pipe()
		done := make(chan error, 1)
		go func() { done <- r.serveQueries(there, false) }()
		if _, err := here.Write([]byte{question}); err != nil {
			t.Error(err)
		}
		if err := <-done; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("question %q: %v", question, err)
		}
		here.Close()
	}
}

// TestNamedAddress: a member is found at the address that the operator has named, too, if it is the member that answers there.
func TestNamedAddress(t *testing.T) {
	opener := side(t, "n1", "", "c")
	opener.o.Joining, opener.addresses, opener.ballot = true, map[string]string{"n2": "new"}, newBallot(opener.o.Log)
	opener.links = newLinks(opener)
	there := map[string]*Replica{"old": side(t, "n3", "", "c"), "new": side(t, "n2", "", "c")}
	opener.o.Dial = func(_ context.Context, addr string) (net.Conn, error) {
		r := there[addr]
		if r == nil {
			return nil, errors.New("nobody is there")
		}
		here, c := net.Pipe()
		go func() {
			if _, err := io.ReadFull(c, make([]byte, len(Preface))); err == nil {
				_, _ = r.welcome(c) // the opener looks
			}
		}()
		return here, nil
	}
	for _, old := range []string{"old", "gone"} {
		c, err := opener.links.dial(t.Context(), memberAddr{"n2", old}, queryLink)
		if err != nil {
			t.Fatalf("n2 is not found where it is named, with %q as its address: %v", old, err)
		}
		c.Close()
	}
	there["new"] = side(t, "n3", "", "c")
	if c, err := opener.links.dial(t.Context(), memberAddr{"n2", "old"}, queryLink); err == nil {
		c.Close()
		t.Error("n3 is taken for n2")
	}
}

// TestClusterIsNoted: a node knows its cluster from the start on, also where a kill has left its state behind.
func TestClusterIsNoted(t *testing.T) {
	log, empty := memLog(t), fuzzMachine(t)
	r := side(t, "n1", "", "c")
	r.o.Log, r.ctx = log, t.Context()
	if err := r.cluster.load(log); err != nil || r.cluster.id(empty) != "" {
		t.Fatalf("a new node is of cluster %q, %v", r.cluster.id(empty), err)
	}
	r.noteCluster()
	var next clusterNote
	if err := next.load(log); err != nil || next.id(empty) != "c" {
		t.Errorf("the next start knows cluster %q, %v", next.id(empty), err)
	}
}

// TestMemberAddr: what the library takes for an address holds both parts.
func TestMemberAddr(t *testing.T) {
	for _, m := range []memberAddr{{"n1", "127.0.0.1:1"}, {"a/b", "[::1]:1"}, {"", "a:1"}} {
		if got := parseMemberAddr(m.String()); got != m {
			t.Errorf("%+v came back as %+v", m, got)
		}
	}
}
