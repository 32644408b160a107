package console

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func (n *node) want(t *testing.T, cmds ...string) {
	t.Helper()
	if got := n.commands(); !slices.Equal(got, cmds) {
		t.Errorf("node got %q, want %q", got, cmds)
	}
}

const clusterDown = "-CLUSTERDOWN no leader elected, try again later\r\n"

func TestMovedIsFollowedAndRemembered(t *testing.T) {
	leader := startNode(t, answers("SET k v", "+OK\r\n", "GET k", "$1\r\nv\r\n"))
	follower := startNode(t, answers("SET k v", "-MOVED 12539 "+leader.addr()+"\r\n"))
	run(t, Options{Addrs: []string{follower.addr()}}, "SET k v\nGET k\n").want(t, "OK\n\"v\"\n", "", nil)
	follower.want(t, "SET k v")
	leader.want(t, "SET k v", "GET k")
}

func TestDatabaseAndUserFollow(t *testing.T) {
	ok := "+OK\r\n"
	leader := startNode(t, answers("*", ok))
	follower := startNode(t, answers("SET k v", "-MOVED 12539 "+leader.addr()+"\r\n", "*", ok))
	o := Options{Addrs: []string{follower.addr()}, User: "ann", Password: "pw", DB: 2, Proto: 3}
	run(t, o, "SELECT 5\nAUTH bob secret\nSET k v\nGET k\n").want(t, "OK\nOK\nOK\nOK\n", "", nil)
	follower.want(t, "AUTH ann pw", "HELLO 3", "SELECT 5", "AUTH bob secret", "SET k v")
	leader.want(t, "AUTH bob secret", "HELLO 3", "SELECT 5", "SET k v", "GET k")
}

func TestRefusedSelectIsTheAnswer(t *testing.T) {
	n := startNode(t, answers("SELECT 99", "-ERR DB index is out of range\r\n", "SET k v", "+OK\r\n"))
	run(t, Options{Addrs: []string{n.addr()}, DB: 99}, "", "SET", "k", "v").
		want(t, "(error) ERR DB index is out of range\n", "", ErrReply)
	n.want(t, "SELECT 99")
}

func TestRefusedAuthIsSaid(t *testing.T) {
	n := startNode(t, answers("AUTH pw", "-WRONGPASS no\r\n", "GET k", "-NOAUTH Authentication required.\r\n"))
	run(t, Options{Addrs: []string{n.addr()}, Password: "pw"}, "", "GET", "k").
		want(t, "(error) NOAUTH Authentication required.\n", "AUTH failed: WRONGPASS no\n", ErrReply)
}

func TestRedirectsAreBounded(t *testing.T) {
	var a, b *node
	a = startNode(t, func(string) string { return "-MOVED 1 " + b.addr() + "\r\n" })
	b = startNode(t, func(string) string { return "-MOVED 1 " + a.addr() + "\r\n" })
	run(t, Options{Addrs: []string{a.addr()}}, "", "SET", "k", "v").want(t, "", "MOVED 1", ErrNoLeader)
	if n := len(a.commands()) + len(b.commands()); n != maxRedirects+1 {
		t.Errorf("the command was sent %d times", n)
	}
}

func TestRedirectToItself(t *testing.T) {
	var n *node
	n = startNode(t, func(string) string { return "-MOVED 1 " + n.addr() + "\r\n" })
	run(t, Options{Addrs: []string{n.addr()}}, "", "SET", "k", "v").want(t, "", "MOVED 1", ErrNoLeader)
	n.want(t, "SET k v")
}

func TestNextNode(t *testing.T) {
	for name, first := range map[string]string{
		"clusterdown": clusterDown,
		"loading":     "-LOADING Redis is loading the dataset in memory\r\n",
		"moved to a node that is down": "-MOVED 1 " + downAddr(t) +
			"\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			a := startNode(t, answers("SET k v", first))
			b := startNode(t, answers("SET k v", "+OK\r\n"))
			o := Options{Addrs: []string{downAddr(t), a.addr(), b.addr()}}
			run(t, o, "SET k v\nSET k v\n").want(t, "OK\nOK\n", "", nil)
			b.want(t, "SET k v", "SET k v")
		})
	}
}

