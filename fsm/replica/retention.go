package replica

import (
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/raftfix"
)

// retainAll is Raft's TrailingLogs while the log is held: no snapshot cuts it.
const retainAll = 1 << 62

// retainTime is how long after a stream a follower that does not catch up keeps the log as it is.
const retainTime = 30 * time.Second

// scarceBytes is how much of a disk is free when the log is not held any more, or a tenth of it where that is less: a
// stream that must begin again is better than a full disk.
const scarceBytes = 4 << 30

// retainTick is how often the holder of the log looks whether it may let go.
const retainTick = 200 * time.Millisecond

// leastTrailing is how many entries are kept behind a snapshot, however large they are.
const leastTrailing = 64

// retention decides how much of the log is kept, and takes the snapshots that let it be cut.
//
// It holds the log, as it is, while a follower is sent a state, and until it has caught up from there. Under load the
// log would otherwise be cut behind the state before that has arrived, and the next state would meet the same fate: a
// node that joins a busy cluster would never come in. The price is disk: the log grows by what is written meanwhile,
// until that becomes scarce.
type retention struct {
	*node
	streams  *raftfix.Streams
	store    *raftfix.ParallelLog
	progress *progress

	mu sync.Mutex // held to change what Raft leaves behind a snapshot
}

// trailing returns how many entries are kept behind a snapshot: Options.TrailingLogs, or as many as Options.LogBytes
// have room for. How few they are does no harm: a follower that has answered for more than a snapshot covers keeps
// it, see package raftfix.
func (r *retention) trailing() uint64 {
	return min(r.o.TrailingLogs, max(leastTrailing, r.o.Log.Within(r.o.LogBytes)))
}

// boundLog lets the next snapshot cut the log to what it is to be, unless it is held.
func (r *retention) boundLog() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.retainsAll() {
		r.setTrailing(r.trailing())
	}
}

// retainLog holds and releases the log.
func (r *retention) retainLog() {
	held := map[raft.ServerID]time.Time{} // when a stream to a follower last ran
	for {
		var tick <-chan time.Time
		if len(held) > 0 {
			tick = time.After(retainTick)
		}
		select {
		case id := <-r.streams.Begun:
			held[id] = time.Now()
			r.retain(true)
		case <-tick:
			r.dropCaughtUp(held)
			r.retain(len(held) > 0)
		case <-r.ctx.Done():
			return
		}
	}
}

// retain holds the log if a follower needs it and the disk has room. A log that was let go for lack of room is not held
// again before there is twice as much.
func (r *retention) retain(needed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	free, total := r.store.Disk()
	enough, was := min(scarceBytes, total/10), r.retainsAll()
	if !was {
		enough *= 2
	}
	if needed && free >= enough {
		r.setTrailing(retainAll)
		return
	}
	if r.setTrailing(r.trailing()); needed && was {
		r.log.Warn("the disk is nearly full: the log is cut although a follower may need it", "free_bytes", free)
	}
}

// retainsAll says that the log is held.
func (r *retention) retainsAll() bool { return r.raft.ReloadableConfig().TrailingLogs == retainAll }

// dropCaughtUp forgets the followers that need the old log no more.
func (r *retention) dropCaughtUp(held map[raft.ServerID]time.Time) {
	for _, st := range r.streams.All() {
		if id := raft.ServerID(st.Peer); st.Sending {
			held[id] = time.Now()
		}
	}
	leads, head, near := r.raft.State() == raft.Leader, r.machine.Applied().Index, r.trailing()/2
	for id, at := range held { //lint:sorted each on its own
		running := time.Since(at) < retainTick
		caughtUp := r.progress.of(id).applied+near >= head
		if !leads || !running && (caughtUp || time.Since(at) > retainTime) {
			delete(held, id)
		}
	}
}

// setTrailing sets how many entries Raft leaves behind a snapshot. It is called with mu held.
func (r *retention) setTrailing(entries uint64) {
	c := r.raft.ReloadableConfig()
	if c.TrailingLogs == entries {
		return
	}
	c.TrailingLogs = entries
	if err := r.raft.ReloadConfig(c); err != nil {
		r.log.Error("cannot change how much of the log is kept", "err", err)
	}
}

// takeSnapshots writes a snapshot record whenever the machine says that one is due, or the log has become too long.
// What becomes due meanwhile is merged.
func (r *retention) takeSnapshots() {
	look := time.NewTicker(sizeTick)
	defer look.Stop()
	for {
		long := false
		select {
		case <-r.machine.SnapshotDue():
		case <-look.C:
			if long = r.o.Log.Size() > r.o.LogBytes; !long {
				continue
			}
		case <-r.ctx.Done():
			return
		}
		for tries := 1; !r.takeSnapshot(tries); tries++ {
			if !r.pause(snapshotRetry, nil) {
				return
			}
		}
		if long {
			r.reclaim()
		}
	}
}

// sizeTick is how often the length of the log is looked at.
const sizeTick = time.Second

// reclaim takes off the disk what has left the log before the state was durable.
func (r *retention) reclaim() {
	if err := r.o.Log.Reclaim(); err != nil {
		r.log.Error("the log cannot be cut", "err", err)
	}
}

// snapshotRetry is the pause after a snapshot that failed, as it does while a membership change is not applied yet.
const snapshotRetry = 50 * time.Millisecond

// longTries is how many tries of a snapshot may fail before that is a warning: some ten seconds.
const longTries = 200

// takeSnapshot is false when it should be tried again.
func (r *retention) takeSnapshot(try int) bool {
	r.boundLog()
	err := r.raft.Snapshot().Error()
	if err == nil || errors.Is(err, raft.ErrNothingNewToSnapshot) || errors.Is(err, raft.ErrRaftShutdown) {
		return true
	}
	if try%longTries == 0 {
		r.log.Warn("the log is not cut: no snapshot can be taken", "tries", try, "err", err)
	}
	r.log.Debug("snapshot put off", "err", err)
	return false
}
