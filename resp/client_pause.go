package resp

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cairn/fsm/reply"
)

// pause is what CLIENT PAUSE set, for every connection of this node.
type pause struct {
	mu  sync.Mutex // of those who change now
	now atomic.Pointer[pauseState]
}

// pauseState never changes.
type pauseState struct {
	until  time.Time
	all    bool          // reads and local commands too
	lifted chan struct{} // closed when another state, or none, takes its place
}

// extend pauses until then. It never shortens or weakens a pause under way, and neither does Redis.
func (p *pause) extend(until time.Time, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.now.Load()
	if old != nil && time.Now().Before(old.until) {
		all = all || old.all
		if old.until.After(until) {
			until = old.until
		}
	}
	p.replaceLocked(&pauseState{until: until, all: all, lifted: make(chan struct{})})
}

// lift ends a pause.
func (p *pause) lift() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replaceLocked(nil)
}

func (p *pause) replaceLocked(st *pauseState) {
	if old := p.now.Swap(st); old != nil {
		close(old.lifted)
	}
}

// active returns the pause that holds a call back, or nil.
func (p *pause) active(write bool) *pauseState {
	st := p.now.Load()
	if st == nil || !write && !st.all || !time.Now().Before(st.until) {
		return nil
	}
	return st
}

// awaitPause returns when a call may run; at once when nothing holds it back.
func (c *conn) awaitPause(write bool) {
	for {
		st := c.srv.pause.active(write)
		if st == nil || c.ctx.Err() != nil {
			return
		}
		c.block(time.Until(st.until), st.lifted)
	}
}

// block waits until an event, for at most d, or until the connection ends. What was answered before goes out first, and
// CLIENT LIST shows the connection as blocked.
func (c *conn) block(d time.Duration, event <-chan struct{}) {
	c.out.flush()
	c.activity.blocked.Store(true)
	defer c.activity.blocked.Store(false)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-event:
	case <-c.ctx.Done():
	}
}

func runClientPause(c *conn, argv [][]byte) reply.Reply {
	mode := optionAt(argv, 3)
	switch {
	case len(argv) > 4:
		return wrongSubcommand("CLIENT", argv[1])
	case len(argv) == 4 && mode != "write" && mode != "all":
		return reply.Errorf("ERR CLIENT PAUSE mode must be WRITE or ALL").Reply()
	}
	millis, err := parseTimeout(argv[2])
	if err != nil {
		return failure(err)
	}
	c.srv.pause.extend(time.Now().Add(time.Duration(millis)*time.Millisecond), mode != "write")
	return reply.OK()
}

func runClientUnpause(c *conn, _ [][]byte) reply.Reply {
	c.srv.pause.lift()
	return reply.OK()
}

// runClientUnblock finds nobody: no command blocks yet, and neither WAIT nor a pause counts.
func runClientUnblock(_ *conn, argv [][]byte) reply.Reply {
	if len(argv) > 4 {
		return wrongSubcommand("CLIENT", argv[1])
	}
	if len(argv) == 4 && !strings.EqualFold(string(argv[3]), "timeout") && !strings.EqualFold(string(argv[3]), "error") {
		return reply.Errorf("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR").Reply()
	}
	if _, err := parseInteger(argv[2], reply.ErrNotInteger); err != nil {
		return failure(err)
	}
	return reply.Int(0)
}
