package console

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// maxLineInput bounds one line of a pipe. A terminal's lines are far shorter.
const maxLineInput = 512 << 20

// plainInput reads lines as they are: from a pipe, or from a terminal that cannot edit lines.
type plainInput struct {
	in     *bufio.Scanner
	prompt io.Writer // nil: no prompt
}

func newPlainInput(in io.Reader, prompt io.Writer) *plainInput {
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 0, 64<<10), maxLineInput)
	return &plainInput{in: s, prompt: prompt}
}

func (p *plainInput) readLine(prompt string) (string, error) {
	if p.prompt != nil {
		fmt.Fprint(p.prompt, prompt)
	}
	if p.in.Scan() {
		return p.in.Text(), nil
	}
	if err := p.in.Err(); err != nil {
		return "", fmt.Errorf("console: read: %w", err)
	}
	return "", io.EOF
}

func (p *plainInput) remember(string)   {}
func (p *plainInput) complete([]string) {}
func (p *plainInput) close()            {}

// completions returns the lines that line can become when its first words are those of a command.
// words are upper-case, "CONFIG GET" among them; the answer is in the user's case.
// A single answer ends in a blank, for the argument that follows.
func completions(words []string, line string) []string {
	typed := strings.TrimLeft(line, " ")
	lead := line[:len(line)-len(typed)]
	for _, h := range []string{"help ", "HELP "} {
		if rest, ok := strings.CutPrefix(typed, h); ok {
			lead, typed = lead+h, rest
		}
	}
	lower := typed != strings.ToUpper(typed)
	var out []string
	for _, w := range words {
		tail, ok := strings.CutPrefix(w, strings.ToUpper(typed))
		// "CO" completes to CONFIG, and only "CONFIG " to CONFIG GET
		if !ok || strings.Contains(tail, " ") {
			continue
		}
		if lower {
			w = strings.ToLower(w)
		}
		out = append(out, lead+w)
	}
	if len(out) == 1 {
		out[0] += " "
	}
	return out
}

// secret reports whether a line must not go into a file: it has a password in it.
func secret(args []string) bool {
	switch name := strings.ToLower(args[0]); name {
	case "auth":
		return true
	case "acl":
		return len(args) > 1 && strings.EqualFold(args[1], "setuser")
	case "config":
		for _, a := range args[1:] {
			if a = strings.ToLower(a); strings.Contains(a, "auth") || strings.Contains(a, "pass") {
				return true
			}
		}
	case "hello", "migrate":
		for _, a := range args[1:] {
			if strings.HasPrefix(strings.ToLower(a), "auth") {
				return true
			}
		}
	}
	return false
}
