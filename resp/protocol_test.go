package resp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// protocolCases are bytes that Redis and Cairn answer with the same bytes, before they close the connection or do not.
func protocolCases() []string {
	cases := []string{
		"*0\r\nPING\r\n", "*-1\r\nPING\r\n", "*-5\r\nPING\r\n", "\r\n\n PING\r\n", "\n", "PING", "PING\n",
		"*x\r\n", "*\r\n", "*01\r\n", "*+1\r\n", "* 1\r\n", "*-0\r\n", "*1x\r\n", "*1 \r\n", "*2147483648\r\n", "*99999999999999999999\r\n",
		"*1\r\nx\r\n", "*1\r\nx", "*1\r\n\r\n", "*1\r\n\r", "*1\r\n*1\r\n", "*1\r\n\xff\r\n", "*3\r\n$3\r\nSET\r\n$1\r\na\r\n:1\r\n",
		"*1\r\n$x\r\n", "*1\r\n$-1\r\n", "*1\r\n$\r\n", "*1\r\n$04\r\nPING\r\n", "*1\r\n$+4\r\nPING\r\n", "*1\r\n$536870912\r\n", "*1\r\n$536870913\r\n",
		"*1\r\n$9223372036854775807\r\nx\r\n", "*1\r\n$9223372036854775808\r\nx\r\n", "*1\r\n$-9223372036854775809\r\nx\r\n",
		"*1\r\n$4\r\nPINGxxPING\r\n", "*1\rx$4\r\nPING\r\n", "*1\r\n$4\rxPING\r\nPING\r\n", "*1\r\n$0\r\n\r\n", "*2\r\n$0\r\n\r\n$1\r\na\r\n",
		"*1\r\n$4\r\nPING\r\n*x\r\nPING\r\n", "PING\r\nPING x\r\n*1\r\n$-2\r\n",
		"SET \"a\n", "ECHO \"a\"b\r\n", "ECHO 'a\r\n", "ECHO \"a\\\"\r\n", `ECHO "\x41\n\q\x4\xzz"` + "\r\n", `ECHO 'a\nb\'c'` + "\r\n", "ECHO a\"b c\"\r\n",
		"ECHO \"\"\r\n", "\"\"\r\n", "ECHO a\vb\r\n", "ECHO \va\r\n", "ECHO\ta\r\n", "PING\rX\r\n", "PING\r\r\n", "ECHO \xff\xfe\r\n",
		"POST / HTTP/1.1\r\nPING\r\n", "Host: x\r\nPING\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "*1\r\n$5\r\nHOST:\r\nPING\r\n",
		"QUIT\r\nPING\r\n", "quit now\r\n", "PING\r\nQUIT\r\n", "PING a b c\r\n",
		"foo\r\n", "foo a b\r\n", "*2\r\n$3\r\nfoo\r\n$5\r\na\r\nbc\r\n", "FOO " + strings.Repeat("a", 200) + " b\r\n", strings.Repeat("F", 200) + " x\r\n",
		"FOO " + strings.Repeat("a ", 100) + "\r\n", "CLIENT\r\n", "CLIENT FOO\r\n", "CLIENT " + strings.Repeat("x", 200) + "\r\n", "GET\r\n", "CONFIG SET a\r\n",
		"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nPING x\r\n", "CLIENT REPLY SKIP\r\nPING\r\nPING x\r\n",
		"CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING x\r\n", "CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING a\r\nPING x\r\n",
		"CLIENT REPLY SKIP\r\nCLIENT REPLY OFF\r\nPING a\r\nPING x\r\n", "CLIENT REPLY OFF\r\nRESET\r\nPING\r\n",
		"CLIENT REPLY OFF\r\nCLIENT REPLY SKIP\r\nPING\r\nPING\r\nCLIENT REPLY ON\r\nPING x\r\n", "CLIENT REPLY SKIP\r\nNOSUCH\r\nPING\r\n",
	}
	long := func(n int) string { return strings.Repeat("1", n) }
	return append(cases, long(70_000), "*"+long(70_000), "*1\r\n$"+long(70_000), "PING "+long(60_000)+"\r\n", "*"+long(60_000)+"\r\n")
}

