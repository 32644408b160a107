package resp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// What is answered around a transaction.
const (
	noMulti = "-" + string(errNoMulti) + "\r\n"
	refused = "-" + string(errAborted) + "\r\n"
	aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n"
	set     = "+OK\r\n"
	unknown = "-ERR unknown command '%s', with args beginning with: \r\n"
)

// groupCases are what a client sends, call by call, with the answers, and which writes and reads run.
var groupCases = []struct {
	name string
	sent [][2]string // a call and its answer
	runs string
}{
	{"a transaction", [][2]string{{"SET before 1", set}, {"MULTI", noMulti}, {"INCR a", refused}, {"INCR a", refused}, {"EXEC", aborted}, {"SET after 1", set}},
		"set before 1, set after 1"},
	{"reads, lists and local calls", [][2]string{{"MULTI", noMulti}, {"GET a", refused}, {"KEYS *", refused}, {"PING", refused}, {"SELECT 3", refused},
		{"CONFIG SET timeout 1", refused}, {"HELLO 3", refused}, {"CLIENT REPLY OFF", refused}, {"SUBSCRIBE +sdown", refused}, {"AUTH x", refused}, {"READONLY", refused},
		{"ASKING", refused}, {"SHUTDOWN", refused}, {"exec", aborted}, {"GET a", "$1\r\na\r\n"}}, "get a"},
	{"discarded", [][2]string{{"multi", noMulti}, {"SET a 1", refused}, {"DISCARD", "+OK\r\n"}, {"SET a 2", set}}, "set a 2"},
	{"reset", [][2]string{{"MULTI", noMulti}, {"SET a 1", refused}, {"RESET", "+RESET\r\n"}, {"SET a 2", set}, {"EXEC", fmt.Sprintf(unknown, "EXEC")}}, "set a 2"},
	{"nested", [][2]string{{"MULTI", noMulti}, {"MULTI", refused}, {"SET a 1", refused}, {"EXEC", aborted}, {"SET a 2", set},
		{"EXEC", fmt.Sprintf(unknown, "EXEC")}}, "set a 2"},
	{"one after the other", [][2]string{{"MULTI", noMulti}, {"EXEC", aborted}, {"MULTI", noMulti}, {"SET a 1", refused}, {"EXEC", aborted}}, ""},
	{"wrong calls in it", [][2]string{{"MULTI", noMulti}, {"SET a", "-ERR wrong number of arguments for 'set' command\r\n"}, {"NOSUCH", fmt.Sprintf(unknown, "NOSUCH")},
		{"EXEC now", "-ERR wrong number of arguments for 'exec' command\r\n"}, {"DISCARD it", "-ERR wrong number of arguments for 'discard' command\r\n"},
		{"SET a 1", refused}, {"EXEC", aborted}}, ""},
	{"a wrong MULTI begins nothing", [][2]string{{"MULTI now", "-ERR wrong number of arguments for 'multi' command\r\n"}, {"SET a 1", set},
		{"DISCARD", fmt.Sprintf(unknown, "DISCARD")}}, "set a 1"},
	{"WATCH", [][2]string{{"WATCH a", "-ERR unknown command 'WATCH', with args beginning with: 'a' \r\n"}, {"MULTI", noMulti}, {"SET a 1", refused},
		{"UNWATCH", fmt.Sprintf(unknown, "UNWATCH")}, {"EXEC", aborted}}, ""},
	{"RESP3", [][2]string{{"HELLO 3 SETNAME x Y", "-ERR Syntax error in HELLO option 'Y'\r\n"}, {"MULTI", noMulti}, {"SET a 1", refused}, {"EXEC", aborted}}, ""},
	{"no answer to MULTI", [][2]string{{"CLIENT REPLY SKIP", ""}, {"MULTI", ""}, {"SET a 1", refused}, {"EXEC", aborted}}, ""},
	{"no answers", [][2]string{{"CLIENT REPLY OFF", ""}, {"MULTI", ""}, {"SET a 1", ""}, {"CLIENT REPLY ON", ""}, {"EXEC", ""}, {"CLIENT REPLY ON", "+OK\r\n"},
		{"SET a 2", set}}, "set a 2"},
	{"listening", [][2]string{{"SUBSCRIBE +sdown", "*3\r\n$9\r\nsubscribe\r\n$6\r\n+sdown\r\n:1\r\n"},
		{"MULTI", "-ERR Can't execute 'multi': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"},
		{"UNSUBSCRIBE", refused}, {"EXEC", aborted}, {"UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$6\r\n+sdown\r\n:0\r\n"}, {"SET a 1", set}}, "set a 1"},
	{"scripts", [][2]string{{"EVAL x 0", "-ERR unknown command 'EVAL', with args beginning with: 'x' '0' \r\n"},
		{"EVALSHA x 0", "-ERR unknown command 'EVALSHA', with args beginning with: 'x' '0' \r\n"},
		{"FCALL x 0", "-ERR unknown command 'FCALL', with args beginning with: 'x' '0' \r\n"},
		{"FUNCTION LIST", "-ERR unknown command 'FUNCTION', with args beginning with: 'LIST' \r\n"},
		{"SCRIPT LOAD x", "-ERR unknown command 'SCRIPT', with args beginning with: 'LOAD' 'x' \r\n"}}, ""},
	{"quit", [][2]string{{"MULTI", noMulti}, {"SET a 1", refused}, {"QUIT", "+OK\r\n"}}, ""},
}