func TestNoLeader(t *testing.T) {
	down := downAddr(t)
	n := startNode(t, answers("*", clusterDown))
	r := run(t, Options{Addrs: []string{down, n.addr()}}, "", "SET", "k", "v")
	r.want(t, "", "the cluster has no leader yet, try again later (", ErrNoLeader)
	for _, part := range []string{down + ": connection refused", n.addr() + ": CLUSTERDOWN no leader elected"} {
		if !strings.Contains(r.errOut, part) || strings.Count(r.errOut, "\n") != 1 {
			t.Errorf("Err = %q, want one line with %q", r.errOut, part)
		}
	}
	n.want(t, "SET k v")
}

// TestSilentNode needs the timeout: the node accepts and never answers AUTH.
func TestSilentNode(t *testing.T) {
	a := startNode(t, answers("AUTH pw", hang))
	b := startNode(t, answers("*", "+OK\r\n"))
	o := Options{Addrs: []string{a.addr(), b.addr()}, Password: "pw", Timeout: 50 * time.Millisecond}
	run(t, o, "", "SET", "k", "v").want(t, "OK\n", "", nil)
}

func TestDroppedWriteIsInDoubt(t *testing.T) {
	for name, info := range map[string]string{
		"write":        commandInfo("incr", "write"),
		"no flags":     commandInfo("incr", "fast"),
		"unknown":      "*1\r\n*-1\r\n",
		"refused":      "-NOPERM\r\n",
		"disconnected": drop,
	} {
		t.Run(name, func(t *testing.T) {
			a := startNode(t, answers("INCR k", drop, "COMMAND INFO INCR", info))
			b := startNode(t, answers("INCR k", ":1\r\n", "COMMAND INFO INCR", info))
			r := run(t, Options{Addrs: []string{a.addr(), b.addr()}}, "", "INCR", "k")
			if !strings.HasPrefix(r.out, "(error) INDOUBT ") || !isErr(r.err, ErrInDoubt) {
				t.Errorf("got %+v", r)
			}
			a.want(t, "INCR k")
			b.want(t)
		})
	}
}

func TestDroppedReadIsRepeated(t *testing.T) {
	info := commandInfo("get", "readonly")
	a := startNode(t, answers("GET k", drop, "COMMAND INFO GET", info))
	b := startNode(t, answers("GET k", "$1\r\nv\r\n"))
	run(t, Options{Addrs: []string{a.addr(), b.addr()}}, "", "GET", "k").want(t, "\"v\"\n", "", nil)
	a.want(t, "GET k", "GET k") // once more, as its first connection may have been an old one
	b.want(t, "GET k")
}

// TestSubcommandDecides: a container has no flags that count, each of its subcommands has its own.
func TestSubcommandDecides(t *testing.T) {
	sub := func(name, flag string) string { return "*3\r\n+" + name + "\r\n:2\r\n*1\r\n+" + flag + "\r\n" }
	info := "*1\r\n*10\r\n+object\r\n:-2\r\n*1\r\n+readonly\r\n:0\r\n:0\r\n:0\r\n*0\r\n*0\r\n*0\r\n*2\r\n" +
		sub("object|freq", "readonly") + sub("object|set", "write")
	for cmd, again := range map[string]bool{"object freq": true, "OBJECT SET": false, "object none": false, "object": false} {
		var calls atomic.Int32
		n := startNode(t, func(got string) string {
			switch {
			case strings.HasPrefix(got, "COMMAND INFO"):
				return info
			case calls.Add(1) == 1:
				return drop
			}
			return "+OK\r\n"
		})
		r := run(t, Options{Addrs: []string{n.addr()}}, "", strings.Fields(cmd)...)
		if (r.err == nil) != again {
			t.Errorf("%s: %+v", cmd, r)
		}
	}
}

