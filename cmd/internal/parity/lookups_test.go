package parity_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"cairn/cmd/internal/redistest"
)

// lookups are reads: what they look up counts in INFO. Cairn does not count what commands look up that may write
// (GETEX, GETDEL, GETSET, SET with GET, COPY): those run on every node.
const lookups = `GET k
GET absent
MGET k j absent absent k
EXISTS k absent
TOUCH k absent absent
TYPE k
TTL k
PTTL absent
EXPIRETIME k
PEXPIRETIME k
STRLEN k
STRLEN absent
GETRANGE k 0 1
SUBSTR absent 0 1
LCS k j
LCS k absent LEN
OBJECT ENCODING k
OBJECT ENCODING absent
OBJECT REFCOUNT k
OBJECT IDLETIME absent
OBJECT FREQ absent
MEMORY USAGE k
MEMORY USAGE absent
KEYS *
SCAN 0
RANDOMKEY
DBSIZE
INCR n
APPEND k x
SETNX k x
DEL absent
EXPIRE j 100
PERSIST absent`

// TestLookups compares what each read adds to keyspace_hits and keyspace_misses with Redis's. The leader counts what
// it answers, and no other node counts that.
func TestLookups(t *testing.T) {
	c, leader, ours := cairn(t, 3)
	real := redis(t, false)
	other := c.Client(c.Followers(leader)[0])
	for _, line := range []string{"MSET k abc j abcd n 1", "CONFIG RESETSTAT"} {
		ask(t, ours, line)
		ask(t, real, line)
	}
	ask(t, other, "CONFIG RESETSTAT")
	for line := range strings.Lines(lookups) {
		ask(t, ours, line)
		ask(t, real, line)
		if got, want := counted(t, ours), counted(t, real); got != want {
			t.Fatalf("after %s: %s, Redis has %s", strings.TrimSpace(line), got, want)
		}
	}
	if got := counted(t, other); got != "0 0" {
		t.Errorf("a node that answers nothing counts %s", got)
	}
	ask(t, other, "GET k")
	if got := counted(t, other); got != "1 0" {
		t.Errorf("a follower that answers a GET counts %s", got)
	}
	ask(t, ours, "CONFIG RESETSTAT")
	if got := counted(t, ours); got != "0 0" {
		t.Errorf("after CONFIG RESETSTAT: %s", got)
	}
}

// TestLookupsOfExpired: a key that only the clock calls gone is looked at twice, and counts once.
func TestLookupsOfExpired(t *testing.T) {
	_, _, ours := cairn(t, 1)
	for range 20 {
		ask(t, ours, "SET k v PX 1")
		ask(t, ours, "CONFIG RESETSTAT")
		hits := 0
		for ask(t, ours, "GET k").Str != nil {
			hits++
		}
		if got, want := counted(t, ours), fmt.Sprint(hits, " 1"); got != want {
			t.Fatalf("counted %s, want %s", got, want)
		}
	}
}

// counted returns the hits and the misses in INFO.
func counted(t *testing.T, client *redistest.Client) string {
	t.Helper()
	m := regexp.MustCompile(`keyspace_hits:(\d+)\r\nkeyspace_misses:(\d+)\r\n`).FindStringSubmatch(string(ask(t, client, "INFO stats").Str))
	if m == nil {
		t.Fatal("INFO has no keyspace_hits")
	}
	return m[1] + " " + m[2]
}
