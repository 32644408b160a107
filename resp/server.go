package resp

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"cairn/fsm/command"
)

// Server answers clients on the connections of its listeners and hands links between nodes to its Backend.
type Server struct {
	o                 Options
	table             *command.Table
	routes            map[*command.Spec]*route
	transactionRoutes map[string]*route // see transactionRoutes
	settings          settingsBox
	clients           registry
	pause             pause
	audience          audience
	stats             stats
	start             time.Time
	outputBuffers     atomic.Int64 // bytes in the output buffers of all clients
	memory            clientMemory
	listWait          time.Duration // see defaultListWait

	ctx    context.Context // of every connection; its end means: at once
	cancel context.CancelFunc
	open   struct {
		sync.Mutex
		listeners map[net.Listener]struct{}
		stopping  chan struct{} // closed when Shutdown begins
		stopped   bool
		conns     sync.WaitGroup
		poller    *poller        // made for the first connection that can be parked, and never replaced
		batches   sync.WaitGroup // the poller's goroutines, and those of batches
	}
}

// NewServer returns a server that serves nothing yet. It panics when o is not valid.
func NewServer(o Options) *Server {
	if err := o.Validate(); err != nil {
		panic(err)
	}
	o = o.withDefaults()
	s := &Server{o: o, table: command.NewTable(command.Rows(), localRows()), start: time.Now(), listWait: defaultListWait}
	s.routes, s.transactionRoutes = newRoutes(s.table), transactionRoutes()
	s.settings.now.Store(&settings{
		maxClients: o.MaxClients, maxBulk: o.ProtoMaxBulkLen, requirePass: o.RequirePass, protected: !o.Unprotected,
		queryBuffer: 1 << 30, clientMemory: defaultClientMemory, keepAlive: 300 * time.Second, logLevel: "notice",
		encodings: command.DefaultEncodings,
	})
	if o.LogLevel != nil {
		s.settings.load().logLevel = logLevelName(o.LogLevel.Level())
	}
	s.stats.rate.at = s.start
	s.clients.init()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.open.listeners = make(map[net.Listener]struct{})
	s.open.stopping = make(chan struct{})
	return s
}

// Serve accepts connections until Shutdown, then it returns nil, or until ln fails for good. It closes ln.
func (s *Server) Serve(ln net.Listener) error {
	defer ln.Close()
	if !s.addListener(ln) {
		return nil
	}
	defer s.removeListener(ln)
	for wait := time.Duration(0); ; {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			wait = 0
			s.accept(nc)
			continue
		case s.isStopping():
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		}
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		s.o.Logger.Warn("cannot accept a connection", "err", err, "dur", wait)
		select {
		case <-time.After(wait):
		case <-s.open.stopping:
		}
	}
}

// accept serves a connection in a goroutine of its own, unless the server is stopping.
func (s *Server) accept(nc net.Conn) {
	s.open.Lock()
	defer s.open.Unlock()
	if s.open.stopped {
		nc.Close()
		return
	}
	c := newConn(s, nc)
	s.stats.connections.Add(1)
	stranger, ok := s.clients.register(c, s.settings.load().maxClients)
	if !ok {
		s.stats.refused.Add(1)
		c.kill()
		return
	}
	if c.sock != nil && !s.pollLocked() {
		c.sock = nil
	}
	s.open.conns.Add(1)
	go c.runOwned(func() bool { return c.serve(stranger) })
}

// Shutdown stops accepting, lets every client finish what it has sent, closes the connections, node links last, and
// waits for all of them. When ctx ends first, it cuts them off, and returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	done := make(chan struct{})
	go func() { s.open.conns.Wait(); close(done) }()
	var err error
	select {
	case <-s.clients.drainClients():
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.cancel()
	s.clients.closeAll()
	<-done
	if s.open.poller != nil {
		s.open.poller.closeEpoll()
	}
	s.open.batches.Wait()
	return err
}

func (s *Server) stop() {
	s.open.Lock()
	defer s.open.Unlock()
	if s.open.stopped {
		return
	}
	s.open.stopped = true
	close(s.open.stopping)
	for ln := range s.open.listeners {
		ln.Close()
	}
}

func (s *Server) isStopping() bool {
	select {
	case <-s.open.stopping:
		return true
	default:
		return false
	}
}

func (s *Server) addListener(ln net.Listener) bool {
	s.open.Lock()
	defer s.open.Unlock()
	if !s.open.stopped {
		s.open.listeners[ln] = struct{}{}
	}
	return !s.open.stopped
}

func (s *Server) removeListener(ln net.Listener) {
	s.open.Lock()
	defer s.open.Unlock()
	delete(s.open.listeners, ln)
}
