package resp

import (
	"context"
	"net"
	"slices"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// clusterOf starts three nodes that agree on who leads; write says what node i answers to writes.
func clusterOf(t *testing.T, leader int, write func(i int, addrs []string) ([]reply.Reply, error)) (addrs []string, backends []*fakeBackend) {
	t.Helper()
	for i := range 3 {
		b := &fakeBackend{write: func(context.Context, []entry.Group) ([]reply.Reply, error) { return write(i, addrs) }}
		_, addr := startServer(t, Options{Backend: b})
		addrs, backends = append(addrs, addr), append(backends, b)
	}
	for i, b := range backends {
		b.setStatus(statusOf(addrs, i, leader))
	}
	return addrs, backends
}

// statusOf is what node i knows of the cluster; without a leader that is -1.
func statusOf(addrs []string, i, leader int) replica.Status {
	id := func(i int) string { return "n" + strconv.Itoa(i+1) }
	st := replica.Status{ID: id(i), NodeID: replica.NodeID(id(i)), State: "follower", Term: 3, AppliedIndex: 9, Voters: 3}
	for j, addr := range addrs {
		m := member(id(j), addr)
		m.Self, m.Leader = j == i, j == leader
		st.Members = append(st.Members, m)
	}
	if leader >= 0 {
		st.LeaderID, st.LeaderAddr = id(leader), addrs[leader]
	}
	return st
}

// TestClusterClient lets go-redis read the map from a follower, find the leader by it, and follow a redirect where
// the map is old or there is no leader yet.
func TestClusterClient(t *testing.T) {
	const real = 2 // the node that takes writes
	for _, test := range []struct {
		name  string
		shown int // as the leader
	}{{"right map", real}, {"old map", 0}, {"no leader known", -1}} {
		for _, proto := range []int{2, 3} {
			t.Run(test.name+"/resp="+strconv.Itoa(proto), func(t *testing.T) {
				var backends []*fakeBackend
				addrs, backends := clusterOf(t, test.shown, func(i int, addrs []string) ([]reply.Reply, error) {
					if i == real {
						return []reply.Reply{reply.OK()}, nil
					}
					backends[i].setStatus(statusOf(addrs, i, real)) // it has heard of the leader by now
					return nil, replica.ErrNotLeader
				})
				c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addrs[1]}, Protocol: proto})
				defer c.Close()
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
					t.Fatal(err)
				}
				if n := len(backends[real].groups()); n != 1 {
					t.Errorf("the leader got %d writes", n)
				}
				if got, err := c.Get(ctx, "k").Result(); err != nil || got != "k" {
					t.Errorf("GET: %q, %v", got, err)
				}
			})
		}
	}
}

// TestClusterClientKeepsCallsWhole holds that go-redis does not part a call whose keys have several slots, which it
// would if a row's tips said multi_shard.
func TestClusterClientKeepsCallsWhole(t *testing.T) {
	addrs, backends := clusterOf(t, 0, func(int, []string) ([]reply.Reply, error) { return []reply.Reply{reply.OK()}, nil })
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addrs[1]}})
	defer c.Close()
	c.SetCommandInfoResolver(c.NewDynamicResolver())
	if err := c.MSet(context.Background(), "a", "1", "b", "2", "c", "3").Err(); err != nil {
		t.Fatal(err)
	}
	if got := backends[0].groups(); len(got) != 1 || len(got[0].Calls) != 1 || len(got[0].Calls[0].Argv) != 7 {
		t.Errorf("MSET came as %+v", got)
	}
}

// groups returns the writes so far.
func (b *fakeBackend) groups() []entry.Group {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mu.groups)
}

// TestClusterClientReadsMaps holds what go-redis makes of CLUSTER SLOTS, SHARDS, NODES, INFO and LINKS.
func TestClusterClientReadsMaps(t *testing.T) {
	addrs, _ := clusterOf(t, 1, nil)
	c := redis.NewClient(&redis.Options{Addr: addrs[0]})
	defer c.Close()
	ctx := context.Background()
	//lint:ignore SA1019 older clients send it, so it must be right
	slots, err := c.ClusterSlots(ctx).Result()
	if err != nil || len(slots) != 1 || slots[0].Start != 0 || slots[0].End != 16383 || len(slots[0].Nodes) != 3 {
		t.Fatalf("SLOTS: %+v, %v", slots, err)
	}
	if n := slots[0].Nodes; n[0].Addr != addrs[1] || n[0].ID != replica.NodeID("n2") || n[1].Addr != addrs[0] || n[2].Addr != addrs[2] {
		t.Errorf("SLOTS: %+v", n)
	}
	shards, err := c.ClusterShards(ctx).Result()
	if err != nil || len(shards) != 1 || len(shards[0].Nodes) != 3 || shards[0].Slots[0] != (redis.SlotRange{Start: 0, End: 16383}) {
		t.Fatalf("SHARDS: %+v, %v", shards, err)
	}
	if n := shards[0].Nodes[0]; n.Role != "master" || n.Health != "online" || n.ReplicationOffset != 9 ||
		net.JoinHostPort(n.Endpoint, strconv.FormatInt(n.Port, 10)) != addrs[1] {
		t.Errorf("SHARDS: %+v", n)
	}
	links, err := c.ClusterLinks(ctx).Result()
	if err != nil || len(links) != 2 || links[0].Node != replica.NodeID("n2") || links[0].Direction != "to" {
		t.Errorf("LINKS: %+v, %v", links, err)
	}
	if err := c.ClusterInfo(ctx).Err(); err != nil {
		t.Error(err)
	}
}

// TestCommandClient holds that go-redis reads COMMAND and its subcommands.
func TestCommandClient(t *testing.T) {
	_, addr := startServer(t, Options{})
	for _, proto := range []int{2, 3} {
		c := redis.NewClient(&redis.Options{Addr: addr, Protocol: proto})
		defer c.Close()
		ctx := context.Background()
		all, err := c.Command(ctx).Result()
		if err != nil || len(all) < 40 {
			t.Fatalf("COMMAND: %d commands, %v", len(all), err)
		}
		if set := all["mset"]; set == nil || set.Arity != -3 || set.FirstKeyPos != 1 || set.LastKeyPos != -1 || set.StepCount != 2 || set.ReadOnly {
			t.Errorf("COMMAND: %+v", set)
		}
		if names, err := c.CommandList(ctx, &redis.FilterBy{Pattern: "get*"}).Result(); err != nil || !slices.Contains(names, "getdel") {
			t.Errorf("COMMAND LIST: %v, %v", names, err)
		}
		keys, err := c.CommandGetKeysAndFlags(ctx, "set", "k", "v").Result()
		if err != nil || len(keys) != 1 || keys[0].Key != "k" || !slices.Equal(keys[0].Flags, []string{"OW", "update"}) {
			t.Errorf("COMMAND GETKEYSANDFLAGS: %+v, %v", keys, err)
		}
	}
}
