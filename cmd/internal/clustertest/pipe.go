package clustertest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBytes is how much one direction of a connection holds before its writer waits, like a socket's buffer.
const pipeBytes = 256 << 10

// newPipe returns the two ends of a connection that buffers, unlike net.Pipe. Its blocking is by channels alone, so
// that a synctest bubble can tell when everybody waits.
func newPipe(a, b net.Addr) (net.Conn, net.Conn) {
	ab, ba := newHalf(), newHalf()
	return &pipeEnd{in: ba, out: ab, local: a, remote: b}, &pipeEnd{in: ab, out: ba, local: b, remote: a}
}

// half is one direction.
type half struct {
	mu      sync.Mutex
	buf     []byte
	closed  bool
	changed chan struct{} // closed and replaced at every change
}

func newHalf() *half { return &half{changed: make(chan struct{})} }

func (h *half) wakeLocked() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		h.wakeLocked()
	}
}

// try runs step until it is done, waiting for changes in between, up to the deadline.
func (h *half) try(d *deadline, step func() (n int, done bool, err error)) (int, error) {
	for {
		expired := d.wait()
		h.mu.Lock()
		n, done, err := step()
		changed := h.changed
		h.mu.Unlock()
		if done {
			return n, err
		}
		select {
		case <-changed:
		case <-expired:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// pipeEnd is one end of a connection.
type pipeEnd struct {
	in, out       *half
	local, remote net.Addr
	read, write   deadline
}

// Read implements net.Conn.
func (p *pipeEnd) Read(b []byte) (int, error) {
	return p.in.try(&p.read, func() (int, bool, error) {
		if len(p.in.buf) > 0 {
			n := copy(b, p.in.buf)
			p.in.buf = p.in.buf[n:]
			p.in.wakeLocked()
			return n, true, nil
		}
		return 0, p.in.closed || len(b) == 0, io.EOF
	})
}

// Write implements net.Conn.
func (p *pipeEnd) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		n, err := p.out.try(&p.write, func() (int, bool, error) {
			if p.out.closed {
				return 0, true, io.ErrClosedPipe
			}
			n := min(len(b), pipeBytes-len(p.out.buf))
			if n > 0 {
				p.out.buf = append(p.out.buf, b[:n]...)
				p.out.wakeLocked()
			}
			return n, n > 0, nil
		})
		written += n
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// Close implements net.Conn: both directions end, and what was not read is lost to this end.
func (p *pipeEnd) Close() error {
	p.in.close()
	p.out.close()
	return nil
}

// LocalAddr implements net.Conn.
func (p *pipeEnd) LocalAddr() net.Addr { return p.local }

// RemoteAddr implements net.Conn.
func (p *pipeEnd) RemoteAddr() net.Addr { return p.remote }

// SetDeadline implements net.Conn.
func (p *pipeEnd) SetDeadline(t time.Time) error {
	p.read.set(t)
	p.write.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (p *pipeEnd) SetReadDeadline(t time.Time) error { p.read.set(t); return nil }

// SetWriteDeadline implements net.Conn.
func (p *pipeEnd) SetWriteDeadline(t time.Time) error { p.write.set(t); return nil }

// deadline is a time after which a channel is closed.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	done  chan struct{}
}

// wait returns the channel that is closed once the deadline set now or later has passed.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.channelLocked()
}

func (d *deadline) channelLocked() chan struct{} {
	if d.done == nil {
		d.done = make(chan struct{})
	}
	return d.done
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	done := d.channelLocked()
	select {
	case <-done: // it had passed: who waits from now on waits anew
		done = make(chan struct{})
		d.done = done
	default:
	}
	switch left := time.Until(t); {
	case t.IsZero():
	case left <= 0:
		close(done)
	default:
		d.timer = time.AfterFunc(left, func() { d.expire(done) })
	}
}

func (d *deadline) expire(done chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done != done {
		return
	}
	select {
	case <-done:
	default:
		close(done)
	}
}
