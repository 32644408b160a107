package replica

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/storage/raftlog"
)

// Replica is this node's part in the cluster. Any goroutine may call it; the owner calls Close.
type Replica struct {
	o           Options
	raft        *raft.Raft
	started     chan struct{} // closed once raft is there
	machine     *fsm.Machine
	snapshots   *fsm.Snapshots
	log         *slog.Logger
	clock       *clock
	links       *links
	transport   *transport
	streams     *streams
	offers      *offers
	contacts    *contacts // for leases
	confirmers  *confirmers
	ballot      *ballot
	intent      *intent
	alone       *alone
	founding    founding
	cluster     clusterNote
	twins       twins
	addresses   map[string]string // where the operator says that members are, by id; it does not change
	whereabouts whereabouts
	standing    standing
	run         string // of this process: tells it from another one with the same id
	proposals   *proposals
	disk        *disk
	leader      *rounds // read rounds as leader
	remote      *rounds // read rounds asked of the leader, over leaderAsker
	leaderAsker *asker
	peers       *peers
	changed     *broadcast    // leadership or readiness may have changed
	offered     atomic.Uint64 // the newest term in which leadership was offered to another node
	stats       stats
	verifying   chan struct{} // full while Verify runs

	ctx    context.Context // ends when Close begins
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed sync.Once
	err    error // what Close answers
}

type stats struct{ expired, reads, entries atomic.Uint64 }

// Start starts a replica. The first start on an empty log begins the cluster that Options.Peers describes; every node of it
// does the same, in any order.
func Start(o Options) (*Replica, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Replica{
		o: o, machine: o.Machine, snapshots: o.Snapshots, log: o.Logger, clock: newClock(o.Clock, o.Machine),
		changed: newBroadcast(), ctx: ctx, cancel: cancel, contacts: newContacts(), ballot: newBallot(o.Log),
		verifying: make(chan struct{}, 1), started: make(chan struct{}),
		intent: &intent{log: o.Log}, alone: &alone{log: o.Log}, run: rand.Text(), addresses: make(map[string]string), twins: twins{seen: make(map[memberAddr]sightOfTwin)},
	}
	for _, p := range o.Peers {
		r.addresses[p.ID] = p.Addr
	}
	r.standing.refused = make(chan error, 1)
	r.standing.aim(o.Join)
	r.links = newLinks(r)
	r.offers = newOffers()
	r.streams = newStreams(ctx, o.StreamRate, o.Logger)
	r.disk = newDisk(o.Log, r.leading)
	r.transport = newTransport(r.links, r.disk, r.streams, r.offers, r.contacts, r.ballot, r.wanted, o)
	r.proposals = newProposals(o.MaxInFlight)
	r.leader, r.remote = newRounds(o.ElectionWait/2, r.verify), newRounds(o.ElectionWait/2, r.askLeader)
	r.confirmers = newConfirmers(r)
	r.leaderAsker = &asker{l: r.links}
	r.peers = newPeers(r)
	if err := r.startRaft(); err != nil {
		cancel()
		return nil, errors.Join(err, r.transport.Close())
	}
	r.look()
	for _, run := range []func(){
		r.watchLeadership, r.takeSnapshots, r.sweep, r.propose, r.complete, r.proposeLarge,
		r.peers.run, r.catchUp, func() { r.machine.SumStates(ctx) }, r.attend, r.holdLog, r.found, r.noteCluster,
	} {
		r.wg.Go(run)
	}
	return r, nil
}

func (r *Replica) startRaft() error {
	c := raftConfig(r.o)
	if err := r.cluster.load(r.o.Log); err != nil {
		return err
	}
	if err := checkDisplaced(r.o.Log, r.o.NewCluster); err != nil {
		return err
	}
	hasState, err := raft.HasExistingState(r.o.Log, r.o.Log, r.snapshots)
	if err != nil {
		return fmt.Errorf("replica: read the log: %w", err)
	}
	if err := r.ballot.load(hasState, r.o.Heartbeat); err != nil {
		return fmt.Errorf("replica: read the log: %w", err)
	}
	if err := r.intent.read(); err != nil {
		return err
	}
	if r.o.Joining {
		if err := r.comeAsNew(hasState); err != nil {
			return err
		}
	} else if r.foundsAlone(hasState) {
		r.founding.waits.Store(true)
	} else if !hasState {
		if err := r.begin(r.founders()); err != nil {
			return err
		}
		if err := raft.BootstrapCluster(c, r.o.Log, r.o.Log, r.snapshots, r.transport, raft.Configuration{Servers: r.founders()}); err != nil {
			return fmt.Errorf("replica: begin the cluster: %w", err)
		}
	}
	atOnce, err := r.alone.before(!hasState && !r.o.Joining)
	if err != nil {
		return err
	}
	r.disk.load()
	if r.raft, err = raft.NewRaft(c, synced{r.machine, r.disk, &r.proposals.awaited}, r.disk, r.o.Log, r.snapshots, r.transport); err != nil {
		return fmt.Errorf("replica: start raft: %w", err)
	}
	close(r.started)
	if err := r.peersAreMembers(hasState); err != nil {
		return errors.Join(err, r.raft.Shutdown().Error())
	}
	if atOnce && r.onlyVoter() && !r.ballot.rejoining.Load() {
		r.stand()
	}
	return nil
}

