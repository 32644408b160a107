package resp

import (
	"bytes"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// stats are counted since start or CONFIG RESETSTAT.
type stats struct {
	in, out     atomic.Uint64 // bytes
	reads       atomic.Uint64 // from connections, that brought something
	connections atomic.Uint64
	refused     atomic.Uint64 // connections beyond maxclients
	calls       atomic.Uint64
	errors      atomic.Uint64 // error replies
	rate        rate
	codes       errorCodes

	hits, misses, expired atomic.Uint64 // what the replica had counted at the last CONFIG RESETSTAT
}

// errorCodes counts error replies by their first word, INFO errorstats.
type errorCodes struct {
	mu sync.Mutex
	n  map[string]uint64
}

// maxErrorCodes bounds how many different ones are counted.
const maxErrorCodes = 128

func (e *errorCodes) countError(line []byte) {
	code, _, _ := bytes.Cut(line, []byte{' '})
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.n == nil {
		e.n = make(map[string]uint64)
	}
	if _, ok := e.n[string(code)]; ok || len(e.n) < maxErrorCodes {
		e.n[string(code)]++
	}
}

func (e *errorCodes) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.n)
}

func (e *errorCodes) snapshot() map[string]uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.n)
}

// routeStats is INFO commandstats for one command.
type routeStats struct{ calls, micros, rejected, failed atomic.Uint64 }

// beginRun notes that the run's calls begin, unless they have.
func (c *conn) beginRun(now time.Time) {
	if !c.run.began.IsZero() {
		return
	}
	c.run.began = now
	c.noteCall(c.run.routes[len(c.run.routes)-1], now)
}

// noteCall notes that a call of r begins.
func (c *conn) noteCall(r *route, now time.Time) {
	c.activity.last.Store(now.UnixNano())
	c.activity.cmd.Store(r)
}

// countCalls notes that calls were answered together, and how long that took.
func (c *conn) countCalls(routes []*route, began time.Time) {
	each := uint64(time.Since(began).Microseconds()) / uint64(len(routes))
	for i := 0; i < len(routes); {
		r, n := routes[i], uint64(0)
		for ; i < len(routes) && routes[i] == r; i++ {
			n++
		}
		r.stats.calls.Add(n)
		r.stats.micros.Add(n * each)
	}
	c.srv.stats.calls.Add(uint64(len(routes)))
}

// fail notes the error reply that line is.
func (s *Server) fail(line []byte) {
	s.stats.errors.Add(1)
	s.stats.codes.countError(line)
}

// Served returns how many calls clients have sent, and how many reads from their connections that took, since start
// or CONFIG RESETSTAT.
func (s *Server) Served() (calls, reads uint64) { return s.stats.calls.Load(), s.stats.reads.Load() }

// resetStats begins anew.
func (s *Server) resetStats() {
	for _, n := range []*atomic.Uint64{&s.stats.in, &s.stats.out, &s.stats.reads, &s.stats.connections, &s.stats.refused, &s.stats.calls, &s.stats.errors} {
		n.Store(0)
	}
	s.stats.codes.reset()
	st := s.o.Backend.Status()
	s.stats.hits.Store(st.Hits)
	s.stats.misses.Store(st.Misses)
	s.stats.expired.Store(st.ExpiredKeys)
	for _, r := range s.routes {
		for _, n := range []*atomic.Uint64{&r.stats.calls, &r.stats.micros, &r.stats.rejected, &r.stats.failed} {
			n.Store(0)
		}
	}
}

// since returns what a counter of the replica has grown by since it was at base, 0 where it was read before that.
func since(counted uint64, base *atomic.Uint64) uint64 { return counted - min(counted, base.Load()) }

// rate tells how fast a counter grows, from one question to the next.
type rate struct {
	mu        sync.Mutex
	at        time.Time
	seen      uint64
	perSecond float64
}

// sample notes that the counter is at n now, and returns its growth per second since a question at least rateWindow
// ago.
func (r *rate) sample(n uint64, now time.Time) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := now.Sub(r.at); d >= rateWindow {
		r.perSecond = float64(n-min(n, r.seen)) / d.Seconds()
		r.at, r.seen = now, n
	}
	return r.perSecond
}

const rateWindow = 100 * time.Millisecond
