package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// calls of one caller, a tenth of a second apart: a number is an answer, a word an error.
func calls(said ...any) (all []call) {
	for i, s := range said {
		c := call{began: float64(i * 100), ended: float64(i*100 + 100)}
		switch s := s.(type) {
		case int:
			c.value = int64(s)
		case string:
			c.err = s
		}
		all = append(all, c)
	}
	return all
}

func TestJudge(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name  string
		calls []call
		final int64
		want  cost
	}{
		{"well", calls(1, 2, 3), 3, cost{outage: 100 * ms, acked: 3}},
		{"lost before an answer", calls(1, 2, 2), 2, cost{outage: 100 * ms, acked: 3, lost: 1}},
		{"lost at the end", calls(1, 2, 3), 1, cost{outage: 100 * ms, acked: 3, lost: 2}},
		{"repeated", calls(1, 3, 4), 4, cost{outage: 100 * ms, acked: 3, repeated: 1}},
		{"repeated by the last call", calls(1, 2), 3, cost{outage: 100 * ms, acked: 2, repeated: 1}},
		{"in doubt and done", calls(1, "EOF", 3), 3, cost{outage: 200 * ms, acked: 2, doubt: 1, other: "EOF"}},
		{"in doubt and not done", calls(1, "EOF", 2), 2, cost{outage: 200 * ms, acked: 2, doubt: 1, other: "EOF"}},
		{"in doubt and done later", calls(1, "EOF", 2, 4), 4, cost{outage: 200 * ms, acked: 3, doubt: 1, other: "EOF"}},
		{"in doubt and done twice", calls(1, "EOF", 4), 4, cost{outage: 200 * ms, acked: 2, doubt: 1, repeated: 1, other: "EOF"}},
		{"redirected", calls(1, "MOVED 1 a:1", 2), 2, cost{outage: 200 * ms, acked: 2, moved: 1, late: 150 * ms}},
		{"redirected, and done all the same", calls(1, "MOVED 1 a:1", 3), 3,
			cost{outage: 200 * ms, acked: 2, moved: 1, late: 150 * ms, repeated: 1}},
		{"nobody leads", calls(1, "CLUSTERDOWN none", "connect ECONNREFUSED", 2), 2, cost{outage: 300 * ms, acked: 2, down: 2}},
		{"never well again", calls(1, 2, "EOF", "EOF", "EOF"), 2, cost{outage: 300 * ms, acked: 2, doubt: 3, other: "EOF"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := judge(test.calls, [callers]int64{test.final}, time.UnixMilli(50)); got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestParseCall(t *testing.T) {
	c, err := parseCall("err 3 1.50 2.25 MOVED 1 a:1")
	if want := (call{caller: 3, began: 1.5, ended: 2.25, err: "MOVED 1 a:1"}); err != nil || c != want {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = parseCall("ack 0 1 2 7")
	if want := (call{began: 1, ended: 2, value: 7}); err != nil || c != want {
		t.Errorf("%+v, %v", c, err)
	}
	for _, line := range []string{"done", "fail no", "ack 4 1 2 7", "ack -1 1 2 7", "ack 0 x 2 7", "ack 0 1 2 x"} {
		if c, err := parseCall(line); err == nil {
			t.Errorf("%q is %+v", line, c)
		}
	}
}

func TestPromises(t *testing.T) {
	well := row{client: "c", settings: "recommended", tagged: "0"}
	with := func(settings, tagged string, c cost) row {
		r := well
		r.settings, r.tagged, r.handOvers = settings, tagged, []cost{c}
		return r
	}
	for _, test := range []struct {
		name string
		row  row
		want string
	}{
		{"kept", with("recommended", "0", cost{outage: time.Second, moved: 4, late: time.Second, doubt: 9, down: 9}), ""},
		{"lost by default", with("default", "7", cost{lost: 1}), "1 acknowledged writes lost"},
		{"the library's own affair", with("default", "7", cost{repeated: 3, outage: time.Minute, late: time.Minute}), ""},
		{"repeated", with("recommended", "0", cost{repeated: 3}), "3 increments repeated"},
		{"late", with("recommended", "0", cost{moved: 1, late: 3 * time.Second}), "MOVED errors 3s after"},
		{"long", with("recommended", "0", cost{outage: 11 * time.Second}), "no acknowledged write for 11s"},
		{"torn", with("recommended", "1", cost{}), "MGETs torn with a hash tag: 1"},
	} {
		got := fmt.Sprint(errors.Join(test.row.promises()))
		if test.want == "" && got != "<nil>" || !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %q", test.name, got, test.want)
		}
	}
}
