package command

import (
	"bytes"
	"fmt"
	"testing"
)

// TestFinder: what came before makes no difference to what a call is found to be.
func TestFinder(t *testing.T) {
	table := NewTable(Rows())
	var f Finder
	for _, call := range []string{
		"set k v", "set k v", "SET k v", "set k v px 5", "set k", "set k v", "get k", "set k v", "object encoding k", "encoding k",
		"object freq k", "object", "freq k", "nosuch k", "get k", "nosuch k", "", "get k", "get k v", "strlen k", "get k",
	} {
		argv := bytes.Fields([]byte(call))
		want, wantErr := table.Row(argv)
		got, err := f.Row(table, argv)
		if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%q: %v, %v; want %v, %v", call, got, err, want, wantErr)
		}
	}
}
