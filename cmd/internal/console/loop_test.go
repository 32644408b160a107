package console

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// typist is a person at the prompt: its lines are typed one by one.
type typist struct {
	lines   []string
	prompts []string
	history []string
	words   []string
}

func (p *typist) readLine(prompt string) (string, error) {
	p.prompts = append(p.prompts, prompt)
	if len(p.lines) == 0 {
		return "", io.EOF
	}
	line := p.lines[0]
	p.lines = p.lines[1:]
	return line, nil
}

func (p *typist) remember(line string)    { p.history = append(p.history, line) }
func (p *typist) complete(words []string) { p.words = words }
func (p *typist) close()                  {}

// interact runs the loop as it runs on a terminal.
func interact(t *testing.T, o Options, p *typist) (out, errOut string) {
	t.Helper()
	var outBuf, errBuf bytes.Buffer
	o.Out, o.Err = &outBuf, &errBuf
	c := newConsole(o.withDefaults())
	c.interactive, c.raw = true, false
	defer c.session.disconnect()
	if err := c.loop(t.Context(), p); err != nil {
		t.Errorf("loop: %v", err)
	}
	return outBuf.String(), errBuf.String()
}

func TestPrompt(t *testing.T) {
	leader := startNode(t, answers("SELECT 5", "+OK\r\n", "SET k v", "+OK\r\n", "MULTI", "+OK\r\n", "DISCARD", "+OK\r\n",
		"INCR k", drop))
	follower := startNode(t, answers("SELECT 5", "+OK\r\n", "SET k v", "-MOVED 1 "+leader.addr()+"\r\n"))
	p := &typist{lines: []string{"SELECT 5", "SET k v", "MULTI", "DISCARD", "INCR k", "SET k v", `"open`, "exit", "never"}}
	out, errOut := interact(t, Options{Addrs: []string{follower.addr()}}, p)
	f, l := follower.addr(), leader.addr()
	want := []string{f + "> ", f + "[5]> ", l + "[5]> ", l + "[5](TX)> ", l + "[5]> ", l + "[5]> ", l + "[5]> ", l + "[5]> "}
	if !slices.Equal(p.prompts, want) {
		t.Errorf("prompts %q, want %q", p.prompts, want)
	}
	for _, part := range []string{"OK\n-> Redirected to " + l + "\nOK\n", "(error) INDOUBT", "Invalid argument(s)\n"} {
		if !strings.Contains(out, part) {
			t.Errorf("Out = %q, want %q in it", out, part)
		}
	}
	if errOut != "" {
		t.Errorf("Err = %q", errOut)
	}
}

func TestPromptNotConnected(t *testing.T) {
	p := &typist{lines: []string{"GET k"}}
	out, errOut := interact(t, Options{Addrs: []string{downAddr(t)}}, p)
	if !slices.Equal(p.prompts, []string{"not connected> ", "not connected> "}) {
		t.Errorf("prompts %q", p.prompts)
	}
	if out != "" || strings.Count(errOut, ErrNoNode.Error()+" to 127.0.0.1:") != 2 {
		t.Errorf("Out %q, Err %q", out, errOut)
	}
}

const docs = "*4\r\n$6\r\nappend\r\n*6\r\n+summary\r\n+Append a value\r\n+since\r\n+2.0.0\r\n+group\r\n+string\r\n" +
	"$6\r\nconfig\r\n*4\r\n+summary\r\n+A container\r\n+subcommands\r\n*4\r\n+config|set\r\n*0\r\n+config|get\r\n*0\r\n"

func TestHelp(t *testing.T) {
	n := startNode(t, answers("COMMAND DOCS", docs, "COMMAND DOCS append", docs, "COMMAND DOCS none", "*0\r\n",
		"COMMAND DOCS config|get", "-ERR no\r\n"))
	p := &typist{lines: []string{"help", "help APPEND", "? none", "help config get"}}
	out, _ := interact(t, Options{Addrs: []string{n.addr()}}, p)
	want := helpText +
		"\n  APPEND\n  summary: Append a value\n  since: 2.0.0\n  group: string\n\n" +
		"  CONFIG\n  summary: A container\n  subcommands: CONFIG GET, CONFIG SET\n\n" +
		"No help for \"none\".\n" + "(error) ERR no\n"
	if out != want {
		t.Errorf("Out = %q, want %q", out, want)
	}
	if !slices.Equal(p.words, []string{"APPEND", "CONFIG", "CONFIG GET", "CONFIG SET"}) {
		t.Errorf("words %q", p.words)
	}
}

