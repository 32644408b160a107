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
	"cairn/storage/raftlog"
)

// TestPowerCutAfterTruncation: entries leave the log only once the state that they made is durable. A power cut that takes all
// that was not synced, after the log was cut as far as that goes, loses nothing.
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
	const writes = 3000 // the log leaves the disk in steps of a thousand entries
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
		if i == writes/2 {
			if err := n.store.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0, RNG: rand.New(rand.NewPCG(1, 0))})
	_ = conn.Close()
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
