package clustertest

import "testing"

// TestKilledHost: what is left of a killed process reaches nobody and nobody reaches it, also once its address has a
// process again.
func TestKilledHost(t *testing.T) {
	n := NewNetwork()
	listen := func(addr string) *Host {
		h, err := n.Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				if _, err := h.Accept(); err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() { _ = h.Close() })
		return h
	}
	listen("a")
	killed := listen("b")
	conn, err := killed.Dial(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	killed.Kill()
	if _, err := conn.Write([]byte("x")); err == nil {
		t.Error("a killed host writes to a connection that it had")
	}
	if _, err := n.Dial(t.Context(), "client", "b"); err == nil {
		t.Error("a killed host is reached")
	}
	next := listen("b")
	if _, err := killed.Dial(t.Context(), "a"); err == nil {
		t.Error("a killed host connects")
	}
	if _, err := next.Dial(t.Context(), "a"); err != nil {
		t.Errorf("the next host of the address does not connect: %v", err)
	}
}
