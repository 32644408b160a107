package node_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"cairn/cmd/node"
)

// BenchmarkNode is redis-benchmark inside a test: clients that pipeline SET or GET at one node on a real disk.
// Profile it with
//
//	go test ./cmd/node -run - -bench 'Node/op=set/clients=50/value=64B/depth=16$' -cpuprofile cpu.prof
func BenchmarkNode(b *testing.B) {
	for _, op := range []string{"set", "get"} {
		for _, depth := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("op=%s/clients=50/value=64B/depth=%d", op, depth), func(b *testing.B) {
				n, err := node.Start(context.Background(), node.Options{Dir: b.TempDir(), Port: -1})
				if err != nil {
					b.Fatal(err)
				}
				defer n.Close()
				loaded := -1
				load := func() (int, bool) { loaded++; return loaded, loaded < benchKeys-1 }
				if err := drive(n.Addr(), "set", 500, load); err != nil { // it also waits for the leader
					b.Fatal(err)
				}
				left := new(atomic.Int64)
				left.Store(int64(b.N))
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for range 50 {
					wg.Go(func() {
						next := func() (int, bool) { return rand.IntN(benchKeys), left.Add(-1) >= 0 }
						if err := drive(n.Addr(), op, depth, next); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
			})
		}
	}
}

const benchKeys = 100_000

// drive sends pipelines of depth calls on the keys that next names, until it names no more.
func drive(addr, op string, depth int, next func() (key int, more bool)) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	value := bytes.Repeat([]byte("x"), 64)
	answerBytes := len("+OK\r\n")
	if op == "get" {
		answerBytes = len("$64\r\n") + len(value) + 2
	}
	var send []byte
	answer := make([]byte, depth*answerBytes)
	for more := true; more; {
		var calls int
		send, calls = send[:0], 0
		for ; calls < depth && more; calls++ {
			var key int
			if key, more = next(); op == "set" {
				send = fmt.Appendf(send, "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$64\r\n%s\r\n", key, value)
			} else {
				send = fmt.Appendf(send, "*2\r\n$3\r\nGET\r\n$16\r\nkey:%012d\r\n", key)
			}
		}
		if _, err := c.Write(send); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, answer[:calls*answerBytes]); err != nil {
			return err
		}
	}
	return nil
}
