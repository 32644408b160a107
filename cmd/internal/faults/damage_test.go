//go:build linux

package faults

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cairn/storage/layout"
)

// TestDamagedFiles flips bits in the files of a stopped node, or cuts them short. The node must refuse to start and
// say why, or serve exactly what was acknowledged; it never serves something else in silence. The table of what
// happened is printed. CAIRN_FAULTS_DAMAGES says how many damages there are.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	_, rng := newSeed(t)
	trials, err := strconv.Atoi(os.Getenv("CAIRN_FAULTS_DAMAGES"))
	if err != nil {
		trials = 20
	}
	c := newCluster(t, 1)
	p := c.nodes[0]
	c.begin([]string{"--heartbeat", "50ms"})
	want := wellUsed(t, c)
	sound := p.dir
	files := filesOf(t, sound)
	table := map[string]map[string]int{}
	for range trials {
		p.dir = filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(p.dir, os.DirFS(sound)); err != nil {
			t.Fatal(err)
		}
		file := files[rng.IntN(len(files))]
		what := damage(t, rng, filepath.Join(p.dir, file))
		before := len(p.said())
		result := c.judge(want)
		if strings.HasPrefix(result, "WRONG") {
			t.Errorf("%s, %s: %s; it said:\n%s", file, what, result, p.said()[before:])
		}
		kind := kindOf(file) + ", " + strings.Fields(what)[0]
		if table[kind] == nil {
			table[kind] = map[string]int{}
		}
		table[kind][result]++
		if err := os.RemoveAll(p.dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range slices.Sorted(mapKeys(table)) {
		t.Logf("%-24s %v", kind, table[kind])
	}
}

func mapKeys(m map[string]map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// awaitNoted returns once the node has noted how far its state is, which it does beside the answers: without that,
// damage in the last entry of the log cannot be told from an entry that was never whole.
func awaitNoted(t *testing.T, p *process) {
	t.Helper()
	applied, err := strconv.ParseUint(p.info("raft_applied_index"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(p.dir, "state", "*", "REACHED"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no file says how far the state is: %v", err)
	}
	until(t, "the node to note how far its state is", 10*time.Second, func() bool {
		return slices.ContainsFunc(names, func(name string) bool {
			b, err := os.ReadFile(name)
			return err == nil && layout.ParseReached(b) >= applied
		})
	})
}

// wellUsed makes a node's directory hold tables and logs that were not flushed, ends the node and returns its keys.
func wellUsed(t *testing.T, c *cluster) map[string]string {
	t.Helper()
	p := c.nodes[0]
	want := map[string]string{}
	for turn := range 3 {
		c.leader()
		for i := range 60 {
			key, value := fmt.Sprintf("key:%d", i+40*turn), strings.Repeat(fmt.Sprint(turn, "-", i, ";"), 1+i*i/4)
			if err := p.writes(key, value); err != nil {
				t.Fatal(err)
			}
			want[key] = value
		}
		if turn < 2 {
			p.end(syscall.SIGTERM)
			p.start()
		}
	}
	awaitNoted(t, p)
	p.end(syscall.SIGKILL)
	return want
}

// filesOf returns the files in a directory that hold something.
func filesOf(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil && info.Size() > 0 {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// kindOf returns what a file is, without the number in its name.
func kindOf(file string) string {
	room, _, _ := strings.Cut(file, "/")
	name := filepath.Base(file)
	switch ext := filepath.Ext(name); {
	case ext == ".sst", ext == ".log", ext == ".json":
		return room + "/*" + ext
	}
	name, _, _ = strings.Cut(name, "-")
	return room + "/" + name
}

// damage changes a file and says how.
func damage(t *testing.T, rng *rand.Rand, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := len(strings.TrimRight(string(b), "\x00")) // what was only made room for holds nothing to damage
	at := rng.IntN(max(1, used))
	what := ""
	switch rng.IntN(3) {
	case 0, 1:
		bit := rng.IntN(8)
		b[at] ^= 1 << bit
		what = fmt.Sprintf("flipped bit %d of byte %d of %d (%d used)", bit, at, len(b), used)
	case 2:
		what = fmt.Sprintf("cut at byte %d of %d (%d used)", at, len(b), used)
		b = b[:at]
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return what
}

// judge starts the node on what is in its directory, and says what became of it.
func (c *cluster) judge(want map[string]string) string {
	p := c.nodes[0]
	before := len(p.said())
	p.start()
	defer p.end(syscall.SIGKILL)
	serves := await(20*time.Second, func() bool { return !p.running() || p.writes("after", "damage") == nil })
	if !p.running() {
		said := p.said()[before:]
		if !strings.Contains(said, "cairn: ") && !strings.Contains(said, "level=ERROR") {
			return "WRONG: it ends without a clear word"
		}
		return "refuses to start"
	}
	if !serves {
		return "starts and refuses to serve"
	}
	refused := 0
	for key, value := range want {
		switch got, err := p.get(key); {
		case err != nil:
			refused++
		case got != value:
			return fmt.Sprintf("WRONG: %s is %.40q, not %.40q", key, got, value)
		}
	}
	if got, err := p.get("after"); err != nil || got != "damage" {
		return fmt.Sprintf("WRONG: a write after the start reads %q, %v", got, err)
	}
	if refused > 0 {
		return "answers some reads with an error"
	}
	return "serves everything"
}
