// Package node wires one node together: storage, machine, replica, and the server in front. A program that imports it
// runs a Cairn node inside itself.
package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"cairn/fsm"
	"cairn/fsm/replica"
	"cairn/resp"
	"cairn/storage"
	"cairn/storage/background"
	"cairn/storage/raftlog"
)

// Version is what INFO calls cairn_version.
const Version = "0.1.0"

// Node is one running node. The owner calls Close.
type Node struct {
	o       Options
	ln      net.Listener
	store   *storage.Store
	machine *fsm.Machine
	log     *raftlog.Store
	replica *replica.Replica
	server  *resp.Server

	asked  chan struct{}  // closed when a client has sent SHUTDOWN
	once   sync.Once      // closes asked
	failed chan error     // what Serve ended with, or why the cluster to join does not let the node in
	wg     sync.WaitGroup // Serve, watchJoin
	joined bool           // the directory's node was to join a cluster
	began  bool           // the peers in the options are those that the cluster began with
	stop   chan struct{}  // closed when Close begins
	closed sync.Once
	err    error
}

// Start starts a node and returns once it listens; it may not have a leader yet. When ctx ends the node closes
// itself. While its disk is full, Start waits for room, and answers clients LOADING; the error is ctx's when that
// ends first. ErrRefused and storage.ErrLocked say that the directory is another's.
func Start(ctx context.Context, o Options) (*Node, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	o.Logger = boundLog(o.Logger)
	n := &Node{stop: make(chan struct{}), asked: make(chan struct{}), failed: make(chan error, 2)}
	if err := n.openBefore(ctx, o); err != nil {
		return nil, err
	}
	n.wg.Go(func() { n.failed <- n.server.Serve(n.ln) })
	n.wg.Go(n.watchJoin)
	context.AfterFunc(ctx, func() { _ = n.Close() }) // the owner's own Close gets the error
	n.warnOpen()
	return n, nil
}

// patience is how long a stop waits for a disk that does not answer. What is left then ends with the process, as in a
// crash.
const patience = 20 * time.Second

