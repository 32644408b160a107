// Command mutate breaks Cairn on purpose, one way at a time, in a copy of the tree, and shows which tests notice.
//
//	go run ./scripts/mutate [-only regexp] [-budget 60s] [-full]
//
// It prints one row of a Markdown table a mutation: which of the tests that are to notice fail, and where none does,
// what the simulator sees. A mutation that survives is a missing test. Its exit code is 1 when one survives, or when
// the code that it would change is not there any more.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "run the mutations whose name matches this regular expression")
	budget := flag.Duration("budget", time.Minute, "how long the simulator looks for a violation")
	full := flag.Bool("full", false, "ask the simulator too where a test has noticed")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go run ./scripts/mutate [flags]\nBreaks Cairn on purpose, in a copy, and says which test or simulation notices.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "mutate: unknown word %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	dir, err := os.MkdirTemp("", "cairn-mutate-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = copyTree(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
	fmt.Println("| what is broken | what notices |\n| --- | --- |")
	survived := false
	for _, m := range mutations() {
		if ok, err := regexp.MatchString(*only, m.name); err != nil || !ok {
			continue
		}
		begin := time.Now()
		row, caught, err := m.try(dir, *budget, *full)
		if err != nil {
			row = fmt.Sprintf("| %s | %v |", m.name, err)
		}
		fmt.Println(row)
		fmt.Fprintln(os.Stderr, m.name, time.Since(begin).Round(time.Second))
		survived = survived || !caught
	}
	if survived {
		_ = os.RemoveAll(dir) // deferred calls do not run
		os.Exit(1)
	}
}

// copyTree copies what git knows of the working tree.
func copyTree(to string) error {
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("list files: %w", err)
	}
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSpace(path)
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(to, filepath.Dir(path)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, path), b, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// try breaks the copy in dir, runs the tests, and mends it.
func (m mutation) try(dir string, budget time.Duration, full bool) (row string, caught bool, err error) {
	path := filepath.Join(dir, m.file)
	sound, err := os.ReadFile(path)
	if err != nil {
		return "", false, err
	}
	if bytes.Count(sound, []byte(m.old)) != 1 {
		return "", false, fmt.Errorf("%s: the code to change stands there %d times", m.file, bytes.Count(sound, []byte(m.old)))
	}
	broken := bytes.Replace(sound, []byte(m.old), []byte(m.new), 1)
	if err := os.WriteFile(path, broken, 0o644); err != nil {
		return "", false, err
	}
	extra := filepath.Join(filepath.Dir(path), "mutation_extra.go")
	if m.extra != "" {
		if err := os.WriteFile(extra, []byte(m.extra), 0o644); err != nil {
			return "", false, err
		}
	}
	defer func() { _, err = os.Remove(extra), errors.Join(err, os.WriteFile(path, sound, 0o644)) }()
	seen := failures(dir, append([]string{"test", "-timeout", "3m", "-count=1"}, m.tests...)...)
	if seen == "" || full {
		sim := failures(dir, "test", simulator, "-count=1", "-timeout", "10m", "-run", "^TestSim$", "-sim.length=1m", fmt.Sprintf("-sim.budget=%v", budget))
		if sim != "" {
			seen = strings.TrimPrefix(seen+", the simulator: "+sim, ", ")
		}
	}
	switch {
	case strings.Contains(seen, notBuilt):
		return "", false, errors.New("it does not build")
	case seen == "":
		return fmt.Sprintf("| %s | **nothing** |", m.name), false, nil
	}
	return fmt.Sprintf("| %s | %s |", m.name, seen), true, nil
}

// goTool runs the go command in a copy of the tree.
func goTool(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var (
	failLine = regexp.MustCompile(`--- FAIL: (Test\w+)`)
	runLine  = regexp.MustCompile(`(?m)^panic: test timed out|running tests:\n\t(Test\w+)`)
	seenLine = regexp.MustCompile(`(?m)^ *[0-9.]+ .*(not linearizable|goes back|acknowledged more than|differs from another|does not start|damaged|` +
		`stops by itself|no leader|snapshot record|one index|cannot read|redirects|does not close)|the history of (\w+).* is not linearizable|^panic: (.{0,60})|signal: quit`)
)

// simulator is the package of simulated clusters.
const simulator = "./cmd/internal/sim"

// notBuilt is what failures says of code that does not compile.
const notBuilt = "not built"

// failures runs tests and says which failed, and how the simulator did; empty when none.
func failures(dir string, args ...string) string {
	out, err := goTool(dir, args...)
	if err == nil {
		return ""
	}
	if strings.Contains(out, "build failed") || strings.Contains(out, "build the world") {
		return notBuilt
	}
	var names []string
	for _, f := range failLine.FindAllStringSubmatch(out, -1) {
		names = append(names, f[1])
	}
	for _, f := range runLine.FindAllStringSubmatch(out, -1) {
		if f[1] != "" {
			names = append(names, f[1]+" (hangs)")
		}
	}
	if slices.Contains(args, simulator) {
		names = append(names, simulated(out)...)
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(s string) bool { return s == "" || s == "TestSim" })
	if len(names) == 0 {
		return "yes"
	}
	return strings.ReplaceAll(strings.Join(names[:min(len(names), 4)], ", "), "|", "/")
}

// simulated says what a failing run of the simulator has seen.
func simulated(out string) (names []string) {
	for _, f := range seenLine.FindAllStringSubmatch(out, -1) {
		switch {
		case f[2] != "":
			names = append(names, f[2]+" not linearizable")
		case f[3] != "":
			names = append(names, "panic "+f[3])
		default:
			names = append(names, f[1])
		}
	}
	return names
}
