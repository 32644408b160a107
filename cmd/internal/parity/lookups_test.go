package parity_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"cairn/cmd/internal/clustertest"
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

// TestLookups compares what each read adds to keyspace_hits and keyspace_misses with Redis's.
func TestLookups(t *testing.T) {
	_, _, ours := cairn(t, 1)
	real := redis(t, false)
	for line := range strings.Lines("MSET k abc j abcd n 1\nCONFIG RESETSTAT\n" + lookups) {
		ask(t, ours, line)
		ask(t, real, line)
		if got, want := counted(t, ours), counted(t, real); got != want {
			t.Fatalf("after %s: %s, Redis has %s", strings.TrimSpace(line), got, want)
		}
	}
	ask(t, ours, "CONFIG RESETSTAT")
	if got := counted(t, ours); got != "0 0" {
		t.Errorf("after CONFIG RESETSTAT: %s", got)
	}
}

// TestLookupsOfFollower: a read counts on the node that answers it, and nowhere else.
func TestLookupsOfFollower(t *testing.T) {
	c, leader, first := cairn(t, 3)
	c.Do(leader, "SET", "k", "v")
	follower := c.Client(c.Followers(leader)[0])
	clustertest.Eventually(t, "an answer", func() bool { return string(ask(t, follower, "GET k").Str) == "v" })
	if got := counted(t, follower) + ", " + counted(t, first); got != "1 0, 0 0" {
		t.Errorf("the follower and the leader have counted %s", got)
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
