//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

// TestLargeValue sets and gets values that are much larger than what a log entry should be, on one node and on three, while a
// normal client goes on. Leadership survives, followers hold them too, and memory is bounded. CAIRN_FAULTS_LARGE=1 makes them
// as large as Redis takes, 512 MiB.
func TestLargeValue(t *testing.T) {
	for nodes, size := range map[int]int{1: 32 << 20, 3: 4 << 20} {
		t.Run(fmt.Sprint("nodes=", nodes), func(t *testing.T) {
			if large() {
				size = 512 << 20
			}
			c := startCluster(t, nodes)
			leader := c.leader()
			p := c.nodes[leader]
			term := p.info("raft_term")
			pr := startProbe(t, p)
			value := bytes.Repeat([]byte("0123456789abcdef"), size/16)
			for n := range 3 {
				begin := time.Now()
				if err := setLarge(p, value); err != nil {
					t.Errorf("SET: %v", err)
				}
				set := time.Since(begin)
				begin = time.Now()
				if err := getLarge(p, value); err != nil {
					t.Errorf("GET: %v", err)
				}
				t.Logf("%d MiB, turn %d: SET %v, GET %v", size>>20, n, set.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
			}
			var wg sync.WaitGroup
			for _, q := range c.nodes {
				wg.Go(func() {
					if !await(time.Minute, func() bool { return getLarge(q, value) == nil }) {
						t.Errorf("%s does not have the value: %v", q.addr, getLarge(q, value))
					}
				})
			}
			wg.Wait()
			for i, q := range c.nodes {
				t.Logf("n%d: at most %d MiB, now %d MiB; %s in term %s (term %s before)", i+1, q.memory("VmHWM")>>20, q.memory("VmRSS")>>20,
					q.info("raft_state"), q.info("raft_term"), term)
			}
			if got := p.info("raft_term"); got != term {
				t.Errorf("the term is %s, it was %s: leadership did not survive", got, term)
			}
			pr.end(time.Minute)
		})
	}
}

// largeLimit bounds one step with a large value.
const largeLimit = 2 * time.Minute

func setLarge(p *process, value []byte) error {
	cl, err := p.dial(largeLimit)
	if err != nil {
		return err
	}
	defer cl.Close()
	r, err := cl.Do([][]byte{[]byte("SET"), []byte("large"), value})
	if err == nil && r.Kind == reply.Error {
		err = fmt.Errorf("%s", r.Str)
	}
	return err
}

func getLarge(p *process, want []byte) error {
	cl, err := p.dial(largeLimit)
	if err != nil {
		return err
	}
	defer cl.Close()
	r, err := cl.Do(redistest.Argv("GET", "large"))
	if err == nil && !bytes.Equal(r.Str, want) {
		err = fmt.Errorf("a value of %d bytes: %.100s", len(r.Str), r.Str)
	}
	return err
}
