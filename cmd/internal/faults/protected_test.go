//go:build linux

package faults

import (
	"bufio"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProtected: three machines without a password and a secret refuse each other, and a client from a fourth, and
// say what to do; the same directories go on as a cluster once they have a secret.
func TestProtected(t *testing.T) {
	seed, _ := newSeed(t)
	c := newNetworked(t, seed, 3)
	peers := "n1=" + c.nodes[0].addr + ",n2=" + c.nodes[1].addr + ",n3=" + c.nodes[2].addr
	c.prepare("--peers", peers, "--protected-mode", "yes")
	for _, p := range c.nodes {
		p.start()
	}
	for i, p := range c.nodes {
		other := c.nodes[(i+1)%3].addr
		host, _, _ := strings.Cut(other, ":")
		until(t, "both ends of a link say why there is none", time.Minute, func() bool {
			log := p.said()
			return strings.Contains(log, `msg="link refused" peer=`+other+` err="refused: no cluster secret`) &&
				strings.Contains(log, `msg="a node on another machine is refused: protected mode" peer=`+host+`:`) && strings.Contains(log, "set --requirepass")
		})
		if line := firstLine(t, p.addr); !strings.HasPrefix(line, "-DENIED ") {
			t.Errorf("a client hears %q", line)
		}
	}
	for _, p := range c.nodes {
		p.end(syscall.SIGKILL)
		p.args = append(p.args, "--requirepass", "s")
		p.start()
	}
	until(t, "a leader", time.Minute, func() bool { return strings.Contains(c.nodes[0].said(), "msg=leader") })
	if line := firstLine(t, c.nodes[0].addr); !strings.HasPrefix(line, "-NOAUTH ") {
		t.Errorf("a client hears %q", line)
	}
}

// firstLine asks a node for a key and returns the first line of the answer.
func firstLine(t *testing.T, addr string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET a\r\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}
