package resp

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/reply"
)

// fieldsOf returns the names in a line of CLIENT LIST.
func fieldsOf(line string) string {
	return regexp.MustCompile(`=[^ ]*`).ReplaceAllString(strings.TrimSpace(line), "")
}

func TestClientList(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *Server, dial func() *client) {
		a, b := dial(), dial()
		a.do("CLIENT", "SETNAME", "first")
		b.do("HELLO", "3", "SETNAME", "second")
		b.do("SELECT", "5")
		b.do("READONLY")
		b.do("CLIENT", "NO-EVICT", "ON")
		pass(90 * time.Second)
		lines := strings.Split(string(a.do("CLIENT", "LIST").Str), "\n")
		if len(lines) != 3 || lines[2] != "" {
			t.Fatalf("%q", lines)
		}
		for i, want := range [][]string{
			{"id=1", "name=first", "age=90", "idle=0", "flags=N", "db=0", "cmd=client|list", "resp=2"},
			{"id=2", "name=second", "age=90", "idle=90", "flags=re", "db=5", "cmd=client|no-evict", "resp=3"},
		} {
			for _, field := range want {
				if !strings.Contains(" "+lines[i]+" ", " "+field+" ") {
					t.Errorf("line %d has no %s: %s", i, field, lines[i])
				}
			}
		}
		b.do("CLIENT", "SETINFO", "LIB-NAME", "go-redis")
		if line := string(b.do("CLIENT", "INFO").Str); !strings.HasSuffix(line, "resp=3 lib-name=go-redis lib-ver=\n") {
			t.Errorf("CLIENT INFO: %q", line)
		}
		for args, want := range map[string]string{
			"TYPE normal": "1 2", "ID 2": "2", "ID 2 1 7": "2 1", "ID 9": "", "TYPE replica": "",
		} {
			got := string(a.do(strings.Fields("CLIENT LIST " + args)...).Str)
			var ids []string
			for _, m := range regexp.MustCompile(`(?m)^id=(\d+) `).FindAllStringSubmatch(got, -1) {
				ids = append(ids, m[1])
			}
			if strings.Join(ids, " ") != want {
				t.Errorf("CLIENT LIST %s lists %q, want %q", args, ids, want)
			}
		}
	})
}

// TestClientInfoAsRedis compares the fields of the line.
func TestClientInfoAsRedis(t *testing.T) {
	_, cairn := startServer(t, Options{})
	ours, theirs := dial(t, cairn).do("CLIENT", "INFO"), dial(t, startRedis(t)).do("CLIENT", "INFO")
	if a, b := fieldsOf(string(ours.Str)), fieldsOf(string(theirs.Str)); a != b {
		t.Errorf("our fields: %s\nRedis's:    %s", a, b)
	}
}

func TestClientKill(t *testing.T) {
	blocked := make(chan struct{})
	backend := &fakeBackend{}
	backend.write = func(ctx context.Context, _ []entry.Group) ([]reply.Reply, error) {
		close(blocked)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s, addr := startServer(t, Options{Backend: backend})
	admin := dial(t, addr)
	victim := func() (*client, string) {
		c := dial(t, addr)
		return c, fmt.Sprint(c.do("CLIENT", "ID").Int)
	}
	for _, test := range []struct {
		filter func(c *client, id string) string
		reply  string
		dies   bool
	}{
		{func(_ *client, id string) string { return "ID " + id }, ":1\r\n", true},
		{func(c *client, _ string) string { return c.LocalAddr().String() }, "+OK\r\n", true},
		{func(c *client, _ string) string { return "ADDR " + c.LocalAddr().String() + " USER default" }, ":1\r\n", true},
		{func(c *client, id string) string { return "LADDR " + addr + " ID " + id }, ":1\r\n", true},
		{func(c *client, id string) string { return "TYPE normal ID " + id + " SKIPME no" }, ":1\r\n", true},
		{func(c *client, id string) string { return "TYPE replica ID " + id }, ":0\r\n", false},
		{func(c *client, id string) string { return "LADDR 127.0.0.1:1 ID " + id }, ":0\r\n", false},
	} {
		c, id := victim()
		filter := test.filter(c, id)
		admin.ask("CLIENT KILL "+filter+"\r\n", test.reply)
		if test.dies {
			c.expectClosed()
		} else {
			c.ask("PING\r\n", "+PONG\r\n")
			c.Close()
		}
	}
	writer, id := victim()
	writer.send("SET a b\r\n")
	<-blocked
	admin.ask("CLIENT KILL ID "+id+"\r\n", ":1\r\n")
	writer.expectClosed()
	eventually(t, "the others are gone", func() bool { return s.clients.countClients() == 1 })
	bystander, _ := victim()
	admin.ask("CLIENT KILL TYPE normal\r\nPING\r\n", ":1\r\n+PONG\r\n") // not itself
	bystander.expectClosed()
	admin.ask("CLIENT KILL SKIPME no\r\nPING\r\n", ":1\r\n") // itself, after the reply
	admin.expectClosed()
}

func TestClientPause(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *Server, dial func() *client) {
		admin, other := dial(), dial()
		other.ask("PING\r\n", "+PONG\r\n")
		answered := func(c *client, call, want string) time.Duration {
			t.Helper()
			start := time.Now()
			c.ask(call, want)
			return time.Since(start)
		}
		lasts := func(c *client, call, want string, d time.Duration) {
			t.Helper()
			if got := answered(c, call, want); got != d {
				t.Errorf("%q is answered after %v, want %v", call, got, d)
			}
		}
		admin.ask("CLIENT PAUSE 5000 WRITE\r\n", "+OK\r\n")
		lasts(other, "GET a\r\nPING\r\n", "$1\r\na\r\n+PONG\r\n", 0)
		lasts(other, "SET a b\r\nPING\r\n", "+OK\r\n+PONG\r\n", 5*time.Second)

		admin.ask("CLIENT PAUSE 5000 WRITE\r\n", "+OK\r\n")
		lasts(other, "ECHO before\r\nSET a b\r\n", "$6\r\nbefore\r\n", 0) // is not held back with what follows
		other.expect("+OK\r\n")

		admin.ask("CLIENT PAUSE 5000\r\n", "+OK\r\n")
		lasts(admin, "PING\r\n", "+PONG\r\n", 5*time.Second)

		admin.ask("CLIENT PAUSE 60000 WRITE\r\nCLIENT PAUSE 1 WRITE\r\n", "+OK\r\n+OK\r\n") // does not shorten
		other.send("SET a b\r\n")
		pass(30 * time.Second)
		if got := string(admin.do("CLIENT", "LIST").Str); !strings.Contains(got, " flags=b ") {
			t.Errorf("nobody is blocked: %s", got)
		}
		if got := string(admin.do("INFO", "clients").Str); !strings.Contains(got, "\r\nblocked_clients:1\r\n") {
			t.Errorf("nobody is blocked: %s", got)
		}
		lasts(admin, "CLIENT UNPAUSE\r\n", "+OK\r\n", 0)
		other.expect("+OK\r\n")

		admin.ask("CLIENT PAUSE 3600000 WRITE\r\n", "+OK\r\n")
		other.send("SET a b\r\n")
		synctest.Wait()
		lasts(admin, "CLIENT KILL ID 2\r\n", ":1\r\n", 0)
		other.expectClosed()
		admin.ask("CLIENT UNPAUSE\r\n", "+OK\r\n")
	})
}
