package console

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestReader(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     reply
	}{
		{"status", "+OK\r\n", reply{kind: '+', text: "OK"}},
		{"error", "-ERR x\r\n", reply{kind: '-', text: "ERR x"}},
		{"integer", ":-12\r\n", reply{kind: ':', text: "-12"}},
		{"bulk", "$4\r\na\r\nb\r\n", reply{kind: '$', text: "a\r\nb"}},
		{"null bulk", "$-1\r\n", reply{kind: '$', null: true}},
		{"null array", "*-1\r\n", reply{kind: '*', null: true}},
		{"null", "_\r\n", reply{kind: '_', null: true}},
		{"verbatim", "=7\r\ntxt:a:b\r\n", reply{kind: '=', text: "a:b"}},
		{"blob error", "!5\r\nERR x\r\n", reply{kind: '!', text: "ERR x"}},
		{"boolean", "#t\r\n", reply{kind: '#', text: "t"}},
		{"array", "*2\r\n+a\r\n*0\r\n", reply{kind: '*', elems: []reply{
			{kind: '+', text: "a"}, {kind: '*', elems: []reply{}}}}},
		{"map", "%1\r\n+a\r\n:1\r\n", reply{kind: '%', elems: []reply{{kind: '+', text: "a"}, {kind: ':', text: "1"}}}},
		{"attribute", "|1\r\n+a\r\n:1\r\n+x\r\n", reply{kind: '+', text: "x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := newReplyReader(strings.NewReader(tc.in)).next()
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %+v, %v", got, err)
			}
			for i := 1; i < len(tc.in); i++ {
				if got, err := newReplyReader(strings.NewReader(tc.in[:i])).next(); err == nil {
					t.Errorf("the first %d bytes read as %+v", i, got)
				}
			}
		})
	}
}

func TestReaderBounds(t *testing.T) {
	for name, in := range map[string]string{
		"empty line":      "\r\n",
		"bare newline":    "+a\n",
		"unknown type":    "?1\r\n",
		"integer":         ":1x\r\n",
		"boolean":         "#x\r\n",
		"length":          "$x\r\n",
		"negative length": "$-2\r\n",
		"huge bulk":       "$9223372036854775807\r\nx\r\n",
		"huge array":      "*9223372036854775807\r\n",
		"streamed":        "*?\r\n",
		"bulk end":        "$1\r\nabc\r\n",
		"verbatim":        "=2\r\nab\r\n",
		"long line":       "+" + strings.Repeat("a", maxLineBytes) + "\r\n",
		"depth":           strings.Repeat("*1\r\n", maxReplyDepth+1) + "+a\r\n",
		"attribute depth": strings.Repeat("|0\r\n", maxReplyDepth+2) + "+a\r\n",
		"budget":          fmt.Sprintf("*3\r\n$%d\r\n", maxBulkBytes) + strings.Repeat("a", 10),
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplyReader(strings.NewReader(in))
			_, err := r.next()
			if name == "budget" { // the bulk is cut; its bytes count from the header on
				if !errors.Is(err, io.ErrUnexpectedEOF) || r.budget > maxReplyBytes-maxBulkBytes {
					t.Errorf("error %v, budget %d", err, r.budget)
				}
				return
			}
			if !errors.Is(err, errProtocol) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestReaderBudget reads a reply that is small in every part and too large in all.
func TestReaderBudget(t *testing.T) {
	r := newReplyReader(strings.NewReader(strings.Repeat("+a\r\n", 100)))
	r.budget = 10 * elementBytes
	n := 0
	for ; n < 100; n++ {
		if _, err := r.value(0); err != nil {
			if !errors.Is(err, errProtocol) {
				t.Errorf("error %v", err)
			}
			break
		}
	}
	if n == 0 || n == 100 {
		t.Errorf("%d elements read", n)
	}
}

// FuzzReader checks that no input makes the reader or the formatter panic, and that both formats end a line.
func FuzzReader(f *testing.F) {
	f.Add("*2\r\n%1\r\n+a\r\n~1\r\n,1.5\r\n$-1\r\n")
	f.Add("*1\r\n$9223372036854775807\r\nx\r\n")
	f.Add("|1\r\n+a\r\n:1\r\n=7\r\ntxt:a:b\r\n")
	f.Add("*3\r\n#t\r\n_\r\n!3\r\nERR\r\n(123\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		rep, err := newReplyReader(strings.NewReader(in)).next()
		if err != nil {
			return
		}
		for _, raw := range []bool{false, true} {
			out := appendReply(nil, []string{"GET"}, rep, raw)
			if len(out) == 0 || out[len(out)-1] != '\n' {
				t.Errorf("%q is printed as %q", in, out)
			}
		}
	})
}
