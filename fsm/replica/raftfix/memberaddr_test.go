package raftfix

import "testing"

// TestMemberAddr: what the library takes for an address holds both parts.
func TestMemberAddr(t *testing.T) {
	for _, m := range []MemberAddr{{"n1", "127.0.0.1:1"}, {"a/b", "[::1]:1"}, {"", "a:1"}} {
		if got := ParseMemberAddr(m.String()); got != m {
			t.Errorf("%+v came back as %+v", m, got)
		}
	}
}
