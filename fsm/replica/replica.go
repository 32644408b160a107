package replica

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
	"cairn/fsm/reply"
	"cairn/storage/raftlog"
)

// Replica is this node's part in the cluster: a frame around the parts that do the work. Any goroutine may call it;
// the owner calls Close.
type Replica struct {
	*node
	transport  *raftfix.Transport
	links      *link.Links
	proposer   *proposer
	index      *readIndex
	reader     *reader
	expiry     *expiry
	retention  *retention
	transfer   *transfer
	standing   *standing
	progress   *progress
	founding   *founding
	verifier   *verifier
	leadership *leadership
	shut       func() error // what Close does, once
}

// Start starts a replica. The first start on an empty log begins the cluster that Options.Peers describes; every node
// of it does the same, in any order.
func Start(o Options) (*Replica, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	r := assemble(newNode(o))
	if err := r.startRaft(); err != nil {
		r.cancel()
		return nil, errors.Join(err, r.transport.Close())
	}
	r.standing.updateStanding()
	told := &serving{node: r.node, index: r.index, progress: r.progress, standing: r.standing, founding: r.founding}
	for _, run := range []func(){
		r.leadership.watch, r.retention.takeSnapshots, r.expiry.expireCycle,
		r.proposer.propose, r.proposer.answerFlights, r.proposer.proposeLarge,
		r.progress.probeMembers, r.standing.catchUp, func() { r.machine.SumStates(r.ctx) },
		r.standing.attend, told.watchServing, r.retention.retainLog, r.founding.found, r.founding.noteCluster,
	} {
		r.wg.Go(run)
	}
	return r, nil
}

// assemble makes the parts of a replica, none of which runs yet.
func assemble(n *node) *Replica {
	o := n.o
	cluster, guard, contacts, alone := &link.ClusterNote{}, raftfix.NewVoteGuard(o.Log), raftfix.NewContacts(), &soleVoter{log: o.Log}
	transfers, streams, store := raftfix.NewTransfers(), raftfix.NewStreams(n.ctx, o.StreamRate, o.Logger), raftfix.NewParallelLog(o.Log, n.leading)
	at := &host{node: n}
	links := link.New(n.ctx, link.Options{
		ID: o.ID, Addr: o.Addr, Run: n.run, Secret: o.Secret, Joining: o.Joining, Addresses: addressesOf(o.Peers), Dial: o.Dial,
		Cluster: cluster, Guard: guard, Host: at, Logger: o.Logger,
	})
	carrier := raftfix.NewTransport(links, raftfix.TransportOptions{
		Timeout: o.paced(rpcTimeout), Beat: o.Heartbeat / 4, Store: store, Machine: o.Machine, Snapshots: o.Snapshots,
		Streams: streams, Transfers: transfers, Contacts: contacts, Guard: guard, Wanted: n.wanted, Logger: o.Logger,
	})
	standing := newStanding(n, guard, cluster)
	proposer := newProposer(n, standing, store)
	index := newReadIndex(n, proposer, store, guard, links)
	peers := newProgress(n, links, contacts, index)
	transfer := &transfer{node: n, contacts: contacts, transfers: transfers, proposer: proposer, progress: peers}
	founding := &founding{node: n, cluster: cluster, soleVoter: alone, transport: carrier, standing: standing}
	members := &membership{node: n, soleVoter: alone, index: index, transfer: transfer}
	admin := &admin{node: n, links: links, proposer: proposer, membership: members, standing: standing}
	members.admin = admin
	standing.founding, standing.admin, standing.progress, standing.index = founding, admin, peers, index
	at.founding, at.admin, at.queries = founding, admin, &queries{node: n, index: index, admin: admin}
	r := &Replica{
		node: n, transport: carrier, links: links, proposer: proposer, index: index,
		reader:    &reader{node: n, contacts: contacts, store: store, index: index, transfer: transfer, progress: peers, standing: standing},
		expiry:    &expiry{node: n, proposer: proposer},
		retention: &retention{node: n, streams: streams, store: store, progress: peers},
		transfer:  transfer, standing: standing, progress: peers, founding: founding,
		verifier:   &verifier{node: n, links: links, proposer: proposer, verifying: make(chan struct{}, 1)},
		leadership: &leadership{node: n, soleVoter: alone, cluster: cluster, proposer: proposer, progress: peers},
	}
	r.shut = sync.OnceValue(r.stop)
	return r
}

