package replica

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/raftfix"
)

// TestVet: who may use a link, at both ends.
func TestVet(t *testing.T) {
	members := configuration{servers: []raft.Server{{ID: "n1", Address: "a1"}, {ID: "n2", Address: "a2"}, {ID: "n3", Address: "a3"}}}
	member := func(id, addr, cluster string) hello { // of a cluster that began as 1
		return hello{id: id, addr: addr, cluster: cluster, past: true, founder: true, run: id + "'s", genesis: [genesisLen]byte{1}}
	}
	to := func(h hello, kind byte, to string) hello { h.kind, h.to = kind, to; return h }
	fresh := func(id, addr string, genesis byte) hello {
		return hello{id: id, addr: addr, founder: true, genesis: [genesisLen]byte{genesis}}
	}
	begun := func(h hello) hello { h.past = true; return h }
	joined := func(id, addr, cluster string) hello {
		return hello{id: id, addr: addr, past: cluster != "", cluster: cluster}
	}
	n2 := member("n2", "a2", "c")
	const strange, other, unknown = "here answers n2", "of cluster", "was not started for that"
	for _, c := range []struct {
		name             string
		opener, acceptor hello
		opens, accepts   string // why the opener, the acceptor refuses; "" when it does not
	}{
		{name: "members", opener: to(member("n1", "a1", "c"), raftLink, "n2"), acceptor: n2},
		{name: "a vote of one at another's address", opener: to(member("n1", "a1", "c"), raftLink, "n3"), acceptor: n2, opens: strange, accepts: strange},
		{name: "a question to one at another's address", opener: to(member("n1", "a1", "c"), queryLink, "n3"), acceptor: n2, opens: strange, accepts: strange},
		{name: "itself at another's address", opener: to(n2, raftLink, "n3"), acceptor: n2, opens: strange, accepts: strange},
		{name: "another cluster's member of that name", opener: to(member("n1", "a1", "d"), raftLink, "n2"), acceptor: n2, opens: other, accepts: other},
		{name: "a request", opener: to(member("n1", "a1", "c"), queryLink, ""), acceptor: n2},
		{name: "a request of another cluster", opener: to(member("n1", "a1", "d"), queryLink, ""), acceptor: n2, opens: other, accepts: other},
		{name: "Raft without a name", opener: to(member("n1", "a1", "c"), raftLink, ""), acceptor: n2, opens: "", accepts: "names the member"},
		{name: "a member that has moved", opener: to(member("n1", "a7", "c"), raftLink, "n2"), acceptor: n2},
		{name: "a lost disk at its place", opener: to(fresh("n1", "a1", 1), raftLink, "n2"), acceptor: n2},
		{name: "a lost disk elsewhere", opener: to(fresh("n1", "a7", 1), raftLink, "n2"), acceptor: n2, accepts: "is a member at a1"},
		{name: "a lost disk of no member any more", opener: to(fresh("n9", "a9", 1), raftLink, "n2"), acceptor: n2, accepts: "no member"},
		{name: "a lost disk that is called", opener: to(n2, raftLink, "n1"), acceptor: fresh("n1", "a1", 1)},
		{name: "a member that was killed while it began", opener: to(begun(fresh("n1", "a7", 1)), raftLink, "n2"), acceptor: n2},
		{name: "a founder of another cluster", opener: to(fresh("n1", "a1", 2), raftLink, "n2"), acceptor: n2, opens: unknown, accepts: unknown},
		{name: "a new leader of another cluster", opener: to(begun(fresh("m1", "a7", 2)), raftLink, "n2"), acceptor: n2, opens: unknown, accepts: unknown},
		{name: "a founder of another cluster that is called", opener: to(n2, raftLink, "n1"), acceptor: fresh("n1", "a1", 2), opens: unknown, accepts: unknown},
		{name: "a node that founds alone and is called", opener: to(n2, raftLink, "n1"), acceptor: hello{id: "n1", founder: true}, opens: unknown, accepts: unknown},
		{name: "a joiner asks", opener: to(joined("n9", "a9", ""), queryLink, ""), acceptor: n2},
		{name: "a joiner that was added", opener: to(joined("n9", "a9", "c"), queryLink, "n2"), acceptor: n2},
		{name: "a joiner that has asked nobody and is called", opener: to(n2, raftLink, "n9"), acceptor: joined("n9", "a9", ""), opens: unknown, accepts: unknown},
		{name: "a joiner that is called by another cluster", opener: to(n2, raftLink, "n9"), acceptor: joined("n9", "a9", "d"), opens: other, accepts: other},
		{name: "founders", opener: to(fresh("n1", "a1", 1), raftLink, "n2"), acceptor: fresh("n2", "a2", 1)},
		{name: "founders with different peers", opener: to(fresh("n1", "a1", 1), raftLink, "n2"), acceptor: fresh("n2", "a2", 2),
			opens: "different --peers", accepts: "different --peers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(who string, got *refusal, want string) {
				if (got == nil) != (want == "") || got != nil && !strings.Contains(got.why, want) {
					t.Errorf("the %s says %v, want %q", who, got, want)
				}
				if want == strange && got != nil && got.final {
					t.Errorf("the %s at a wrong address has the last word", who)
				}
			}
			check("opener", judge{own: c.opener}.acceptor(c.acceptor), c.opens)
			check("acceptor", judge{c.acceptor, members}.opener(c.opener), c.accepts)
		})
	}
}

