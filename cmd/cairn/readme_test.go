package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
)

// readme is what a newcomer does who reads README.md, with ports and folders of the test's own.
type readme struct {
	t      *testing.T
	root   string   // the clone
	dir    string   // an empty folder, with the binary
	ports  []string // for 7001 to 7003
	env    []string
	blocks []string // not yet done
}

// TestReadme runs what README.md shows, block by block, and compares what it prints. A block that no step knows fails.
func TestReadme(t *testing.T) {
	plainEnvironment(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	r := &readme{t: t, root: root, dir: t.TempDir(), ports: redistest.PortsInRow(t, 3), blocks: indented(string(page))}
	r.env = append(os.Environ(), "PATH="+r.dir+":"+os.Getenv("PATH"), "TERM=dumb")
	r.start(r.block("CGO_ENABLED=0 go build"))
	defer r.run(r.root, "./scripts/cluster.sh clean")
	r.useRedisCLI(r.block("$ redis-cli"))
	r.callLibrary(r.block("rdb := redis.NewClusterClient"), 0)
	r.callLibrary(r.block("rdb := redis.NewFailoverClient"), 1)
	r.run(r.root, "./scripts/cluster.sh stop")
	r.byHand(r.block("export CAIRN_REQUIREPASS=..."))
	r.embed(r.block("go mod edit"))
	for _, b := range r.blocks {
		t.Errorf("README.md shows what no test runs:\n%s", b)
	}
}

// indented returns the blocks of a page that are code, without their indentation.
func indented(page string) (blocks []string) {
	block := ""
	for line := range strings.Lines(page + "\n.") {
		code, ok := strings.CutPrefix(line, "    ")
		switch {
		case ok:
			block += code
		case block != "":
			blocks, block = append(blocks, block), ""
		}
	}
	return blocks
}

// block takes the block that begins so.
func (r *readme) block(begin string) string {
	r.t.Helper()
	for i, b := range r.blocks {
		if strings.HasPrefix(b, begin) {
			r.blocks = append(r.blocks[:i:i], r.blocks[i+1:]...)
			return b
		}
	}
	r.t.Fatalf("README.md has no block that begins with %q", begin)
	return ""
}

// run runs shell commands to their end.
func (r *readme) run(dir, commands string) string {
	r.t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = dir, append(r.env,
		"CAIRN_CLUSTER_PORT="+r.ports[0], "CAIRN_CLUSTER_DIR="+filepath.Join(r.dir, "cluster"), "CAIRN_CLUSTER_FLAGS=--heartbeat=1s") // a busy machine misses shorter ones
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v: %s", commands, err, out)
	}
	return string(out)
}

// local puts this test's ports in the place of README.md's.
func (r *readme) local(text string) string {
	for i, port := range r.ports {
		text = strings.ReplaceAll(text, fmt.Sprint(7001+i), port)
	}
	return text
}

// start builds the program, starts one node and three, and does what the comments say besides.
func (r *readme) start(block string) {
	lines := strings.Split(strings.TrimSpace(block), "\n")
	if len(lines) != 5 {
		r.t.Fatalf("%d lines, not 5:\n%s", len(lines), block)
	}
	var commands, comments []string
	for _, line := range lines {
		command, comment, _ := strings.Cut(line, "#")
		commands, comments = append(commands, strings.TrimSpace(command)), append(comments, strings.TrimSpace(comment))
	}

	binary := filepath.Join(r.dir, "cairn")
	r.run(r.root, strings.Replace(commands[0], "-o cairn", "-o "+binary, 1)) // a test leaves nothing in the clone
	file, err := elf.Open(binary)
	if err != nil {
		r.t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			r.t.Error("the binary is not static")
		}
	}

	port := redistest.Ports(r.t, 1)[0]
	one := exec.Command("bash", "-c", "exec "+commands[1])
	log := new(output)
	one.Dir, one.Env, one.Stderr = r.dir, append(r.env, "CAIRN_PORT="+port), log
	if err := one.Start(); err != nil {
		r.t.Fatal(err)
	}
	clustertest.Eventually(r.t, "one node to serve", func() bool { return len(linesWith(log.String(), "msg=serving", "addr=127.0.0.1:"+port)) > 0 })
	_ = one.Process.Signal(syscall.SIGTERM) // it runs
	if err := one.Wait(); err != nil {
		r.t.Error(err)
	}
	quiet(r.t, strings.Join(linesWith(log.String(), "level="), ""), "ERROR")
	if help, _, _ := cairn(r.t, "serve", "--help"); !strings.Contains(help, "(6379,") || !strings.Contains(comments[1], "127.0.0.1:6379, data in ./data") {
		r.t.Errorf("the default port or its comment, %q, has changed", comments[1])
	}
	if _, err := os.Stat(filepath.Join(r.dir, "data", "identity.json")); err != nil {
		r.t.Error(err)
	}

	if said := r.run(r.root, commands[2]); !strings.Contains(said, "redis-cli -c -p "+r.ports[0]) {
		r.t.Errorf("%s says %q", commands[2], said)
	}
	for _, also := range append([]string{""}, strings.Split(strings.TrimPrefix(comments[3], "also: "), ", ")...) {
		if also != "" {
			r.run(r.root, "./scripts/cluster.sh "+also)
		}
		down := map[string]int{"kill 1": 1, "stop": 3}[also]
		clustertest.Eventually(r.t, fmt.Sprintf("the status after %q", also), func() bool {
			status := r.run(r.root, commands[3])
			return strings.Count(status, "\n") == 3 && strings.Count(status, " down") == down && strings.Count(status, "raft_state:leader") == 1-down/3
		})
	}
	r.run(r.root, commands[2])
	r.run(r.root, commands[4]+" --help")
}

