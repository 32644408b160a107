package resp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller watches the sockets of parked connections, all of them by one epoll instance. That instance is itself
// watched by Go's network poller, so that its goroutine waits like any other and keeps no thread.
//
// Go's poller goes on to watch the sockets too: a connection that leaves the poller's care reads and writes as ever.
type poller struct {
	epoll *os.File
	raw   syscall.RawConn
	ready [maxReady]unix.EpollEvent // wait's

	mu struct {
		sync.Mutex
		conns map[int64]*conn // all that were ever parked, and are not at their end
	}
}

// maxReady is how many sockets one look finds ready at the most.
const maxReady = 256

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for os.NewFile, which then gives it to Go's poller
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	p := &poller{epoll: os.NewFile(uintptr(fd), "epoll")}
	p.mu.conns = make(map[int64]*conn)
	if p.raw, err = p.epoll.SyscallConn(); err != nil {
		return nil, errors.Join(err, p.epoll.Close())
	}
	return p, nil
}

// closeEpoll ends wait.
func (p *poller) closeEpoll() { _ = p.epoll.Close() } // nothing is lost with it

// watch begins to watch a connection. Bytes that are there already count as news.
func (p *poller) watch(c *conn) error {
	p.mu.Lock()
	p.mu.conns[c.id] = c
	p.mu.Unlock()
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(c.id), Pad: int32(c.id >> 32)}
	var failed error
	err := p.raw.Control(func(epoll uintptr) {
		failed = c.sock.raw.Control(func(fd uintptr) {
			failed = os.NewSyscallError("epoll_ctl", unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, int(fd), &event))
		})
	})
	return errors.Join(err, failed)
}

// remove forgets a connection; its socket leaves the epoll instance when it is closed.
func (p *poller) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.conns, c.id)
}

// watched returns the connections.
func (p *poller) watched() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	conns := make([]*conn, 0, len(p.mu.conns))
	for _, c := range p.mu.conns {
		conns = append(conns, c)
	}
	return conns
}

// waitReady returns connections that have news and were parked: they are the caller's now. It returns an error once p
// is closed.
func (p *poller) waitReady(conns []*conn) ([]*conn, error) {
	var n int
	var failed error
	err := p.raw.Read(func(epoll uintptr) bool {
		n, failed = unix.EpollWait(int(epoll), p.ready[:], 0)
		return n > 0 || failed != nil && failed != unix.EINTR
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.ready[:n] {
		c := p.mu.conns[int64(e.Pad)<<32|int64(uint32(e.Fd))]
		if c != nil && c.acquire() {
			c.sock.drained = false
			c.sock.ending = e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
			conns = append(conns, c)
		}
	}
	return conns, nil
}

// socket reads and writes what a connection takes at once, and never waits. Only who has the connection uses it.
type socket struct {
	raw     syscall.RawConn
	drained bool // there was nothing more to read; what comes after is news to the poller
	ending  bool // the other end sends no more, or the connection is broken: to be read up to there

	read, write func(fd uintptr) bool // tryRead and tryWrite, made once
	p           []byte
	n           int
	err         error
}

// newSocket returns nil where it cannot be done.
func newSocket(nc net.Conn) *socket {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{raw: raw}
	s.read, s.write = s.tryRead, s.tryWrite
	return s
}

// Read implements io.Reader, but returns errAgain in the place of waiting.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.do(s.raw.Read, s.read, p)
	s.drained = n < len(p) && !s.ending
	if n == 0 && err == nil && len(p) > 0 {
		return 0, io.EOF
	}
	return n, err
}

// Write writes as much as it can without waiting, and returns errAgain when that is not all.
func (s *socket) Write(p []byte) (int, error) {
	n, err := s.do(s.raw.Write, s.write, p)
	if n < len(p) && err == nil {
		err = errAgain
	}
	return n, err
}

// do returns how many bytes there were: none with an error, for which the system's own answer is -1.
func (s *socket) do(how func(func(uintptr) bool) error, try func(uintptr) bool, p []byte) (int, error) {
	s.p = p
	err := how(try)
	s.p = nil
	switch {
	case err != nil:
		return 0, err
	case s.err == syscall.EAGAIN:
		return 0, errAgain
	case s.err != nil:
		return 0, s.err
	}
	return s.n, nil
}

func (s *socket) tryRead(fd uintptr) bool {
	s.n, s.err = syscall.Read(int(fd), s.p)
	return s.err != syscall.EINTR || s.tryRead(fd)
}

func (s *socket) tryWrite(fd uintptr) bool {
	s.n, s.err = syscall.Write(int(fd), s.p)
	return s.err != syscall.EINTR || s.tryWrite(fd)
}
