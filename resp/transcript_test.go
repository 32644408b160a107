package resp

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// The files in testdata have the form that cmd/internal/transcript describes, which only packages under cmd can import;
// of its directives they use "redis: skip <reason>".

// onCluster are the transcripts that need a Redis in cluster mode; the others need one that is not, for its 16
// databases.
var onCluster = []string{"readonly", "readwrite", "asking"}

// theirs are the transcripts of COMMAND and CLUSTER, which other tests run.
var theirs = []string{"command", "cluster"}

type transcriptCase struct {
	pos      string
	commands []string
	want     []string
	skip     bool // on Redis
}

func loadTranscript(t *testing.T, path string) (cases []transcriptCase) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		c := transcriptCase{pos: fmt.Sprintf("%s, case %d", filepath.Base(path), n+1)}
		head, want, _ := strings.Cut(block, "\n----\n")
		for _, line := range strings.Split(head, "\n") {
			if strings.HasPrefix(line, "#") {
				c.skip = c.skip || strings.HasPrefix(line, "# redis: skip ")
				continue
			}
			c.commands = append(c.commands, line)
		}
		c.want = strings.Split(want, "\n")
		cases = append(cases, c)
	}
	return cases
}

func transcripts(t *testing.T, run func(t *testing.T, name string, cases []transcriptCase)) {
	paths, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		if !slices.Contains(theirs, name) {
			t.Run(name, func(t *testing.T) { run(t, name, loadTranscript(t, path)) })
		}
	}
}

// play sends the commands of a case and returns their replies.
func (c transcriptCase) play(t *testing.T, cl *client) (replies []reply.Reply) {
	for _, line := range c.commands {
		words, ok := splitWords([]byte(line))
		if !ok {
			t.Fatalf("%s: %q is no command", c.pos, line)
		}
		cl.send(string(appendCall(nil, words)))
		r, err := readReply(cl.rd)
		if err != nil {
			t.Fatalf("%s: %s: %v", c.pos, line, err)
		}
		replies = append(replies, r)
	}
	return replies
}

func (c transcriptCase) check(t *testing.T, replies []reply.Reply) {
	t.Helper()
	var got []string
	for _, r := range replies {
		got = append(got, render(r)...)
	}
	if !slices.Equal(got, c.want) {
		t.Errorf("%s\ngot\n\t%s\nwant\n\t%s", c.pos, strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
	}
}

func leaderBackend() *fakeBackend {
	b := &fakeBackend{}
	b.mu.status = replica.Status{ID: "n1", NodeID: replica.NodeID("n1"), State: "leader", Ready: true, LeaderID: "n1", LeaderAddr: "127.0.0.1:7001", Voters: 1,
		Members: []replica.Member{{ID: "n1", Addr: "127.0.0.1:7001", Voter: true, Leader: true, Self: true, Connected: true}}}
	return b
}

func TestTranscripts(t *testing.T) {
	transcripts(t, func(t *testing.T, _ string, cases []transcriptCase) {
		_, addr := startServer(t, Options{Backend: leaderBackend(), Version: "1.2.3", LogLevel: new(slog.LevelVar), Verify: fakeVerdict, ProtoMaxBulkLen: 512 << 20})
		cl := dial(t, addr)
		for _, c := range cases {
			c.check(t, c.play(t, cl))
		}
	})
}

// TestTranscriptsOnRedis holds the same files against the real thing, and the kinds of its replies in RESP2 and RESP3
// against ours.
func TestTranscriptsOnRedis(t *testing.T) {
	transcripts(t, func(t *testing.T, name string, cases []transcriptCase) {
		var args []string
		if slices.Contains(onCluster, name) {
			args = []string{"--cluster-enabled", "yes"}
		}
		for _, proto := range []string{"2", "3"} {
			t.Run("resp="+proto, func(t *testing.T) {
				_, cairn := startServer(t, Options{Backend: leaderBackend(), ProtoMaxBulkLen: 512 << 20, LogLevel: new(slog.LevelVar)})
				ours, other := dial(t, cairn), dial(t, startRedis(t, args...))
				ours.do("HELLO", proto)
				other.do("HELLO", proto)
				for _, c := range cases {
					ourReplies, replies := c.play(t, ours), c.play(t, other)
					if c.skip {
						continue
					}
					c.check(t, replies)
					for i := range replies {
						if a, b := kinds(ourReplies[i]), kinds(replies[i]); a != b {
							t.Errorf("%s: %s: our reply is %s, Redis's %s", c.pos, c.commands[i], a, b)
						}
					}
				}
			})
		}
	})
}

// render returns a reply as redis-cli prints it on a terminal for RESP2.
func render(r reply.Reply) []string {
	switch r.Kind {
	case reply.Null, reply.NullArray:
		return []string{"(nil)"}
	case reply.Status:
		return []string{string(r.Str)}
	case reply.Error:
		return []string{"(error) " + string(r.Str)}
	case reply.Integer:
		return []string{"(integer) " + strconv.FormatInt(r.Int, 10)}
	case reply.Bulk, reply.Verbatim:
		return []string{strconv.Quote(string(r.Str))}
	}
	if len(r.Elems) == 0 {
		return []string{"(empty array)"}
	}
	var lines []string
	for i, e := range r.Elems {
		prefix := fmt.Sprintf("%*d) ", len(strconv.Itoa(len(r.Elems))), i+1)
		for _, line := range render(e) {
			lines = append(lines, prefix+line)
			prefix = strings.Repeat(" ", len(prefix))
		}
	}
	return lines
}

// kinds spells a reply's kinds out.
func kinds(r reply.Reply) string {
	s := strconv.Itoa(int(r.Kind))
	for _, e := range r.Elems {
		s += "[" + kinds(e) + "]"
	}
	return s
}
