package resp

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"cairn/fsm/replica"
)

// TestLoading: clients hear that the node is loading, one who stays as well as one who comes; INFO says so too, nodes
// are cut off, and the listener goes on afterwards.
func TestLoading(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, ready := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ServeLoading(ctx, ln, "it waits")
	}()
	dial := func(say string) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(c, say); err != nil {
			t.Fatal(err)
		}
		return c
	}
	want := func(r *bufio.Reader, line string) {
		t.Helper()
		if got, err := r.ReadString('\n'); got != line+"\r\n" {
			t.Errorf("got %q, %v, want %q", got, err, line)
		}
	}
	stays := dial("PING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\ninfo\r\n")
	defer stays.Close()
	r := bufio.NewReader(stays)
	for _, line := range []string{"-LOADING it waits", "-LOADING it waits", "$26", "# Persistence", "loading:1", ""} {
		want(r, line)
	}
	for _, say := range []string{"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000000\r\n", "*2\r\n$junk\r\n"} {
		c := dial(say)
		r := bufio.NewReader(c)
		want(r, "-LOADING it waits")
		if _, err := r.ReadByte(); err == nil {
			t.Errorf("after %.30q it goes on", say)
		}
		c.Close()
	}
	node := dial(replica.Preface)
	if b, _ := io.ReadAll(node); len(b) > 0 {
		t.Errorf("a node gets %q", b)
	}
	node.Close()
	for range 2 * loadingClients { // who leaves makes room
		dial("").Close()
	}
	if _, err := io.WriteString(stays, "PING\r\n"); err != nil {
		t.Fatal(err)
	}
	want(r, "-LOADING it waits")

	ready()
	<-done
	if b, _ := io.ReadAll(r); len(b) > 0 {
		t.Errorf("afterwards comes %q", b)
	}
	late := dial("PING\r\n")
	defer late.Close()
	for got := ""; got == ""; { // some that were closed may wait before it
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got, _ = bufio.NewReader(c).ReadString('\n'); got != "" && got != "PING\r\n" {
			t.Errorf("the next server reads %q", got)
		}
		c.Close()
	}
}