// openBefore is open, which it waits for a moment longer than ctx: Pebble does not return from opening what it cannot
// write.
func (n *Node) openBefore(ctx context.Context, o Options) error {
	opened := make(chan error, 1)
	go func() {
		err := n.open(ctx, o)
		if err != nil {
			err = errors.Join(err, n.release())
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		return err
	case <-ctx.Done():
	}
	stuck := time.NewTimer(patience / 4)
	defer stuck.Stop()
	select {
	case err := <-opened:
		return err
	case <-stuck.C:
		go func() { // the directory is free again when it is open at last, or with the end of the process
			if <-opened == nil {
				_ = n.release() // nobody waits for it
			}
		}()
		return fmt.Errorf("node: stopped while %s was being opened: %w", o.Dir, ctx.Err())
	}
}

// open opens the rooms in the order in which they stand on each other.
func (n *Node) open(ctx context.Context, o Options) (err error) {
	if o.FS == nil {
		o.FS = storage.DefaultFS()
	}
	id, found, err := identify(o)
	if err != nil {
		return err
	}
	told := o.NewCluster && !id.New // the directory does not know it yet
	id.New = id.New || o.NewCluster
	o.ID, n.joined, n.began, o.NewCluster = id.ID, id.Joined, id.began(o), id.New
	if o, err = o.settle(); err != nil {
		return err
	}
	if n.o, err = n.listen(o); err != nil {
		return err
	}
	if err := n.awaitStores(ctx); err != nil {
		return err
	}
	if err := n.fit(); err != nil {
		return err
	}
	if !found {
		if last, _ := n.log.LastIndex(); last > 0 || n.store.State().Index > 0 {
			return fmt.Errorf("%w: %s holds a node's data but not its %s", ErrRefused, n.o.Dir, identityFile)
		}
	}
	if !found || told {
		if err := id.writeFile(n.o); err != nil {
			return err
		}
	}
	n.logStart(found)
	return n.openReplica()
}

// logStart says which node this is, and what its operator can do next. That it serves is said when it does.
func (n *Node) logStart(found bool) {
	o := n.o
	next := "connect with: cairn cli --addr " + o.Advertise
	switch {
	case found:
	case len(o.Join) > 0 && len(o.joinAddrs()) == 0:
		host, port, _ := net.SplitHostPort(o.Advertise)
		next = fmt.Sprintf("invite this node: say CLUSTER MEET %s %s to a member", host, port)
	case len(o.Join) > 0:
		next = "it asks to join, and serves once it has caught up"
	case len(o.Peers) > 1:
		var others []string
		for _, p := range o.Peers {
			if p.ID != o.ID {
				others = append(others, p.ID+" at "+p.Addr)
			}
		}
		next = fmt.Sprintf("start the others: %s; a majority of the %d serves", strings.Join(others, ", "), len(o.Peers))
	default:
		next += "; other nodes join with --id NAME --join " + o.Advertise
	}
	o.Logger.Info("starting", "version", Version, "id", o.ID, "addr", o.Advertise, "dir", o.Dir, "next", next)
}

// warnOpen says whom a node without a password, on an address that other machines can reach, refuses, or that it
// refuses nobody.
func (n *Node) warnOpen() {
	tcp, ok := n.ln.Addr().(*net.TCPAddr)
	switch {
	case !ok || tcp.IP.IsLoopback() || n.o.RequirePass != "":
	case n.o.Unprotected:
		n.o.Logger.Warn("there is no password and protected mode is off: whoever reaches the port can read and change everything", "addr", tcp.String())
	case n.o.ClusterSecret != "":
		n.o.Logger.Warn("there is no password: protected mode refuses clients from other machines; set --requirepass, or --protected-mode no", "addr", tcp.String())
	default:
		n.o.Logger.Warn("there is no password and no secret: protected mode refuses clients and nodes from other machines; "+
			"set --requirepass, which is the nodes' secret too, or --protected-mode no", "addr", tcp.String())
	}
}

// listen takes the port, and with it settles the address.
func (n *Node) listen(o Options) (Options, error) {
	if n.ln = o.Listener; n.ln == nil {
		ln, err := net.Listen("tcp", net.JoinHostPort(o.Bind, strconv.Itoa(max(o.Port, 0))))
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w: stop what listens there, or give another --port", err)
		}
		if err != nil {
			return o, fmt.Errorf("node: %w", err)
		}
		n.ln = ln
	}
	if tcp, ok := n.ln.Addr().(*net.TCPAddr); ok && o.Port < 0 {
		o.Port = tcp.Port // CONFIG GET port says it
	}
	if o.Advertise == "" {
		o.Advertise = n.ln.Addr().String()
		if host, port, err := net.SplitHostPort(o.Advertise); err == nil && net.ParseIP(host).IsUnspecified() {
			o.Advertise = net.JoinHostPort("127.0.0.1", port)
			if len(o.Peers) == 0 {
				o.Logger.Warn("clients on other machines need an address they can reach: set --advertise", "addr", o.Advertise)
			}
		}
	}
	return o, nil
}

// roomTick is how often a node that waits for room on its disk looks, and says so.
const roomTick = 3 * time.Second

// awaitStores opens the stores once the disk has room for that. Clients hear meanwhile what the node waits for.
func (n *Node) awaitStores(ctx context.Context) error {
	err := n.openStores()
	if !background.IsFull(err) {
		return err
	}
	loading, ready := context.WithCancel(ctx)
	var clients sync.WaitGroup
	clients.Go(func() {
		resp.ServeLoading(loading, n.ln, "the disk of this node is full: it starts once there is room")
	})
	defer clients.Wait()
	defer ready()
	look := time.NewTicker(roomTick)
	defer look.Stop()
	for background.IsFull(err) {
		n.o.Logger.Error("the disk is full, the node waits for room", "err", err)
		select {
		case <-look.C:
			err = n.openStores()
		case <-ctx.Done():
			return fmt.Errorf("node: stopped while the disk is full: %w", ctx.Err())
		}
	}
	return err
}

