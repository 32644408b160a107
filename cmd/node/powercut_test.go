package node

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/keys"
)

// TestPowerCutAfterTruncation: entries leave the log only once the state that they made is durable. A power cut that takes all
// that was not synced, at any time after the log was cut, loses nothing.
func TestPowerCutAfterTruncation(t *testing.T) {
	disk := vfs.NewCrashableMem()
	start := func() *Node {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		n, err := Start(context.Background(), Options{Dir: "/data", FS: disk, Listener: ln, Advertise: "127.0.0.1:6379", TrailingLogs: 16})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := start()
	const writes = 2500 // the log leaves the disk in steps of a thousand entries
	conn, err := net.Dial("tcp", n.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	for i := range writes {
		fmt.Fprintf(conn, "SET k%d v\r\n", i)
		if line, err := answers.ReadString('\n'); err != nil || line != "+OK\r\n" {
			t.Fatalf("SET answers %q, %v", line, err)
		}
	}
	if first, err := n.log.FirstIndex(); err != nil || first < 1000 {
		t.Fatalf("the log begins at %d, %v: it was not cut, and the test says nothing", first, err)
	}
	left := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0, RNG: rand.New(rand.NewPCG(1, 0))})
	_ = conn.Close()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	disk = left
	n = start()
	defer n.Close()
	if err := n.machine.WaitApplied(t.Context(), writes); err != nil {
		t.Fatal(err)
	}
	v, err := n.store.View(0)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for i := range writes {
		if _, ok, err := keys.Lookup(v, 0, fmt.Append(nil, "k", i)); !ok || err != nil {
			t.Fatalf("k%d is gone (%v)", i, err)
		}
	}
}