// exchange sends bytes and returns what comes back until the connection has ended or nothing has come for a while.
// What a reset connection took with it is not told from its end.
func exchange(addr, in string, quiet time.Duration) (out string, closed bool, err error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return "", false, err
	}
	defer nc.Close()
	if _, err := io.WriteString(nc, in); err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return "", false, err
	}
	buf := make([]byte, 1<<20)
	for {
		nc.SetReadDeadline(time.Now().Add(quiet))
		n, err := nc.Read(buf)
		out += string(buf[:n])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return out, false, nil
		case err != nil:
			return out, true, nil
		}
	}
}

// patiently tries something that waits until all is quiet, again with more patience when it fails: a busy machine may
// be quiet before the end.
func patiently(quiet time.Duration, try func(quiet time.Duration) error, report func(...any)) {
	err := try(quiet)
	for more := 4 * quiet; err != nil && more <= 16*quiet; more *= 2 {
		err = try(more)
	}
	if err != nil {
		report(err)
	}
}

// TestProtocolAsRedis sends the same bytes to both servers. Where both keep the connection open a wait shows it.
func TestProtocolAsRedis(t *testing.T) {
	compareServers(t, startRedis(t), Options{}, protocolCases())
}

// TestProtocolOfStrangersAsRedis does so before AUTH.
func TestProtocolOfStrangersAsRedis(t *testing.T) {
	compareServers(t, startRedis(t, "--requirepass", "secret"), Options{RequirePass: "secret"}, []string{
		"PING\r\n", "NOSUCH\r\n", "GET\r\n", "GET k\r\n", "QUIT\r\n", "RESET\r\nPING\r\n", "HELLO\r\n", "HELLO 3 AUTH default wrong\r\nPING\r\n",
		"AUTH secret\r\nPING\r\n", "AUTH default secret\r\nPING\r\nRESET\r\nPING\r\n", "AUTH wrong\r\nPING\r\n", "AUTH secret\r\nAUTH wrong\r\nPING\r\n",
		"*10\r\n$1\r\n", "*11\r\n", "*1\r\n$16384\r\n", "*1\r\n$16385\r\n", "AUTH secret\r\n*11\r\n$1\r\na\r\n", "AUTH secret\r\n*1\r\n$16385\r\n",
		"CLIENT\r\n", "CLIENT FOO\r\n", "SHUTDOWN\r\n", "CONFIG GET *\r\n",
	})
}

func compareServers(t *testing.T, redis string, o Options, cases []string) {
	o.ProtoMaxBulkLen = 512 << 20 // Redis's default
	_, cairn := startServer(t, o)
	var wg sync.WaitGroup
	for _, in := range cases {
		wg.Go(func() {
			patiently(time.Second, func(quiet time.Duration) error {
				theirs, theirEnd, theirErr := exchange(redis, in, quiet)
				ours, ourEnd, err := exchange(cairn, in, quiet)
				if ours != theirs || ourEnd != theirEnd || errors.Join(err, theirErr) != nil {
					return fmt.Errorf("%.80q\n%.300q, closed %v, %v; Redis:\n%.300q, closed %v, %v", in, ours, ourEnd, err, theirs, theirEnd, theirErr)
				}
				return nil
			}, t.Error)
		})
	}
	wg.Wait()
}

// TestProtocolOwnWay is what differs by design.
func TestProtocolOwnWay(t *testing.T) {
	_, addr := startServer(t, Options{})
	for _, test := range []struct {
		name, in, out string
		closed        bool
	}{
		// Redis takes up to 2147483647 arguments.
		{"arguments", "*1048577\r\n", "-ERR Protocol error: invalid multibulk length\r\n", true},
		// Redis's line ends at a NUL: it waits for more.
		{"zero byte in a length", "*1\x00\r\n", "-ERR Protocol error: invalid multibulk length\r\n", true},
		{"zero byte inline", "ECHO a\x00b\r\n", "$3\r\na\x00b\r\n", false},
		// Redis forgets to close a connection whose replies are off.
		{"error without replies", "CLIENT REPLY OFF\r\n*x\r\n", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			patiently(200*time.Millisecond, func(quiet time.Duration) error {
				out, closed, err := exchange(addr, test.in, quiet)
				if err != nil || out != test.out || closed != test.closed {
					return fmt.Errorf("%q, closed %v, %v, want %q, %v", out, closed, err, test.out, test.closed)
				}
				return nil
			}, t.Error)
		})
	}
}
