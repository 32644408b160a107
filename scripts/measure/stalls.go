package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

// stalls is how long writers wait.
type stalls struct {
	shared
	Nodes   int           `help:"How many nodes of Cairn there are." default:"1"`
	Clients int           `help:"How many write, one write at a time." default:"50"`
	Keys    int           `help:"How many keys they write." default:"100000"`
	Size    int           `help:"Bytes of a value." default:"64"`
	Turns   int           `help:"How often each of the two is measured in turn." default:"5"`
	Turn    time.Duration `help:"How long that is." default:"5s"`
	Long    time.Duration `help:"How long each is watched for stalls after that, a minute in turn." default:"10m"`
	Stall   time.Duration `help:"What counts as one." default:"100ms"`
}

// Run compares, and watches.
func (o *stalls) Run() error {
	c, leader, err := o.start(o.Nodes)
	if err != nil {
		return err
	}
	defer c.Close()
	redis, err := startRedis(o.Port + o.Nodes)
	if err != nil {
		return err
	}
	defer redis.stop()
	addrs := map[string]string{"redis-server": redis.addr, "cairn": c.Addrs()[leader]}
	p99 := map[string][]time.Duration{}
	for range o.Turns {
		for _, name := range []string{"redis-server", "cairn"} {
			w, err := o.watch(addrs[name], o.Turn)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Printf("%-13s %v\n", name, w)
			slices.Sort(w)
			p99[name] = append(p99[name], w[(len(w)-1)*99/100])
		}
	}
	ours, theirs := median(p99["cairn"]), median(p99["redis-server"])
	fmt.Printf("p99, medians of %d turns: cairn %v, redis-server %v, ratio %.2f; %s\n", o.Turns, ours, theirs, float64(ours)/float64(theirs), machineLoad())
	return o.watchLong(addrs)
}

// watchLong watches both for stalls, in turns of a minute at most: what a noisy machine does to one of them, it does
// to the other.
func (o *stalls) watchLong(addrs map[string]string) error {
	all := map[string]waits{}
	for left := o.Long; left > 0; left -= time.Minute {
		for _, name := range []string{"redis-server", "cairn"} {
			w, err := o.watch(addrs[name], min(left, time.Minute))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all[name] = append(all[name], w...)
			fmt.Printf("%-13s %v of %v: %v\n", name, o.Long-left+min(left, time.Minute), o.Long, o.late(w))
		}
	}
	for _, name := range []string{"redis-server", "cairn"} {
		fmt.Printf("%v of %-13s %v; %v; %s\n", o.Long, name+":", all[name], o.late(all[name]), machineLoad())
	}
	return nil
}

// late tells how many waited longer than they should.
func (o *stalls) late(w waits) string {
	n := 0
	for _, d := range w {
		if d > o.Stall {
			n++
		}
	}
	return fmt.Sprintf("%d above %v", n, o.Stall)
}

// watch writes for some time.
func (o *stalls) watch(addr string, d time.Duration) (waits, error) {
	w, err := startWriters(addr, o.Clients, o.Keys, o.Size)
	if err != nil {
		return nil, err
	}
	time.Sleep(d)
	w.end()
	return w.take()
}

func median[T cmp.Ordered](d []T) T {
	slices.Sort(d)
	return d[len(d)/2]
}

// redis is a redis-server that has synced what it acknowledges.
type redis struct {
	cmd  *exec.Cmd
	dir  string
	addr string
}

func startRedis(port int) (*redis, error) {
	dir, err := os.MkdirTemp(".", ".measure.")
	if err != nil {
		return nil, err
	}
	r := &redis{dir: dir, addr: "127.0.0.1:" + strconv.Itoa(port)}
	r.cmd = exec.Command("redis-server", "--port", strconv.Itoa(port), "--dir", dir, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
	if err = r.cmd.Start(); err == nil {
		err = served(r.addr, []string{"PING"})
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *redis) stop() {
	if r.cmd.Process != nil {
		_ = r.cmd.Process.Kill() // it may have ended
		_ = r.cmd.Wait()
	}
	os.RemoveAll(r.dir)
}
