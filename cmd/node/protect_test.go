package node

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"cairn/fsm/replica"
)

// otherMachine is a listener whose connections come from another machine.
type otherMachine struct{ net.Listener }

func (l otherMachine) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return fromOtherMachine{c}, nil
}

type fromOtherMachine struct{ net.Conn }

func (fromOtherMachine) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711}
}

// TestProtectedModeOfCluster: nodes without a secret that are far from each other do not become a cluster, and both
// say why; with a secret they do, and clients without a password are refused still; without protected mode everybody
// is served.
func TestProtectedModeOfCluster(t *testing.T) {
	for _, test := range []struct {
		name        string
		secret      string
		unprotected bool
		leads       bool
		answer      string
	}{
		{name: "no secret", answer: "-DENIED "},
		{name: "a secret", secret: "s", leads: true, answer: "-DENIED "},
		{name: "unprotected", unprotected: true, leads: true, answer: "+PONG\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var logs [2]lines
			var listeners [2]net.Listener
			var peers []replica.Peer
			for i := range listeners {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				listeners[i] = otherMachine{ln}
				peers = append(peers, replica.Peer{ID: string('a' + rune(i)), Addr: ln.Addr().String()})
			}
			var nodes []*Node
			for i, p := range peers {
				n, err := Start(context.Background(), Options{Dir: t.TempDir(), ID: p.ID, Peers: peers, Listener: listeners[i],
					ClusterSecret: test.secret, Unprotected: test.unprotected, Logger: logs[i].logger(-4)})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = n.Close() }() // without a majority it may have nothing to say
				nodes = append(nodes, n)
			}
			waitFor(t, func() bool {
				if test.leads {
					return nodes[0].Replica().Status().Ready || nodes[1].Replica().Status().Ready
				}
				for i := range logs { // as the one who refuses, and as the one who is refused
					theirs := logs[i].with("link refused", "protected mode", "peer="+peers[1-i].Addr)
					ours := logs[i].with("a node on another machine is refused: protected mode", "peer=192.0.2.7:4711", "--cluster-secret")
					if len(theirs) == 0 || len(ours) == 0 {
						return false
					}
				}
				return true
			})
			c, err := net.Dial("tcp", peers[0].Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, "PING\r\n"); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(line, test.answer) {
				t.Errorf("a client hears %q, %v, want %q", line, err, test.answer)
			}
		})
	}
}

// TestOpenAddress: a node that other machines can reach says at its start whom it refuses for want of a password.
func TestOpenAddress(t *testing.T) {
	for _, test := range []struct {
		name string
		o    Options
		want string
	}{
		{"nothing set", Options{Bind: "0.0.0.0"}, "protected mode refuses clients and nodes"},
		{"a secret", Options{Bind: "0.0.0.0", ClusterSecret: "s"}, "protected mode refuses clients from"},
		{"off", Options{Bind: "0.0.0.0", Unprotected: true}, "protected mode is off"},
		{"a password", Options{Bind: "0.0.0.0", RequirePass: "p"}, ""},
		{"loopback", Options{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log lines
			o := test.o
			o.Dir, o.Port, o.Logger = t.TempDir(), -1, log.logger(0)
			n, err := Start(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			got := log.with("protected mode")
			if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)) {
				t.Errorf("the log says %q, want %q", got, test.want)
			}
		})
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("not yet")
		}
	}
}
