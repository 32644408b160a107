package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"cairn/cmd/node"
	"cairn/fsm/replica"
)

// serveCommand is `cairn serve`.
type serveCommand struct {
	Port      *int   `help:"TCP port for clients and peers (6379, or this node's port in --peers); 0 takes a free one." placeholder:"6379"`
	Bind      string `help:"Address to listen on." default:"127.0.0.1"`
	Dir       string `help:"Where the data lives." default:"./data" type:"path"`
	ID        string `help:"This node's name in the cluster (n1, or what the directory says)." placeholder:"n1"`
	Advertise string `help:"host:port under which clients and peers reach this node." placeholder:"HOST:PORT"`
	Peers     string `help:"All members of a new cluster, this node included; later, where they are now." placeholder:"ID=HOST:PORT,..."`
	Join      string `help:"Members of the cluster that this node joins, or the word wait: CLUSTER MEET invites it later." placeholder:"HOST:PORT,..."`
	Learner   bool   `help:"With --join: follow and answer reads, but never get a vote."`

	NewCluster bool `help:"This node's cluster is a new one, whichever cluster has a member at this address."`

	SentinelMaster string        `help:"What SENTINEL calls the master, for clients that find the leader that way." default:"cairn"`
	Drain          time.Duration `help:"How long a leader that is stopped goes on redirecting its clients to the next one." default:"1s"`
	LeaveOnExit    bool          `help:"Leave the cluster when the node is stopped."`

	Requirepass   string `help:"Password that clients must AUTH with." placeholder:"SECRET"`
	ClusterSecret string `help:"Secret that nodes prove to each other (--requirepass)." placeholder:"SECRET"`
	ProtectedMode string `help:"Without a password, refuse clients from other machines, and without a secret, nodes: ${enum}." enum:"yes,no" default:"yes"`

	Maxclients      int           `help:"How many clients may be connected." default:"10000"`
	ProtoMaxBulkLen int64         `help:"Longest argument, in bytes; writing one costs each node about twelve times that in memory." default:"67108864"`
	SnapshotEntries uint64        `help:"Applied log entries per snapshot." default:"10"`
	Reads           string        `help:"What a plain read may see: ${enum}." enum:"linearizable,lease,local" default:"linearizable"`
	ElectionWait    time.Duration `help:"How long a request waits for a leader." default:"2s"`
	MaxStaleness    time.Duration `help:"How old a READONLY connection's answers may be." default:"10s"`
	Heartbeat       time.Duration `help:"Silence of a leader after which an election begins, one to two of these." default:"250ms"`
	ElectionTimeout time.Duration `help:"How long a candidate waits for votes, and an offer of leadership for its taker (--heartbeat)." placeholder:"250ms"`
	RowCache        int64         `help:"Bytes of memory for the newest keys and values; each takes some 25 more there, and up to 21 elsewhere." default:"201326592"`
	LogBytes        int64         `help:"Bytes of Raft log files kept for nodes that were away, about; one that was away for longer gets the whole state." default:"268435456"`
	StreamRate      int64         `help:"Bytes a second that a leader sends at most to nodes that it catches up; 0 is no limit." default:"67108864"`
	Loglevel        string        `help:"What is logged: ${enum}." enum:"debug,verbose,notice,warning" default:"notice"`
}

// Run serves until a signal or SHUTDOWN ends it.
func (c *serveCommand) Run(w world) error {
	level := new(slog.LevelVar)
	level.Set(levels[c.Loglevel])
	o, err := c.options()
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	o.Logger, o.LogLevel = slog.New(slog.NewTextHandler(w.errOut, &slog.HandlerOptions{Level: level})), level
	if err := slackTimers(); err != nil {
		o.Logger.Info("timers keep the system's slack", "err", err)
	}
	for _, name := range w.strange {
		o.Logger.Warn(strangeVariable, "name", name)
	}
	collectLater()
	defer ignoreHangUp(o.Logger)()
	ctx, stop := signal.NotifyContext(w.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	n, err := node.Start(ctx, o)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		o.Logger.Info("stopped", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	go spareProcessors(ctx, load{busy: n.Store().Busy, served: n.Served})
	select {
	case <-ctx.Done():
	case <-n.ShutdownAsked():
	case err = <-n.Failed():
	}
	return errors.Join(err, n.Close())
}

// ignoreHangUp lets SIGHUP end nothing, until stop is called. Redis ignores it too.
func ignoreHangUp(log *slog.Logger) (stop func()) {
	hangUps, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangUps, syscall.SIGHUP)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-hangUps:
				log.Info("SIGHUP is ignored: there is no file to read or to open again; CONFIG SET changes settings")
			case <-done:
				return
			}
		}
	})
	return func() {
		signal.Stop(hangUps)
		close(done)
		wg.Wait()
	}
}

