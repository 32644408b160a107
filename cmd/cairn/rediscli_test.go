package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
)

// shell runs a line of bash, in which $P is a port, and returns what it prints, with the port back in the line's form.
func shell(t *testing.T, port, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir, cmd.Env = t.TempDir(), append(cmd.Environ(), "P="+port)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("%s does not end: %s", line, out)
	}
	text := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(string(out), "")
	return strings.ReplaceAll(text, port, "$P") + fmt.Sprintf("(%v)", err)
}

// TestRedisCLIOptions: what redis-cli's own options print is what they print of a real Redis.
func TestRedisCLIOptions(t *testing.T) {
	p := startNodes(t, 3, steady)
	_, theirs, err := net.SplitHostPort(redistest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	ours := p.nodes[p.leader()].port
	for _, line := range []string{
		`redis-cli -p $P MSET a 1 b "x y" {u}:c 3; redis-cli -p $P HSET h f 1 'q"' $'w\nz'`,
		`redis-cli -p $P --csv MGET a b none; redis-cli -p $P --csv HGETALL h; redis-cli -p $P --csv INCR b`,
		`redis-cli -p $P --json HGETALL h; redis-cli -p $P --json -2 HGETALL h; redis-cli -p $P --json PING`,
		`redis-cli -p $P --quoted-json GET b; redis-cli -p $P --json CONFIG GET maxmemory`,
		`redis-cli -p $P --quoted-input SET '"nul\x00"' v; redis-cli -p $P --no-raw EXISTS $'nul'; redis-cli -p $P --no-raw KEYS 'nul*'`,
		`redis-cli -p $P --scan | sort`,
		`redis-cli -p $P --scan --pattern '{u}*'; redis-cli -p $P --scan --quoted-pattern '"\x68"'`,
		`redis-cli -u redis://127.0.0.1:$P/3 SET in3 x; redis-cli -u redis://127.0.0.1:$P/3 DBSIZE; redis-cli -n 3 -p $P GET in3`,
		`redis-cli -u redis://127.0.0.1:$P/99 DBSIZE; redis-cli -u redis://user:pw@127.0.0.1:$P/0 PING`,
		`printf 'val\n' | redis-cli -p $P -x SET x; redis-cli -p $P --no-raw GET x`,
		`printf 'tagged' | redis-cli -p $P -X T MSET t1 T t2 x; redis-cli -p $P MGET t1 t2`,
		`redis-cli -p $P -r 3 -i 0.01 INCR a; redis-cli -p $P -e INCR b; redis-cli -p $P INCR b`,
		`redis-cli -p $P -d '|' -D '#' --raw MGET a b`,
		`for i in {1000..1999}; do printf '*3\r\n$3\r\nSET\r\n$5\r\np%d\r\n$1\r\nv\r\n' $i; done | redis-cli -p $P --pipe; redis-cli -p $P DBSIZE`,
		`for i in {1..10}; do echo SET q$i 1; echo INCR b; done | redis-cli -p $P --pipe; redis-cli -p $P DBSIZE`,
		`redis-cli -p $P --bigkeys | sed -n '/summary/,$p'`,
		`redis-cli -p $P --memkeys | grep -E '^Sampled|^[0-9]' | sed 's/ with.*keys/ keys/; s/, avg.*//'`,
		`redis-cli -p $P --hotkeys`,
		`timeout 20 stdbuf -oL redis-cli -p $P --stat -i 0.01 | head -2 | cut -c1-9`,
		`timeout 20 stdbuf -oL redis-cli -p $P --lru-test 100 | head -1 | sed 's/[0-9.]\+/N/g; s/ \+/ /g'`,
		`redis-cli -p $P --latency --raw -i 0.1 | sed 's/[0-9.]\+/N/g'`,
		`redis-cli -p $P CLUSTER`,
	} {
		if got, want := shell(t, ours, line), shell(t, theirs, line); got != want {
			t.Errorf("%s\nprints  %q\nnot %q", line, got, want)
		}
	}
}

// TestRedisCLIRefused: what redis-cli wants of replication is refused with words that say what there is instead.
func TestRedisCLIRefused(t *testing.T) {
	p := startNodes(t, 1)
	for line, wants := range map[string][]string{
		`redis-cli -p $P --rdb dump.rdb`:            {"SYNC with master failed: -ERR there is no RDB", "cairn serve --join", "(exit status 1)"},
		`redis-cli -p $P --replica`:                 {"SYNC with master failed: -ERR there is no RDB", "(exit status 1)"},
		`redis-cli -p $P --functions-rdb f`:         {"ERR there is no RDB", "(exit status 1)"},
		`redis-cli --cluster backup 127.0.0.1:$P .`: {"ERR there is no RDB", "(exit status 1)"},
		`redis-cli -e -p $P BGSAVE`:                 {"ERR all that was acknowledged is on disk already", "(exit status 1)"},
		`redis-cli -e -p $P REPLICAOF h 6379`:       {"ERR nodes follow whoever leads", "cairn serve --join", "(exit status 1)"},
	} {
		got := shell(t, p.nodes[0].port, line)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s prints %q, without %q", line, got, want)
			}
		}
	}
}

