package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"cairn/scripts/internal/procs"
)

// catchup is a follower that comes back on an empty disk.
type catchup struct {
	shared
	MiB     int           `name:"mib" help:"Size of the state." default:"5120"`
	Size    int           `help:"Bytes of a value." default:"1024"`
	Clients int           `help:"How many clients write meanwhile, one write at a time; 0 for none." default:"8"`
	Calm    time.Duration `help:"How long they write before." default:"20s"`
}

// Run fills a cluster, and takes a follower's disk away.
func (o *catchup) Run() error {
	c, leader, err := o.start(3)
	if err != nil {
		return err
	}
	defer c.Close()
	addr, keys := c.Addrs()[leader], o.MiB<<20/(o.Size+40)
	if err := fill(addr, keys, o.Size); err != nil {
		return err
	}
	if err := outrun(c, leader, keys); err != nil {
		return err
	}
	if err := c.Settle(); err != nil {
		return err
	}
	copied, took, err := copyDir(filepath.Join(c.Dir(leader), "state"))
	if err != nil {
		return err
	}
	copySpeed := float64(copied) / took.Seconds()
	fmt.Printf("the state is %d MiB; this disk copies it, with fsync, at %.0f MiB/s; %s\n", copied>>20, copySpeed/(1<<20), machineLoad())
	w, err := startWriters(addr, o.Clients, keys, o.Size)
	if err != nil {
		return err
	}
	defer w.end()
	if o.Clients > 0 {
		time.Sleep(o.Calm)
	}
	calm, err := w.take()
	if err != nil {
		return err
	}
	lost := (leader + 1) % 3
	c.Kill(lost)
	if err := os.RemoveAll(c.Dir(lost)); err != nil {
		return err
	}
	began := time.Now()
	if err := c.Start(lost); err != nil {
		return err
	}
	for {
		time.Sleep(50 * time.Millisecond)
		info, err := c.Info(lost)
		if err != nil {
			continue
		}
		if info["raft_membership"] == "member" && info["raft_leader_id"] != "" {
			break
		}
		fmt.Printf("\r%v %s ", time.Since(began).Round(time.Second), info["raft_membership"])
		if time.Since(began) > time.Hour {
			return errors.New("the follower does not come back within an hour")
		}
	}
	back := time.Since(began)
	during, err := w.take()
	if err != nil {
		return err
	}
	rate := float64(copied) / back.Seconds()
	fmt.Printf("\rback after %v, with fsync: %.0f MiB/s, %.2f of the copy's speed\n", back.Round(100*time.Millisecond), rate/(1<<20), rate/copySpeed)
	if o.Clients > 0 {
		fmt.Printf("calm:   %v\nstream: %v\n", calm, during)
	}
	return nil
}

// trailingLogs is replica.Options.TrailingLogs by default: a log that has gone on by so much does not catch a new
// node up any more.
const trailingLogs = 10_240

// outrun writes small values until a node that begins must be sent the state.
func outrun(c *procs.Cluster, leader, keys int) error {
	w, err := startWriters(c.Addrs()[leader], 8, keys, 64)
	if err != nil {
		return err
	}
	defer w.end()
	for first := 0; ; time.Sleep(50 * time.Millisecond) {
		info, err := c.Info(leader)
		if err != nil {
			return err
		}
		at, err := strconv.Atoi(info["raft_last_log_index"])
		if err != nil {
			return err
		}
		if first == 0 {
			first = at
		}
		if at > first+2*trailingLogs {
			return nil
		}
	}
}

// copyDir copies what is in dir beside it, syncs that, removes it, and says how many bytes it was and how long it took.
func copyDir(dir string) (bytes int64, took time.Duration, err error) {
	to, err := os.MkdirTemp(filepath.Dir(dir), "copy.")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(to)
	began := time.Now()
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n, err := copyFile(path, filepath.Join(to, d.Name()))
		bytes += n
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a compaction has removed it
		}
		return err
	})
	return bytes, time.Since(began), err
}

func copyFile(from, to string) (int64, error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, in)
	return n, errors.Join(err, out.Sync(), out.Close())
}