// levels are Redis's names for what slog knows.
var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "verbose": slog.LevelInfo, "notice": slog.LevelInfo, "warning": slog.LevelWarn,
}

var consistencies = map[string]replica.Consistency{
	"linearizable": replica.Linearizable, "lease": replica.Lease, "local": replica.Local,
}

func (c *serveCommand) options() (node.Options, error) {
	peers, err := parsePeers(c.Peers)
	if err != nil {
		return node.Options{}, err
	}
	port, free := 0, false // no --port is node.Options' 0
	if c.Port != nil {
		port, free = *c.Port, *c.Port == 0
	}
	for _, bad := range []struct {
		is   bool
		line string
	}{
		{port < 0 || port > 65535, "--port must be from 1 to 65535, or 0 for a free one"},
		{free && len(peers) > 0, "--port 0 does not go with --peers: the others must know the port"},
		{c.Learner && c.Join == "", "--learner goes with --join"},
		{c.SentinelMaster == "" || strings.ContainsAny(c.SentinelMaster, " \t\r\n"), "--sentinel-master must be one word"},
		{c.Drain < 0, "--drain must not be negative"},
		{c.Maxclients < 1, "--maxclients must be at least 1"},
		{c.ProtoMaxBulkLen < 1<<20, "--proto-max-bulk-len must be at least 1048576"},
		{c.SnapshotEntries < 1, "--snapshot-entries must be at least 1"},
		{c.ElectionWait <= 0, "--election-wait must be more than 0"},
		{c.MaxStaleness <= 0, "--max-staleness must be more than 0"},
		{c.RowCache < 1<<20 || c.RowCache > 1<<40, "--row-cache must be from 1048576 to 1099511627776"},
		{c.LogBytes < 64<<20 || c.LogBytes > 1<<40, "--log-bytes must be from 67108864 to 1099511627776"},
		{c.StreamRate < 0 || c.StreamRate > 0 && c.StreamRate < 1<<16, "--stream-rate must be 0 or at least 65536"},
		{c.Heartbeat < 20*time.Millisecond, "--heartbeat must be at least 20ms"},
		{c.ElectionTimeout != 0 && c.ElectionTimeout < c.Heartbeat, "--election-timeout must not be less than --heartbeat"},
	} {
		if bad.is {
			return node.Options{}, errors.New(bad.line)
		}
	}
	if free {
		port = -1
	}
	return node.Options{
		Dir: c.Dir, ID: c.ID, Bind: c.Bind, Port: port, Advertise: c.Advertise, Peers: peers, NewCluster: c.NewCluster,
		Join: parseList(c.Join), Learner: c.Learner, LeaveOnExit: c.LeaveOnExit, Drain: c.Drain,
		SentinelMaster: c.SentinelMaster,
		RequirePass:    c.Requirepass, ClusterSecret: c.ClusterSecret, Unprotected: c.ProtectedMode == "no",
		MaxClients: c.Maxclients, ProtoMaxBulkLen: c.ProtoMaxBulkLen, SnapshotEntries: c.SnapshotEntries, RowCache: c.RowCache,
		Reads: consistencies[c.Reads], ElectionWait: c.ElectionWait, MaxStaleness: c.MaxStaleness, StreamRate: c.StreamRate, LogBytes: c.LogBytes, Heartbeat: c.Heartbeat, Election: c.ElectionTimeout,
	}, nil
}

// parseList reads words between commas.
func parseList(s string) (words []string) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			words = append(words, part)
		}
	}
	return words
}

// parsePeers reads "n1=host:port,n2=host:port".
func parsePeers(s string) ([]replica.Peer, error) {
	var peers []replica.Peer
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		id, addr, ok := strings.Cut(part, "=")
		if !ok || id == "" || addr == "" {
			return nil, fmt.Errorf("--peers: %q is not id=host:port", part)
		}
		peers = append(peers, replica.Peer{ID: id, Addr: addr})
	}
	return peers, nil
}
