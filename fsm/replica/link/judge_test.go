package link

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
	members := []raft.Server{{ID: "n1", Address: "a1"}, {ID: "n2", Address: "a2"}, {ID: "n3", Address: "a3"}}
	member := func(id, addr, cluster string) Hello { // of a cluster that began as 1
		return Hello{ID: id, Addr: addr, Cluster: cluster, hasState: true, founder: true, run: id + "'s", genesis: [GenesisLen]byte{1}}
	}
	to := func(h Hello, kind byte, to string) Hello { h.kind, h.To = kind, to; return h }
	fresh := func(id, addr string, genesis byte) Hello {
		return Hello{ID: id, Addr: addr, founder: true, genesis: [GenesisLen]byte{genesis}}
	}
	begun := func(h Hello) Hello { h.hasState = true; return h }
	joined := func(id, addr, cluster string) Hello {
		return Hello{ID: id, Addr: addr, hasState: cluster != "", Cluster: cluster}
	}
	n2 := member("n2", "a2", "c")
	const strange, other, unknown = "here answers n2", "of cluster", "was not started for that"
	for _, c := range []struct {
		name             string
		opener, acceptor Hello
		opens, accepts   string // why the opener, the acceptor refuses; "" when it does not
	}{
		{name: "members", opener: to(member("n1", "a1", "c"), Raft, "n2"), acceptor: n2},
		{name: "a vote of one at another's address", opener: to(member("n1", "a1", "c"), Raft, "n3"), acceptor: n2, opens: strange, accepts: strange},
		{name: "a question to one at another's address", opener: to(member("n1", "a1", "c"), Query, "n3"), acceptor: n2, opens: strange, accepts: strange},
		{name: "itself at another's address", opener: to(n2, Raft, "n3"), acceptor: n2, opens: strange, accepts: strange},
		{name: "another cluster's member of that name", opener: to(member("n1", "a1", "d"), Raft, "n2"), acceptor: n2, opens: other, accepts: other},
		{name: "a request", opener: to(member("n1", "a1", "c"), Query, ""), acceptor: n2},
		{name: "a request of another cluster", opener: to(member("n1", "a1", "d"), Query, ""), acceptor: n2, opens: other, accepts: other},
		{name: "Raft without a name", opener: to(member("n1", "a1", "c"), Raft, ""), acceptor: n2, opens: "", accepts: "names the member"},
		{name: "a member that has moved", opener: to(member("n1", "a7", "c"), Raft, "n2"), acceptor: n2},
		{name: "a lost disk at its place", opener: to(fresh("n1", "a1", 1), Raft, "n2"), acceptor: n2},
		{name: "a lost disk elsewhere", opener: to(fresh("n1", "a7", 1), Raft, "n2"), acceptor: n2, accepts: "is a member at a1"},
		{name: "a lost disk of no member any more", opener: to(fresh("n9", "a9", 1), Raft, "n2"), acceptor: n2, accepts: "no member"},
		{name: "a lost disk that is called", opener: to(n2, Raft, "n1"), acceptor: fresh("n1", "a1", 1)},
		{name: "a member that was killed while it began", opener: to(begun(fresh("n1", "a7", 1)), Raft, "n2"), acceptor: n2},
		{name: "a founder of another cluster", opener: to(fresh("n1", "a1", 2), Raft, "n2"), acceptor: n2, opens: unknown, accepts: unknown},
		{name: "a new leader of another cluster", opener: to(begun(fresh("m1", "a7", 2)), Raft, "n2"), acceptor: n2, opens: unknown, accepts: unknown},
		{name: "a founder of another cluster that is called", opener: to(n2, Raft, "n1"), acceptor: fresh("n1", "a1", 2), opens: unknown, accepts: unknown},
		{name: "a node that founds alone and is called", opener: to(n2, Raft, "n1"), acceptor: Hello{ID: "n1", founder: true}, opens: unknown, accepts: unknown},
		{name: "a joiner asks", opener: to(joined("n9", "a9", ""), Query, ""), acceptor: n2},
		{name: "a joiner that was added", opener: to(joined("n9", "a9", "c"), Query, "n2"), acceptor: n2},
		{name: "a joiner that has asked nobody and is called", opener: to(n2, Raft, "n9"), acceptor: joined("n9", "a9", ""), opens: unknown, accepts: unknown},
		{name: "a joiner that is called by another cluster", opener: to(n2, Raft, "n9"), acceptor: joined("n9", "a9", "d"), opens: other, accepts: other},
		{name: "founders", opener: to(fresh("n1", "a1", 1), Raft, "n2"), acceptor: fresh("n2", "a2", 1)},
		{name: "founders with different peers", opener: to(fresh("n1", "a1", 1), Raft, "n2"), acceptor: fresh("n2", "a2", 2),
			opens: "different --peers", accepts: "different --peers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(who string, got *Refusal, want string) {
				if (got == nil) != (want == "") || got != nil && !strings.Contains(got.why, want) {
					t.Errorf("the %s says %v, want %q", who, got, want)
				}
				if want == strange && got != nil && got.Final {
					t.Errorf("the %s at a wrong address has the last word", who)
				}
			}
			check("opener", judge{own: c.opener}.acceptor(c.acceptor), c.opens)
			check("acceptor", judge{c.acceptor, members}.opener(c.opener), c.accepts)
		})
	}
}