// TestRefusedMulti: of a transaction that is refused nothing runs, however its calls come, and what is before and
// after it does.
func TestRefusedMulti(t *testing.T) {
	for _, test := range groupCases {
		var sent, want strings.Builder
		for _, s := range test.sent {
			sent.WriteString(s[0] + "\r\n")
			want.WriteString(s[1])
		}
		quits := strings.HasSuffix(test.name, "quit")
		for road, play := range map[string]func(t *testing.T, dial func() *client){
			"at once": func(_ *testing.T, dial func() *client) { dial().ask(sent.String(), want.String()) },
			"call by call": func(_ *testing.T, dial func() *client) {
				c := dial()
				for _, s := range test.sent {
					c.ask(s[0]+"\r\n", s[1])
				}
			},
			"in two pieces": func(t *testing.T, dial func() *client) {
				for i := range sent.Len() {
					c := dial()
					c.send(sent.String()[:i])
					c.send(sent.String()[i:])
					if c.expect(want.String()); quits {
						c.expectClosed()
					}
				}
			},
		} {
			t.Run(test.name+"/"+road, func(t *testing.T) {
				var ran []string
				backend := noting(&ran)
				t.Run("alone", func(t *testing.T) {
					bubble(t, Options{Backend: backend}, func(t *testing.T, _ *Server, dial func() *client) { play(t, dial) })
				})
				t.Run("parked", func(t *testing.T) {
					_, addr := startServer(t, Options{Backend: backend})
					play(t, func() *client { return dial(t, addr) })
				})
				allowed := strings.Split(test.runs, ", ")
				if bad := slices.DeleteFunc(ran, func(c string) bool { return slices.Contains(allowed, c) }); len(bad) > 0 {
					t.Errorf("the backend was asked %q, want %q", bad, test.runs)
				}
			})
		}
	}
}

// noting is a leader that answers as any fakeBackend and notes what it is asked.
func noting(ran *[]string) *fakeBackend {
	var mu sync.Mutex
	note := func(calls []entry.Call) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range calls {
			*ran = append(*ran, argsString(c.Argv))
		}
	}
	b, plain := leaderBackend(), &fakeBackend{}
	b.write = func(ctx context.Context, groups []entry.Group) ([]reply.Reply, error) {
		for _, g := range groups {
			note(g.Calls)
		}
		return plain.Write(ctx, groups)
	}
	b.read = func(ctx context.Context, how replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
		note(calls)
		return plain.Read(ctx, how, calls)
	}
	b.list = func(to reply.Lister) error {
		note([]entry.Call{{Argv: [][]byte{[]byte("keys")}}})
		return to(reply.Array, 0, func(func(reply.Reply) error) error { return nil })
	}
	return b
}

