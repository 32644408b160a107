package replica

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica/raftfix"
	"cairn/storage"
	"cairn/storage/raftlog"
)

// side is a replica that can only shake hands.
func side(t testing.TB, id, secret, cluster string) *Replica {
	t.Helper()
	s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem(), MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	m := fsm.New(fsm.Options{Store: s})
	if cluster != "" {
		call := entry.Call{Argv: [][]byte{[]byte(command.ClusterName), []byte(cluster)}}
		m.Apply(&raft.Log{Index: 1, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, entry.Entry{
			Groups: []entry.Group{{Calls: []entry.Call{call}}},
		})})
	}
	r := handshaker(Options{ID: id, Secret: secret, Log: memLog(t), Machine: m})
	if err := r.founding.cluster.load(r.o.Log); err != nil {
		t.Fatal(err)
	}
	r.founding.cluster.mu.id = cluster
	return r
}

// handshaker has the parts of a replica that shake hands.
func handshaker(o Options) *Replica {
	o.Clock, o.Logger = time.Now, slog.New(slog.DiscardHandler)
	n, c := newNode(o), &clusterNote{}
	r := &Replica{node: n, links: newLinks(n, c, raftfix.NewVoteGuard(o.Log)), founding: &founding{node: n, cluster: c}}
	r.links.founding = r.founding
	return r
}

// shake lets two sides meet and returns what each thinks of it.
func shake(t *testing.T, opener, acceptor *Replica, kind byte, to string) (openErr, acceptErr error) {
	t.Helper()
	a, b := net.Pipe()
	deadline := time.Now().Add(10 * time.Second)
	a.SetDeadline(deadline)
	b.SetDeadline(deadline)
	done := make(chan error, 1)
	go func() {
		_, err := acceptor.links.welcome(b)
		b.Close()
		done <- err
	}()
	_, openErr = opener.links.introduce(a, kind, to)
	a.Close()
	return openErr, <-done
}

func TestHandshake(t *testing.T) {
	for _, c := range []struct {
		name                                   string
		openSecret, acceptSecret               string
		openCluster, acceptCluster, wantReason string
		kind                                   byte
		to                                     string
	}{
		{name: "same secret", openSecret: "s", acceptSecret: "s", openCluster: "c", acceptCluster: "c", kind: raftLink, to: "n2"},
		{name: "no secret", openCluster: "c", acceptCluster: "c", kind: queryLink, to: "n2"},
		{name: "other secret", openSecret: "s", acceptSecret: "t", kind: raftLink, to: "n2", wantReason: wrongSecret},
		{name: "secret on one side", openSecret: "s", kind: raftLink, to: "n2", wantReason: wrongSecret},
		{name: "same cluster", openCluster: "c", acceptCluster: "c", kind: raftLink, to: "n2"},
		{name: "one knows no cluster", openCluster: "c", kind: raftLink, to: "n2", wantReason: "n2 was not started for that"},
		{name: "other cluster", openCluster: "c", acceptCluster: "d", kind: raftLink, to: "n2", wantReason: "of cluster"},
		{name: "unknown kind", kind: 'X', to: "n2", wantReason: "unknown kind of link"},
		{name: "another member", openCluster: "c", acceptCluster: "c", kind: raftLink, to: "n3", wantReason: "here answers n2"},
		{name: "another member, asked", openCluster: "c", acceptCluster: "c", kind: queryLink, to: "n3", wantReason: "here answers n2"},
		{name: "nobody in particular", kind: raftLink, wantReason: "names the member"},
		{name: "nobody in particular, asked", kind: queryLink},
	} {
		t.Run(c.name, func(t *testing.T) {
			opener, acceptor := side(t, "n1", c.openSecret, c.openCluster), side(t, "n2", c.acceptSecret, c.acceptCluster)
			opener.o.Joining, acceptor.o.Joining = true, true
			openErr, acceptErr := shake(t, opener, acceptor, c.kind, c.to)
			if c.wantReason == "" {
				if openErr != nil || acceptErr != nil {
					t.Fatalf("opener: %v; acceptor: %v", openErr, acceptErr)
				}
				return
			}
			if !errors.Is(openErr, errRefused) || !strings.Contains(openErr.Error(), c.wantReason) {
				t.Errorf("the opener hears %v, want %q", openErr, c.wantReason)
			}
			if acceptErr == nil {
				t.Error("the acceptor took the link")
			}
		})
	}
}

// TestReplayedProof: what one handshake proved is worth nothing in the next.
func TestReplayedProof(t *testing.T) {
	r := side(t, "n1", "s", "")
	first, answer := r.links.hello(raftLink, "n2"), r.links.hello(0, "")
	proof := r.links.proof("opener", first.bytes(), answer.bytes())
	if string(proof) == string(r.links.proof("opener", first.bytes(), r.links.hello(0, "").bytes())) {
		t.Error("the proof does not depend on the acceptor's nonce")
	}
	if string(proof) == string(r.links.proof("acceptor", first.bytes(), answer.bytes())) {
		t.Error("the proof can be reflected")
	}
}

// FuzzWelcome: no bytes of a stranger's make the acceptor panic, take the link, or ask for much memory.
func FuzzWelcome(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte{0xff, 0xff, 1, 2, 3})
	f.Add(append([]byte{0, 18}, make([]byte, 60)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := handshaker(Options{ID: "n1", Secret: "s", Log: memLog(t), Machine: fuzzMachine(t)})
		if _, err := r.links.welcome(rw{strings.NewReader(string(b)), io.Discard}); err == nil {
			t.Errorf("%x was taken for a node", b)
		}
	})
}

func memLog(t testing.TB) *raftlog.Store {
	t.Helper()
	log, err := raftlog.Open("/log", raftlog.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

type rw struct {
	io.Reader
	io.Writer
}

func fuzzMachine(t *testing.T) *fsm.Machine {
	s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem(), MemTableBytes: 256 << 10, CacheBytes: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return fsm.New(fsm.Options{Store: s})
}

// FuzzIntroduce: no bytes of whoever answers make the opener panic, or take him for a node.
func FuzzIntroduce(f *testing.F) {
	hello := func(id string) []byte { return hello{nonce: make([]byte, nonceLen), id: id}.bytes() }
	frames := func(all ...[]byte) (b []byte) {
		for _, frame := range all {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(frame))), frame...)
		}
		return b
	}
	f.Add(frames(hello("n2"), append([]byte{1}, make([]byte, 32)...)))
	f.Add(frames(hello("n2"), append([]byte{0}, wrongSecret...)))
	f.Add(frames(hello("n2"), nil))
	f.Add(frames(hello("")[:5]))
	f.Add([]byte{0xff})
	r := side(f, "n1", "s", "")
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := r.links.introduce(rw{strings.NewReader(string(b)), io.Discard}, raftLink, "n2"); err == nil {
			t.Errorf("%x was taken for a node", b)
		}
	})
}

// FuzzHello: of what is a hello, nothing is lost.
func FuzzHello(f *testing.F) {
	f.Add(hello{kind: raftLink, nonce: make([]byte, nonceLen), past: true, leads: true, founder: true, genesis: [genesisLen]byte{7}, id: "n1", to: "n2", addr: "a1", run: "r", cluster: "c"}.bytes())
	f.Add(make([]byte, 36))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHello(b)
		switch {
		case err != nil && !errors.Is(err, errRefused):
			t.Errorf("%x: %v", b, err)
		case err == nil && !bytes.Equal(h.bytes(), b):
			t.Errorf("%x came back as %x", b, h.bytes())
		}
	})
}
