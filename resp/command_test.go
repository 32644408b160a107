package resp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cairn/fsm/command"
)

// TestCommandKeyRange holds Redis's rules for first key, last key and step of several key specifications.
func TestCommandKeyRange(t *testing.T) {
	for _, test := range []struct {
		keys []command.KeySpec
		want string
	}{
		{nil, "0 0 0"},
		{[]command.KeySpec{{Index: 1, Last: -1, Step: 2}}, "1 -1 2"},
		{[]command.KeySpec{{Index: 2, Last: 1, Step: 1}}, "2 3 1"},
		{[]command.KeySpec{{Index: 1, Counted: true, Step: 1}}, "0 0 0"},
		{[]command.KeySpec{{Index: 1, Step: 1}, {Index: 2, Counted: true, Step: 1}}, "1 1 1"},
		{[]command.KeySpec{{Index: 1, Step: 1}, {Access: "OW UPDATE"}}, "1 1 1"},
		{[]command.KeySpec{{Index: 1, Step: 1}, {Index: 2, Last: 1, Step: 1}}, "1 3 1"},
		{[]command.KeySpec{{Index: 1, Step: 1}, {Index: 3, Step: 1}}, "1 1 1"},
		{[]command.KeySpec{{Index: 1, Step: 1}, {Index: 2, Last: -1, Step: 1}, {Index: 3, Step: 1}}, "1 -1 1"},
		{[]command.KeySpec{{Index: 1, Last: 2, Step: 2}, {Index: 4, Step: 1}}, "4 4 1"},
		{[]command.KeySpec{{Index: 1, Last: 2, Step: 2}, {Index: 4, Last: 4, Step: 2}}, "0 0 0"},
	} {
		if got := fmt.Sprint(keyRange(test.keys)); got != test.want {
			t.Errorf("%v: got %s, want %s", test.keys, got, test.want)
		}
	}
}

// TestCommandLists holds that COMMAND, its COUNT, DOCS and LIST speak of the same commands, and of none of the nodes'
// own.
func TestCommandLists(t *testing.T) {
	_, addr := startServer(t, Options{})
	c := dial(t, addr)
	var names, dangerous []string
	infos := c.do("COMMAND").Elems
	for _, info := range infos {
		for _, e := range append(info.Elems[9].Elems, info) {
			names = append(names, string(e.Elems[0].Str))
			if strings.Contains(fmt.Sprint(render(e.Elems[6])), "@dangerous") {
				dangerous = append(dangerous, string(e.Elems[0].Str))
			}
		}
	}
	if len(names) < 50 || len(dangerous) < 10 || strings.Contains(strings.ReplaceAll(strings.Join(names, " "), "cairn.verify", ""), "cairn") {
		t.Errorf("COMMAND: %q", names)
	}
	if n := c.do("COMMAND", "COUNT").Int; n != int64(len(infos)) {
		t.Errorf("COMMAND COUNT: %d, want %d", n, len(infos))
	}
	if n := len(c.do("COMMAND", "DOCS").Elems) / 2; n != len(infos) {
		t.Errorf("COMMAND DOCS: %d, want %d", n, len(infos))
	}
	for line, want := range map[string][]string{"COMMAND LIST": names, "COMMAND LIST FILTERBY aclcat Dangerous": dangerous} {
		var got []string
		for _, e := range c.do(strings.Fields(line)...).Elems {
			got = append(got, string(e.Str))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q\nwant %q", line, got, want)
		}
	}
}
