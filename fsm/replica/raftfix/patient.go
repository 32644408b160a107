package raftfix

import (
	"context"
	"net"
	"sync"
	"time"
)

// patientConn is a raft link whose deadlines bound how long it stands still, not how long an exchange takes:
// hashicorp/raft sets them once for a whole request, and a request may be many entries on a slow network. Every byte
// that moves, in either direction, moves the deadlines; an answer may be late because the question is still on its
// way.
type patientConn struct {
	net.Conn
	forget func() bool // called once it is closed

	mu struct {
		sync.Mutex
		read, write time.Duration // what was set last; 0 is none
	}
}

// Patient returns c with deadlines that bound how long it stands still. It is closed when ctx ends.
func Patient(ctx context.Context, c net.Conn) net.Conn {
	return &patientConn{Conn: c, forget: context.AfterFunc(ctx, func() { _ = c.Close() })}
}

// patientPiece is how much is written at a time: a write of more would have to be through within one wait.
const patientPiece = 64 << 10

// SetDeadline implements net.Conn.
func (c *patientConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.read, c.mu.write = until(t), until(t)
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.read = until(t)
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.write = until(t)
	return c.Conn.SetWriteDeadline(t)
}

func until(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return time.Until(t)
}

// moved begins the waits anew. A deadline that lies in the past is meant to end the link, and stays.
func (c *patientConn) moved() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.mu.read > 0 {
		_ = c.Conn.SetReadDeadline(now.Add(c.mu.read)) // an error shows at the next read
	}
	if c.mu.write > 0 {
		_ = c.Conn.SetWriteDeadline(now.Add(c.mu.write))
	}
}

// Close implements net.Conn.
func (c *patientConn) Close() error {
	c.forget()
	return c.Conn.Close()
}

// Read implements net.Conn.
func (c *patientConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.moved()
	}
	return n, err
}

// Write implements net.Conn.
func (c *patientConn) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = c.Conn.Write(p[n:min(len(p), n+patientPiece)])
		if n += k; k > 0 {
			c.moved()
		}
	}
	return n, err
}
