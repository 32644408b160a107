package resp

import "testing"

// TestTurn: a parked connection is taken by one, and what happens while somebody has it makes him look once more.
func TestTurn(t *testing.T) {
	var c ownership
	if c.acquire() {
		t.Fatal("a new connection was taken from who has it")
	}
	if c.park() {
		t.Fatal("parked, though something had happened")
	}
	if !c.park() {
		t.Fatal("not parked, though nothing had happened since")
	}
	if !c.acquire() || c.acquire() || c.acquire() {
		t.Fatal("a parked connection is taken once")
	}
	if c.park() || !c.park() {
		t.Fatal("two pieces of news are one more look")
	}
}
