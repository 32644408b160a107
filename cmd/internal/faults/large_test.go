//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

// largest is the default of proto-max-bulk-len.
const largest = 64 << 20

// mostMemory bounds what a node may use while values of the largest size come and go.
const mostMemory = 2 << 30

// TestLargeValue sets and gets values as large as they may be, while a normal client goes on. Leadership survives,
// followers hold them too, and memory is bounded. Three nodes get 32 MiB, which once cost them their leader for
// seconds, and a longer heartbeat: on two busy cores they miss shorter ones, large values or not.
// CAIRN_FAULTS_LARGE=1 gives three nodes the largest and the heartbeat they have by default, and one node Redis's
// largest, 512 MiB.
func TestLargeValue(t *testing.T) {
	sizes := map[int]int{1: largest, 3: 32 << 20}
	if large() {
		sizes = map[int]int{1: 512 << 20, 3: largest}
	}
	for nodes, size := range sizes {
		t.Run(fmt.Sprint("nodes=", nodes), func(t *testing.T) {
			flags := []string{"--election-wait", "1m"} // as long as the normal client may wait, behind a large value on a slow disk too
			if nodes > 1 && !large() {
				flags = append(flags, "--heartbeat", "2s")
			}
			if size > largest {
				flags = append(flags, "--proto-max-bulk-len", fmt.Sprint(size))
			}
			c := startCluster(t, nodes, flags...)
			p := c.nodes[c.leader()]
			term := p.info("raft_term")
			pr := startProbe(t, p)
			value := bytes.Repeat([]byte("0123456789abcdef"), size/16)
			for n := range 3 {
				begin := time.Now()
				if err := setLarge(p, "large", value); err != nil {
					t.Errorf("SET: %v", err)
				}
				set := time.Since(begin)
				begin = time.Now()
				if err := getLarge(p, value); err != nil {
					t.Errorf("GET: %v", err)
				}
				t.Logf("%d MiB, turn %d: SET %v, GET %v", size>>20, n, set.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
			}
			c.allHave(value)
			for i, q := range c.nodes {
				most := q.memory("VmHWM")
				t.Logf("n%d: at most %d MiB, now %d MiB; %s in term %s (term %s before)", i+1, most>>20, q.memory("VmRSS")>>20,
					q.info("raft_state"), q.info("raft_term"), term)
				if most > mostMemory && size <= largest {
					t.Errorf("n%d used %d MiB", i+1, most>>20)
				}
			}
			if got := p.info("raft_term"); got != term {
				t.Errorf("the term is %s, it was %s: leadership did not survive", got, term)
			}
			pr.end(time.Minute)
		})
	}
}

// allHave waits until all nodes answer with the value.
func (c *cluster) allHave(value []byte) {
	var wg sync.WaitGroup
	for _, q := range c.nodes {
		wg.Go(func() {
			if !await(time.Minute, func() bool { return getLarge(q, value) == nil }) {
				c.t.Errorf("%s does not have the value: %v", q.addr, getLarge(q, value))
			}
		})
	}
	wg.Wait()
}

// TestTooLarge: what is larger than it may be is refused with a clear word, at once, and nothing else is harmed: one
// argument with Redis's own error, a call of many with one that names the log, a string that would grow too long with
// Redis's.
func TestTooLarge(t *testing.T) {
	c := startCluster(t, 1)
	p := c.nodes[0]
	conn := send(t, p.addr, fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", largest+1))
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if said, err := io.ReadAll(conn); err != nil || string(said) != "-ERR Protocol error: invalid bulk length\r\n" {
		t.Errorf("an argument of one byte too many: %q, %v", said, err)
	}
	half := bytes.Repeat([]byte("x"), largest/2)
	cl, err := p.dial(largeLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for want, words := range map[string][][]byte{
		"ERR the command is too large for a log entry":                 {[]byte("MSET"), []byte("a"), half, []byte("b"), half, []byte("c"), half},
		"ERR string exceeds maximum allowed size (proto-max-bulk-len)": redistest.Argv("SETRANGE", "k", fmt.Sprint(largest), "x"),
	} {
		if r, err := cl.Do(words); err != nil || r.Kind != reply.Error || string(r.Str) != want {
			t.Errorf("%s: %q, %v", words[0], r.Str, err)
		}
	}
	if r, err := cl.Cmd("EXISTS", "k", "a", "b", "c"); err != nil || r.Int != 0 {
		t.Errorf("%d keys are there, %v", r.Int, err)
	}
}

// largeLimit bounds one step with a large value.
const largeLimit = 2 * time.Minute

func setLarge(p *process, key string, value []byte) error {
	cl, err := p.dial(largeLimit)
	if err != nil {
		return err
	}
	defer cl.Close()
	r, err := cl.Do([][]byte{[]byte("SET"), []byte(key), value})
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