// TestHalfSentIsSentAgain: a node that has only a part of a command cannot execute it.
func TestHalfSentIsSentAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc.Read(make([]byte, 100))
			nc.Close()
		}
	})
	defer wg.Wait()
	defer l.Close()
	n := startNode(t, answers("*", "+OK\r\n"))
	o := Options{Addrs: []string{l.Addr().String(), n.addr()}}
	run(t, o, "", "SET", "k", strings.Repeat("x", 32<<20)).want(t, "OK\n", "", nil)
}

func TestServerInDoubtIsPrinted(t *testing.T) {
	n := startNode(t, answers("SET k v", "-INDOUBT leadership lost\r\n"))
	run(t, Options{Addrs: []string{n.addr()}}, "", "SET", "k", "v").
		want(t, "(error) INDOUBT leadership lost\n", "", ErrInDoubt)
	n.want(t, "SET k v")
}

func TestGarbageIsInDoubt(t *testing.T) {
	n := startNode(t, answers("GET k", "hello\r\n", "COMMAND INFO GET", commandInfo("get", "readonly")))
	r := run(t, Options{Addrs: []string{n.addr()}}, "", "GET", "k")
	if !strings.Contains(r.out, "protocol error") || !isErr(r.err, ErrInDoubt) {
		t.Errorf("got %+v", r)
	}
	n.want(t, "GET k")
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := startNode(t, func(string) string {
		cancel()
		return hang
	})
	r := runContext(ctx, Options{Addrs: []string{n.addr()}}, "", "BLPOP", "k", "0")
	if !strings.Contains(r.out, "INDOUBT") || !strings.Contains(r.out, "interrupted") || !isErr(r.err, ErrInDoubt) {
		t.Errorf("got %+v", r)
	}
	r = runContext(ctx, Options{Addrs: []string{n.addr()}}, "", "SET", "k", "v")
	r.want(t, "", "not sent", context.Canceled)
	n.want(t, "BLPOP k 0")
}

func TestShutdownNeedsNoAnswer(t *testing.T) {
	n := startNode(t, answers("SHUTDOWN", drop))
	run(t, Options{Addrs: []string{n.addr()}}, "", "SHUTDOWN").want(t, "OK\n", "", nil)
	n.want(t, "SHUTDOWN")
}

// TestIdleConnectionIsChecked: a node that closed the connection between two commands costs no doubt.
func TestIdleConnectionIsChecked(t *testing.T) {
	n := startNode(t, answers("INCR k", ":1\r\n"))
	s := newTestSession(n)
	s.idle = 0
	for range 2 {
		rep, err := s.do(t.Context(), []string{"INCR", "k"})
		if err != nil || rep.text != "1" {
			t.Fatalf("%+v, %v", rep, err)
		}
		n.closeConns()
	}
	s.disconnect()
	n.want(t, "INCR k", "INCR k")
}

func newTestSession(nodes ...*node) *session {
	var o Options
	for _, n := range nodes {
		o.Addrs = append(o.Addrs, n.addr())
	}
	return newSession(o.withDefaults(), func(string) {}, func(string) {})
}

// TestSpuriousReply: a connection on which something waits that nobody asked for would answer out of step.
func TestSpuriousReply(t *testing.T) {
	var first atomic.Bool
	n := startNode(t, func(string) string {
		if first.CompareAndSwap(false, true) {
			return "+one\r\n+spurious\r\n"
		}
		return "+two\r\n"
	})
	s := newTestSession(n)
	s.idle = 0
	defer s.disconnect()
	for _, want := range []string{"one", "two"} {
		if rep, err := s.do(t.Context(), []string{"PING"}); err != nil || rep.text != want {
			t.Errorf("%+v, %v, want %s", rep, err, want)
		}
	}
}

func TestPushIsSkipped(t *testing.T) {
	n := startNode(t, answers("HELLO 3", "%0\r\n", "GET k", ">2\r\n+invalidate\r\n*1\r\n+k\r\n+v\r\n"))
	run(t, Options{Addrs: []string{n.addr()}, Proto: 3}, "", "GET", "k").want(t, "v\n", "", nil)
}
