package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Ports below those that systems give to connections (32768 and more, or 49152), and with 10000 added too: a Redis of
// a cluster listens there as well.
const firstPort, ports = 10500, 9900

// Ports reserves n ports of 127.0.0.1 on which nobody listens. Until the test ends no other caller gets them, in this
// process or another, also while what listens there is stopped, and the system gives them to no connection.
func Ports(t testing.TB, n int) []string {
	t.Helper()
	var reserved []string
	for _, i := range rand.Perm(ports) {
		if len(reserved) == n {
			return reserved
		}
		if port := strconv.Itoa(firstPort + i); reserve(t, port) {
			reserved = append(reserved, port)
		}
	}
	t.Fatalf("redistest: no %d ports are free from %d on", n, firstPort)
	return nil
}

// PortsInRow is Ports for n ports that follow each other.
func PortsInRow(t testing.TB, n int) []string {
	t.Helper()
	for _, first := range rand.Perm(ports - n) {
		var row []string
		for i := range n {
			port := strconv.Itoa(firstPort + first + i)
			if !reserve(t, port) {
				break
			}
			row = append(row, port)
		}
		if len(row) == n {
			return row
		}
	}
	t.Fatalf("redistest: no %d ports in a row are free from %d on", n, firstPort)
	return nil
}

// reserve locks a file that stands for a port; the lock ends with the test, or with its process.
func reserve(t testing.TB, port string) bool {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("cairn-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatalf("redistest: reserve a port: %v", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, port), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatalf("redistest: reserve a port: %v", err)
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil { // another test has it
		f.Close()
		return false
	}
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil { // somebody else does
		f.Close()
		return false
	}
	ln.Close()
	t.Cleanup(func() { f.Close() })
	return true
}
