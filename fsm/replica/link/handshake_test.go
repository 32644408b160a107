package link

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"cairn/fsm/replica/raftfix"
	"cairn/storage/raftlog/raftlogtest"
)

// fakeHost is a node that can only shake hands.
type fakeHost struct {
	now    Situation
	yields *Refusal
}

func (h *fakeHost) Situation() Situation { return h.now }

func (h *fakeHost) Yield(Hello) *Refusal { return h.yields }

func (h *fakeHost) Who(context.Context, string) (id, run string, err error) {
	return "", "", errors.New("nobody is there")
}

func (h *fakeHost) Serve(net.Conn, Hello) error { return io.EOF }

// side has the links of a node; it has a past if it is of a cluster.
func side(t testing.TB, id, secret, cluster string) *Links {
	t.Helper()
	log, note := raftlogtest.InMemory(t), &ClusterNote{}
	if err := note.Load(log); err != nil {
		t.Fatal(err)
	}
	note.mu.id = cluster
	return New(t.Context(), Options{
		ID: id, Secret: secret, Cluster: note, Guard: raftfix.NewVoteGuard(log), Host: &fakeHost{now: Situation{HasState: cluster != ""}},
		Logger: slog.New(slog.DiscardHandler),
	})
}

// shake lets two sides meet and returns what each thinks of it.
func shake(t *testing.T, opener, acceptor *Links, kind byte, to string) (openErr, acceptErr error) {
	t.Helper()
	a, b := net.Pipe()
	deadline := time.Now().Add(10 * time.Second)
	a.SetDeadline(deadline)
	b.SetDeadline(deadline)
	done := make(chan error, 1)
	go func() {
		_, err := acceptor.welcome(b)
		b.Close()
		done <- err
	}()
	_, openErr = opener.introduce(a, kind, to)
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
		{name: "same secret", openSecret: "s", acceptSecret: "s", openCluster: "c", acceptCluster: "c", kind: Raft, to: "n2"},
		{name: "no secret", openCluster: "c", acceptCluster: "c", kind: Query, to: "n2"},
		{name: "other secret", openSecret: "s", acceptSecret: "t", kind: Raft, to: "n2", wantReason: wrongSecret},
		{name: "secret on one side", openSecret: "s", kind: Raft, to: "n2", wantReason: wrongSecret},
		{name: "same cluster", openCluster: "c", acceptCluster: "c", kind: Raft, to: "n2"},
		{name: "one knows no cluster", openCluster: "c", kind: Raft, to: "n2", wantReason: "n2 was not started for that"},
		{name: "other cluster", openCluster: "c", acceptCluster: "d", kind: Raft, to: "n2", wantReason: "of cluster"},
		{name: "unknown kind", kind: 'X', to: "n2", wantReason: "unknown kind of link"},
		{name: "another member", openCluster: "c", acceptCluster: "c", kind: Raft, to: "n3", wantReason: "here answers n2"},
		{name: "another member, asked", openCluster: "c", acceptCluster: "c", kind: Query, to: "n3", wantReason: "here answers n2"},
		{name: "nobody in particular", kind: Raft, wantReason: "names the member"},
		{name: "nobody in particular, asked", kind: Query},
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
			if !errors.Is(openErr, ErrRefused) || !strings.Contains(openErr.Error(), c.wantReason) {
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
	first, answer := r.hello(Raft, "n2"), r.hello(0, "")
	proof := r.proof("opener", first.encode(), answer.encode())
	if string(proof) == string(r.proof("opener", first.encode(), r.hello(0, "").encode())) {
		t.Error("the proof does not depend on the acceptor's nonce")
	}
	if string(proof) == string(r.proof("acceptor", first.encode(), answer.encode())) {
		t.Error("the proof can be reflected")
	}
}

// FuzzWelcome: no bytes of a stranger's make the acceptor panic, take the link, or ask for much memory.
func FuzzWelcome(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte{0xff, 0xff, 1, 2, 3})
	f.Add(append([]byte{0, 18}, make([]byte, 60)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := side(t, "n1", "s", "")
		if _, err := r.welcome(rw{strings.NewReader(string(b)), io.Discard}); err == nil {
			t.Errorf("%x was taken for a node", b)
		}
	})
}

type rw struct {
	io.Reader
	io.Writer
}

// FuzzIntroduce: no bytes of whoever answers make the opener panic, or take him for a node.
func FuzzIntroduce(f *testing.F) {
	hello := func(id string) []byte { return Hello{nonce: make([]byte, nonceLen), ID: id}.encode() }
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
		if _, err := r.introduce(rw{strings.NewReader(string(b)), io.Discard}, Raft, "n2"); err == nil {
			t.Errorf("%x was taken for a node", b)
		}
	})
}

// FuzzHello: of what is a hello, nothing is lost.
func FuzzHello(f *testing.F) {
	f.Add(Hello{kind: Raft, nonce: make([]byte, nonceLen), hasState: true, leads: true, founder: true, genesis: [GenesisLen]byte{7}, ID: "n1", To: "n2", Addr: "a1", run: "r", Cluster: "c"}.encode())
	f.Add(make([]byte, 36))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHello(b)
		switch {
		case err != nil && !errors.Is(err, ErrRefused):
			t.Errorf("%x: %v", b, err)
		case err == nil && !bytes.Equal(h.encode(), b):
			t.Errorf("%x came back as %x", b, h.encode())
		}
	})
}
