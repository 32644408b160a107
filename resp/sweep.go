package resp

import (
	"runtime"
	"time"
)

// step is what becomes of a connection that somebody has.
type step int

const (
	stepAlone step = iota // it needs a goroutine of its own
	stepBatch             // it has a run for a batch
	stepRest              // it is parked, and nobody's
)

// maxReads is how often a connection is read from in a row; one that sends more without a call in it gets a goroutine.
const maxReads = 4

// advance brings a connection to its next run, if it can do so without waiting for anybody.
func (c *conn) advance() step {
	for range maxReads {
		if c.out.err != nil || c.ctx.Err() != nil || c.sess.closing || c.astray.lost() || c.torn() {
			return stepAlone
		}
		c.collect()
		switch {
		case len(c.run.calls) > 0 && c.srv.pause.active(c.run.kind == kindWrite) != nil:
			return stepAlone
		case len(c.run.calls) > 0:
			return stepBatch
		case !c.stash.empty():
			return stepAlone
		}
		if c.settled(); !c.drainUpTo(outboxAtOnce) || !c.out.flushNow(c.sock) || c.srv.isStopping() {
			return stepAlone
		}
		c.in.recycle()
		if c.sock.drained {
			if c.parkNow() {
				return stepRest
			}
			continue // something has happened: look at all again
		}
		switch err := c.readNow(); {
		case err == errAgain && c.parkNow():
			return stepRest
		case err != nil && err != errAgain:
			return stepAlone // whoever reads next finds the same
		}
		c.applySession()
	}
	return stepAlone
}

// place sees to a connection that the caller has: it joins a batch, is parked, or gets a goroutine.
func (s *Server) place(c *conn, to *batches) (kept bool) {
	switch c.advance() {
	case stepBatch:
		to.add(c)
	case stepAlone:
		go c.tend(c.loop)
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
		if conns, err = p.wait(conns[:0]); err != nil {
			if !s.isStopping() {
				s.o.Logger.Error("clients cannot be waited for any more", "err", err)
			}
			return
		}
		var ready batches
		for _, c := range conns {
			c.tend(func() bool { return s.place(c, &ready) })
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
		for _, c := range s.open.poller.all() {
			quiet := now.Sub(time.Unix(0, c.seen.last.Load()))
			over := timeout > 0 && quiet >= timeout && !c.subscribed()
			if !over && (quiet < trimWait || c.seen.kept.Load() <= trimBytes) || !c.take() {
				continue
			}
			go c.tend(func() bool {
				if over && !c.listens() {
					return false
				}
				c.trim()
				return c.parkNow() || c.loop()
			})
		}
	}
}
