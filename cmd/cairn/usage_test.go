package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
	"cairn/cmd/node"
)

// TestBadFlags: one clear line on stderr, exit 2, and nothing on the disk.
func TestBadFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown flag":       {[]string{"serve", "--nosuch"}, "unknown flag --nosuch"},
		"no number":          {[]string{"serve", "--port", "abc"}, "--port"},
		"port":               {[]string{"serve", "--port", "70000"}, "--port must be from 1 to 65535"},
		"any port of peers":  {[]string{"serve", "--port", "0", "--id", "n1", "--peers", "n1=h:1,n2=h:2"}, "--port 0 does not go with --peers"},
		"reads":              {[]string{"serve", "--reads", "dirty"}, "--reads"},
		"snapshot entries":   {[]string{"serve", "--snapshot-entries", "0"}, "--snapshot-entries"},
		"peers":              {[]string{"serve", "--peers", "n1"}, `"n1" is not id=host:port`},
		"peer address":       {[]string{"serve", "--peers", "n1=host"}, "not host:port"},
		"peer twice":         {[]string{"serve", "--id", "n1", "--peers", "n1=h:1,n1=h:2"}, "twice"},
		"peer spelled twice": {[]string{"serve", "--id", "n1", "--peers", "n1=127.0.0.1:7,n2=LocalHost:07"}, "twice"},
		"not among peers":    {[]string{"serve", "--id", "n9", "--peers", "n1=h:1,n2=h:2"}, "do not name this node"},
		"join and peers":     {[]string{"serve", "--join", "h:1", "--peers", "n1=h:1"}, "either joined or begun"},
		"join address":       {[]string{"serve", "--id", "n4", "--join", "h"}, "not host:port"},
		"join without id":    {[]string{"serve", "--join", "h:1"}, "say --id"},
		"learner":            {[]string{"serve", "--learner"}, "--learner goes with --join"},
		"election timeout":   {[]string{"serve", "--election-timeout", "1ms"}, "--election-timeout must not"},
		"other advertise":    {[]string{"serve", "--id", "n1", "--peers", "n1=h:1", "--advertise", "h:2"}, "advertised"},
		"advertise anything": {[]string{"serve", "--bind", "0.0.0.0", "--advertise", "0.0.0.0:6379"}, "the advertised address: 0.0.0.0:6379 is no address"},
		"advertise any IPv6": {[]string{"serve", "--advertise", "[::]:6379"}, "the advertised address: [::]:6379 is no address"},
		"a peer anywhere":    {[]string{"serve", "--id", "n1", "--peers", "n1=0.0.0.0:1"}, "peer n1: 0.0.0.0:1 is no address"},
		"default with flag":  {[]string{"--nosuch"}, "unknown flag"},
		"unknown command":    {[]string{"server", "--port", "1"}, "unexpected argument server; cairn help lists the commands"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			args := c.args
			if args[0] == "serve" {
				args = append(args, "--dir", dir)
			}
			_, errOut, code := cairn(t, args...)
			if code != 2 || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, c.want) {
				t.Errorf("exit %d, stderr %q, want exit 2 and one line with %q", code, errOut, c.want)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the directory was made all the same")
			}
		})
	}
}

// TestEnvironment: a flag can come from CAIRN_<FLAG>.
func TestEnvironment(t *testing.T) {
	t.Setenv("CAIRN_SNAPSHOT_ENTRIES", "0")
	if _, errOut, code := cairn(t, "--dir", t.TempDir()); code != 2 || !strings.Contains(errOut, "--snapshot-entries") {
		t.Errorf("exit %d, stderr %q", code, errOut)
	}
}

// TestHelp: a newcomer is told the commands and every flag with its variable.
func TestHelp(t *testing.T) {
	out, _, code := cairn(t, "--help")
	for _, want := range []string{"serve", "cli", "dump"} {
		if !strings.Contains(out, want) {
			t.Errorf("--help does not name %s", want)
		}
	}
	if code != 0 {
		t.Errorf("--help exits %d", code)
	}
	out, _, _ = cairn(t, "serve", "--help")
	for _, flag := range []string{"port", "bind", "dir", "maxclients", "proto-max-bulk-len", "loglevel", "id", "advertise",
		"peers", "snapshot-entries", "reads", "election-wait", "requirepass", "cluster-secret", "protected-mode", "join", "learner", "drain", "leave-on-exit", "heartbeat", "election-timeout"} {
		if !strings.Contains(out, "--"+flag) || !strings.Contains(out, "$CAIRN_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))) {
			t.Errorf("serve --help does not name --%s and its variable", flag)
		}
	}
}