// openStores opens what is not open yet.
func (n *Node) openStores() (err error) {
	o := n.o
	if n.store == nil {
		n.store, err = storage.Open(o.FS.PathJoin(o.Dir, stateDir), storage.Options{FS: o.FS, Logger: o.Logger, RowCacheBytes: o.RowCache})
	}
	if err != nil {
		return err
	}
	dir := o.FS.PathJoin(o.Dir, logDir)
	if err := storage.MkdirAll(o.FS, dir); err != nil {
		return err
	}
	n.log, err = raftlog.Open(dir, raftlog.Options{FS: o.FS, Logger: o.Logger, Durable: n.store.Durable, BeforeTruncate: n.store.Sync})
	return err
}

// fit makes sure that state and log fit together: a node never serves a hole. The log must go on where the record
// ends, even when the state is further: Raft hands out entries from there.
func (n *Node) fit() error {
	r, _, err := n.store.Record()
	if err != nil {
		return err
	}
	if err := n.fitEnd(); err != nil {
		return err
	}
	if err := n.log.DropBehind(r.Index); err != nil {
		return err
	}
	first, err := n.log.FirstIndex()
	if err != nil {
		return err
	}
	term, err := n.log.GetUint64([]byte("CurrentTerm")) // as hashicorp/raft calls it
	if err != nil {
		return err
	}
	applied, fault := n.store.State().Index, ""
	switch {
	case applied < r.Index:
		fault = fmt.Sprintf("its snapshot is at entry %d and its state at %d", r.Index, applied)
	case first > r.Index+1:
		fault = fmt.Sprintf("its snapshot is at entry %d and its log begins at %d", r.Index, first)
	case applied > 0 && term == 0:
		fault = fmt.Sprintf("its state is at entry %d and its log has never been used", applied)
	default:
		return nil
	}
	return n.lost(fault)
}

// fitEnd looks for a log that has lost its end. Entries are applied once they are durable in the log, so a state that
// has been further than it shows that some are gone, unless a restore has brought the state there and emptied the
// log. With the end, entries may be gone that this node has vouched for: it may not vote.
func (n *Node) fitEnd() error {
	restored, err := n.store.Restored()
	if err != nil {
		return err
	}
	reached, err := n.store.Reached()
	if err != nil {
		return err
	}
	last, _ := n.log.LastIndex() // never fails
	if reached > last && reached > restored {
		return n.lost(fmt.Sprintf("its state was at entry %d and its log ends at %d", reached, last))
	}
	return nil
}

func (n *Node) lost(fault string) error {
	return fmt.Errorf("%w: %s has lost entries: %s; let this node catch up from the others on an empty --dir, or bring back a copy of it",
		ErrRefused, n.o.Dir, fault)
}

func (n *Node) openReplica() (err error) {
	o := n.o
	n.machine = fsm.New(fsm.Options{Store: n.store, SnapshotEntries: o.SnapshotEntries, Logger: o.Logger})
	n.replica, err = replica.Start(replica.Options{
		ID: o.ID, Addr: o.Advertise, Secret: o.ClusterSecret,
		Origin: replica.Origin{
			Peers: o.Peers, PeersBegan: n.began, NewCluster: o.NewCluster, FoundingWait: o.FoundingWait,
			Joining: n.joined, Join: o.joinAddrs(), Learner: o.Learner,
		},
		Timing:  replica.Timing{ElectionWait: o.ElectionWait, MaxStaleness: o.MaxStaleness, Heartbeat: o.Heartbeat, Election: o.Election},
		Bounds:  replica.Bounds{StreamRate: o.StreamRate, TrailingLogs: o.TrailingLogs, LogBytes: o.LogBytes},
		Machine: n.machine, Snapshots: fsm.NewSnapshots(n.store), Log: n.log,
		Dial: o.Dial, Clock: o.Clock, Logger: o.Logger,
	})
	if errors.Is(err, replica.ErrOtherPeers) || errors.Is(err, replica.ErrSecondCluster) {
		return fmt.Errorf("%w: %s: %w", ErrRefused, o.Dir, err)
	}
	if err != nil {
		return err
	}
	n.server = resp.NewServer(resp.Options{
		Backend: n.replica, Logger: o.Logger, LogLevel: o.LogLevel,
		MaxClients: o.MaxClients, ProtoMaxBulkLen: o.ProtoMaxBulkLen, RequirePass: o.RequirePass,
		Unprotected: o.Unprotected, OpenLinks: o.ClusterSecret == "",
		Consistency: o.Reads, Advertise: o.Advertise, Version: Version, SentinelMaster: o.SentinelMaster,
		Config:   o.config(),
		Verify:   n.replica.Verify,
		Shutdown: func() { n.once.Do(func() { close(n.asked) }) },
	})
	return nil
}

