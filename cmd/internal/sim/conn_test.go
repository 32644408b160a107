package sim

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// halfBytes is how much one direction of a connection holds before its writer waits.
const halfBytes = 256 << 10

// half is one direction of a connection.
type half struct {
	n   *network
	w   *wire
	way way

	mu      sync.Mutex
	chunks  []chunk
	held    int       // bytes in chunks
	left    int       // bytes until the connection breaks; 0 is for ever
	ended   bool      // the writer has closed: EOF after the chunks
	unread  bool      // the reader has closed
	until   time.Time // nothing arrives before
	broken  bool
	changed chan struct{} // closed and replaced at every change
}

// chunk is a message on its way.
type chunk struct {
	b   []byte
	due time.Time
}

func newHalf(n *network, w *wire, on way) *half {
	return &half{n: n, w: w, way: on, changed: make(chan struct{})}
}

func (h *half) wakeLocked() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *half) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wakeLocked()
}

func (h *half) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = true
	h.wakeLocked()
}

// read takes bytes that have arrived. Without any, done is false and due says when to look again, if that is known.
func (h *half) read(b []byte) (n int, done bool, due time.Time, err error) {
	stalled := h.n.stalled(h.way)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.unread:
		return 0, true, due, net.ErrClosed
	case h.broken:
		return 0, true, due, syscall.ECONNRESET
	case len(b) == 0:
		return 0, true, due, nil
	case stalled:
		return 0, false, due, nil
	case time.Now().Before(h.until):
		return 0, false, h.until, nil
	case len(h.chunks) == 0:
		return 0, h.ended, due, io.EOF
	case time.Now().Before(h.chunks[0].due):
		return 0, false, h.chunks[0].due, nil
	}
	c := &h.chunks[0]
	n = copy(b, c.b)
	c.b = c.b[n:]
	if len(c.b) == 0 {
		h.chunks = h.chunks[1:]
	}
	if h.held -= n; h.held+n >= halfBytes {
		h.wakeLocked() // the writer waits
	}
	return n, true, due, nil
}

// write puts bytes on their way. n is 0 and done false when there is no room.
func (h *half) write(b []byte, delay time.Duration) (n int, done, cut bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken || h.ended || h.unread {
		return 0, true, false, syscall.EPIPE
	}
	if n = min(len(b), halfBytes-h.held); n <= 0 {
		return 0, false, false, nil
	}
	if h.left > 0 {
		n = min(n, h.left)
		if h.left -= n; h.left == 0 {
			cut = true
		}
	}
	due := time.Now().Add(delay)
	if last := len(h.chunks) - 1; last >= 0 && h.chunks[last].due.After(due) {
		due = h.chunks[last].due // one connection keeps its order
	}
	h.chunks = append(h.chunks, chunk{append([]byte(nil), b[:n]...), due})
	if h.held += n; len(h.chunks) == 1 {
		h.wakeLocked()
	}
	return n, true, cut, nil
}

// conn is one end of a connection.
type conn struct {
	in, out       *half
	local, remote address
	reads, writes deadline
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	for {
		expired := c.reads.wait()
		changed := c.in.next()
		n, done, due, err := c.in.read(b)
		if done {
			return n, err
		}
		var arrives <-chan time.Time
		if !due.IsZero() {
			t := time.NewTimer(time.Until(due))
			defer t.Stop()
			arrives = t.C
		}
		select {
		case <-arrives:
		case <-changed:
		case <-expired:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

func (h *half) next() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		expired := c.writes.wait()
		changed := c.out.next()
		n, done, cut, err := c.out.write(b, c.out.n.delay(c.out.way))
		written += n
		b = b[n:]
		switch {
		case err != nil:
			return written, err
		case cut:
			c.out.n.reset(c.out.w)
			return written, syscall.ECONNRESET
		case done:
			continue
		}
		select {
		case <-changed:
		case <-expired:
			return written, os.ErrDeadlineExceeded
		}
	}
	return written, nil
}

// Close implements net.Conn: the other side reads what was sent, then the end.
func (c *conn) Close() error {
	c.out.mu.Lock()
	c.out.ended = true
	c.out.wakeLocked()
	c.out.mu.Unlock()
	c.in.mu.Lock()
	c.in.unread = true
	c.in.wakeLocked()
	c.in.mu.Unlock()
	if c.out.gone() {
		c.out.n.forget(c.out.w)
	}
	return nil
}

// gone reports whether both sides have closed.
func (h *half) gone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended && h.unread
}

func (n *network) forget(w *wire) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.mu.conns, w)
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	c.reads.set(t)
	c.writes.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { c.reads.set(t); return nil }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { c.writes.set(t); return nil }

// deadline is a time after which a channel is closed.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	done  chan struct{}
}

// wait returns the channel that is closed once the deadline has passed.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
	}
	return d.done
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() || d.done == nil {
		d.done = make(chan struct{})
	}
	d.timer = nil
	if t.IsZero() {
		return
	}
	done := d.done
	d.timer = time.AfterFunc(time.Until(t), func() { close(done) })
}
