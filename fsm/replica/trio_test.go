package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/replica/link"
	"cairn/storage"
	"cairn/storage/raftlog/raftlogtest"
)

// gate holds up those who come while it is closed.
type gate struct {
	waiting atomic.Int32

	mu struct {
		sync.Mutex
		shut chan struct{} // nil while it is open
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.shut = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.shut != nil {
		close(g.mu.shut)
		g.mu.shut = nil
	}
}

func (g *gate) pass() { _ = g.passBefore(nil) }

// passBefore fails when expired is closed before the gate is open.
func (g *gate) passBefore(expired <-chan struct{}) error {
	g.mu.Lock()
	shut := g.mu.shut
	g.mu.Unlock()
	if shut == nil {
		return nil
	}
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	select {
	case <-shut:
		return nil
	case <-expired:
		return os.ErrDeadlineExceeded
	}
}

// gatedConn is a link of its opener's: what he sends passes one gate, what he hears another.
type gatedConn struct {
	net.Conn
	sent, heard *gate
	unheard     []byte // came to the gate and no further; touched by Read only

	mu      sync.Mutex
	timer   *time.Timer
	expired chan struct{} // closed at the deadline
}

func (c *gatedConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	expired := make(chan struct{})
	if c.expired = expired; !t.IsZero() {
		c.timer = time.AfterFunc(time.Until(t), func() { close(expired) })
	}
	return c.Conn.SetDeadline(t)
}

// deadline may be set anew by another goroutine meanwhile: then the old one counts.
func (c *gatedConn) deadline() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.expired
}