// peersAreMembers refuses peers on a node with a past that its cluster does not know: to name a node does not add it. One that may be
// behind, as it has others, may not know them yet.
func (r *Replica) peersAreMembers(hasState bool) error {
	if !hasState || r.o.PeersBegan {
		return nil
	}
	m := r.membership()
	for _, p := range r.o.Peers {
		if _, member := m.find(p.ID); member || p.ID == r.o.ID || len(m.servers) == 0 {
			continue
		}
		if r.onlyVoter() {
			return fmt.Errorf("%w: %s is none; its members are %s", ErrOtherPeers, p.ID, strings.Join(m.names(), ", "))
		}
		r.log.Warn("--peers names a node that is no member as far as this one knows; to add it, start it on an empty --dir with --join", "peer", p.ID)
	}
	return nil
}

// leading says that this node leads; false as long as Raft is being started.
func (r *Replica) leading() bool {
	select {
	case <-r.started:
		return r.raft.State() == raft.Leader
	default:
		return false
	}
}

// wanted says that this node leads in term and that a peer is a member.
func (r *Replica) wanted(id raft.ServerID, term uint64) bool {
	select {
	case <-r.started:
	default:
		return true // Raft has begun to lead before Start knows it
	}
	_, member := r.membership().find(string(id))
	return member && r.raft.State() == raft.Leader && r.raft.CurrentTerm() == term
}

// never is a time that does not come: hashicorp/raft's own snapshot trigger polls, ours counts.
const never = 10 * 365 * 24 * time.Hour

func raftConfig(o Options) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(o.ID)
	c.HeartbeatTimeout, c.ElectionTimeout = o.Heartbeat, o.Election
	c.LeaderLeaseTimeout = o.Heartbeat               // as long as Raft lets it be: a leader that gives up early costs an election, and no read rests on it
	c.CommitTimeout = o.paced(10 * time.Millisecond) // a follower learns that late at most that an entry is committed
	// A snapshot is sent to a follower whose end the log no longer reaches. It must cover all that the follower may have
	// beyond what its leader knows, a few batches: Raft would empty the follower's log and still believe it to be there.
	c.MaxAppendEntries = int(max(1, min(256, o.TrailingLogs/4)))
	c.SnapshotInterval, c.SnapshotThreshold = never, 1<<62
	c.TrailingLogs = o.TrailingLogs
	c.ShutdownOnRemove = false        // Raft would leave futures unanswered; the owner closes
	c.NoSnapshotRestoreOnStart = true // the store is the snapshot already
	c.Logger = newRaftLogger(o.Logger)
	return c
}

// Close hands leadership over, finishes what is in flight, and stops. Calls made after it began answer ErrClosed or, when
// they had been proposed, what became of them. It is idempotent.
func (r *Replica) Close() error {
	r.closed.Do(func() {
		if r.raft.State() == raft.Leader {
			if err := r.TransferLeadership(""); err != nil {
				r.log.Info("leadership was not handed over", "err", err)
			}
		}
		r.cancel()
		r.leader.close()
		r.remote.close()
		r.proposals.drain()
		// A running Raft answers every future; one that is shut down leaves some unanswered. So whoever waits for one ends
		// first, and so that Raft's main loop can answer, a snapshot that is being received is broken off.
		r.links.drop()
		r.wg.Wait()
		stopped := r.raft.Shutdown()
		r.links.hangUp() // Raft waits for what it has asked others; one that is cut off would answer in its own time
		err := stopped.Error()
		r.leaderAsker.close()
		r.err = errors.Join(err, r.transport.Close(), r.machine.AbandonChecksums())
	})
	return r.err
}

// TransferLeadership makes another voter the leader: the one called id, or for "" the most current one that answers.
func (r *Replica) TransferLeadership(id string) error {
	if !r.proposals.enter() {
		return ErrClosed
	}
	defer r.proposals.waiting.Done()
	// An entry that is in flight when the other node takes over may be committed without this node hearing of it in time: its
	// clients would be told that it is in doubt. So nothing is in flight then.
	r.proposals.gate.Lock()
	defer r.proposals.gate.Unlock()
	if err := r.finishFlights(); err != nil {
		return err
	}
	r.offered.Store(math.MaxUint64) // no leases
	defer func() { r.offered.Store(r.raft.CurrentTerm()) }()
	if id == "" {
		return r.offerToAny()
	}
	for _, s := range r.voters() {
		if string(s.ID) == id {
			return r.offer(s)
		}
	}
	return fmt.Errorf("replica: no voter is called %q", id)
}

func (r *Replica) servers() []raft.Server { return r.raft.GetConfiguration().Configuration().Servers }

func (r *Replica) voters() []raft.Server {
	var voters []raft.Server
	for _, s := range r.servers() {
		if s.Suffrage == raft.Voter {
			voters = append(voters, s)
		}
	}
	return voters
}

// Log returns the log store, for the figures it keeps.
func (r *Replica) Log() *raftlog.Store { return r.o.Log }