// TestRefusedMultiOfStranger: who has not shown the password is told so, and has begun no transaction that AUTH could
// make half of.
func TestRefusedMultiOfStranger(t *testing.T) {
	var ran []string
	_, addr := startServer(t, Options{Backend: noting(&ran), RequirePass: "x"})
	c := dial(t, addr)
	const noAuth = "-NOAUTH Authentication required.\r\n"
	c.ask("MULTI\r\nAUTH x\r\nSET a 1\r\nEXEC\r\n", noAuth+refused+noAuth+aborted)
	c.ask("AUTH x\r\nSET a 2\r\n", "+OK\r\n+OK\r\n")
	if !slices.Equal(ran, []string{"set a 2"}) {
		t.Errorf("the backend was asked %q", ran)
	}
}

// TestRefusedMultiOnFollower: nothing of a transaction that was refused is redirected either.
func TestRefusedMultiOnFollower(t *testing.T) {
	backend := leaderBackend()
	backend.write = func(context.Context, []entry.Group) ([]reply.Reply, error) { return nil, replica.ErrNotLeader }
	st := backend.Status()
	st.ID, st.State = "n2", "follower"
	backend.setStatus(st)
	_, addr := startServer(t, Options{Backend: backend})
	dial(t, addr).ask("SET a 1\r\nMULTI\r\nSET a 1\r\nEXEC\r\nSET a 1\r\n",
		"-MOVED 15495 127.0.0.1:7001\r\n"+noMulti+refused+aborted+"-MOVED 15495 127.0.0.1:7001\r\n")
}

// TestAbortedTransactionEnds: a client that does not end its refused transaction, and would be refused for ever, is
// closed, quiet or not.
func TestAbortedTransactionEnds(t *testing.T) {
	bubble(t, Options{Backend: leaderBackend()}, func(t *testing.T, s *Server, dial func() *client) {
		quiet, busy, ends := dial(), dial(), dial()
		for _, c := range []*client{quiet, busy, ends} {
			c.SetDeadline(time.Now().Add(time.Minute))
			c.ask("CONFIG SET timeout 3600\r\nMULTI\r\nSET a 1\r\n", "+OK\r\n"+noMulti+refused)
		}
		ends.ask("EXEC\r\n", aborted)
		for range 4 {
			pass(time.Second)
			busy.ask("PING\r\n", refused)
		}
		if n := s.clients.countClients(); n != 3 {
			t.Errorf("%d clients are left too early", n)
		}
		pass(time.Second + time.Millisecond)
		quiet.expectClosed()
		busy.expectClosed()
		pass(abortedWait)
		ends.ask("PING\r\n", "+PONG\r\n")
	})
}

// TestRefusedMultiOfGoRedis: a library's transaction fails as a whole with a clear word, and its connections go on.
func TestRefusedMultiOfGoRedis(t *testing.T) {
	for _, proto := range []int{2, 3} {
		var ran []string
		_, addr := startServer(t, Options{Backend: noting(&ran)})
		c := redis.NewClient(&redis.Options{Addr: addr, Protocol: proto, PoolSize: 1})
		defer c.Close()
		for range 3 {
			cmds, err := c.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
				p.Incr(t.Context(), "a")
				p.Incr(t.Context(), "b")
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), "no transactions yet") || len(cmds) != 2 || cmds[0].Err() == nil || cmds[1].Err() == nil {
				t.Errorf("TxPipelined: %v, %v", cmds, err)
			}
			if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
				t.Errorf("SET afterwards: %v", err)
			}
		}
		if !slices.Equal(ran, []string{"set k v", "set k v", "set k v"}) {
			t.Errorf("the backend was asked %q", ran)
		}
	}
}
