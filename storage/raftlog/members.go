package raftlog

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// Members describes the members in the bytes of a membership, a configuration entry's Data or a snapshot record's
// Config: "n1 127.0.0.1:7001 Voter". Bytes that are no membership give an error.
func Members(config []byte) (members []string, err error) {
	defer func() {
		if p := recover(); p != nil { // raft.DecodeConfiguration panics
			err = fmt.Errorf("%w: membership: %v", ErrCorrupt, p)
		}
	}()
	for _, s := range raft.DecodeConfiguration(config).Servers {
		members = append(members, fmt.Sprintf("%s %s %s", s.ID, s.Address, s.Suffrage))
	}
	return members, nil
}

// Entry is a log entry as Raft knows it, for those who may not name Raft's types.
type Entry = raft.Log
