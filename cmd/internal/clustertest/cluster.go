package clustertest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/internal/redistest"
	"cairn/cmd/node"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// Options configures a Cluster. The zero value of a field means its default.
type Options struct {
	Nodes int // default 3
	// Tune changes the options of node i before each of its starts.
	Tune func(i int, o *node.Options)
	// Seed decides what a kill leaves of unsynced writes; default 1.
	Seed uint64
	// Net is the network to be on; default one of its own. Base is added to the numbers in the addresses, for a
	// second cluster.
	Net  *Network
	Base int
	// Verbose writes the nodes' logs to the test's.
	Verbose bool
}

// Cluster is some nodes of one cluster. Methods fail the test when the harness itself cannot go on. One goroutine
// changes it; any number use its clients.
type Cluster struct {
	t     testing.TB
	o     Options
	Net   *Network
	rng   *rand.Rand
	nodes []*member
	peers []replica.Peer

	ghosts sync.WaitGroup // killed nodes that are still falling
}

type member struct {
	addr string
	join []string // of a node that was added
	disk *vfs.MemFS
	node *node.Node // nil while it is down
	host *Host      // the node's
}

// New makes a cluster of nodes n1, n2, …, starts them all, and returns once it has a leader and each of them serves.
// The test's end stops them.
func New(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Net == nil {
		o.Net = NewNetwork()
	}
	c := &Cluster{t: t, o: o, Net: o.Net, rng: rand.New(rand.NewPCG(o.Seed, 0))}
	for i := range o.Nodes {
		m := &member{addr: c.newAddr(i), disk: vfs.NewCrashableMem()}
		c.nodes = append(c.nodes, m)
		c.peers = append(c.peers, replica.Peer{ID: c.ID(i), Addr: m.addr})
	}
	t.Cleanup(c.stopAll)
	for i := range c.nodes {
		c.Start(i)
	}
	c.form()
	return c
}

// form waits until all nodes are members that have caught up. On a busy machine one may come when the others have
// formed the cluster already; until it has caught up it answers LOADING.
func (c *Cluster) form() {
	c.t.Helper()
	c.Settle()
	for i, m := range c.nodes {
		Eventually(c.t, c.ID(i)+" to belong to the cluster", func() bool { return m.node.Replica().Standing() == replica.Belongs })
	}
}

// Add starts a further node, which joins the cluster by the nodes at the addresses, or with the word "wait" waits for
// an invitation. It returns the node's number.
func (c *Cluster) Add(join ...string) int {
	c.t.Helper()
	c.nodes = append(c.nodes, &member{addr: c.newAddr(len(c.nodes)), join: join, disk: vfs.NewCrashableMem()})
	c.Start(len(c.nodes) - 1)
	return len(c.nodes) - 1
}

func (c *Cluster) newAddr(i int) string { return fmt.Sprintf("10.0.0.%d:6379", c.o.Base+i+1) }

// SetAddr gives node i, which is down, another address.
func (c *Cluster) SetAddr(i int, addr string) { c.nodes[i].addr = addr }

// SetJoin makes node i, which is down, join a cluster at its next start.
func (c *Cluster) SetJoin(i int, join ...string) { c.nodes[i].join = join }

// ID returns the name of node i.
func (c *Cluster) ID(i int) string { return fmt.Sprintf("n%d", i+1) }

// Addr returns the address of node i.
func (c *Cluster) Addr(i int) string { return c.nodes[i].addr }

// Node returns node i, nil while it is down.
func (c *Cluster) Node(i int) *node.Node { return c.nodes[i].node }

// Disk returns the disk of node i.
func (c *Cluster) Disk(i int) *vfs.MemFS { return c.nodes[i].disk }

// SetDisk gives node i, which is down, another disk.
func (c *Cluster) SetDisk(i int, disk *vfs.MemFS) { c.nodes[i].disk = disk }

// Len returns how many nodes there are.
func (c *Cluster) Len() int { return len(c.nodes) }

// Start starts node i on its disk.
func (c *Cluster) Start(i int) {
	c.t.Helper()
	if err := c.TryStart(i); err != nil {
		c.t.Fatalf("clustertest: start %s: %v", c.ID(i), err)
	}
}