// TestMustYield: which call tells a node that it has begun a cluster in the place of a member.
func TestMustYield(t *testing.T) {
	alone := []raft.Server{{ID: "n1", Address: "a1"}}
	trio := []raft.Server{{ID: "n1", Address: "a1"}, {ID: "n2", Address: "a2"}, {ID: "n3", Address: "a3"}}
	one, two := [GenesisLen]byte{1}, [GenesisLen]byte{2}
	const old, young = "01a", "01b"
	for _, c := range []struct {
		name    string
		own     Hello
		members []raft.Server
		peer    Hello
		want    bool
	}{
		{"it waits to begin alone", Hello{ID: "n1", founder: true}, nil, Hello{ID: "n2", To: "n1", hasState: true, Cluster: old}, true},
		{"another member's place", Hello{ID: "m3", founder: true, genesis: two}, trio, Hello{ID: "n1", To: "n3", hasState: true, Cluster: old, genesis: one}, true},
		{"another cluster with the same names", Hello{ID: "n1", founder: true, genesis: two}, trio, Hello{ID: "n2", To: "n1", hasState: true, Cluster: old, genesis: one}, true},
		{"a lost disk", Hello{ID: "n1", founder: true, genesis: one}, trio, Hello{ID: "n2", To: "n1", hasState: true, Cluster: old, genesis: one}, false},
		{"a lost disk, at another member's address", Hello{ID: "n3", founder: true, genesis: one}, trio, Hello{ID: "n1", To: "n2", hasState: true, Cluster: old, genesis: one}, false},
		{"its cluster is younger", Hello{ID: "n1", founder: true, hasState: true, Cluster: young}, alone, Hello{ID: "n2", To: "n1", hasState: true, leads: true, Cluster: old}, true},
		{"its cluster is older", Hello{ID: "n1", founder: true, hasState: true, Cluster: old}, alone, Hello{ID: "n2", To: "n1", hasState: true, leads: true, Cluster: young}, false},
		{"its cluster has others", Hello{ID: "n1", founder: true, hasState: true, Cluster: young}, trio, Hello{ID: "n2", To: "n1", hasState: true, leads: true, Cluster: old}, false},
		{"another's address that is used again", Hello{ID: "m1", founder: true, hasState: true, Cluster: young}, alone, Hello{ID: "n2", To: "n1", hasState: true, leads: true, Cluster: old}, false},
		{"a cluster without a leader", Hello{ID: "n1", founder: true, hasState: true, Cluster: young}, alone, Hello{ID: "n2", To: "n1", hasState: true, Cluster: old}, false},
		{"a joiner", Hello{ID: "n1"}, nil, Hello{ID: "n2", To: "n1", hasState: true, Cluster: old}, false},
		{"a request", Hello{ID: "n1", founder: true}, nil, Hello{ID: "n2", hasState: true, Cluster: old}, false},
		{"a newcomer", Hello{ID: "n1", founder: true}, nil, Hello{ID: "n2", To: "n1"}, false},
		{"it was killed while it began", Hello{ID: "n1", founder: true, hasState: true, genesis: two}, trio, Hello{ID: "n2", To: "n1", hasState: true, Cluster: old, genesis: one}, false},
	} {
		if got := (judge{c.own, c.members}).mustYield(c.peer); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestNamedAddress: a member is found at the address that the operator has named, too, if it is the member that
// answers there.
func TestNamedAddress(t *testing.T) {
	opener := side(t, "n1", "", "c")
	opener.o.Joining, opener.o.Addresses = true, map[string]string{"n2": "new"}
	there := map[string]*Links{"old": side(t, "n3", "", "c"), "new": side(t, "n2", "", "c")}
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
		c, err := opener.Open(t.Context(), raftfix.MemberAddr{ID: "n2", Addr: old}, Query)
		if err != nil {
			t.Fatalf("n2 is not found where it is named, with %q as its address: %v", old, err)
		}
		c.Close()
	}
	there["new"] = side(t, "n3", "", "c")
	if c, err := opener.Open(t.Context(), raftfix.MemberAddr{ID: "n2", Addr: "old"}, Query); err == nil {
		c.Close()
		t.Error("n3 is taken for n2")
	}
}

// TestFormerPlace: a member that has changed places with this one is found at this node's former address.
func TestFormerPlace(t *testing.T) {
	opener := side(t, "n1", "", "c")
	opener.o.Addr = "a2"
	opener.o.Host.(*fakeHost).now.Members = []raft.Server{{ID: "n1", Address: "a1"}, {ID: "n2", Address: "a2"}}
	if got := opener.addressesOf(raftfix.MemberAddr{ID: "n2", Addr: "a2"}); !slices.Equal(got, []string{"a2", "a1"}) {
		t.Errorf("n2 is looked for at %q", got)
	}
	if got := opener.addressesOf(raftfix.MemberAddr{Addr: "a2"}); !slices.Equal(got, []string{"a2"}) {
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
				_, _ = there.welcome(c) // the opener looks
			}
		}()
		return here, nil
	}
	c, err := opener.Dial(raft.ServerAddress(raftfix.MemberAddr{ID: "n2", Addr: "a2"}.String()), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		answered <- err
	}()
	opener.HangUp()
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

