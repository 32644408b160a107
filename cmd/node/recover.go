package node

import (
	"errors"
	"fmt"
	"time"

	"cairn/fsm/replica"
	"cairn/storage"
	"cairn/storage/raftlog"
)

// RecoverOptions says what Recover is to do.
type RecoverOptions struct {
	Dir     string         // of a stopped node
	Members []replica.Peer // the cluster from now on, this node included; all of them vote
	DryRun  bool           // only say what would be done

	FS storage.FS // default the operating system's
}

// Recovered is what Recover has found and done.
type Recovered struct {
	replica.Recovery
	Backup string // where the log is as it was before; empty after a dry run
}

// Recover gives a stopped node a new membership, for a cluster that has lost its majority for good. It copies the log
// first. storage.ErrLocked says that the node still runs, ErrRefused that it cannot be recovered as asked.
func Recover(o RecoverOptions) (r Recovered, err error) {
	if o.FS == nil {
		o.FS = storage.DefaultFS()
	}
	for _, m := range o.Members {
		if err := checkAddr("member "+m.ID, m.Addr); err != nil {
			return r, fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	id, found, err := identify(Options{Dir: o.Dir, FS: o.FS})
	if err == nil && !found {
		err = fmt.Errorf("%w: %s holds no node", ErrRefused, o.Dir)
	}
	if err != nil {
		return r, err
	}
	s, err := storage.Open(o.FS.PathJoin(o.Dir, "state"), storage.Options{FS: o.FS, ReadOnly: o.DryRun})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	log, err := raftlog.Open(o.FS.PathJoin(o.Dir, "log"), raftlog.Options{FS: o.FS, ReadOnly: o.DryRun, BeforeTruncate: s.Sync})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	r.Recovery, err = replica.PlanRecovery(s, log, id.ID, o.Members)
	if errors.Is(err, replica.ErrUnrecoverable) {
		err = fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err != nil || o.DryRun {
		return r, err
	}
	r.Backup = o.FS.PathJoin(o.Dir, fmt.Sprintf("log-before-recovery-%d", time.Now().Unix()))
	if err := log.Backup(r.Backup); err != nil {
		return r, err
	}
	return r, r.Apply(s, log)
}
