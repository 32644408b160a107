package history

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cairn/fsm/reply"
)

// TestModel breaks histories on purpose: the checker must see it. Each line is a moment: a client's operation and, for
// those that end there, its answer; "?" is doubt. "a:" begins an operation that a later "a->" ends.
func TestModel(t *testing.T) {
	for name, c := range map[string]struct {
		good    bool
		history string
	}{
		"nothing":                   {true, ``},
		"stale read":                {false, `a SET k x -> OK; b GET k -> (nil)`},
		"stale read after a newer":  {false, `a: SET k x; b GET k -> "x"; c GET k -> (nil); a -> OK`},
		"read beside a write":       {true, `a: SET k x; b GET k -> (nil); c GET k -> "x"; a -> OK`},
		"lost write":                {false, `a SET k x -> OK; a SET k y -> OK; b GET k -> "x"`},
		"lost increment":            {false, `a INCRBY k 2 -> 2; b INCR k -> 1`},
		"doubled INCR":              {false, `a INCR k -> 1; b GET k -> "2"`},
		"two INCR of one answer":    {false, `a: INCR k; b INCR k -> 1; a -> 1`},
		"two INCR side by side":     {true, `a: INCR k; b INCR k -> 1; a -> 2; b GET k -> "2"`},
		"doubled APPEND":            {false, `a APPEND k xy -> 2; b STRLEN k -> 4`},
		"two locks":                 {false, `a: SETNX k x; b SETNX k y -> OK; a -> OK`},
		"from where":                {false, `a SET k x -> OK; a GETDEL k -> "c"`},
		"deleted twice":             {false, `a SET k x -> OK; a DEL k -> 1; b DEL k -> 1`},
		"nil is not a text":         {false, `a SET k (nil) -> OK; a GET k -> (nil)`},
		"an error is no answer":     {false, `a SET k x -> ERR`},
		"good":                      {true, `a SETNX k x -> OK; b GETDEL k -> "x"; b DEL k -> 0; a SETGET k c -> (nil); a GET k -> "c"`},
		"doubt takes effect later":  {true, `a SET k x -> ?; b GET k -> (nil); b GET k -> "x"`},
		"doubt, and never":          {true, `a INCR k -> ?; b GET k -> (nil); b INCR k -> 1`},
		"doubt back":                {false, `a SET k x -> ?; b GET k -> "x"; b GET k -> (nil)`},
		"doubt twice":               {false, `a INCR k -> ?; b GET k -> "1"; b GET k -> "2"`},
		"doubt before its call":     {false, `b GET k -> "x"; a SET k x -> ?`},
		"expired":                   {true, `a SETPX k x -> OK; b GET k -> "x"; b GET k -> (nil); a GET k -> (nil)`},
		"expired comes back":        {false, `a SETPX k x -> OK; b GET k -> (nil); a GET k -> "x"`},
		"set again does not expire": {false, `a SETPX k x -> OK; a SET k y -> OK; b GET k -> (nil)`},
		"queue":                     {true, `a RPUSH k x -> 1; a RPUSH k y -> 2; b LRANGE k -> ["x","y",]; b LPOP k -> "x"; c LPOP k -> "y"; b LPOP k -> (nil)`},
		"queue, drained and filled": {true, `a RPUSH k x -> 1; b LPOP k -> "x"; b LRANGE k -> []; a RPUSH k y -> 1; b LPOP k -> "y"`},
		"element given twice":       {false, `a RPUSH k x -> 1; b LPOP k -> "x"; c LPOP k -> "x"`},
		"element lost":              {false, `a RPUSH k x -> 1; a RPUSH k y -> 2; b LPOP k -> "y"`},
		"element pushed twice":      {false, `a RPUSH k x -> 1; b LRANGE k -> ["x","x",]`},
		"push in doubt, taken":      {true, `a RPUSH k x -> ?; b LPOP k -> "x"; b LPOP k -> (nil)`},
		"push in doubt, twice":      {false, `a RPUSH k x -> ?; b LPOP k -> "x"; b LPOP k -> "x"`},
		"pop in doubt":              {true, `a RPUSH k x -> 1; b LPOP k -> ?; c LPOP k -> (nil)`},
		"keys apart":                {true, `a SET k x -> OK; b GET l -> (nil)`},
		"one key of two":            {false, `a SET k x -> OK; b GET l -> (nil); b GET k -> (nil)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			var h History
			script(t, &h, c.history)
			if wrong, undecided := h.Check(time.Minute); c.good != (len(wrong) == 0) || len(undecided) > 0 {
				t.Errorf("wrong: %q, undecided: %q", wrong, undecided)
			}
		})
	}
}

// script plays a history.
func script(t *testing.T, h *History, text string) {
	t.Helper()
	open := make(map[string]Call)
	for _, line := range strings.Split(text, "; ") {
		if line == "" {
			continue
		}
		what, answer, ends := strings.Cut(line, " -> ")
		words := append(strings.Fields(what), "", "")
		client := strings.TrimSuffix(words[0], ":")
		if words[1] != "" {
			open[client] = h.Begin(client, Op{Verb: words[1], Key: words[2], Arg: words[3]})
		}
		switch {
		case !ends:
		case answer == "?":
			open[client].Doubt()
		default:
			open[client].Answer(answered(t, answer))
		}
	}
}

func answered(t *testing.T, text string) reply.Reply {
	t.Helper()
	var n int64
	var s string
	switch {
	case text == "(nil)":
		return reply.Nil()
	case text == "OK" || text == "ERR":
		return reply.Statusf(text)
	case text[0] == '"':
		if _, err := fmt.Sscanf(text, "%q", &s); err != nil {
			t.Fatal(err)
		}
		return reply.BulkString(s)
	case text[0] == '[':
		all := reply.ArrayOf()
		for _, e := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(`[",]`, c) }) {
			all.Elems = append(all.Elems, reply.BulkString(e))
		}
		return all
	}
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatal(err)
	}
	return reply.Int(n)
}