// TestDisplaces: which call tells a node that it has begun a cluster in the place of a member.
func TestDisplaces(t *testing.T) {
	alone := configuration{servers: []raft.Server{{ID: "n1", Address: "a1"}}}
	trio := configuration{servers: []raft.Server{{ID: "n1", Address: "a1"}, {ID: "n2", Address: "a2"}, {ID: "n3", Address: "a3"}}}
	one, two := [genesisLen]byte{1}, [genesisLen]byte{2}
	const old, young = "01a", "01b"
	for _, c := range []struct {
		name    string
		own     hello
		members configuration
		peer    hello
		want    bool
	}{
		{"it waits to begin alone", hello{id: "n1", founder: true}, configuration{}, hello{id: "n2", to: "n1", past: true, cluster: old}, true},
		{"another member's place", hello{id: "m3", founder: true, genesis: two}, trio, hello{id: "n1", to: "n3", past: true, cluster: old, genesis: one}, true},
		{"another cluster with the same names", hello{id: "n1", founder: true, genesis: two}, trio, hello{id: "n2", to: "n1", past: true, cluster: old, genesis: one}, true},
		{"a lost disk", hello{id: "n1", founder: true, genesis: one}, trio, hello{id: "n2", to: "n1", past: true, cluster: old, genesis: one}, false},
		{"a lost disk, at another member's address", hello{id: "n3", founder: true, genesis: one}, trio, hello{id: "n1", to: "n2", past: true, cluster: old, genesis: one}, false},
		{"its cluster is younger", hello{id: "n1", founder: true, past: true, cluster: young}, alone, hello{id: "n2", to: "n1", past: true, leads: true, cluster: old}, true},
		{"its cluster is older", hello{id: "n1", founder: true, past: true, cluster: old}, alone, hello{id: "n2", to: "n1", past: true, leads: true, cluster: young}, false},
		{"its cluster has others", hello{id: "n1", founder: true, past: true, cluster: young}, trio, hello{id: "n2", to: "n1", past: true, leads: true, cluster: old}, false},
		{"another's address that is used again", hello{id: "m1", founder: true, past: true, cluster: young}, alone, hello{id: "n2", to: "n1", past: true, leads: true, cluster: old}, false},
		{"a cluster without a leader", hello{id: "n1", founder: true, past: true, cluster: young}, alone, hello{id: "n2", to: "n1", past: true, cluster: old}, false},
		{"a joiner", hello{id: "n1"}, configuration{}, hello{id: "n2", to: "n1", past: true, cluster: old}, false},
		{"a request", hello{id: "n1", founder: true}, configuration{}, hello{id: "n2", past: true, cluster: old}, false},
		{"a newcomer", hello{id: "n1", founder: true}, configuration{}, hello{id: "n2", to: "n1"}, false},
		{"it was killed while it began", hello{id: "n1", founder: true, past: true, genesis: two}, trio, hello{id: "n2", to: "n1", past: true, cluster: old, genesis: one}, false},
	} {
		if got := (judge{c.own, c.members}).displaces(c.peer); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestDisplacedByWord: at its operator's word a node does not stop, and is not taken for the member either.
func TestDisplacedByWord(t *testing.T) {
	opener, acceptor := side(t, "n2", "", "c"), side(t, "n1", "", "")
	acceptor.o.NewCluster = true
	opener.founding.cluster.mu.genesis, acceptor.founding.cluster.mu.genesis = [genesisLen]byte{1}, [genesisLen]byte{2}
	if err := opener.o.Log.StoreLogs([]*raft.Log{{Index: 1, Term: 1}, {Index: 2, Term: 1}}); err != nil { // it has a past
		t.Fatal(err)
	}
	openErr, acceptErr := shake(t, opener, acceptor, raftLink, "n1")
	if !errors.Is(openErr, errRefused) || !errors.Is(acceptErr, errRefused) || !strings.Contains(openErr.Error(), "operator's word") {
		t.Errorf("opener: %v; acceptor: %v", openErr, acceptErr)
	}
	if acceptor.founding.displaced.Load() {
		t.Error("it stops")
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

// TestEachQuestionIsAMembers: whatever is asked of a member, another one that answers at its address is not heard, open links or not.
func TestEachQuestionIsAMembers(t *testing.T) {
	_, leader := newTrio(t, time.Second)
	asked, there := raft.ServerID("n4"), leader.index.confirmers.others(leader.voters())[0].Address
	tr, h := leader.transport, raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(leader.o.ID)}
	a := &asker{l: leader.links}
	defer a.close()
	if _, err := a.ask(t.Context(), raftfix.MemberAddr{ID: string(leader.index.confirmers.others(leader.voters())[0].ID), Addr: string(there)}, askProgress); err != nil {
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
			_, err := a.ask(t.Context(), raftfix.MemberAddr{ID: string(asked), Addr: string(there)}, askIndex, 0, 0, 0, 0, 0, 0, 0, 0)
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
			done <- q.serveQueries(there, hello{id: "n2"})
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

// TestNamedAddress: a member is found at the address that the operator has named, too, if it is the member that answers there.
func TestNamedAddress(t *testing.T) {
	opener := side(t, "n1", "", "c")
	opener.o.Joining, opener.links.addresses = true, map[string]string{"n2": "new"}
	there := map[string]*Replica{"old": side(t, "n3", "", "c"), "new": side(t, "n2", "", "c")}
	opener.o.Dial = func(_ context.Context, addr string) (net.Conn, error) {
		r := there[addr]
		if r == nil {
			return nil, errors.New("nobody is there")
		}
		here, c := net.Pipe()
		go func() {
			if _, err := io.ReadFull(c, make([]byte, len(Preface))); err == nil {
				_, _ = r.links.welcome(c) // the opener looks
			}
		}()
		return here, nil
	}
	for _, old := range []string{"old", "gone"} {
		c, err := opener.links.dial(t.Context(), raftfix.MemberAddr{ID: "n2", Addr: old}, queryLink)
		if err != nil {
			t.Fatalf("n2 is not found where it is named, with %q as its address: %v", old, err)
		}
		c.Close()
	}
	there["new"] = side(t, "n3", "", "c")
	if c, err := opener.links.dial(t.Context(), raftfix.MemberAddr{ID: "n2", Addr: "old"}, queryLink); err == nil {
		c.Close()
		t.Error("n3 is taken for n2")
	}
}

// TestFormerPlace: a member that has changed places with this one is found at this node's former address.
func TestFormerPlace(t *testing.T) {
	opener := side(t, "n1", "", "c")
	opener.o.Addr = "a2"
	if got := opener.links.placesOf(raftfix.MemberAddr{ID: "n2", Addr: "a2"}, raft.Server{ID: "n1", Address: "a1"}); !slices.Equal(got, []string{"a2", "a1"}) {
		t.Errorf("n2 is looked for at %q", got)
	}
	if got := opener.links.placesOf(raftfix.MemberAddr{Addr: "a2"}, raft.Server{ID: "n1", Address: "a1"}); !slices.Equal(got, []string{"a2"}) {
		t.Errorf("whoever is at a2 is looked for at %q", got)
	}
}

// TestHangUp: a raft link whose other end never answers ends with Raft, which would wait for it.
func TestHangUp(t *testing.T) {
	opener, there := side(t, "n1", "", "c"), side(t, "n2", "", "c")
	opener.o.Dial = func(context.Context, string) (net.Conn, error) {
		here, c := net.Pipe()
		go func() {
			if _, err := io.ReadFull(c, make([]byte, len(Preface))); err == nil {
				_, _ = there.links.welcome(c) // the opener looks
			}
		}()
		return here, nil
	}
	c, err := opener.links.Dial(raft.ServerAddress(raftfix.MemberAddr{ID: "n2", Addr: "a2"}.String()), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		answered <- err
	}()
	opener.links.hangUp()
	select {
	case err := <-answered:
		if err == nil {
			t.Error("a link that is hung up has an answer")
		}
	case <-time.After(time.Minute):
		t.Error("a link that is hung up waits for an answer")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestClusterIsNoted: a node knows its cluster from the start on, also where a kill has left its state behind, and never changes it.
func TestClusterIsNoted(t *testing.T) {
	r := side(t, "n1", "", "c")
	r.ctx, r.founding.cluster.mu.id = t.Context(), ""
	next := func() (string, [genesisLen]byte) {
		var c clusterNote
		if err := c.load(r.o.Log); err != nil {
			t.Fatal(err)
		}
		return c.id(), c.genesis()
	}
	r.founding.noteCluster() // the state has it
	if id, _ := next(); id != "c" {
		t.Errorf("the next start knows cluster %q", id)
	}
	if same, err := r.founding.cluster.keep("d", [genesisLen]byte{7}); same || err != nil {
		t.Errorf("another cluster: %v, %v", same, err)
	}
	if id, genesis := next(); id != "c" || genesis != [genesisLen]byte{7} {
		t.Errorf("the next start knows cluster %q, %v", id, genesis)
	}
}

// TestJoinerIsOfOneCluster: a node that joins is of the cluster that it has asked, and of no other that calls it.
func TestJoinerIsOfOneCluster(t *testing.T) {
	joiner, a, b := side(t, "n9", "", ""), side(t, "n1", "", "a"), side(t, "n2", "", "b")
	joiner.o.Joining = true
	if err, _ := shake(t, b, joiner, raftLink, "n9"); !errors.Is(err, errRefused) {
		t.Errorf("before it has asked anybody, it is called: %v", err)
	}
	if err, _ := shake(t, joiner, a, queryLink, ""); err != nil {
		t.Fatal(err)
	}
	if err, _ := shake(t, b, joiner, raftLink, "n9"); !errors.Is(err, errRefused) {
		t.Errorf("called by another cluster: %v", err)
	}
	joiner.founding.cluster.suppose("") // it was refused, and may ask another
	if err, _ := shake(t, joiner, b, queryLink, ""); err != nil {
		t.Fatal(err)
	}
	if err, _ := shake(t, b, joiner, raftLink, "n9"); err != nil {
		t.Errorf("called by the cluster that it has asked: %v", err)
	}
	joiner.founding.cluster.suppose("") // too late
	var next clusterNote
	if err := next.load(joiner.o.Log); err != nil || next.id() != "b" || joiner.founding.cluster.id() != "b" {
		t.Errorf("it is of %q, after a restart of %q, %v", joiner.founding.cluster.id(), next.id(), err)
	}
}

// TestLinksDoNotWaitForNotes: a disk that stands still while a note of the cluster is written holds up no link.
func TestLinksDoNotWaitForNotes(t *testing.T) {
	a, b := side(t, "n1", "", ""), side(t, "n2", "", "c")
	a.founding.cluster.mu.genesis, b.founding.cluster.mu.genesis = [genesisLen]byte{1}, [genesisLen]byte{1}
	a.founding.cluster.writing.Lock()
	defer a.founding.cluster.writing.Unlock()
	if openErr, acceptErr := shake(t, b, a, raftLink, "n1"); openErr != nil || acceptErr != nil || a.founding.cluster.id() != "c" {
		t.Errorf("opener: %v; acceptor: %v, of cluster %q", openErr, acceptErr, a.founding.cluster.id())
	}
}
