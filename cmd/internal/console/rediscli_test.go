package console

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cairn/cmd/internal/redistest"
)

// redisCLI is the output of the real redis-cli, which scripts/test.sh installs.
func redisCLI(t *testing.T, addr, stdin string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Fatal("redis-cli is not in PATH; install redis-tools")
	}
	host, port, _ := net.SplitHostPort(addr)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"-h", host, "-p", port}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("redis-cli %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestFormatLikeRedisCLI sends every kind of reply to redis-cli and to the console.
func TestFormatLikeRedisCLI(t *testing.T) {
	for _, tc := range wireReplies() {
		t.Run(tc.name, func(t *testing.T) {
			hello := "%1\r\n+proto\r\n:3\r\n"
			n := startNode(t, answers("HELLO 3", hello, "GET k", tc.wire))
			for _, raw := range []bool{false, true} {
				flag := map[bool]string{false: "--no-raw", true: "--raw"}[raw]
				theirs := redisCLI(t, n.addr(), "", "-3", flag, "GET", "k")
				ours := run(t, Options{Addrs: []string{n.addr()}, Proto: 3, Raw: raw}, "", "GET", "k")
				if ours.out != theirs {
					t.Errorf("%s: ours %q, redis-cli's %q", flag, ours.out, theirs)
				}
			}
		})
	}
}

// startRedis starts a real redis-server with a user.
func startRedis(t *testing.T) string {
	t.Helper()
	return redistest.Start(t, "--enable-debug-command", "yes", "--user", "ann", "on", ">pw", "+@all", "~*", "&*")
}

// script is fed to both programs through a pipe. It has no command whose answer depends on time or chance.
const script = `FLUSHALL
SET k "a\n\x00\xff\"'"
GET k
GET nothing
get "unbalanced
SET 'single quoted' 'it\'s'
GET "single quoted"

   KEYS   single*
RPUSH l a "" c d e f g h i j k
LRANGE l 0 -1
HSET h f v
HGETALL h
SADD s one
SMEMBERS s
ZADD z 1.5 m
ZSCORE z m
ZRANGE z 0 -1 WITHSCORES
INCR k
NOSUCHCOMMAND a
LPUSH k x
MULTI
SET a 1
INCR a
HGETALL h
EXEC
MULTI
NOSUCHCOMMAND
EXEC
MULTI
GET a
DISCARD
SELECT 3
GET k
CLIENT SETNAME me
CLIENT GETNAME
INFO nosuchsection
CONFIG GET maxmemory-samples
COMMAND INFO get
COMMAND DOCS append
COMMAND LIST FILTERBY PATTERN xread*
XADD st 1-1 f v
XADD st 1-2 f v g w
XRANGE st - +
XINFO STREAM st FULL
GEOADD geo 13.361389 38.115556 Palermo
GEOPOS geo Palermo none
EVAL "return {1, {2, 'x', {false, redis.status_reply('OK')}}, redis.error_reply('MINE x')}" 0
OBJECT ENCODING k
OBJECT HELP
DEBUG PROTOCOL string
DEBUG PROTOCOL integer
DEBUG PROTOCOL double
DEBUG PROTOCOL null
DEBUG PROTOCOL array
DEBUG PROTOCOL set
DEBUG PROTOCOL map
DEBUG PROTOCOL verbatim
DEBUG PROTOCOL true
DEBUG PROTOCOL false
ACL WHOAMI
AUTH ann wrong
AUTH ann pw
ACL WHOAMI
SWAPDB 0 3
DBSIZE
ECHO last`

// TestPipeLikeRedisCLI feeds one script to redis-cli and to the console, in both formats and protocols.
func TestPipeLikeRedisCLI(t *testing.T) {
	addr := startRedis(t)
	for _, proto := range []int{2, 3} {
		for _, raw := range []bool{false, true} {
			flag := map[bool]string{false: "--no-raw", true: "--raw"}[raw]
			t.Run(fmt.Sprintf("RESP%d%s", proto, flag), func(t *testing.T) {
				theirs := redisCLI(t, addr, script, fmt.Sprintf("-%d", proto), flag)
				ours := run(t, Options{Addrs: []string{addr}, Proto: proto, Raw: raw}, script)
				if ours.errOut != "" {
					t.Errorf("said on Err: %s", ours.errOut)
				}
				a, b := strings.Split(ours.out, "\n"), strings.Split(theirs, "\n")
				for i := range min(len(a), len(b)) {
					if a[i] != b[i] {
						t.Fatalf("line %d: ours %q, redis-cli's %q", i+1, a[i], b[i])
					}
				}
				if len(a) != len(b) {
					t.Fatalf("ours %d lines, redis-cli's %d", len(a), len(b))
				}
			})
		}
	}
}

// TestCommandLikeRedisCLI compares single commands, and the database and the user of the options.
func TestCommandLikeRedisCLI(t *testing.T) {
	addr := startRedis(t)
	for _, args := range [][]string{
		{"SET", "k", "with space\n"}, {"GET", "k"}, {"LRANGE", "none", "0", "-1"}, {"NOSUCH"}, {"ACL", "WHOAMI"},
		{"CLIENT", "NO-EVICT", "x"}, {"MEMORY", "DOCTOR"}, {"CLUSTER", "INFO"}, {"GET", ""}, {"COMMAND", "COUNT"},
	} {
		for _, raw := range []bool{false, true} {
			flag := map[bool]string{false: "--no-raw", true: "--raw"}[raw]
			conn := []string{flag, "-n", "2", "--no-auth-warning", "--user", "ann", "-a", "pw"}
			theirs := redisCLI(t, addr, "", append(conn, args...)...)
			o := Options{Addrs: []string{addr}, DB: 2, User: "ann", Password: "pw", Raw: raw}
			if ours := run(t, o, "", args...); ours.out != theirs {
				t.Errorf("%q %s: ours %q, redis-cli's %q", args, flag, ours.out, theirs)
			}
		}
	}
	var keys bytes.Buffer
	o := Options{Addrs: []string{addr}, DB: 2, Out: &keys, Raw: true}
	if err := Run(t.Context(), o, []string{"KEYS", "*"}); err != nil || keys.String() != "k\n" {
		t.Errorf("database 2 has %q, %v", keys.String(), err)
	}
}