func TestHelpInsideMulti(t *testing.T) {
	n := startNode(t, answers("MULTI", "+OK\r\n", "COMMAND DOCS get", "+QUEUED\r\n"))
	r := run(t, Options{Addrs: []string{n.addr()}}, "MULTI\nhelp get\n")
	r.want(t, "OK\n", "MULTI", errBusy)
}

func TestCommandNamesFromList(t *testing.T) {
	n := startNode(t, answers("COMMAND LIST", "*2\r\n$3\r\nset\r\n$3\r\nget\r\n"))
	p := &typist{}
	interact(t, Options{Addrs: []string{n.addr()}}, p)
	if !slices.Equal(p.words, []string{"GET", "SET"}) {
		t.Errorf("words %q", p.words)
	}
}

func TestCompletions(t *testing.T) {
	words := []string{"APPEND", "CONFIG", "CONFIG GET", "CONFIG SET", "COPY"}
	for line, want := range map[string][]string{
		"CO":           {"CONFIG", "COPY"},
		"co":           {"config", "copy"},
		"  cop":        {"  copy "},
		"config g":     {"config get "},
		"CONFIG ":      {"CONFIG GET", "CONFIG SET"},
		"help app":     {"help append "},
		"config get a": nil,
		"x":            nil,
	} {
		if got := completions(words, line); !slices.Equal(got, want) {
			t.Errorf("%q completes to %q, want %q", line, got, want)
		}
	}
}

func TestHistoryHasNoSecrets(t *testing.T) {
	n := startNode(t, answers("*", "+OK\r\n"))
	keep := []string{"GET k", "HELLO 3", "CONFIG GET maxmemory", "ACL LIST", `"open`, "MIGRATE h 1 k 0 1"}
	p := &typist{lines: append([]string{"AUTH pw", "hello 3 auth ann pw", "CONFIG SET requirepass x", "config set masterauth x",
		"ACL SETUSER ann >pw", "MIGRATE h 1 k 0 1 AUTH2 ann pw", "   "}, keep...)}
	interact(t, Options{Addrs: []string{n.addr()}}, p)
	if !slices.Equal(p.history, keep) {
		t.Errorf("history %q", p.history)
	}
}

func TestStreamsAreRefused(t *testing.T) {
	n := startNode(t, answers("*", "+OK\r\n"))
	for _, cmd := range []string{"psync ? -1", "SYNC", "CLIENT REPLY OFF", "client reply skip"} {
		r := run(t, Options{Addrs: []string{n.addr()}}, "", strings.Fields(cmd)...)
		if !strings.Contains(r.out, "not supported") || !isErr(r.err, ErrReply) {
			t.Errorf("%s: %+v", cmd, r)
		}
	}
	n.want(t)
	run(t, Options{Addrs: []string{n.addr()}}, "", "CLIENT", "REPLY", "ON").want(t, "OK\n", "", nil)
}

func TestPipe(t *testing.T) {
	n := startNode(t, answers("PING", "+PONG\r\n", "BAD", "-ERR bad\r\n"))
	o := Options{Addrs: []string{n.addr()}}
	run(t, o, "PING\r\n\n'x\nPING").want(t, "PONG\nInvalid argument(s)\nPONG\n", "", ErrReply)
	run(t, o, "PING\nclear\nquit\nPING\n").want(t, "PONG\n", "", nil)
	run(t, o, "BAD\nPING\n").want(t, "(error) ERR bad\nPONG\n", "", ErrReply)
}

// TestRawByDefault: what is no terminal gets raw replies unless the options say otherwise.
func TestRawByDefault(t *testing.T) {
	n := startNode(t, answers("GET k", "$1\r\nv\r\n"))
	for want, o := range map[string]Options{"v\n": {}, "\"v\"\n": {NoRaw: true}} {
		var out bytes.Buffer
		o.Addrs, o.Out, o.Err = []string{n.addr()}, &out, io.Discard
		if err := Run(t.Context(), o, []string{"GET", "k"}); err != nil || out.String() != want {
			t.Errorf("printed %q, %v, want %q", out.String(), err, want)
		}
	}
}

// idleReader is an input at which nobody types.
type idleReader struct{ waits, end chan struct{} }

func (r idleReader) Read([]byte) (int, error) {
	close(r.waits)
	<-r.end
	return 0, io.EOF
}

