package resp

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"cairn/fsm/replica"
)

// Bounds of a server that only says that the node is loading.
const (
	loadingClients = 64               // that are heard at a time; others wait in the system's queue
	loadingIdle    = 10 * time.Second // that one of them may be silent
)

// ServeLoading answers clients of ln that this node is loading, and why, until ctx ends; then it has let go of ln,
// which goes on listening. Nodes that connect are cut off: they try again. A listener without deadlines is left
// alone.
func ServeLoading(ctx context.Context, ln net.Listener, why string) {
	l, ok := ln.(interface {
		net.Listener
		SetDeadline(time.Time) error
	})
	if !ok {
		return
	}
	var clients sync.WaitGroup
	defer clients.Wait()
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		_ = l.SetDeadline(time.Unix(1, 0)) // Accept returns, with this error or another
	})
	defer func() {
		if !stop() {
			<-told                         // or the deadline would be set after all
			_ = l.SetDeadline(time.Time{}) // who accepts next finds out
		}
	}()
	room := make(chan struct{}, loadingClients)
	for ctx.Err() == nil {
		room <- struct{}{}
		nc, err := l.Accept()
		if err != nil {
			<-room
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		clients.Go(func() {
			defer func() { <-room }()
			sayLoading(ctx, nc, why)
		})
	}
}

// sayLoading answers one client until it leaves or ctx ends.
func sayLoading(ctx context.Context, nc net.Conn, why string) {
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	in := newParser(limits{bulk: minBulkLen, buffer: minBulkLen})
	for first := true; ; first = false {
		nc.SetDeadline(time.Now().Add(loadingIdle))
		if n, err := in.fill(nc); n == 0 || err != nil || first && in.buf[0] == replica.Preface[0] {
			return
		}
		var out []byte
		argv, err := in.nextCall()
		for ; argv != nil; argv, err = in.nextCall() {
			out = appendLoading(out, argv, why)
		}
		if err != nil { // it is wrong, or longer than what is read of it
			out = appendLoading(out, nil, why)
		}
		in.recycle()
		if _, failed := nc.Write(out); failed != nil || err != nil {
			return
		}
	}
}

// appendLoading appends the answer to a call: INFO says that the node is loading, all else is refused.
func appendLoading(out []byte, argv [][]byte, why string) []byte {
	if len(argv) > 0 && strings.EqualFold(string(argv[0]), "INFO") {
		info := "# Persistence\r\nloading:1\r\n"
		return append(append(appendHead(out, '$', len(info)), info...), "\r\n"...)
	}
	return appendLine(out, '-', []byte("LOADING "+why))
}
