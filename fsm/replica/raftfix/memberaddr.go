package raftfix

import (
	"strings"

	"github.com/hashicorp/raft"
)

// MemberAddr is a member and an address to look for it. As text it is what hashicorp/raft takes for the member's
// address, where it pools links and remembers votes: to it, one member is not another one that comes to the same
// address.
type MemberAddr struct{ ID, Addr string }

// String returns the text.
func (m MemberAddr) String() string { return m.ID + "/" + m.Addr }

// ParseMemberAddr reads what String writes; an address has no slash.
func ParseMemberAddr(s string) MemberAddr {
	i := strings.LastIndexByte(s, '/')
	return MemberAddr{s[:max(i, 0)], s[i+1:]}
}

// Located is where the configuration says that a member is.
func Located(s raft.Server) MemberAddr { return MemberAddr{string(s.ID), string(s.Address)} }