// TestEndOfContext: a console that waits for a line ends with its context.
func TestEndOfContext(t *testing.T) {
	in := idleReader{make(chan struct{}), make(chan struct{})}
	defer close(in.end)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Run(ctx, Options{In: in, Out: io.Discard, Err: io.Discard}, nil) }()
	<-in.waits
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

// TestSubscribe prints all that comes, in both protocols, until the connection or the context ends, and then begins
// with a new connection.
func TestSubscribe(t *testing.T) {
	for proto, kind := range map[int]string{2: "*", 3: ">"} {
		ok, msg := kind+"3\r\n+subscribe\r\n+c\r\n:1\r\n", kind+"3\r\n+message\r\n+c\r\n$1\r\nm\r\n"
		n := startNode(t, answers("HELLO 3", "%0\r\n", "SUBSCRIBE c", ok+msg, "PING", "+PONG\r\n"))
		ctx, cancel := context.WithCancel(t.Context())
		out := &watched{want: "3) \"m\"\n", found: cancel}
		o := Options{Addrs: []string{n.addr()}, Proto: proto, NoRaw: true, Out: out, Err: io.Discard}
		c := newConsole(o.withDefaults())
		if err := c.execute(ctx, []string{"SUBSCRIBE", "c"}); !errors.Is(err, context.Canceled) {
			t.Errorf("RESP%d: %v", proto, err)
		}
		if want := "Reading messages... (press Ctrl-C to quit)\n1) subscribe\n2) c\n3) (integer) 1\n1) message\n2) c\n3) \"m\"\n"; out.String() != want {
			t.Errorf("RESP%d: printed %q, want %q", proto, out.String(), want)
		}
		if err := c.execute(t.Context(), []string{"PING"}); err != nil || !strings.HasSuffix(out.String(), "PONG\n") {
			t.Errorf("RESP%d: PING afterwards: %v, %q", proto, err, out.String())
		}
		c.session.disconnect()
	}
}

// watched calls found once it has got the bytes that are wanted.
type watched struct {
	bytes.Buffer
	want  string
	found func()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.HasSuffix(w.String(), w.want) {
		w.found()
	}
	return n, err
}

// TestSyntax: help shows the arguments as the Redis documentation writes them.
func TestSyntax(t *testing.T) {
	var arg func(name, kind, token string, flags []string, within ...reply) reply
	text := func(s string) reply { return reply{kind: '+', text: s} }
	arg = func(name, kind, token string, flags []string, within ...reply) reply {
		r := reply{kind: '*', elems: []reply{text("name"), text(name), text("type"), text(kind)}}
		if token != "" {
			r.elems = append(r.elems, text("token"), text(token))
		}
		f := reply{kind: '*'}
		for _, flag := range flags {
			f.elems = append(f.elems, text(flag))
		}
		return reply{kind: '*', elems: append(r.elems, text("flags"), f, text("arguments"), reply{kind: '*', elems: within})}
	}
	optional := []string{"optional"}
	got := syntax([]reply{
		arg("key", "key", "", []string{"multiple"}),
		arg("when", "oneof", "", optional, arg("nx", "pure-token", "NX", nil), arg("s", "integer", "EX", nil)),
		arg("pair", "block", "", nil, arg("f", "string", "", nil), arg("v", "string", "", nil)),
		arg("unit", "oneof", "", nil, arg("m", "pure-token", "M", nil), arg("km", "pure-token", "KM", nil)),
		arg("p", "pattern", "GET", []string{"optional", "multiple", "multiple_token"}),
	})
	if want := " key [key ...] [NX | EX s] f v <M | KM> [GET p [GET p ...]]"; got != want {
		t.Errorf("syntax%s, want%s", got, want)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestOutFails(t *testing.T) {
	n := startNode(t, answers("*", "+OK\r\n"))
	err := Run(t.Context(), Options{Addrs: []string{n.addr()}, Out: fullDisk{}, Err: io.Discard}, []string{"PING"})
	if !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Run: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"address": {Addrs: []string{"h:x"}}, "proto": {Proto: 4}, "db": {DB: -1}, "timeout": {Timeout: -1},
		"user": {User: "ann"}, "format": {Raw: true, NoRaw: true},
	} {
		var errOut bytes.Buffer
		o.Err = &errOut
		if err := Run(t.Context(), o, []string{"PING"}); err == nil || errOut.Len() == 0 {
			t.Errorf("%s: error %v, said %q", name, err, errOut.String())
		}
	}
}
