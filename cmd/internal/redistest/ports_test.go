package redistest

import (
	"net"
	"slices"
	"testing"
)

// TestPorts: a port is nobody else's until the test that has it ends, though nobody listens there.
func TestPorts(t *testing.T) {
	var first []string
	t.Run("reserved", func(t *testing.T) {
		first = Ports(t, 200)
		for _, port := range first {
			if reserve(t, port) {
				t.Fatalf("port %s is given to two", port)
			}
		}
		for _, port := range Ports(t, 200) {
			if slices.Contains(first, port) {
				t.Fatalf("port %s is given to two", port)
			}
		}
		ln, err := net.Listen("tcp", "127.0.0.1:"+first[0])
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
	})
	free := slices.IndexFunc(first, func(port string) bool { return reserve(t, port) })
	if free < 0 {
		t.Error("none of the ports is free after the test that had them")
	}
}

// TestPortInUse: a port on which a stranger listens is not given.
func TestPortInUse(t *testing.T) {
	var port string
	t.Run("before", func(t *testing.T) { port = Ports(t, 1)[0] })
	ln, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if reserve(t, port) {
		t.Errorf("port %s is given, and somebody listens there", port)
	}
}