// TestExplain: what is printed ends with the operation that does not fit, whatever came after it; the page is there.
func TestExplain(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var h History
	for range 100 {
		script(t, &h, `a SET k x -> OK; b GET k -> "x"`)
	}
	script(t, &h, `c: SET k z; b GET k -> "y"; c -> OK`)
	for range 100 {
		script(t, &h, `a SET k x -> OK; b GET k -> "x"`)
	}
	wrong, _ := h.Check(time.Minute)
	if len(wrong) != 1 {
		t.Fatalf("%q", wrong)
	}
	lines := strings.Split(strings.TrimSpace(wrong[0]), "\n")
	if len(lines) != 1+shown || !strings.HasSuffix(lines[shown], `b: GET k -> "y" <- fits nowhere`) || !strings.HasSuffix(lines[shown-1], "c: SET k z -> ?") {
		t.Errorf("%s", wrong[0])
	}
	page := regexp.MustCompile(`see (\S+\.html)`).FindStringSubmatch(lines[0])
	if page == nil {
		t.Fatalf("no page: %s", lines[0])
	}
	if b, err := os.ReadFile(page[1]); err != nil || !strings.Contains(string(b), "GET k") {
		t.Errorf("%s: %d bytes, %v", page[1], len(b), err)
	}
}

// TestOrder: an operation that ended before another began is before it, though no time passes.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h History
		script(t, &h, `a SET k x -> OK; a GET k -> "x"; a SET l y -> ?; a GET l -> ?`)
		if a, b := h.events[0], h.events[1]; a.call >= a.until || a.until >= b.call || b.call >= b.until {
			t.Errorf("%+v, then %+v", a, b)
		}
		if got, want := h.Count(), (Counts{Operations: 3, Reads: 1, InDoubt: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if keys := h.Keys(); strings.Join(keys, " ") != "k l" {
			t.Errorf("%q", keys)
		}
	})
}

// TestConcurrent: clients may note at the same time.
func TestConcurrent(t *testing.T) {
	var h History
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				script(t, &h, fmt.Sprintf("%d APPEND k%d x -> ?", i, i))
			}
		})
	}
	wg.Wait()
	if got := h.Count(); got.Operations != 200 || got.InDoubt != 200 {
		t.Errorf("%+v", got)
	}
}