// useRedisCLI types each command at a terminal, while node 1 leads.
func (r *readme) useRedisCLI(block string) {
	r.lead(1)
	r.run(r.root, "redis-cli -c -p "+r.ports[0]+" DEL foo")
	for step := range strings.SplitSeq(strings.TrimPrefix(r.local(block), "$ "), "\n$ ") {
		command, want, _ := strings.Cut(strings.TrimSpace(step), "\n")
		got := strings.TrimSpace(strings.ReplaceAll(r.run(r.dir, "script -qec '"+command+"' /dev/null </dev/null"), "\r", ""))
		if got != want {
			r.t.Errorf("%s prints %q, and README.md %q", command, got, want)
		}
	}
}

// lead makes a node the leader.
func (r *readme) lead(n int) {
	r.t.Helper()
	port := r.ports[n-1]
	clustertest.Eventually(r.t, "the node to lead", func() bool {
		if strings.HasPrefix(tryTool("redis-cli", "-p", port, "ROLE"), "master") {
			return tryTool("redis-cli", "-p", port, "EXISTS", "foo") != ""
		}
		tryTool("redis-cli", "-p", port, "CLUSTER", "FAILOVER")
		return false
	})
}

// aroundGo makes a program of README.md's lines. It writes what it reads, and says what became of it.
const aroundGo = `package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

const _ = time.Second

func main() {
	ctx := context.Background()
	var err error
	{
		rdb := redis.NewClient(nil)
		//
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			err = rdb.Set(ctx, "go", lines.Text(), 0).Err()
			fmt.Println(err)
		}
	}
}
`

// callLibrary runs lines of Go through a hand-over, after which a caller may get so many MOVED errors, and a kill -9.
func (r *readme) callLibrary(block string, moved int) {
	block = strings.Replace(block, "err := ", "err = ", 1)
	program := strings.Replace(strings.Replace(aroundGo, "rdb := redis.NewClient(nil)\n", "", 1), "//\n", r.local(block), 1)
	source := filepath.Join(r.t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.lead(1)
	r.run(r.root, "go build -o "+r.dir+"/client "+source)
	client := exec.Command(filepath.Join(r.dir, "client"))
	errs := new(bytes.Buffer)
	client.Stderr = errs
	in, err := client.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := client.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		r.t.Fatal(err)
	}
	answers := bufio.NewScanner(out)
	written := 0
	set := func() string {
		written++
		if _, err := fmt.Fprintln(in, written); err != nil || !answers.Scan() {
			r.t.Fatalf("the client has ended: %v, %s", err, errs)
		}
		return answers.Text()
	}
	well := func(after string, may string, bound int) {
		var failed []string
		clustertest.Eventually(r.t, "a call to succeed after "+after, func() bool {
			answer := set()
			if answer != "<nil>" && !strings.HasPrefix(answer, may) {
				r.t.Errorf("after %s a call fails with %q:\n%s", after, answer, block)
			}
			if answer != "<nil>" {
				failed = append(failed, answer)
			}
			return answer == "<nil>"
		})
		if len(failed) > bound {
			r.t.Errorf("after %s calls fail with %q:\n%s", after, failed, block)
		}
		if got := tool(r.t, "redis-cli", "-c", "-p", r.ports[1], "GET", "go"); strings.TrimSpace(got) != fmt.Sprint(written) {
			r.t.Errorf("after %s GET prints %q, and %d was written", after, got, written)
		}
	}
	well("the start", "", 0)
	r.lead(2)
	well("a hand-over", "MOVED ", moved)
	r.lead(1)
	r.run(r.root, "./scripts/cluster.sh kill 1")
	well("a kill -9", "", math.MaxInt)
	r.run(r.root, "./scripts/cluster.sh start 1")
	well("its return", "", 0)
	in.Close()
	if _, err := io.Copy(io.Discard, out); err != nil {
		r.t.Error(err)
	}
	if err := client.Wait(); err != nil {
		r.t.Errorf("%v: %s", err, errs)
	}
}

