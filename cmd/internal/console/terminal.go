package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/peterh/liner"
)

// maxHistoryLine is below the 4,096 bytes at which liner refuses to read its own file back.
const maxHistoryLine = 4000

// terminal edits lines with liner, on the process's own terminal.
type terminal struct {
	state   *liner.State
	history string // path, or empty
	warn    io.Writer
}

// openTerminal takes the terminal over until close. A terminal without cursor control is read as it is: liner would
// split its long lines in two.
func openTerminal(o Options) input {
	if !liner.TerminalSupported() {
		return newPlainInput(o.In, o.Out)
	}
	t := &terminal{state: newLiner(), history: o.History, warn: o.Err}
	t.state.SetCtrlCAborts(true)
	t.state.SetMultiLineMode(true)
	t.state.SetTabCompletionStyle(liner.TabPrints)
	t.load()
	return t
}

// newLiner is liner.NewLiner with keys that have passed copyKeys: liner has no hook for a key of its own.
func newLiner() *liner.State {
	r, w, err := os.Pipe()
	if err != nil {
		return liner.NewLiner()
	}
	keys := os.Stdin
	go func() { // ends with the terminal, or with the process
		defer w.Close()
		copyKeys(w, keys)
	}()
	os.Stdin = r // liner takes its reader from here, and its terminal from descriptor 0
	defer func() { os.Stdin = keys }()
	return liner.NewLiner()
}

// copyKeys copies typed bytes. A Ctrl-C in a reverse search, at which liner would leave the console, becomes Ctrl-G:
// the search is left, and the line is what it was before.
func copyKeys(w io.Writer, r io.Reader) {
	const ctrlC, ctrlG, ctrlH, ctrlR, ctrlS = 3, 7, 8, 18, 19
	buf, searching := make([]byte, 4096), false
	for {
		n, err := r.Read(buf)
		for i, b := range buf[:n] {
			switch {
			case b == ctrlR:
				searching = true
			case b == ctrlC && searching:
				buf[i], searching = ctrlG, false
			case b < ' ' && b != ctrlS && b != ctrlH: // any other key that is no text ends the search
				searching = false
			}
		}
		if _, werr := w.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (t *terminal) load() {
	if t.history == "" {
		return
	}
	f, err := os.Open(t.history)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err == nil {
		_, err = t.state.ReadHistory(f)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintf(t.warn, "console: history: %v\n", err)
	}
}

// save writes the whole history, at most liner.HistoryLimit lines, so that a crash loses none.
func (t *terminal) save() {
	if t.history == "" {
		return
	}
	f, err := os.OpenFile(t.history, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = t.state.WriteHistory(f)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintf(t.warn, "console: history, no longer kept: %v\n", err)
		t.history = ""
	}
}

func (t *terminal) readLine(prompt string) (string, error) {
	line, err := t.state.Prompt(prompt)
	switch {
	case errors.Is(err, liner.ErrPromptAborted):
		return "", errAborted
	case errors.Is(err, io.EOF):
		fmt.Println() // the shell's prompt should not follow ours
		return "", io.EOF
	case err != nil:
		return "", fmt.Errorf("console: terminal: %w", err)
	}
	return line, nil
}

func (t *terminal) remember(line string) {
	if len(line) > maxHistoryLine || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
		return
	}
	t.state.AppendHistory(line)
	t.save()
}

func (t *terminal) complete(words []string) {
	t.state.SetCompleter(func(line string) []string { return completions(words, line) })
}

func (t *terminal) close() { t.state.Close() } // an error would leave nothing to be done about it