// TestJoinerIsOfOneCluster: a node that joins is of the cluster that it has asked, and of no other that calls it.
func TestJoinerIsOfOneCluster(t *testing.T) {
	joiner, a, b := side(t, "n9", "", ""), side(t, "n1", "", "a"), side(t, "n2", "", "b")
	joiner.o.Joining = true
	if err, _ := shake(t, b, joiner, Raft, "n9"); !errors.Is(err, ErrRefused) {
		t.Errorf("before it has asked anybody, it is called: %v", err)
	}
	if err, _ := shake(t, joiner, a, Query, ""); err != nil {
		t.Fatal(err)
	}
	if err, _ := shake(t, b, joiner, Raft, "n9"); !errors.Is(err, ErrRefused) {
		t.Errorf("called by another cluster: %v", err)
	}
	joiner.cluster.Suppose("") // it was refused, and may ask another
	if err, _ := shake(t, joiner, b, Query, ""); err != nil {
		t.Fatal(err)
	}
	if err, _ := shake(t, b, joiner, Raft, "n9"); err != nil {
		t.Errorf("called by the cluster that it has asked: %v", err)
	}
	joiner.cluster.Suppose("") // too late
	var next ClusterNote
	if err := next.Load(joiner.cluster.log); err != nil || next.ID() != "b" || joiner.cluster.ID() != "b" {
		t.Errorf("it is of %q, after a restart of %q, %v", joiner.cluster.ID(), next.ID(), err)
	}
}

// TestLinksDoNotWaitForNotes: a disk that stands still while a note of the cluster is written holds up no link.
func TestLinksDoNotWaitForNotes(t *testing.T) {
	a, b := side(t, "n1", "", ""), side(t, "n2", "", "c")
	a.cluster.mu.genesis, b.cluster.mu.genesis = [GenesisLen]byte{1}, [GenesisLen]byte{1}
	a.cluster.writing.Lock()
	defer a.cluster.writing.Unlock()
	if openErr, acceptErr := shake(t, b, a, Raft, "n1"); openErr != nil || acceptErr != nil || a.cluster.ID() != "c" {
		t.Errorf("opener: %v; acceptor: %v, of cluster %q", openErr, acceptErr, a.cluster.ID())
	}
}

// TestClusterIDsAreInOrder: the older of two clusters has the smaller id.
func TestClusterIDsAreInOrder(t *testing.T) {
	now := time.Now().UnixMilli()
	a, b := NewClusterID(now), NewClusterID(now+1)
	if a >= b || len(a) != 40 || a == NewClusterID(now) {
		t.Errorf("ids %s, %s a millisecond later", a, b)
	}
}

// TestYieldIsHeard: what the host says to a peer that it yields to is what both ends hear.
func TestYieldIsHeard(t *testing.T) {
	opener, acceptor := side(t, "n2", "", "c"), side(t, "n1", "", "")
	acceptor.o.Host.(*fakeHost).yields = RefuseFinally("at its operator's word")
	opener.cluster.mu.genesis, acceptor.cluster.mu.genesis = [GenesisLen]byte{1}, [GenesisLen]byte{2}
	openErr, acceptErr := shake(t, opener, acceptor, Raft, "n1")
	if !errors.Is(openErr, ErrRefused) || !errors.Is(acceptErr, ErrRefused) || !strings.Contains(openErr.Error(), "operator's word") {
		t.Errorf("opener: %v; acceptor: %v", openErr, acceptErr)
	}
}
