package console

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const consoleEnv = "CAIRN_TEST_CONSOLE" // address and history file, for TestOnTerminal's child

// TestChild is the console itself when TestOnTerminal starts this binary again under script(1).
func TestChild(t *testing.T) {
	addr, history, ok := strings.Cut(os.Getenv(consoleEnv), " ")
	if !ok {
		return
	}
	if err := Run(t.Context(), Options{Addrs: []string{addr}, History: history}, nil); err != nil {
		t.Error(err)
	}
}

// pty is a console on a pseudo-terminal that script(1) has made.
type pty struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	seen chan []byte
	text string // what came and was not yet expected
}

func startPty(t *testing.T, addr, history string) *pty {
	t.Helper()
	script, err := exec.LookPath("script")
	if err != nil {
		t.Fatal("script(1) is not in PATH; install bsdutils")
	}
	cmd := exec.CommandContext(t.Context(), script, "-qefc",
		"stty cols 120 rows 40; exec '"+os.Args[0]+"' -test.run='^TestChild$'", "/dev/null")
	cmd.Env = append(os.Environ(), consoleEnv+"="+addr+" "+history, "TERM=xterm")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &pty{t: t, cmd: cmd, in: in, seen: make(chan []byte)}
	go func() { // ends with the child, whose end of the pipe it reads
		defer close(p.seen)
		for {
			buf := make([]byte, 4096)
			n, err := out.Read(buf)
			if err != nil {
				return
			}
			p.seen <- buf[:n]
		}
	}()
	return p
}

func (p *pty) send(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, keys); err != nil {
		p.t.Fatal(err)
	}
}

// expect waits until text is on the screen, after what was expected before.
func (p *pty) expect(text string) {
	p.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		if _, rest, ok := strings.Cut(p.text, text); ok {
			p.text = rest
			return
		}
		select {
		case b, ok := <-p.seen:
			if !ok {
				p.t.Fatalf("the console ended before %q; it wrote %q", text, p.text)
			}
			p.text += string(b)
		case <-timeout:
			p.t.Fatalf("no %q; the console wrote %q", text, p.text)
		}
	}
}

// end waits for the console to leave.
func (p *pty) end() {
	p.t.Helper()
	p.expect("PASS")
	for range p.seen {
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Error(err)
	}
}

// TestOnTerminal types at a real terminal: editing, completion, history, Ctrl-C in a command and at the prompt.
func TestOnTerminal(t *testing.T) {
	n := startNode(t, answers("COMMAND DOCS", docs, "SET k v", "+OK\r\n", "CONFIG GET x", "*0\r\n", "BLPOP k 0", hang,
		"SELECT 3", "+OK\r\n", "AUTH pw", "+OK\r\n",
		"SUBSCRIBE c", "*3\r\n+subscribe\r\n+c\r\n:1\r\n*3\r\n+message\r\n+c\r\n+m\r\n"))
	history := filepath.Join(t.TempDir(), "history")
	prompt := n.addr() + "> "

	p := startPty(t, n.addr(), history)
	p.expect(prompt)
	p.send("SET k vx\x7f\r") // backspace
	p.expect("OK")
	p.expect(prompt)
	p.send("conf\tget x\x01\x1b[3~C\r") // Tab, Ctrl-A, Delete
	p.expect("(error) ERR unknown")
	p.expect(prompt)
	p.send("AUTH pw\r")
	p.expect("OK")
	p.expect(prompt)
	p.send("BLPOP k 0\r")
	p.expect("BLPOP k 0")
	p.expect("\n")
	waitFor(t, func() bool { return strings.HasSuffix(strings.Join(n.commands(), "|"), "BLPOP k 0") })
	p.send("\x03")
	p.expect("INDOUBT")
	p.expect("not connected> ")
	p.send("SELECT 3\r")
	p.expect(n.addr() + "[3]> ")
	p.send("\x04") // Ctrl-D
	p.end()
	n.want(t, "SET k v", "Config get x", "AUTH pw", "BLPOP k 0", "AUTH pw", "SELECT 3")

	b, err := os.ReadFile(history)
	if want := "SET k v\nConfig get x\nBLPOP k 0\nSELECT 3\n"; err != nil || string(b) != want {
		t.Errorf("history %q, %v, want %q", b, err, want)
	}
	if fi, err := os.Stat(history); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("history %v, %v", fi.Mode(), err)
	}

	p = startPty(t, n.addr(), history)
	p.expect(prompt)
	p.send("SELECT\x12k v") // a search, in which Ctrl-C leaves the search and the line stays
	p.expect("`k v': ")
	p.send("\x03 3\r")
	p.expect(n.addr() + "[3]> ")
	p.send("SUBSCRIBE c\r") // until Ctrl-C, which leads back to the prompt
	p.expect("press Ctrl-C to quit")
	p.expect("message")
	p.send("\x03")
	p.expect("not connected> ")
	p.send("AUTH pw\r")
	p.expect(n.addr() + "[3]> ")
	p.send("\x04")
	p.end()

	p = startPty(t, n.addr(), history)
	p.expect(prompt)
	p.send("\x1b[A\x1b[A\r") // up twice: the last line but one of the consoles before
	p.expect(n.addr() + "[3]> ")
	p.send("\x03")
	p.end()
}

// waitFor waits for a condition that nobody signals.
func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// TestHistoryThatCannotBeRead is said, and costs nothing else.
func TestHistoryThatCannotBeRead(t *testing.T) {
	var warn bytes.Buffer
	term := &terminal{history: t.TempDir(), warn: &warn}
	term.save()
	if warn.Len() == 0 || term.history != "" {
		t.Errorf("said %q, history %q", warn.String(), term.history)
	}
}