// TestRedisCLICluster: redis-cli --cluster looks at the cluster from any node, and adds a node and takes it away again.
func TestRedisCLICluster(t *testing.T) {
	p := startNodes(t, 3, steady)
	leader, follower := p.leader(), p.follower()
	port := redistest.Ports(t, 1)[0]
	p.nodes = append(p.nodes, &process{port: port, args: []string{
		"serve", "--port", port, "--dir", filepath.Join(t.TempDir(), "n4"), "--id", "n4", "--join", "wait", steady,
	}})
	p.start(3)
	p.says(3, "CLUSTER MEET 127.0.0.1 "+port)
	tool(t, "redis-cli", "-c", "-p", p.nodes[0].port, "SET", "k", "v")
	newcomer := strings.TrimSpace(tool(t, "redis-cli", "-p", port, "CLUSTER", "MYID"))
	for _, step := range []struct {
		at    int
		line  string
		wants []string
	}{
		{follower, `redis-cli --cluster check 127.0.0.1:$P`, []string{"2 additional replica(s)", "[OK] All nodes agree about slots configuration.", "[OK] All 16384 slots covered.", "(<nil>)"}},
		{leader, `redis-cli --cluster check 127.0.0.1:$P`, []string{"[OK] All 16384 slots covered.", "(<nil>)"}},
		{follower, `redis-cli --cluster info 127.0.0.1:$P`, []string{"1 keys | 16384 slots | 2 slaves.", "[OK] 1 keys in 1 masters.", "(<nil>)"}},
		{leader, `redis-cli --cluster call 127.0.0.1:$P GET k`, []string{p.addr(follower) + ": v", "(<nil>)"}},
		{leader, `redis-cli --cluster rebalance 127.0.0.1:$P`, []string{"No rebalancing needed", "(<nil>)"}},
		{follower, `redis-cli --cluster add-node 127.0.0.1:` + port + ` 127.0.0.1:$P`, []string{"[OK] New node added correctly.", "(<nil>)"}},
		{follower, `redis-cli --cluster check 127.0.0.1:$P`, []string{"3 additional replica(s)", "[OK] All 16384 slots covered.", "(<nil>)"}},
		{follower, `redis-cli --cluster del-node 127.0.0.1:$P ` + newcomer, []string{"Sending CLUSTER RESET SOFT to the deleted node.", "taken out of the cluster is stopped, and starts afresh"}},
		{follower, `redis-cli --cluster check 127.0.0.1:$P`, []string{"2 additional replica(s)", "[OK] All 16384 slots covered.", "(<nil>)"}},
	} {
		got := shell(t, p.nodes[step.at].port, step.line)
		for _, want := range step.wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s prints %q, without %q", step.line, got, want)
			}
		}
		if strings.Contains(step.line, "add-node") {
			p.says(3, "msg=serving")
		}
	}
	if got := tool(t, "redis-cli", "-p", p.nodes[leader].port, "CLUSTER", "FORGET", strings.Repeat("0", 40)); !strings.Contains(got, "ERR Unknown node") {
		t.Errorf("FORGET of nobody prints %q", got)
	}
}

// TestInfoLag: the lag of a follower is in seconds, as Redis counts it, and 0 of one that holds everything.
func TestInfoLag(t *testing.T) {
	p := startNodes(t, 3, steady)
	leader, follower := p.leader(), p.follower()
	lag := func() (seconds int) {
		for line := range strings.SplitSeq(tool(t, "redis-cli", "-p", p.nodes[leader].port, "INFO", "replication"), "\n") {
			if _, value, ok := strings.Cut(line, ",lag="); ok && strings.Contains(line, "port="+p.nodes[follower].port+",") {
				fmt.Sscan(value, &seconds)
				return seconds
			}
		}
		t.Error("INFO has no line of the follower")
		return 0
	}
	clustertest.Eventually(t, "no lag", func() bool { return lag() == 0 })
	if err := p.nodes[follower].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	clustertest.Eventually(t, "three seconds of lag", func() bool {
		seconds := lag()
		if most := int(time.Since(stopped)/time.Second) + 3; seconds > most { // between two heartbeats, on a busy machine
			t.Errorf("the lag is %d s after at most %d", seconds, most)
		}
		return seconds >= 3
	})
	if err := p.nodes[follower].cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "no lag any more", func() bool { return lag() == 0 })
}
