package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cairn/scripts/internal/procs"
)

// junk is bytes that nothing makes smaller.
var junk = func() string {
	b := make([]byte, 8<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return string(b)
}()

func value(rng *rand.Rand, size int) string {
	at := rng.IntN(len(junk) - size)
	return junk[at : at+size]
}

// fill sets keys key:0 to key:n-1 at addr, in pipelines of some clients, and shows how far it is.
func fill(addr string, n, size int) error {
	const clients, depth = 8, 64
	var next atomic.Int64
	errs := make(chan error, clients)
	began := time.Now()
	for range clients {
		go func() {
			errs <- func() error {
				c, err := procs.Dial(addr)
				if err != nil {
					return err
				}
				defer c.Close()
				rng := rand.New(rand.NewPCG(uint64(n), rand.Uint64()))
				for {
					from := int(next.Add(depth)) - depth
					if from >= n {
						return nil
					}
					for i := from; i < min(n, from+depth); i++ {
						c.Send("SET", fmt.Sprintf("key:%012d", i), value(rng, size))
					}
					for range min(n, from+depth) - from {
						if _, err := c.Receive(); err != nil {
							return err
						}
					}
				}
			}()
		}()
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for left := clients; left > 0; {
		select {
		case err := <-errs:
			if err != nil {
				return fmt.Errorf("fill: %w", err)
			}
			left--
		case <-tick.C:
			fmt.Printf("\rfilling: %d of %d ", min(int(next.Load()), n), n)
		}
	}
	fmt.Printf("\r%d keys with values of %d bytes in %v\n", n, size, time.Since(began).Round(time.Second))
	return nil
}

// waits are what a load's writes took, in the order of their ends.
type waits []time.Duration

// String implements fmt.Stringer.
func (w waits) String() string {
	if len(w) == 0 {
		return "no writes"
	}
	s := slices.Sorted(slices.Values(w))
	at := func(share float64) time.Duration { return s[int(float64(len(s)-1)*share)].Round(10 * time.Microsecond) }
	return fmt.Sprintf("%d writes: median %v, p99 %v, p99.9 %v, worst %v", len(s), at(.5), at(.99), at(.999), at(1))
}

// writers are clients that write random keys, one after the other.
type writers struct {
	stop atomic.Bool
	wg   sync.WaitGroup
	each []*writer
}

// writer is one of them. Each keeps what it has waited for itself: one list for all is a list of hundreds of
// megabytes after minutes, and whenever it outgrows its memory, all of them wait for the copy, and take that for the
// server's.
type writer struct {
	mu    sync.Mutex
	waits waits
	err   error
}

// startWriters begins clients of the leader at addr, whose keys are among n.
func startWriters(addr string, clients, n, size int) (*writers, error) {
	w := &writers{}
	for id := range clients {
		c, err := procs.Dial(addr)
		if err != nil {
			return nil, err
		}
		one := &writer{}
		w.each = append(w.each, one)
		w.wg.Go(func() {
			defer c.Close()
			rng := rand.New(rand.NewPCG(uint64(id), rand.Uint64()))
			for !w.stop.Load() && one.write(c, fmt.Sprintf("key:%012d", rng.IntN(n)), value(rng, size)) == nil {
			}
		})
	}
	return w, nil
}

func (w *writer) write(c *procs.Conn, key, value string) error {
	began := time.Now()
	_, err := c.Do("SET", key, value)
	took := time.Since(began)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = append(w.waits, took)
	w.err = err
	return err
}

// take returns the waits since it was called last.
func (w *writers) take() (all waits, err error) {
	for _, one := range w.each {
		one.mu.Lock()
		all, one.waits = append(all, one.waits...), nil
		err = cmp.Or(err, one.err)
		one.mu.Unlock()
	}
	return all, err
}

// end stops the writers.
func (w *writers) end() {
	w.stop.Store(true)
	w.wg.Wait()
}

// machineLoad is what else the machine is doing.
func machineLoad() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return "load " + strings.Fields(string(b))[0]
}
