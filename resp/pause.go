package resp

import (
	"context"
	"sync/atomic"
	"time"
)

// pause is what CLIENT PAUSE set, for every connection.
type pause struct{ now atomic.Pointer[pauseState] }

type pauseState struct {
	until  time.Time
	all    bool          // reads and node commands too
	lifted chan struct{} // closed by CLIENT UNPAUSE and by a later CLIENT PAUSE
}

// wait returns when a call may run; at once when nothing is paused.
func (p *pause) wait(ctx context.Context, write bool) {
	for st := p.now.Load(); st != nil && (write || st.all); st = p.now.Load() {
		left := time.Until(st.until)
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-st.lifted:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}
