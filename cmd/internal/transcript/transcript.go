// Package transcript reads, runs and rewrites transcripts: files of commands and the replies they deserve. One file has
// three meanings: on a bare store, on a cluster, and on the real Redis that Cairn must be indistinguishable from.
//
//	# GETDEL returns the value and removes the key.
//	SET k v
//	GETDEL k
//	GET k
//	----
//	OK
//	"v"
//	(nil)
//
// A file is cases between blank lines. A case is comments and commands, one a line, quoted as in redis-cli; then
// "----"; then the replies, as redis-cli prints them for RESP2 on a terminal. A file begins on an empty keyspace with
// a fresh connection in database 0; state flows from case to case. A block of comments alone is a remark.
//
// Comments that steer the case they stand in:
//
//	# sort                  elements of arrays, nested ones too, may come in any order
//	# near 1000             integers that are not negative may be off by that much
//	# after 20ms            time passes before the case's first command
//	# redis: skip <reason>  a real Redis runs the case, but its replies are not compared: Cairn differs by design
//
// cockroachdb/datadriven, which Pebble uses, does not fit: there one directive has one output, and here several
// commands read better as one case; and the file should be what a person would copy from redis-cli.
package transcript

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const separator = "----"

// Case is one case of a transcript.
type Case struct {
	Commands []Command
	Sort     bool          // array elements may come in any order
	Near     int64         // how much an integer may be off
	After    time.Duration // how much time passes before the first command
	SkipWhy  string        // why a real Redis answers differently; empty: it does not

	head []string // the lines before the separator, as they stand
}

// Command is one command of a case and the reply it deserves.
type Command struct {
	Pos  string // "file:line"
	Text string // as it stands in the file
	Argv [][]byte
	Want []string // the lines of the rendered reply; empty when the file has none yet
}

// File is a parsed transcript.
type File struct {
	Path  string
	Name  string // the command's: the file's base name without ".txt", in lower case
	Cases []Case
}

// Load parses the transcripts that match a glob pattern. A file that does not parse fails the test.
func Load(t testing.TB, pattern string) []File {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no transcript (%v)", pattern, err)
	}
	var files []File
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases, err := Parse(path, string(src))
		if err != nil {
			t.Fatal(err)
		}
		name := strings.ToLower(strings.TrimSuffix(filepath.Base(path), ".txt"))
		files = append(files, File{Path: path, Name: name, Cases: cases})
	}
	return files
}

// Parse reads a transcript. name is the file's name for positions in errors.
func Parse(name, src string) ([]Case, error) {
	var cases []Case
	lines := strings.Split(src, "\n")
	for i := 0; i < len(lines); i++ {
		first := i
		for i < len(lines) && lines[i] != "" {
			i++
		}
		if first == i {
			continue
		}
		c, err := parseCase(name, first+1, lines[first:i])
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// parseCase reads one block of lines; first is the number of its first line.
func parseCase(name string, first int, lines []string) (Case, error) {
	var c Case
	i := 0
	for ; i < len(lines) && lines[i] != separator; i++ {
		pos := fmt.Sprintf("%s:%d", name, first+i)
		if comment, ok := strings.CutPrefix(lines[i], "#"); ok {
			if err := c.directive(strings.TrimSpace(comment)); err != nil {
				return c, fmt.Errorf("%s: %w", pos, err)
			}
			continue
		}
		argv, ok := splitArgs(lines[i])
		if !ok || len(argv) == 0 {
			return c, fmt.Errorf("%s: quotes do not balance, or no command", pos)
		}
		c.Commands = append(c.Commands, Command{Pos: pos, Text: lines[i], Argv: argv})
	}
	c.head = lines[:i]
	if i == len(lines) {
		return c, nil
	}
	return c, c.want(fmt.Sprintf("%s:%d", name, first+i), lines[i+1:])
}

// want gives each command its lines of the replies. pos is where the separator stands.
func (c *Case) want(pos string, lines []string) error {
	for i := range c.Commands {
		n := replyLines(lines)
		if n == 0 {
			return fmt.Errorf("%s: %d commands, but %d replies", pos, len(c.Commands), i)
		}
		c.Commands[i].Want, lines = lines[:n], lines[n:]
	}
	if len(lines) > 0 {
		return fmt.Errorf("%s: %d commands, but more replies: %s", pos, len(c.Commands), lines[0])
	}
	return nil
}

// directive obeys a comment that steers its case.
func (c *Case) directive(comment string) (err error) {
	word, rest, _ := strings.Cut(comment, " ")
	switch {
	case comment == "sort":
		c.Sort = true
	case word == "near" && isNumber(rest):
		c.Near, err = strconv.ParseInt(rest, 10, 64)
	case word == "after" && isNumber(rest):
		c.After, err = time.ParseDuration(rest)
	case word == "redis:":
		why, ok := strings.CutPrefix(rest, "skip ")
		if c.SkipWhy = strings.TrimSpace(why); !ok || c.SkipWhy == "" {
			return fmt.Errorf("write %q, with a reason", "# redis: skip <reason>")
		}
	}
	return err
}

// isNumber tells a directive's argument from prose.
func isNumber(s string) bool {
	return s != "" && '0' <= s[0] && s[0] <= '9' && !strings.Contains(s, " ")
}