// Addr returns the host:port that clients and peers use.
func (n *Node) Addr() string { return n.o.Advertise }

// ID returns the node's name.
func (n *Node) ID() string { return n.o.ID }

// Replica returns the node's part in the cluster.
func (n *Node) Replica() *replica.Replica { return n.replica }

// Served returns how many calls clients have sent, and how many reads from their connections that took, since start
// or CONFIG RESETSTAT.
func (n *Node) Served() (calls, reads uint64) { return n.server.Served() }

// ShutdownAsked returns a channel that is closed when a client has sent SHUTDOWN; the owner is expected to call Close.
func (n *Node) ShutdownAsked() <-chan struct{} { return n.asked }

// Failed delivers an error if the node stops serving by itself.
func (n *Node) Failed() <-chan error { return n.failed }

// drainTime bounds how long Close waits for clients whose commands are running.
const drainTime = 10 * time.Second

// Close hands leadership over, stops accepting, finishes what is in flight and closes everything in order. It is
// idempotent.
func (n *Node) Close() error {
	n.closed.Do(func() {
		close(n.stop)
		n.o.Logger.Info("stopping", "id", n.o.ID)
		if n.o.LeaveOnExit {
			n.leave()
		}
		if n.replica.Status().State == "leader" {
			// Where nobody can take it, the next election decides.
			if n.replica.TransferLeadership("") == nil && n.o.Drain > 0 {
				drained := time.NewTimer(n.o.Drain)
				<-drained.C
			}
		}
		n.err = n.stopServing()
		n.o.Logger.Info("stopped", "id", n.o.ID)
	})
	return n.err
}

// ErrStuck is returned by Close when the node's disk does not take or does not give what is needed to close it. All
// that is acknowledged is in the log; what is open stays so until the process ends.
var ErrStuck = errors.New("node: its disk does not answer, or is full: it stops as it is")

// stopServing ends the server and closes the rooms, if they close.
func (n *Node) stopServing() error {
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		err := errors.Join(n.server.Shutdown(ctx), n.release())
		n.wg.Wait()
		stopped <- err
	}()
	stuck := time.NewTimer(drainTime + patience)
	defer stuck.Stop()
	select {
	case err := <-stopped:
		return err
	case <-stuck.C:
		return ErrStuck
	}
}

// leave removes the node from its cluster. Where that is refused, it stops as a member.
func (n *Node) leave() {
	err := n.replica.Change(context.Background(), replica.Change{Kind: replica.Forget, ID: n.o.ID})
	if err != nil {
		n.o.Logger.Warn("this node stops without having left its cluster", "err", err)
	}
}

// watchJoin tells the owner when the cluster that this node was to join does not let it in.
func (n *Node) watchJoin() {
	select {
	case err := <-n.replica.Refused():
		n.failed <- fmt.Errorf("%w: %w", ErrRefused, err)
	case <-n.stop:
	}
}

// release closes what is open, the last opened first.
func (n *Node) release() error {
	var errs []error
	if n.replica != nil {
		errs = append(errs, n.replica.Close())
	}
	if n.ln != nil {
		_ = n.ln.Close() // the server may have closed it already
	}
	if n.log != nil {
		errs = append(errs, n.log.Close())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}

// Restored returns how many streamed snapshots the node has restored since its start.
func (n *Node) Restored() uint64 { return n.machine.Restored() }

// Store returns the node's store, for reading.
func (n *Node) Store() *storage.Store { return n.store }
