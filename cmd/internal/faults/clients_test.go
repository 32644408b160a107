//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSlowClients: many connections that send a byte at a time, or a part of a packet and no more, or hold a claim of
// much more than they send. A normal client beside them notices little, and what they cost is bounded.
func TestSlowClients(t *testing.T) {
	c := startCluster(t, 1)
	p := c.nodes[0]
	pr := startProbe(t, p)
	before := p.memory("VmRSS")
	const slow, half = 500, 500
	packets := []string{
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\n" + strings.Repeat("v", 900), "*3\r\n$3\r\nSET\r\n$536870912\r\n",
		"*1048576\r\n$1\r\n", "*1048576\r\n", "SET inline", "\x00CAIRN3", "\x00CAIRN3\n", "$", "*", "\r", strings.Repeat("x", 60<<10),
	}
	for i := range half {
		send(t, p.addr, packets[i%len(packets)])
	}
	var wg sync.WaitGroup
	for range slow {
		conn := send(t, p.addr, "")
		wg.Go(func() { dribble(t, conn, "*3\r\n$3\r\nSET\r\n$4\r\nslow\r\n$5\r\nvalue\r\n", 50*time.Millisecond) })
	}
	wg.Wait()
	grown := p.memory("VmRSS") - before
	t.Logf("%d connections with half a packet and %d that dribble cost %d MiB", half, slow, grown>>20)
	if grown > 256<<20 {
		t.Errorf("they cost %d MiB", grown>>20)
	}
	pr.end(5 * time.Second)
}

// send opens a connection that ends with the test, and sends something.
func send(t *testing.T, addr, what string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, what); err != nil {
		t.Fatal(err)
	}
	return conn
}

// dribble sends a command a byte at a time and expects OK.
func dribble(t *testing.T, conn net.Conn, what string, pause time.Duration) {
	for i := range what {
		if _, err := io.WriteString(conn, what[i:i+1]); err != nil {
			t.Error(err)
			return
		}
		<-time.After(pause)
	}
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	var b [5]byte
	if _, err := io.ReadFull(conn, b[:]); err != nil || string(b[:]) != "+OK\r\n" {
		t.Errorf("the answer is %q, %v", b, err)
	}
}

// TestFlood: idle connections up to a few thousand, and others that come and go as fast as they can, more than
// --maxclients lets in. A client that is in is served all the while; one beyond the limit is told so.
func TestFlood(t *testing.T) {
	idle := 4000
	c := startCluster(t, 1, "--maxclients", fmt.Sprint(idle+100))
	p := c.nodes[0]
	pr := startProbe(t, p)
	before := p.memory("VmRSS")
	for range idle {
		send(t, p.addr, "")
	}
	grown := p.memory("VmRSS") - before
	t.Logf("%d idle connections cost %d MiB, %d bytes each", idle, grown>>20, grown/int64(idle))
	if grown > int64(idle)*64<<10 {
		t.Errorf("an idle connection costs %d bytes", grown/int64(idle))
	}
	var opened, told int
	var mu sync.Mutex
	var wg sync.WaitGroup
	end := time.Now().Add(4 * time.Second)
	for range 300 { // 200 more than there is room for
		wg.Go(func() {
			for time.Now().Before(end) {
				said := knock(p.addr)
				mu.Lock()
				opened++
				if strings.Contains(said, "max number of clients") {
					told++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d connections opened in 4 s beside them, %d of them told that there are too many", opened, told)
	if told == 0 {
		t.Error("nobody was told that there are too many clients")
	}
	pr.end(5 * time.Second)
}

// knock connects, pings and returns the answer.
func knock(addr string) string {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return ""
	}
	b := make([]byte, 100)
	n, _ := conn.Read(b) // it may be reset
	return string(b[:n])
}

// TestUnread: clients that ask for a large value again and again, and never read. Together they hold more than
// maxmemory-clients lets them, so some are cut off; others do not notice, and memory is bounded.
func TestUnread(t *testing.T) {
	c := startCluster(t, 1)
	p := c.nodes[0]
	if err := setLarge(p, "large", bytes.Repeat([]byte("0123456789abcdef"), 1<<20)); err != nil { // 16 MiB
		t.Fatal(err)
	}
	pr := startProbe(t, p)
	const clients = 60
	ask := strings.Repeat("*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n", 1000)
	for range clients {
		conn := send(t, p.addr, "")
		go func() { _, _ = io.WriteString(conn, ask) }() // it ends when the connection is closed
	}
	small := "*2\r\n$3\r\nGET\r\n$5\r\nprobe\r\n"
	conn := send(t, p.addr, "")
	go func() { _, _ = io.WriteString(conn, strings.Repeat(small, 1<<20)) }()
	until(t, "clients to be cut off", time.Minute, func() bool { n := p.info("evicted_clients"); return n != "" && n != "0" })
	<-time.After(3 * time.Second)
	most := p.memory("VmHWM")
	t.Logf("%d clients that asked for %d GiB and read nothing: at most %d MiB, %s clients cut off", clients, clients*16*1000>>10, most>>20,
		p.info("evicted_clients"))
	if most > 5<<29 { // maxmemory-clients is 512 MiB; as much again is garbage, and the store reads whole blocks

		t.Errorf("memory grew to %d MiB", most>>20)
	}
	pr.end(5 * time.Second)
}
