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

// backupPrefix begins the name of the copy of a log, which goes on with when it was made, in Unix seconds.
const backupPrefix = "log-before-recovery-"

// freeName returns a path that nothing has yet: this one, or with a number behind it.
func freeName(fs storage.FS, path string) string {
	free := path
	for n := 2; ; n++ {
		if _, err := fs.Stat(free); err != nil {
			return free
		}
		free = fmt.Sprintf("%s-%d", path, n)
	}
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
	s, err := storage.Open(o.FS.PathJoin(o.Dir, stateDir), storage.Options{FS: o.FS, ReadOnly: o.DryRun})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	log, err := raftlog.Open(o.FS.PathJoin(o.Dir, logDir), raftlog.Options{FS: o.FS, ReadOnly: o.DryRun, BeforeTruncate: s.Sync})
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
	r.Backup = freeName(o.FS, o.FS.PathJoin(o.Dir, fmt.Sprintf("%s%d", backupPrefix, time.Now().Unix())))
	if err := log.Backup(r.Backup); err != nil {
		return r, err
	}
	return r, r.Apply(s, log)
}
