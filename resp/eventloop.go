package resp

import (
	"runtime"
	"time"
)

// step is what becomes of a connection that somebody has.
type step int

const (
	stepGoroutine step = iota // it needs a goroutine of its own
	stepBatch                 // it has a run for a batch
	stepParked                // it is parked, and nobody's
)

// maxReads is how often a connection is read from in a row; one that sends more without a call in it gets a goroutine.
const maxReads = 4

// advance brings a connection to its next run, if it can do so without waiting for anybody.
func (c *conn) advance() step {
	for range maxReads {
		if c.out.err != nil || c.ctx.Err() != nil || c.sess.closing || c.stale.isStale() || c.aborted() {
			return stepGoroutine
		}
		c.collect()
		switch {
		case len(c.run.calls) > 0 && c.srv.pause.active(c.run.kind == kindWrite) != nil:
			return stepGoroutine
		case len(c.run.calls) > 0:
			return stepBatch
		case !c.pending.empty():
			return stepGoroutine
		}
		if c.finishRun(); !c.writeMessagesUpTo(outboxAtOnce) || !c.out.flushNow(c.sock) || c.srv.isStopping() {
			return stepGoroutine
		}
		c.in.recycle()
		if c.sock.drained {
			if c.parkNow() {
				return stepParked
			}
			continue // something has happened: look at all again
		}
		switch err := c.readNow(); {
		case err == errAgain && c.parkNow():
			return stepParked
		case err != nil && err != errAgain:
			return stepGoroutine // whoever reads next finds the same
		}
		c.applySession()
	}
	return stepGoroutine
}

// schedule sees to a connection that the caller has: it joins a batch, is parked, or gets a goroutine.
func (s *Server) schedule(c *conn, to *batches) (kept bool) {
	switch c.advance() {
	case stepBatch:
		to.addRun(c)
	case stepGoroutine:
		go c.runOwned(c.loop)
	}
	return true
}

// pollLocked starts the poller, if it does not run; false when it cannot.
func (s *Server) pollLocked() bool {
	if s.open.poller != nil {
		return true
	}
	p, err := newPoller()
	if err != nil {
		s.o.Logger.Warn("clients get a goroutine each", "err", err)
		return false
	}
	s.open.poller = p
	s.open.batches.Go(func() { s.poll(p) })
	s.open.batches.Go(s.watchIdle)
	return true
}

// poll serves parked connections that have news, those that have them at the same time together, until p is closed.
func (s *Server) poll(p *poller) {
	var conns []*conn
	for {
		var err error
		if conns, err = p.waitReady(conns[:0]); err != nil {
			if !s.isStopping() {
				s.o.Logger.Error("clients cannot be waited for any more", "err", err)
			}
			return
		}
		var ready batches
		for _, c := range conns {
			c.runOwned(func() bool { return s.schedule(c, &ready) })
		}
		clear(conns)
		for _, b := range ready.all {
			s.open.batches.Go(func() { s.serveBatch(b) })
		}
		// Whoever has been served meanwhile comes along in the next round: others first.
		runtime.Gosched()
	}
}

// idleTick is how often parked connections are looked at that have been quiet.
const idleTick = 100 * time.Millisecond

// watchIdle ends parked connections that have been idle too long, and takes the buffers of those away that are quiet.
func (s *Server) watchIdle() {
	tick := time.NewTicker(idleTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		now, timeout := time.Now(), s.settings.load().timeout
		for _, c := range s.open.poller.watched() {
			quiet := now.Sub(time.Unix(0, c.activity.last.Load()))
			over := timeout > 0 && quiet >= timeout && !c.subscribed()
			if !over && (quiet < trimWait || c.activity.kept.Load() <= trimBytes) || !c.acquire() {
				continue
			}
			go c.runOwned(func() bool {
				if over && !c.listens() {
					return false
				}
				c.trim()
				return c.parkNow() || c.loop()
			})
		}
	}
}
