package resp

import (
	"strings"
	"testing"
)

// TestSummaries: every row says in words of its own what it does, without a full stop, and what it costs.
func TestSummaries(t *testing.T) {
	for _, row := range Rows() {
		for _, s := range append(row.Subs, row) {
			if s.Summary == "" || strings.HasSuffix(s.Summary, ".") || s.Cost == "" {
				t.Errorf("%s %s: summary %q, cost %q", row.Name, s.Name, s.Summary, s.Cost)
			}
		}
	}
}

// TestRoutes: every row and subcommand that a client can call has a route.
func TestRoutes(t *testing.T) {
	s := NewServer(Options{Backend: &fakeBackend{}})
	for _, row := range s.table.All() {
		names := [][][]byte{{[]byte(row.Name)}}
		for _, sub := range row.Subs {
			names = append(names, [][]byte{[]byte(row.Name), []byte(sub.Name)})
		}
		for _, argv := range names {
			full := string(argv[0])
			if len(argv) == 1 && len(row.Subs) > 0 && row.Exec == nil {
				continue
			}
			for len(argv) < 30 { // some number of arguments fits
				if spec, err := s.table.Resolve(argv); err == nil {
					if s.routes[spec] == nil {
						t.Errorf("%s has no route", full)
					}
					break
				}
				argv = append(argv, []byte("x"))
			}
		}
	}
}