func addressesOf(peers []Peer) map[string]string {
	all := make(map[string]string)
	for _, p := range peers {
		all[p.ID] = p.Addr
	}
	return all
}

func (r *Replica) startRaft() error {
	c := raftConfig(r.o)
	if err := r.founding.cluster.Load(r.o.Log); err != nil {
		return err
	}
	if err := checkYielded(r.o.Log, r.o.NewCluster); err != nil {
		return err
	}
	hasState, err := raft.HasExistingState(r.o.Log, r.o.Log, r.snapshots)
	if err != nil {
		return fmt.Errorf("replica: read the log: %w", err)
	}
	if err := r.standing.guard.Load(hasState, r.o.Heartbeat); err != nil {
		return fmt.Errorf("replica: read the log: %w", err)
	}
	if err := r.standing.intent.readIntent(); err != nil {
		return err
	}
	if r.o.Joining {
		if err := r.standing.comeAsNew(hasState); err != nil {
			return err
		}
	} else if r.founding.foundsAlone(hasState) {
		r.founding.waits.Store(true)
	} else if !hasState {
		if err := r.founding.noteMembers(r.founders()); err != nil {
			return err
		}
		if err := raft.BootstrapCluster(c, r.o.Log, r.o.Log, r.snapshots, r.transport, raft.Configuration{Servers: r.founders()}); err != nil {
			return fmt.Errorf("replica: begin the cluster: %w", err)
		}
	}
	atOnce, err := r.founding.soleVoter.mayStandAtOnce(!hasState && !r.o.Joining)
	if err != nil {
		return err
	}
	r.index.store.Load()
	if r.raft, err = raft.NewRaft(c, raftfix.NewSyncedFSM(r.machine, r.index.store, &r.proposer.awaited), r.index.store, r.o.Log, r.snapshots, r.transport); err != nil {
		return fmt.Errorf("replica: start raft: %w", err)
	}
	close(r.started)
	if err := r.peersAreMembers(hasState); err != nil {
		return errors.Join(err, r.raft.Shutdown().Error())
	}
	if atOnce && r.onlyVoter() && !r.standing.guard.Rejoining() {
		r.transport.Stand()
	}
	return nil
}

// peersAreMembers refuses peers on a node with a state that its cluster does not know: to name a node does not add it.
// One that may be behind, as it has others, may not know them yet.
func (r *Replica) peersAreMembers(hasState bool) error {
	if !hasState || r.o.PeersBegan {
		return nil
	}
	m := r.configuration()
	for _, p := range r.o.Peers {
		if _, member := m.member(p.ID); member || p.ID == r.o.ID || len(m.servers) == 0 {
			continue
		}
		if r.onlyVoter() {
			return fmt.Errorf("%w: %s is none; its members are %s", ErrOtherPeers, p.ID, strings.Join(m.names(), ", "))
		}
		r.log.Warn("--peers names a node that is no member as far as this one knows; to add it, start it on an empty --dir with --join", "peer", p.ID)
	}
	return nil
}

// never is a time that does not come: hashicorp/raft's own snapshot trigger polls, ours counts.
const never = 10 * 365 * 24 * time.Hour

func raftConfig(o Options) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(o.ID)
	c.HeartbeatTimeout, c.ElectionTimeout = o.Heartbeat, o.Election
	c.LeaderLeaseTimeout = o.Heartbeat               // as long as Raft lets it be: a leader that gives up early costs an election, and no read rests on it
	c.CommitTimeout = o.paced(10 * time.Millisecond) // a follower learns that late at most that an entry is committed
	// A snapshot is sent to a follower whose end the log no longer reaches. It must cover all that the follower may
	// have beyond what its leader knows, a few batches: Raft would empty the follower's log and still believe it to
	// be there.
	c.MaxAppendEntries = int(max(1, min(256, o.TrailingLogs/4)))
	c.SnapshotInterval, c.SnapshotThreshold = never, 1<<62
	c.TrailingLogs = o.TrailingLogs
	c.ShutdownOnRemove = false        // Raft would leave futures unanswered; the owner closes
	c.NoSnapshotRestoreOnStart = true // the store is the snapshot already
	c.Logger = raftfix.NewLogger(o.Logger)
	return c
}