// TestDirectory: a directory in use, another node's and another cluster's are refused; one's own is used again.
func TestDirectory(t *testing.T) {
	p := startNodes(t, 1)
	dir := p.nodes[0].args[4]
	tool(t, "redis-cli", "-p", p.nodes[0].port, "SET", "k", "v")
	other := redistest.Ports(t, 1)[0]
	if _, errOut, code := cairn(t, "serve", "--port", other, "--dir", dir); code == 0 || !strings.Contains(errOut, fmt.Sprintf("the directory is in use, by process %d (cairn)", p.nodes[0].cmd.Process.Pid)) {
		t.Errorf("a second process on the directory: exit %d, stderr %q", code, errOut)
	}
	if _, errOut, code := cairn(t, "serve", "--port", p.nodes[0].port, "--dir", t.TempDir()); code != 1 || !strings.Contains(errOut, p.nodes[0].port) || !strings.Contains(errOut, "in use: stop what listens there, or give another --port") {
		t.Errorf("a second process at the address: exit %d, stderr %q", code, errOut)
	}
	if code := p.end(0, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	for name, args := range map[string][]string{
		"belongs to node n1":             {"--id", "n2"},
		"n2 is none; its members are n1": {"--id", "n1", "--peers", "n1=127.0.0.1:" + other + ",n2=127.0.0.1:1"},
	} {
		_, errOut, code := cairn(t, append([]string{"serve", "--port", other, "--dir", dir, "--loglevel", "warning"}, args...)...)
		if code != 2 || !strings.Contains(errOut, name) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%v: exit %d, stderr %q, want exit 2 and one line with %q", args, code, errOut, name)
		}
	}
	p.start(0)
	p.leader()
	if got := strings.TrimSpace(tool(t, "redis-cli", "-p", p.nodes[0].port, "GET", "k")); got != "v" {
		t.Errorf("after the second start GET prints %q", got)
	}
}

// TestConsole: cairn cli finds the leader from any list of addresses and says so when there is none.
func TestConsole(t *testing.T) {
	p := startNodes(t, 3, "--election-wait", "300ms", steady)
	dead := "127.0.0.1:" + redistest.Ports(t, 1)[0]
	addrs := strings.Join([]string{dead, p.addr(p.follower()), p.addr(p.leader())}, ",")
	if out, errOut, code := cairn(t, "cli", "--addr", addrs, "SET", "k", "v"); code != 0 || strings.TrimSpace(out) != "OK" {
		t.Errorf("SET: exit %d, %q, %q", code, out, errOut)
	}
	if out, errOut, code := cairn(t, "cli", "--addr", addrs, "GET", "k"); code != 0 || strings.TrimSpace(out) != "v" {
		t.Errorf("GET: exit %d, %q, %q", code, out, errOut)
	}
	survivor := p.follower()
	for i := range p.nodes {
		if i != survivor {
			p.end(i, syscall.SIGKILL)
		}
	}
	if _, errOut, code := cairn(t, "cli", "--addr", strings.Join(p.addrs(), ","), "SET", "k", "w"); code == 0 || !strings.Contains(errOut, "no leader yet") {
		t.Errorf("SET without a majority: exit %d, stderr %q", code, errOut)
	}
}

// TestWords: help and version are words too, and -h is help except where it names a host.
func TestWords(t *testing.T) {
	for want, args := range map[string][]string{
		"Usage: cairn <command>": {"help"}, "Usage: cairn dump": {"help", "dump"}, "Usage: cairn serve": {"serve", "-h"},
		"Usage: cairn cli": {"cli", "-h"}, "cairn " + node.Version: {"version"},
	} {
		if out, errOut, code := cairn(t, args...); code != 0 || !strings.HasPrefix(out, want) {
			t.Errorf("%v: exit %d, %q, %q, want %q", args, code, out, errOut, want)
		}
	}
	if _, errOut, code := cairn(t, "help", "nosuch"); code != 2 || !strings.Contains(errOut, "nosuch") {
		t.Errorf("help nosuch: exit %d, %q", code, errOut)
	}
}

