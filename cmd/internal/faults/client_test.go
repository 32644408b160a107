//go:build linux

package faults

import (
	"fmt"
	"net"
	"strings"
	"time"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

// opLimit is how long a client waits for an answer before its write is in doubt. It is above --election-wait.
const opLimit = 3 * time.Second

// client is a redistest.Client whose operations may end sooner.
type client struct {
	*redistest.Client
	conn net.Conn
}

// hasty is a connection on which nothing takes longer than limit.
type hasty struct {
	net.Conn
	limit time.Duration
}

// SetReadDeadline implements net.Conn.
func (h hasty) SetReadDeadline(time.Time) error {
	return h.Conn.SetReadDeadline(time.Now().Add(h.limit))
}

// SetWriteDeadline implements net.Conn.
func (h hasty) SetWriteDeadline(time.Time) error {
	return h.Conn.SetWriteDeadline(time.Now().Add(h.limit))
}

func dial(addr string, limit time.Duration) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, min(limit, time.Second))
	if err != nil {
		return nil, err
	}
	return &client{redistest.NewClient(hasty{conn, limit}), conn}, nil
}

// fate is what became of an operation as its client sees it.
type fate int

const (
	refused fate = iota // certainly not done
	done
	unknown
)

// fateOf says what an answer means, and the leader's address where the answer names it.
func fateOf(r reply.Reply, err error) (f fate, leader string, wrong error) {
	if err != nil {
		return unknown, "", nil
	}
	if r.Kind != reply.Error {
		return done, "", nil
	}
	text := string(r.Str)
	switch word, _, _ := strings.Cut(text, " "); word {
	case "INDOUBT":
		return unknown, "", nil
	case "MOVED":
		return refused, text[strings.LastIndexByte(text, ' ')+1:], nil
	case "CLUSTERDOWN", "LOADING":
		return refused, "", nil
	}
	return refused, "", fmt.Errorf("an answer that no fault explains: %s", text)
}
