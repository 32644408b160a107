#!/usr/bin/env bash
# Guess: in hashicorp/raft a server votes once a term, for a server ID; a second candidate of that term is turned away.
# So it is: the vote is remembered by the candidate's address. Another server ID that asks from that address in the same term is
# taken for the first one asking again and is granted the vote, with a log that is empty where the first one's was not. Two servers
# that exchange their addresses, as containers do that start in another order, can so both hold a vote of one term.
# Seen 2026-12-01 with hashicorp/raft 1.8.0. A transport whose EncodePeer writes the ID beside the address mends it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26

require github.com/hashicorp/raft v1.8.0
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hashicorp/raft"
)

func main() {
	c := raft.DefaultConfig()
	c.LocalID, c.LogOutput = "s1", io.Discard
	c.HeartbeatTimeout, c.ElectionTimeout = time.Hour, time.Hour // it only votes
	store, snapshots := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
	_, at1 := raft.NewInmemTransport("address-1")
	members := raft.Configuration{Servers: []raft.Server{
		{ID: "s1", Address: "address-1"}, {ID: "s2", Address: "address-2"}, {ID: "s3", Address: "address-3"},
	}}
	if err := raft.BootstrapCluster(c, store, store, snapshots, at1, members); err != nil {
		panic(err)
	}
	r, err := raft.NewRaft(c, &raft.MockFSM{}, store, store, snapshots, at1)
	if err != nil {
		panic(err)
	}
	defer r.Shutdown()
	_, candidates := raft.NewInmemTransport("candidates")
	candidates.Connect("address-1", at1)
	ask := func(id, address string, lastIndex, lastTerm uint64) bool {
		header := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(id), Addr: []byte(address)}
		request := raft.RequestVoteRequest{RPCHeader: header, Term: 7, LastLogIndex: lastIndex, LastLogTerm: lastTerm}
		var answer raft.RequestVoteResponse
		if err := candidates.RequestVote("s1", "address-1", &request, &answer); err != nil {
			panic(err)
		}
		fmt.Printf("term 7, candidate %s at %s, log up to %d: vote granted %v\n", id, address, lastIndex, answer.Granted)
		return answer.Granted
	}
	first := ask("s2", "address-2", 9, 6)
	elsewhere := ask("s3", "address-3", 9, 6)
	moved := ask("s3", "address-2", 0, 0)
	if !first || elsewhere || !moved {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
go mod tidy >/dev/null 2>&1
echo "hashicorp/raft $(go list -m -f '{{.Version}}' github.com/hashicorp/raft)"
go run .
