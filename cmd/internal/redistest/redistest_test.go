package redistest_test

import (
	"math"
	"net"
	"slices"
	"strings"
	"testing"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

func dial(t *testing.T, addr string) *redistest.Client {
	t.Helper()
	c, err := redistest.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestStart(t *testing.T) {
	var addr string
	t.Run("lives", func(t *testing.T) {
		addr = redistest.Start(t, "--databases", "3")
		c := dial(t, addr)
		if r, err := c.Cmd("SELECT", "3"); err != nil || r.Kind != reply.Error {
			t.Errorf("extra arguments have no effect: %+v, %v", r, err)
		}
		if other := redistest.Start(t); other == addr {
			t.Error("two servers share an address")
		}
	})
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("the server outlives its test")
	}
}

// TestKinds reads every kind of value that Redis can be made to send.
func TestKinds(t *testing.T) {
	c := dial(t, redistest.Start(t, "--enable-debug-command", "yes"))
	for _, test := range []struct {
		name         string
		resp2, resp3 reply.Kind
	}{
		{"string", reply.Bulk, reply.Bulk},
		{"integer", reply.Integer, reply.Integer},
		{"double", reply.Bulk, reply.Double},
		{"null", reply.Null, reply.Null},
		{"array", reply.Array, reply.Array},
		{"set", reply.Array, reply.Set},
		{"map", reply.Array, reply.Map},
		{"verbatim", reply.Bulk, reply.Verbatim},
		{"true", reply.Integer, reply.Bool},
		{"bignum", reply.Bulk, reply.BigNumber},
	} {
		for proto, want := range map[string]reply.Kind{"2": test.resp2, "3": test.resp3} {
			if _, err := c.Cmd("HELLO", proto); err != nil {
				t.Fatal(err)
			}
			r, err := c.Cmd("DEBUG", "PROTOCOL", test.name)
			if err != nil || r.Kind != want {
				t.Errorf("%s in RESP%s: %+v, %v, want kind %d", test.name, proto, r, err, want)
			}
		}
	}
}

// feed returns a client that reads s and then the end.
func feed(t *testing.T, s string) *redistest.Client {
	t.Helper()
	here, there := net.Pipe()
	go func() {
		_, _ = there.Write([]byte(s)) // an error shows in what the client reads
		there.Close()
	}()
	t.Cleanup(func() { here.Close() })
	return redistest.NewClient(here)
}

func TestReceive(t *testing.T) {
	r, err := feed(t, "%1\r\n,-inf\r\n=5\r\ntxt:a\r\n").Receive()
	if err != nil || r.Kind != reply.Map || !math.IsInf(r.Elems[0].Float, -1) || string(r.Elems[1].Str) != "a" {
		t.Errorf("map: %+v, %v", r, err)
	}
	for wire, want := range map[string]reply.Kind{
		"*-1\r\n": reply.NullArray, "$-1\r\n": reply.Null, "_\r\n": reply.Null, "+\r\n": reply.Status,
		"*0\r\n": reply.Array, ">1\r\n:1\r\n": reply.Push, "!3\r\nERR\r\n": reply.Error,
	} {
		if r, err := feed(t, wire).Receive(); err != nil || r.Kind != want {
			t.Errorf("%q: %+v, %v", wire, r, err)
		}
	}
	for _, wire := range []string{
		"", "OK", "\r\n", "OK\n", ":x\r\n", "$3\r\nab\r\n", "$3\r\nabcde", "$-2\r\n", "*-2\r\n", "%-1\r\n",
		"$99999999999\r\n", "*99999999\r\n", "?1\r\n", "*2\r\n:1\r\n",
	} {
		if r, err := feed(t, wire).Receive(); err == nil {
			t.Errorf("%q is read as %+v", wire, r)
		}
	}
}

func TestPipeline(t *testing.T) {
	c := dial(t, redistest.Start(t))
	for _, word := range []string{"a", "b", strings.Repeat("c", 100_000)} {
		c.Send(redistest.Argv("ECHO", word))
	}
	c.SendRaw([]byte("PING\r\n"))
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 4 {
		r, err := c.Receive()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(r.Str))
	}
	if want := []string{"a", "b", strings.Repeat("c", 100_000), "PONG"}; !slices.Equal(got, want) {
		t.Errorf("got %.60q", got)
	}
}