// byHand starts the nodes of three machines on one, last things first. Two of them serve.
func (r *readme) byHand(block string) {
	lines := strings.Split(strings.TrimSpace(block), "\n")
	if len(lines) != 2 {
		r.t.Fatalf("%d lines, not 2:\n%s", len(lines), block)
	}
	p := &processes{t: r.t}
	r.t.Cleanup(func() {
		for i := range p.nodes {
			p.end(i, syscall.SIGKILL)
		}
	})
	export, _, _ := strings.Cut(lines[0], "#")
	serve := regexp.MustCompile(`10\.0\.0\.([123]):6379`).ReplaceAllStringFunc(lines[1], func(addr string) string {
		return "127.0.0.1:" + r.ports[addr[len("10.0.0.")]-'1']
	})
	begin := func(i int) {
		n := p.nodes[i]
		id := fmt.Sprint("n", i+1)
		shell := export + "\nexec " + strings.NewReplacer("--id n1", "--id "+id, "/var/lib/cairn", filepath.Join(r.dir, id)).Replace(serve)
		n.log, n.cmd = new(output), exec.Command("bash", "-euc", shell)
		n.cmd.Env, n.cmd.Stderr = r.env, n.log
		if err := n.cmd.Start(); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, port := range r.ports {
		p.nodes = append(p.nodes, &process{port: port})
	}
	_, password, _ := strings.Cut(strings.TrimSpace(export), "=")
	ask := func(i int, words ...string) string {
		return tryTool("redis-cli", append([]string{"-c", "-p", r.ports[i], "--no-auth-warning", "-a", password}, words...)...)
	}
	begin(2)
	p.says(2, `msg="waiting for a majority" reached=1 needed=2 `)
	begin(0)
	p.says(0, "msg=serving")
	p.says(2, "msg=serving")
	if got := tryTool("redis-cli", "-p", r.ports[0], "SET", "k", "v"); !strings.HasPrefix(got, "NOAUTH") {
		r.t.Errorf("without the password SET prints %q", got)
	}
	if got := ask(0, "SET", "k", "v"); got != "OK" {
		r.t.Errorf("with two of three nodes SET prints %q", got)
	}
	begin(1)
	p.says(1, "msg=serving")
	if got := ask(1, "GET", "k"); got != "v" {
		r.t.Errorf("the third node's GET prints %q", got)
	}
	for i := range p.nodes {
		log := p.nodes[i].log
		if code := p.end(i, syscall.SIGTERM); code != 0 {
			r.t.Errorf("node %d ends with exit code %d", i+1, code)
		}
		quiet(r.t, log.String(), "WARN", "ERROR")
	}
}

// embed makes a module with the node's own example in it.
func (r *readme) embed(block string) {
	example, err := os.ReadFile(filepath.Join(r.root, "cmd/node/example_test.go"))
	if err != nil {
		r.t.Fatal(err)
	}
	dir := r.t.TempDir()
	source := strings.NewReplacer("package node_test", "package main", "func Example()", "func main()").Replace(string(example))
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.run(dir, "go mod init example 2>&1\n"+strings.ReplaceAll(block, "/path/to/the/clone", r.root))
	if got := r.run(dir, "CGO_ENABLED=0 go run ."); strings.TrimSpace(got) != "hello" {
		r.t.Errorf("a program with a node in it prints %q", got)
	}
}
