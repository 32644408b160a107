//go:build linux

package faults

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"cairn/fsm/reply"
)

// probe is a normal client that goes on while others misbehave: it sets and gets a key, and notes how long that takes.
type probe struct {
	t    *testing.T
	p    *process
	stop chan struct{}
	wg   sync.WaitGroup
	took []time.Duration // of a SET and a GET
}

// startProbe starts a probe on a node that leads.
func startProbe(t *testing.T, p *process) *probe {
	t.Helper()
	pr := &probe{t: t, p: p, stop: make(chan struct{})}
	cl, err := p.dial(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	pr.wg.Go(func() {
		defer cl.Close()
		for n := 0; ; n++ {
			select {
			case <-pr.stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if err := pr.once(cl, fmt.Sprint(n)); err != nil {
				t.Errorf("a normal client: %v", err)
				return
			}
		}
	})
	return pr
}

func (pr *probe) once(cl *client, want string) error {
	begin := time.Now()
	r, err := cl.Cmd("SET", "probe", want)
	if err == nil && r.Kind != reply.Error {
		r, err = cl.Cmd("GET", "probe")
	}
	pr.took = append(pr.took, time.Since(begin))
	if err == nil && string(r.Str) != want {
		err = fmt.Errorf("the answer is %q, not %q", r.Str, want)
	}
	return err
}

// end stops the probe and prints what it found. A client that ever waited longer than limit fails the test.
func (pr *probe) end(limit time.Duration) {
	pr.t.Helper()
	close(pr.stop)
	pr.wg.Wait()
	if len(pr.took) == 0 {
		pr.t.Fatal("the normal client got nowhere")
	}
	slices.Sort(pr.took)
	at := func(share float64) time.Duration { return pr.took[int(float64(len(pr.took)-1)*share)] }
	pr.t.Logf("a normal client's SET and GET meanwhile: %d times, median %v, 99%% %v, longest %v; the process uses %d MiB, at most %d MiB",
		len(pr.took), at(0.5), at(0.99), at(1), pr.p.memory("VmRSS")>>20, pr.p.memory("VmHWM")>>20)
	if at(1) > limit {
		pr.t.Errorf("a normal client waited %v", at(1))
	}
}