// TestConsoleFlags: what redis-cli's users type does the same here.
func TestConsoleFlags(t *testing.T) {
	p := startNodes(t, 1)
	tool(t, "redis-cli", "-p", p.nodes[0].port, "CONFIG", "SET", "requirepass", "pw")
	at := []string{"cli", "-h", "127.0.0.1", "-p", p.nodes[0].port, "-a", "pw", "-c", "-e", "--no-auth-warning"}
	set := program(t, append(at, "-x", "SET", "k")...)
	set.Stdin = strings.NewReader("a\nb\n")
	if out, err := set.CombinedOutput(); err != nil || string(out) != "OK\n" {
		t.Errorf("-x: %q, %v", out, err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"GET", "k"}, "a\nb\n\n"},
		{[]string{"--no-raw", "GET", "k"}, `"a\nb\n"` + "\n"},
		{[]string{"-n", "3", "-r", "3", "-i", "0.01", "INCR", "n"}, "1\n2\n3\n"},
	} {
		if out, errOut, code := cairn(t, append(at, c.args...)...); code != 0 || out != c.want {
			t.Errorf("%v: exit %d, %q, %q, want %q", c.args, code, out, errOut, c.want)
		}
	}
	for _, endless := range [][]string{{"-r", "-1"}, {"--repeat=-1"}} {
		key := fmt.Sprint("endless", len(endless))
		cmd := program(t, slices.Concat(at, endless, []string{"-i", "0.01", "INCR", key})...)
		out := new(output)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		clustertest.Eventually(t, "five times", func() bool { return strings.HasPrefix(out.String(), "1\n2\n3\n4\n5\n") })
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Errorf("%v: Ctrl-C ends it without an error", endless)
		}
	}
	dead := redistest.Ports(t, 1)[0]
	if _, errOut, code := cairn(t, "cli", "-p", dead, "PING"); code != 1 || errOut != "cannot connect to 127.0.0.1:"+dead+": connection refused\n" {
		t.Errorf("nobody listens: exit %d, %q", code, errOut)
	}
	t.Setenv("REDISCLI_AUTH", "pw")
	if out, errOut, code := cairn(t, "cli", "-p", p.nodes[0].port, "PING"); code != 0 || out != "PONG\n" {
		t.Errorf("REDISCLI_AUTH: exit %d, %q, %q", code, out, errOut)
	}
}

// TestDump shows a stopped node's directory and changes nothing in it.
func TestDump(t *testing.T) {
	p := startNodes(t, 1)
	dir := p.nodes[0].args[4]
	for _, v := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		tool(t, "redis-cli", "-p", p.nodes[0].port, "SET", "key:"+v, "value-"+v)
	}
	tool(t, "redis-cli", "-p", p.nodes[0].port, "HSET", "h", "f", "v")
	large := []string{"-p", p.nodes[0].port, "SADD", "large"}
	for i := range 200 {
		large = append(large, strconv.Itoa(i))
	}
	tool(t, "redis-cli", "-p", p.nodes[0].port, "SADD", "s", "m1", "m2")
	tool(t, "redis-cli", large...)
	p.end(0, syscall.SIGTERM)
	before := listing(t, dir)
	out, errOut, code := cairn(t, "dump", dir)
	for _, want := range []string{`"id": "n1"`, `"key:a" = "value-a"`, `"set" "key:j" "value-j"`, "# Snapshot record\ncovers: index ", "member: n1",
		`hash "h" = "f": "v", 1 fields (`, `set "s" = "m1", "m2", 2 members (`, `, 200 members in rows of their own (`} {
		if !strings.Contains(out, want) {
			t.Errorf("dump (exit %d, %q) does not show %q", code, errOut, want)
		}
	}
	if after := listing(t, dir); after != before {
		t.Errorf("dump changed the directory:\n%s\nbefore\n%s", after, before)
	}
	if _, errOut, code := cairn(t, "dump", t.TempDir()); code == 0 || !strings.Contains(errOut, "not a node's data directory") {
		t.Errorf("dump of an empty folder: exit %d, %q", code, errOut)
	}
}

// listing names every file with its bytes.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", path, sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
