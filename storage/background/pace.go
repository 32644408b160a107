package background

import (
	"sync"
	"time"
)

// Pebble tries again at once what has failed, for as long as it fails: on a full disk that is hundreds of times a
// second.
const (
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// pace says when something that has failed may be tried again: later each time.
type pace struct {
	ending chan struct{} // closed when nobody is to wait any more

	mu struct {
		sync.Mutex
		pause time.Duration // after the last failure; 0 after a success
		until time.Time
	}
}

// failed notes a failure, and returns how long the pause is that follows.
func (p *pace) failed() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.pause = min(max(2*p.mu.pause, firstPause), mostPause)
	p.mu.until = time.Now().Add(p.mu.pause)
	return p.mu.pause
}

// done notes a success.
func (p *pace) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.pause, p.mu.until = 0, time.Time{}
}

// left returns how long the pause still is.
func (p *pace) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.pause == 0 {
		return 0
	}
	return time.Until(p.mu.until)
}

// failing says that the last attempt has failed.
func (p *pace) failing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.pause > 0
}

// wait returns when the next attempt may begin.
func (p *pace) wait() {
	left := p.left()
	if left <= 0 {
		return
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.ending:
	}
}
