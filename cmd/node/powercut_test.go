package node

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/raftlog"
)

// TestPowerCutAfterTruncation: entries leave the log only once the state that they made is durable. A power cut that
// takes all that was not synced, after the log was cut as far as that goes, loses nothing.
func TestPowerCutAfterTruncation(t *testing.T) {
	disk := vfs.NewCrashableMem()
	start := func() *Node {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		n, err := Start(context.Background(), Options{
			Dir: "/data", FS: disk, Listener: ln, Advertise: "127.0.0.1:6379", TrailingLogs: 16, ElectionWait: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := start()
	const writes = 3000 // the log leaves the disk in steps of a thousand entries
	c := dial(t, n)
	for i := range writes {
		c.wants(fmt.Sprintf("SET k%d v%d", i, i), "+OK")
		if i == writes/2 {
			if err := n.store.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0, RNG: rand.New(rand.NewPCG(1, 0))})
	_ = c.Close()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	disk = left
	log, err := raftlog.Open("/data/log", raftlog.Options{FS: disk, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := log.FirstIndex(); err != nil || first < 1000 {
		t.Errorf("the log begins at %d on disk, %v: it was not cut, and the test says nothing", first, err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	n = start()
	defer n.Close()
	c = dial(t, n)
	defer c.Close()
	for i := range writes { // a read waits for the whole log; the state that the start finds may lag behind it
		value := fmt.Sprint("v", i)
		c.wants(fmt.Sprint("GET k", i), fmt.Sprint("$", len(value)), value)
	}
}

// client is a connection to a node that ends the test at the first line that is not the wanted one.
type client struct {
	net.Conn
	t       *testing.T
	answers *bufio.Reader
}

func dial(t *testing.T, n *Node) client {
	t.Helper()
	conn, err := net.Dial("tcp", n.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return client{conn, t, bufio.NewReader(conn)}
}

func (c client) wants(command string, lines ...string) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		c.t.Fatal(err)
	}
	for _, want := range lines {
		if got, err := c.answers.ReadString('\n'); got != want+"\r\n" {
			c.t.Fatalf("%s answers %q, want %q (%v)", command, got, want, err)
		}
	}
}