// Close hands leadership over, finishes what is in flight, and stops. Calls made after it began answer ErrClosed or,
// when they had been proposed, what became of them. It is idempotent.
func (r *Replica) Close() error { return r.shut() }

func (r *Replica) stop() error {
	if r.raft.State() == raft.Leader {
		if err := r.TransferLeadership(""); err != nil {
			r.log.Info("leadership was not handed over", "err", err)
		}
	}
	r.cancel()
	r.index.leader.closeRounds()
	r.index.remote.closeRounds()
	r.proposer.stopProposing()
	// A running Raft answers every future; one that is shut down leaves some unanswered. So whoever waits for one ends
	// first, and so that Raft's main loop can answer, a snapshot that is being received is broken off.
	r.links.Drop()
	r.wg.Wait()
	stopped := r.raft.Shutdown()
	r.links.HangUp()
	err := stopped.Error()
	r.index.leaderAsker.closeConn()
	return errors.Join(err, r.transport.Close(), r.machine.AbandonChecksums())
}

// Leader returns who leads, as far as this node knows. It is cheap: it takes one lock for a moment.
func (r *Replica) Leader() Leader { return r.knownLeader() }

// Log returns the log store, for the figures it keeps.
func (r *Replica) Log() *raftlog.Store { return r.o.Log }

// Write proposes groups as a unit and returns the replies of their calls, in order, once they are applied here. Names
// are in lower case, and every call was checked; the caller must not change the arguments any more. While no other
// node is known to lead, it waits for the leader, as long as the election wait lasts. A NotLeaderError, ErrNoLeader,
// ErrTooLarge and ErrClosed say that nothing was proposed; after ErrInDoubt nobody knows. Write does not end with ctx
// once it has proposed: the fate of the call is worth the wait.
func (r *Replica) Write(ctx context.Context, groups []entry.Group) ([]reply.Reply, error) {
	return r.proposer.writeGroups(ctx, groups)
}

// Read answers calls that only read, on one state. It may answer fewer calls than it was given, but at least one:
// large replies end an answer early, and the caller asks again for the rest. It returns ErrNoLeader or ErrNoQuorum
// when no leader could confirm the read in time, ErrStale for a Local read on a node that has been alone too long.
func (r *Replica) Read(ctx context.Context, c Consistency, calls []entry.Call) ([]reply.Reply, error) {
	return r.reader.readCalls(ctx, c, calls)
}

// List answers a call whose reply may be longer than memory, see fsm.Machine.List. Its errors are those of Read, and
// those of to. Under Lease it takes part in a round like a linearizable read: whether the lease had held would be
// known only after the reply.
func (r *Replica) List(ctx context.Context, c Consistency, call entry.Call, to reply.Lister) error {
	return r.reader.listKeys(ctx, c, call, to)
}

// Change changes the cluster, through whichever node leads, and returns once that is done. A Refusal says why it is
// not.
func (r *Replica) Change(ctx context.Context, c Change) error { return r.standing.change(ctx, c) }

// Verify has every member sum up its state right after one entry, which it proposes, and tells whether they are one
// state. It returns once every member has answered, is found unreachable, or timeout is over. A disagreement is
// logged: somebody must act. Its errors are those of Write, and ErrVerifying.
func (r *Replica) Verify(ctx context.Context, timeout time.Duration) (Verdict, error) {
	return r.verifier.verify(ctx, timeout)
}

// Standing returns what this node is to its cluster.
func (r *Replica) Standing() Standing { return r.standing.current() }

// ServeLink takes over a connection that opened with Preface, and returns when it has ended. A stranger who cannot
// prove to have the cluster's secret costs this connection.
func (r *Replica) ServeLink(c net.Conn) { r.links.Serve(c) }

// Refused delivers why the cluster that Options.Join names does not let this node in, or ErrSecondCluster.
func (r *Replica) Refused() <-chan error { return r.standing.refused }

// TransferLeadership makes another voter the leader: the one called id, or for "" the most current one that answers.
func (r *Replica) TransferLeadership(id string) error { return r.transfer.to(id) }
