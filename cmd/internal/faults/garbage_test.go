//go:build linux

package faults

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cairn/fsm/replica"
)

// TestGarbage sends a real cluster's leader what no client and no node sends: broken RESP, and broken links behind
// the node preface. It stays up, a normal client is served, memory is bounded, and the others stay up too.
// CAIRN_FAULTS_MINUTES makes it longer.
func TestGarbage(t *testing.T) {
	seed, _ := newSeed(t)
	length := 4 * time.Second
	if minutes, err := strconv.ParseFloat(os.Getenv("CAIRN_FAULTS_MINUTES"), 64); err == nil {
		length = time.Duration(minutes * float64(time.Minute))
	}
	c := startCluster(t, 3, "--heartbeat", "2s") // a busy machine keeps that, and the normal client's leader stays
	leader := c.leader()
	p := c.nodes[leader]
	pr := startProbe(t, p)
	end := time.Now().Add(length)
	var wg sync.WaitGroup
	var sent atomic.Int64
	for g := range 8 {
		rng := rand.New(rand.NewPCG(seed, uint64(g)))
		wg.Go(func() {
			for time.Now().Before(end) {
				to := c.nodes[(leader+g%3)%3]
				if g%3 > 0 || rng.IntN(2) == 0 {
					insult(to.addr, forgedLink(rng))
				} else {
					insult(to.addr, mangled(rng))
				}
				sent.Add(1)
			}
		})
	}
	wg.Wait()
	pr.end(10 * time.Second)
	t.Logf("%d connections of garbage", sent.Load())
	for i, q := range c.nodes {
		if !q.running() {
			t.Errorf("n%d has ended", i+1)
			continue
		}
		if most := q.memory("VmHWM"); most > 1<<30 {
			t.Errorf("n%d used %d MiB", i+1, most>>20)
		}
	}
}

// insult sends bytes on a connection of their own, half-closes it, and waits a little for the other side to close.
func insult(addr string, b []byte) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
	_, _ = conn.Write(b)
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.CopyN(io.Discard, conn, 1<<20)
}

// words are what mangled makes requests of; none of them harms the cluster if it comes through.
func words() []string {
	return []string{
		"*1\r\n$4\r\nPING\r\n", "*3\r\n$3\r\nSET\r\n$7\r\ngarbage\r\n$1\r\nv\r\n", "*2\r\n$3\r\nGET\r\n$7\r\ngarbage\r\n", "*-1\r\n", "*0\r\n", "$-1\r\n",
		"*1\r\n$9223372036854775807\r\nx\r\n", "*9223372036854775807\r\n", "*1048576\r\n", "*2\r\n$536870912\r\n", "PING\r\n", "\"", "'", "\x00", "\r\n",
		"*3\r\n$6\r\nAPPEND\r\n$7\r\ngarbage\r\n$2\r\nxy\r\n", "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", "*3\r\n$7\r\nCOMMAND\r\n$7\r\nGETKEYS\r\n$3\r\nGET\r\n",
		"*4\r\n$3\r\nSET\r\n$7\r\ngarbage\r\n$1\r\nv\r\n$2\r\nEX\r\n", "*2\r\n$4\r\nMGET\r\n$-1\r\n", "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
	}
}

// mangled returns requests with some bytes changed, cut or repeated.
func mangled(rng *rand.Rand) []byte {
	var b []byte
	for range 1 + rng.IntN(20) {
		b = append(b, words()[rng.IntN(len(words()))]...)
	}
	for range rng.IntN(4) {
		at := rng.IntN(len(b))
		switch rng.IntN(3) {
		case 0:
			b[at] = byte(rng.Uint32())
		case 1:
			b = append(b[:at:at], b[min(len(b), at+1+rng.IntN(8)):]...)
		case 2:
			b = append(b[:at:at], append([]byte{byte(rng.Uint32())}, b[at:]...)...)
		}
		if len(b) == 0 {
			return []byte{0}
		}
	}
	return b
}

// forgedLink returns what a broken node might send behind the preface: random bytes, claims of great lengths, parts
// of a hello.
func forgedLink(rng *rand.Rand) []byte {
	b := []byte(replica.Preface)
	b = b[:len(b)-rng.IntN(2)*rng.IntN(len(b))]
	for range rng.IntN(6) {
		switch rng.IntN(4) {
		case 0:
			b = binary.BigEndian.AppendUint32(b, rng.Uint32()|0xf0000000)
		case 1:
			b = append(b, 'R', 1, 0, 2, 'n', '1', byte(rng.Uint32()))
		case 2:
			for range rng.IntN(300) {
				b = append(b, byte(rng.Uint32()))
			}
		case 3:
			b = append(b, make([]byte, rng.IntN(100))...)
		}
	}
	return b
}
