package command

import (
	"slices"
	"strings"
	"testing"
)

// TestSortBounds: what would take too much memory or time is an error, and leaves no trace.
func TestSortBounds(t *testing.T) {
	txn, table := beginAt(t), NewTable(Rows())
	call := func(line ...string) int64 {
		answer, err := table.Apply(Env{Now: testNow, Version: 2}, txn, words(line))
		if err != nil {
			t.Fatal(err)
		}
		return answer.Int
	}
	members := numberedMembers(200)
	call(slices.Concat([]string{"sadd", "s"}, members)...)
	call(slices.Concat([]string{"rpush", "l"}, members)...)
	least := 200*elemBytes + len(strings.Join(members, ""))
	for _, test := range []struct {
		call string
		most sortBounds
		want error
	}{
		{"l alpha", sortBounds{199, 1 << 20}, errSortElements},
		{"l alpha", sortBounds{200, 1 << 20}, nil},
		{"l alpha limit 0 1", sortBounds{199, 1 << 20}, errSortElements},
		{"l by nosort limit 190 10", sortBounds{10, 1 << 20}, nil},
		{"l by nosort limit 189 11", sortBounds{10, 1 << 20}, errSortElements},
		{"s by nosort limit 9 1", sortBounds{10, 1 << 20}, nil},
		{"s by nosort limit 10 1", sortBounds{10, 1 << 20}, errSortElements},
		{"l alpha", sortBounds{200, least - 1}, errSortBytes},
		{"l alpha", sortBounds{200, least}, nil},
		{"l by x*", sortBounds{200, least + 200*elemBytes}, nil},
		{"l by x*", sortBounds{200, least + 200*elemBytes - 1}, errSortBytes},
		{"l alpha limit 0 1 get x* get y", sortBounds{200, least + 2*elemBytes}, nil},
		{"l alpha limit 0 1 get x* get y", sortBounds{200, least + 2*elemBytes - 1}, errSortBytes},
	} {
		for _, store := range []bool{false, true} {
			argv := words(strings.Fields("sort " + test.call))
			if store {
				argv = append(argv, []byte("store"), []byte("to"))
			}
			q, err := parseSort(argv)
			if err != nil {
				t.Fatal(err)
			}
			_, err = runSort(test.most)(Env{Now: testNow, Version: 2}, txn, q)
			want := test.want
			if store && test.call[0] == 's' {
				want = errSortElements // a set is sorted before it is stored
			}
			if err != want {
				t.Errorf("%s within %v: %v, want %v", test.call, test.most, err, want)
			}
			if stored := call("del", "to") > 0; stored != (store && err == nil) {
				t.Errorf("%s within %v: stored %t, %v", test.call, test.most, stored, err)
			}
		}
	}
}
