package replica

import (
	"time"

	"github.com/hashicorp/raft"
)

// hold keeps the log as it is while a follower is sent a state, and until it has caught up from there. Under load the log would
// otherwise be cut behind the state before that has arrived, and the next state would meet the same fate: a node that joins a
// busy cluster would never come in. The price is disk: the log grows by what is written meanwhile, until that becomes scarce.
type hold struct {
	begun chan raft.ServerID // a stream to this follower begins
}

// heldLogs is Raft's TrailingLogs while the log is held: no snapshot cuts it.
const heldLogs = 1 << 62

// holdTime is how long after a stream a follower that does not catch up keeps the log as it is.
const holdTime = 30 * time.Second

// scarceBytes is how much of a disk is free when the log is not held any more, or a tenth of it where that is less: a stream that must begin
// again is better than a full disk.
const scarceBytes = 4 << 30

// holdTick is how often the holder of the log looks whether it may let go.
const holdTick = 200 * time.Millisecond

// holdLog holds and releases the log.
func (r *Replica) holdLog() {
	held := map[raft.ServerID]time.Time{} // when a stream to a follower last ran
	for {
		var tick <-chan time.Time
		if len(held) > 0 {
			tick = time.After(holdTick)
		}
		select {
		case id := <-r.streams.hold.begun:
			held[id] = time.Now()
			r.keep(true)
		case <-tick:
			r.letGo(held)
			r.keep(len(held) > 0)
		case <-r.ctx.Done():
			return
		}
	}
}

// keep holds the log if a follower needs it and the disk has room. A log that was let go for lack of room is not held again
// before there is twice as much.
func (r *Replica) keep(needed bool) {
	free, total := r.disk.Disk()
	enough := min(scarceBytes, total/10)
	if r.raft.ReloadableConfig().TrailingLogs != heldLogs {
		enough *= 2
	}
	switch {
	case !needed:
		r.trail(r.o.TrailingLogs)
	case free >= enough:
		r.trail(heldLogs)
	case r.trail(r.o.TrailingLogs):
		r.log.Warn("the disk is nearly full: the log is cut although a follower may need it", "free_bytes", free)
	}
}

// letGo forgets the followers that need the old log no more.
func (r *Replica) letGo(held map[raft.ServerID]time.Time) {
	for _, st := range r.streams.all() {
		if id := raft.ServerID(st.Peer); st.Sending {
			held[id] = time.Now()
		}
	}
	leads, head := r.raft.State() == raft.Leader, r.machine.Applied().Index
	for id, at := range held { //lint:sorted each on its own
		running := time.Since(at) < holdTick
		caughtUp := r.peers.sighting(id).applied+r.o.TrailingLogs/2 >= head
		if !leads || !running && (caughtUp || time.Since(at) > holdTime) {
			delete(held, id)
		}
	}
}

// trail sets how many entries Raft leaves behind a snapshot, and says whether that is a change.
func (r *Replica) trail(entries uint64) (changed bool) {
	c := r.raft.ReloadableConfig()
	if c.TrailingLogs == entries {
		return false
	}
	c.TrailingLogs = entries
	if err := r.raft.ReloadConfig(c); err != nil {
		r.log.Error("cannot change how much of the log is kept", "err", err)
	}
	return true
}
