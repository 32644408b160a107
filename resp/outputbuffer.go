package resp

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what is kept for clients that send without reading. A client library may write a whole pipeline before it
// reads the first reply; were its calls read no further once the kernel's buffers are full, both ends would wait for
// ever.
const (
	stallWait         = 20 * time.Millisecond // a write that takes longer is finished behind the connection's back
	outputBufferBytes = 32 << 20              // for one client
	outputBufferTotal = 256 << 20             // for all clients of a server
)

// outputBuffer writes to a connection what the client is too slow to take at once, in a goroutine that lives while
// there is something left. At its bound the writer waits.
type outputBuffer struct {
	nc      net.Conn
	total   *atomic.Int64 // bytes in all output buffers of the server
	account func(n int64) // is told how many bytes more wait for the client; it is called without the lock, or with less

	size atomic.Int64 // bytes in this one

	mu       sync.Mutex // held by who has the connection while he writes
	moved    sync.Cond  // size became less, or err was set
	buf      []byte     // not yet taken by writeRest
	draining bool
	err      error
}

func newOutputBuffer(nc net.Conn, total *atomic.Int64, hold func(int64)) *outputBuffer {
	b := &outputBuffer{nc: nc, total: total, account: hold}
	b.moved.L = &b.mu
	return b
}

// Write writes p or keeps it for later; p is the caller's again when it returns.
func (b *outputBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	if !b.draining && b.err == nil {
		n = b.writeLocked(p)
	}
	if n == len(p) || b.err != nil {
		return n, b.err
	}
	return len(p), b.bufferLocked(p[n:], int64(len(p)))
}

// writeNow writes what the client takes without waiting, if nothing waits for it already.
func (b *outputBuffer) writeNow(s *socket, p []byte) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.draining || b.err != nil {
		return 0
	}
	n, err := s.Write(p)
	if err != nil && err != errAgain {
		b.err = err
	}
	return n
}

// writeLocked writes what the client takes at once.
func (b *outputBuffer) writeLocked(p []byte) int {
	b.nc.SetWriteDeadline(time.Now().Add(stallWait))
	n, err := b.nc.Write(p)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		b.err = err
	}
	return n
}

// bufferLocked leaves p to writeRest as soon as there is room. When p is too long for that, or there is too much in all
// the output buffers, it writes p itself, however long that takes; whole is how much memory p is a part of.
func (b *outputBuffer) bufferLocked(p []byte, whole int64) error {
	n := int64(len(p))
	for b.err == nil && b.size.Load() > 0 && (b.full(n) || b.size.Load()+n > outputBufferBytes) {
		b.moved.Wait()
	}
	if b.err != nil {
		return b.err
	}
	if b.full(n) {
		b.nc.SetWriteDeadline(time.Time{})
		b.account(whole)
		_, b.err = b.nc.Write(p)
		b.account(-whole)
		return b.err
	}
	b.buf = append(b.buf, p...)
	b.addSize(n)
	if !b.draining {
		b.draining = true
		b.nc.SetWriteDeadline(time.Time{})
		go b.writeRest()
	}
	return nil
}

func (b *outputBuffer) full(n int64) bool {
	return n > outputBufferBytes/4 || b.total.Load()+n > outputBufferTotal
}

func (b *outputBuffer) addSize(n int64) {
	b.size.Add(n)
	b.total.Add(n)
	b.account(n)
}

// writeRest writes the output buffer until it is empty or the connection breaks; awaitWritten waits for it.
func (b *outputBuffer) writeRest() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.buf) > 0 && b.err == nil {
		p := b.buf
		b.buf = nil
		b.mu.Unlock()
		_, err := b.nc.Write(p)
		b.mu.Lock()
		b.err = err
		b.addSize(-int64(len(p)))
		b.moved.Broadcast()
	}
	b.addSize(-int64(len(b.buf)))
	b.buf, b.draining = nil, false
	b.moved.Broadcast()
}

// awaitWritten returns when nothing is left, or the connection is broken; at the latest when wait is over. Nothing is
// written after it.
func (b *outputBuffer) awaitWritten(wait time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nc.SetWriteDeadline(time.Now().Add(wait))
	for b.draining {
		b.moved.Wait()
	}
	return b.err
}