// TryStart is Start for a node that may refuse.
func (c *Cluster) TryStart(i int) error {
	m := c.nodes[i]
	host, err := c.Net.Listen(m.addr)
	if err != nil {
		return err
	}
	peers := slices.Clone(c.peers)
	if i < len(peers) {
		peers[i].Addr = m.addr
	}
	o := node.Options{
		ID: c.ID(i), Dir: "/data", Peers: peers, Listener: host, FS: m.disk,
		Dial: host.Dial, Logger: c.logger(i),
	}
	if m.join != nil {
		o.Peers, o.Join = nil, m.join
	}
	if c.o.Tune != nil {
		c.o.Tune(i, &o)
	}
	n, err := node.Start(context.Background(), o)
	if err != nil {
		return err
	}
	m.node, m.host = n, host
	return nil
}

func (c *Cluster) logger(i int) *slog.Logger {
	if !c.o.Verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(testWriter{c.t}, nil)).With("node", c.ID(i))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", b)
	return len(b), nil
}

// Stop closes node i in order.
func (c *Cluster) Stop(i int) {
	c.t.Helper()
	m := c.nodes[i]
	if m.node == nil {
		return
	}
	if err := m.node.Close(); err != nil {
		c.t.Errorf("clustertest: stop %s: %v", c.ID(i), err)
	}
	m.node = nil
	m.host.Kill()
}

// Kill ends node i as a power cut would: nothing leaves it any more, and of what it had not synced its disk keeps a
// random part.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	m := c.nodes[i]
	if m.node == nil {
		return
	}
	m.host.Kill()
	ghost := m.node
	m.disk = m.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.rng.IntN(101), RNG: c.rng})
	m.node = nil
	c.ghosts.Go(func() { _ = ghost.Close() }) // it writes to the disk that was left behind; nobody minds what it thinks
}

func (c *Cluster) stopAll() {
	for i := range c.nodes {
		c.Stop(i)
	}
	c.ghosts.Wait()
}

// Patience is how long the harness waits for what must come.
const Patience = 60 * time.Second

// Eventually waits until ok is true, looking again every few milliseconds.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("clustertest: still waiting for %s after %v", what, Patience)
		case <-tick.C:
		}
	}
}

// Leader waits until a node leads and is ready, and returns which.
func (c *Cluster) Leader() int {
	c.t.Helper()
	leader := -1
	Eventually(c.t, "a leader", func() bool {
		for i, m := range c.nodes {
			if m.node != nil && m.node.Replica().Status().Ready {
				leader = i
				return true
			}
		}
		return false
	})
	return leader
}

// Followers returns the running nodes that are not node leader.
func (c *Cluster) Followers(leader int) []int {
	var followers []int
	for i, m := range c.nodes {
		if i != leader && m.node != nil {
			followers = append(followers, i)
		}
	}
	return followers
}

// Client connects a client to node i. The test's end closes it.
func (c *Cluster) Client(i int) *redistest.Client {
	c.t.Helper()
	client, err := c.TryClient(i)
	if err != nil {
		c.t.Fatalf("clustertest: client of %s: %v", c.ID(i), err)
	}
	return client
}

// TryClient is Client for a node that may be down.
func (c *Cluster) TryClient(i int) (*redistest.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	conn, err := c.Net.Dial(ctx, "client", c.nodes[i].addr)
	if err != nil {
		return nil, err
	}
	client := redistest.NewClient(conn)
	c.t.Cleanup(func() { _ = client.Close() })
	return client, nil
}

// Do runs one command on node i and returns its reply.
func (c *Cluster) Do(i int, words ...string) reply.Reply {
	c.t.Helper()
	client := c.Client(i)
	r, err := client.Cmd(words...)
	if err != nil {
		c.t.Fatalf("clustertest: %v on %s: %v", words, c.ID(i), err)
	}
	_ = client.Close() // the reply is there
	return r
}

// Settle waits until every running node has applied what the leader has.
func (c *Cluster) Settle() {
	c.t.Helper()
	want := c.nodes[c.Leader()].node.Replica().Status().AppliedIndex
	Eventually(c.t, "all nodes to have applied the leader's index", func() bool {
		for _, m := range c.nodes {
			if m.node != nil && m.node.Replica().Status().AppliedIndex < want {
				return false
			}
		}
		return true
	})
}