func (c *gatedConn) Write(b []byte) (int, error) {
	if err := c.sent.passBefore(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *gatedConn) Read(b []byte) (int, error) {
	if len(c.unheard) == 0 {
		came := make([]byte, len(b))
		n, err := c.Conn.Read(came)
		if c.unheard = came[:n]; err != nil && n == 0 {
			return 0, err
		}
	}
	if err := c.heard.passBefore(c.deadline()); err != nil {
		return 0, err
	}
	n := copy(b, c.unheard)
	c.unheard = c.unheard[n:]
	return n, nil
}

// trio is three replicas whose links pass gates: sent and heard, by the node that they lead to.
type trio struct {
	nodes       map[string]*Replica
	sent, heard map[string]*gate
	disks       map[string]*gate // that the syncs of their logs pass
}

// newTrio starts one and waits for a leader that is ready and has proposed all that a new leader proposes by itself.
func newTrio(t *testing.T, heartbeat time.Duration) (c *trio, leader *Replica) {
	t.Helper()
	c = &trio{map[string]*Replica{}, map[string]*gate{}, map[string]*gate{}, map[string]*gate{}}
	var peers []Peer
	for i := range 3 {
		peers = append(peers, Peer{fmt.Sprint("n", i+1), fmt.Sprint("n", i+1)})
		c.sent[peers[i].ID], c.heard[peers[i].ID] = &gate{}, &gate{}
	}
	var started sync.WaitGroup
	started.Add(1)
	dial := func(_ context.Context, addr string) (net.Conn, error) {
		started.Wait()
		a, b := net.Pipe()
		go func() {
			if _, err := io.ReadFull(b, make([]byte, len(link.Preface))); err == nil {
				c.nodes[addr].ServeLink(b)
			}
		}()
		return &gatedConn{Conn: a, sent: c.sent[addr], heard: c.heard[addr]}, nil
	}
	for _, p := range peers {
		disk := &gate{}
		c.disks[p.ID] = disk
		log := raftlogtest.Gated(t, disk.pass)
		s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem(), MemTableBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Start(Options{
			ID: p.ID, Addr: p.Addr, Origin: Origin{Peers: peers}, Timing: Timing{Heartbeat: heartbeat, ElectionWait: 20 * time.Second}, Dial: dial, Log: log,
			Machine: fsm.New(fsm.Options{Store: s}), Snapshots: fsm.NewSnapshots(s),
		})
		if err != nil {
			t.Fatal(err)
		}
		c.nodes[p.ID] = r
		t.Cleanup(func() {
			c.openAll()
			if err := errors.Join(r.Close(), log.Close(), s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	started.Done()
	eventually(t, "a leader", func() bool {
		for _, r := range c.nodes {
			if r.Status().Ready && r.machine.State().Cluster != "" {
				leader = r
			}
		}
		return leader != nil
	})
	return c, leader
}

func (c *trio) openAll() {
	for id := range c.nodes {
		c.sent[id].open()
		c.heard[id].open()
		c.disks[id].open()
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(30*time.Second), time.NewTicker(time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("still waiting for %s", what)
		case <-tick.C:
		}
	}
}

// quiet reports whether no voter is being asked, or about to be.
func (c *confirmers) quiet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, to := range c.mu.of {
		if len(to.calls) > 0 || !to.mu.TryLock() {
			return false
		}
		asked := !to.sent.IsZero()
		to.mu.Unlock()
		if asked {
			return false
		}
	}
	return true
}

// TestOldAnswers: what followers say in answer to questions from before a read began does not confirm it, however
// late the answers come; their next ones do.
func TestOldAnswers(t *testing.T) {
	for range 3 {
		if oldAnswers(t) {
			return
		}
	}
	t.Error("each time, leadership ended in the middle: the machine is too busy")
}

// oldAnswers is false when leadership ended before anything was shown.
func oldAnswers(t *testing.T) (conclusive bool) {
	c, leader := newTrio(t, 3*time.Second)
	defer c.openAll()
	round := func() chan error {
		done := make(chan error, 1)
		go func() {
			_, err := leader.index.verify(time.Now().Add(time.Minute), false)
			done <- err
		}()
		return done
	}
	lost := false
	ended := func(err error, why string) {
		t.Helper()
		if lost = lost || errors.Is(err, ErrNotLeader); !lost {
			t.Errorf("%s: the round ends with %v", why, err)
		}
	}
	still := func(done chan error, d time.Duration, why string) {
		t.Helper()
		select {
		case err := <-done:
			ended(err, why)
			done <- err
		case <-time.After(d):
		}
	}
	if err := <-round(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "every question to be answered", leader.index.confirmers.quiet) // a slow first round asks more than it needs
	for id := range c.nodes {
		c.heard[id].close()
	}
	early := round()
	eventually(t, "the first round to ask", func() bool { return !leader.index.confirmers.quiet() })
	still(early, 100*time.Millisecond, "no answer was heard")
	for id := range c.nodes {
		c.sent[id].close()
	}
	late := round()
	still(late, 50*time.Millisecond, "nobody was asked")
	for id := range c.nodes {
		c.heard[id].open()
	}
	if err := <-early; err != nil {
		ended(err, "the first round was answered")
	}
	still(late, 300*time.Millisecond, "only questions from before it were answered")
	c.openAll()
	if err := <-late; err != nil {
		ended(err, "the second round was answered")
	}
	return !lost
}

// TestTickUntil: a read whose round is to move the log's time on does not wait for a majority longer than it is told.
func TestTickUntil(t *testing.T) {
	c, leader := newTrio(t, 3*time.Second)
	for id := range c.nodes {
		c.sent[id].close()
	}
	began := time.Now()
	if _, err := leader.index.verify(began.Add(100*time.Millisecond), true); !errors.Is(err, ErrNoQuorum) {
		t.Errorf("nobody was asked: %v", err)
	}
	if waited := time.Since(began); waited > 2*time.Second {
		t.Errorf("waited for %v", waited)
	}
	c.openAll()
	if _, err := leader.index.verify(time.Now().Add(20*time.Second), true); err != nil {
		t.Errorf("everybody can be asked again: %v", err)
	}
}

// TestOfferedLease: once leadership was offered to another node, this term has no leases any more, though nobody took
// it: the offer may arrive late.
func TestOfferedLease(t *testing.T) {
	for range 5 {
		if offeredLease(t) {
			return
		}
	}
	t.Error("each time, another term began in the middle: the machine is too busy")
}

// offeredLease is false when another term began before anything was shown.
func offeredLease(t *testing.T) (conclusive bool) {
	c, leader := newTrio(t, 2*time.Second)
	term := leader.raft.CurrentTerm()
	eventually(t, "a lease", func() bool { return leader.reader.leased(term) })
	other := ""
	for id, r := range c.nodes {
		if r != leader {
			other = id
		}
	}
	c.sent[other].close()
	if err := leader.TransferLeadership(other); err == nil {
		t.Fatal("leadership was handed to a node that cannot be reached")
	}
	if leader.raft.State() != raft.Leader || leader.raft.CurrentTerm() != term {
		return false
	}
	heard := leader.progress.contacts.Majority(term, leader.o.ID, leader.voters())
	if age := time.Since(heard); age < leader.o.Heartbeat/2 && leader.reader.leased(term) {
		t.Error("there is a lease after an offer of leadership")
	}
	return true
}

// TestReady: a node that has applied nothing of the current term is not ready to serve, whatever it has applied before.
func TestReady(t *testing.T) {
	l := newLone(t)
	l.append(1, 0, 1, 5, 0)
	l.append(1, 1, 6, 6, 5)
	l.append(1, 1, 7, 7, 6)
	eventually(t, "entries to be applied", func() bool { return l.r.machine.Applied().Index >= 5 })
	if !l.r.ready() {
		t.Errorf("not ready in term %d with %+v applied", l.r.raft.CurrentTerm(), l.r.machine.Applied())
	}
	l.append(2, 1, 8, 8, 6)
	if l.r.ready() {
		t.Errorf("ready in term %d with %+v applied", l.r.raft.CurrentTerm(), l.r.machine.Applied())
	}
}

// TestWriteError: only what is known not to have reached the log may be tried elsewhere.
func TestWriteError(t *testing.T) {
	for err, want := range map[error]error{
		raft.ErrNotLeader:                    ErrNotLeader,
		raft.ErrLeadershipTransferInProgress: ErrNotLeader,
		raft.ErrLeadershipLost:               ErrInDoubt,
		raft.ErrRaftShutdown:                 ErrInDoubt,
		raft.ErrAbortedByRestore:             ErrInDoubt,
		raft.ErrEnqueueTimeout:               ErrInDoubt,
		errors.New("the disk"):               ErrInDoubt,
	} {
		if got := writeError(err); !errors.Is(got, want) || want == ErrInDoubt && errors.Is(got, ErrNotLeader) {
			t.Errorf("%v is %v, want %v", err, got, want)
		}
	}
}

// FuzzQuestions: whatever a peer asks, the node answers in full or ends the link.
func FuzzQuestions(f *testing.F) {
	f.Add([]byte{askProgress, askChecksum, 0, 0, 0, 0, 0, 0, 0, 1, askIndex, 0, 0, 0, 0, 0, 0, 0, 2, askTerm, askTick})
	f.Add([]byte{askIndex, 1})
	f.Add([]byte{askChecksum, 1})
	f.Add([]byte{askChecksum, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	for _, o := range []string{`{"verb":"who"}`, `{"verb":"invite","addr":"a2"}`, `{"verb":"join","id":"n4","addr":"a4"}`, `{"verb":"forget","id":"n2"}`, `{`} {
		f.Add(append([]byte{askTerm, askRequest, 0, byte(len(o))}, o...))
	}
	f.Add([]byte{askRequest, 0xff, 0xff})
	f.Add([]byte("?"))
	r := newLone(f).r
	q := &queries{node: r.node, index: r.index, admin: r.standing.admin}
	f.Fuzz(func(t *testing.T, b []byte) {
		want := 0 // bytes of answers before the first question that is not whole, or is a request
		for rest := b; len(rest) > 0; {
			switch n := len(rest); {
			case strings.IndexByte(string([]byte{askProgress, askTick, askTerm}), rest[0]) >= 0:
				want, rest = want+answerLen, rest[1:]
			case rest[0] == askIndex && n > 8:
				want, rest = want+answerLen, rest[9:]
			case rest[0] == askChecksum && n > 8:
				want, rest = want+1+len(storage.Checksum{}), rest[9:]
			default:
				rest = nil
			}
		}
		here, there := net.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- q.serveQueries(there, link.Hello{ID: "n2", To: "n1"})
			there.Close()
		}()
		go func() { _, _ = here.Write(b) }() // the node may hang up in the middle
		if n, err := io.ReadFull(here, make([]byte, want)); err != nil {
			t.Errorf("%x: %d of %d bytes are answered: %v", b, n, want, err)
		}
		here.Close()
		if err := <-done; err == nil {
			t.Errorf("%x: the link ends without an error", b)
		}
	})
}

// FuzzAnswer: an answer says yes only with its status.
func FuzzAnswer(f *testing.F) {
	f.Add(make([]byte, answerLen))
	f.Add([]byte{answerNotReady})
	f.Fuzz(func(t *testing.T, b []byte) {
		var a [answerLen]byte
		copy(a[:], b)
		if got, err := parseAnswer(a); (err == nil) != (a[0] == answerOK) || err != nil && got != (confirmed{}) {
			t.Errorf("%x: %+v, %v", a, got, err)
		}
	})
}
