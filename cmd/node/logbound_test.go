package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cairn/fsm/replica"
)

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(b))
	return len(b), nil
}

// with returns the lines that have all of the words in them.
func (l *lines) with(words ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			found = append(found, line)
		}
	}
	return found
}

func (l *lines) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level}))
}

// TestLogBound: a message that repeats is written so often and no more, what was left out is counted, and no other
// message is the poorer.
func TestLogBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		log := boundLog(out.logger(slog.LevelDebug))
		for i := range 1000 {
			log.With("peer", i).Warn("link refused")
		}
		if n := len(out.with("link refused")); n != logBurst {
			t.Errorf("%d lines of a thousand are written, want %d", n, logBurst)
		}
		log.Error("link refused", "level", "another")
		log.Error("pebble error")
		<-time.After(logEvery)
		log.Warn("link refused")
		log.Warn("link refused")
		for _, want := range [][]string{{"level=ERROR", "link refused"}, {"pebble error"}, {"link refused", fmt.Sprint("left_out=", 1000-logBurst)}} {
			if n := len(out.with(want...)); n != 1 {
				t.Errorf("%d lines have %q, want 1", n, want)
			}
		}
		<-time.After(logBurst * logEvery)
		log.Warn("link refused")
		if n := len(out.with("link refused", "left_out=1 ")) + len(out.with("link refused", "left_out=1\n")); n != 1 {
			t.Errorf("%d lines say that one more was left out, want 1", n)
		}
		log.Warn("link refused", "time", "is enough")
		if n := len(out.with("is enough", "left_out")); n != 0 {
			t.Errorf("a line says again what was left out: %q", out.with("is enough"))
		}
	})
}

// TestLogBoundOfMany: messages that are made up do not take memory, nor write, without a bound.
func TestLogBoundOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		log := boundLog(out.logger(slog.LevelInfo))
		for i := range 10 * logKinds {
			log.Info(fmt.Sprint("message ", i))
		}
		if n := len(out.with("message")); n != logKinds+logBurst {
			t.Errorf("%d lines are written, want %d", n, logKinds+logBurst)
		}
	})
}

// TestStrangersDoNotFillTheLog: whatever strangers do on the port, however often, is a few lines, and costs nobody
// else a thing.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	const times = 300
	var out lines
	n, err := Start(context.Background(), Options{Dir: t.TempDir(), Port: -1, ClusterSecret: "s", Logger: out.logger(slog.LevelInfo)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	hello := "\x00\x27R\x00" + strings.Repeat("x", 16) + strings.Repeat("\x00", 8) + "\x00\x02n9" + strings.Repeat("\x00\x00", 3) + "\x00\x01c"
	for _, s := range []struct{ name, send, answer string }{
		{"a client that is reset", "PING\r\n", "+PONG\r\n"},
		{"a client that is reset while it is answered", "PING\r\nINFO\r\n", "+PONG\r\n"},
		{"a browser", "POST / HTTP/1.1\r\n", ""},
		{"garbage", "*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"half a preface", replica.Preface[:4] + "GET x\r\n", ""},
		{"a link of garbage", replica.Preface + "\xff\xffgarbage", ""},
		{"a link without a proof", replica.Preface + hello + "\x00\x03abc", ""},
		{"a link that is reset", replica.Preface + hello[:5], ""},
	} {
		var strangers sync.WaitGroup
		for range 4 {
			strangers.Go(func() {
				for range times / 4 {
					if err := intrude(n.Addr(), s.send, s.answer); err != nil {
						t.Errorf("%s: %v", s.name, err)
					}
				}
			})
		}
		strangers.Wait()
	}
	counts := make(map[string]int)
	for _, line := range out.with("msg=") {
		_, msg, _ := strings.Cut(line, "msg=")
		if msg, _, _ = strings.Cut(msg, " peer="); counts[msg] == logBurst+5 {
			t.Errorf("there is no end of %q", line)
		}
		counts[msg]++
	}
	if len(counts) > 12 {
		t.Errorf("the log has %d different messages: %v", len(counts), counts)
	}
	if refused := out.with("link refused"); len(refused) == 0 {
		t.Error("no link was refused: the test says nothing")
	}
	if panicked := out.with("panicked"); len(panicked) > 0 {
		t.Errorf("strangers make connections panic: %s", panicked[0])
	}
	if err := intrude(n.Addr(), "PING\r\n", "+PONG\r\n"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// intrude sends what a stranger may, awaits the answer's beginning, and goes without a good-bye: the connection is
// reset.
func intrude(addr, send, answer string) error {
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return err
	}
	err = errors.Join(c.SetDeadline(time.Now().Add(10*time.Second)), c.(*net.TCPConn).SetLinger(0))
	if _, werr := io.WriteString(c, send); werr != nil {
		err = errors.Join(err, werr)
	}
	got := make([]byte, len(answer))
	if _, rerr := io.ReadFull(c, got); rerr != nil || string(got) != answer {
		err = errors.Join(err, fmt.Errorf("got %q, %v, want %q", got, rerr, answer))
	}
	return errors.Join(err, c.Close())
}
