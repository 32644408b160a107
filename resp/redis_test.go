package resp

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startRedis runs the real redis-server for a test and returns its address. cmd/internal/redistest does the same for
// packages under cmd: Go lets nobody else import it.
func startRedis(t testing.TB, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil && os.Getenv("CAIRN_NO_REDIS") == "1" {
		t.Skip("CAIRN_NO_REDIS=1, and there is no redis-server")
	}
	if err != nil {
		t.Fatal("redis-server is not in PATH; install redis-server 7.0, or set CAIRN_NO_REDIS=1 to skip the tests that need it")
	}
	for range 5 { // another process may take the free port first
		if addr, ok := tryRedis(t, path, args); ok {
			return addr
		}
	}
	t.Fatal("redis-server ends before it listens")
	return ""
}

// tryRedis is false when the server ends because it cannot listen.
func tryRedis(t testing.TB, path string, args []string) (addr string, ok bool) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = ln.Addr().String()
	ln.Close()
	port, dir := addr[strings.LastIndexByte(addr, ':')+1:], t.TempDir()
	socket := filepath.Join(dir, "socket") // which it opens after its port
	cmd := exec.Command(path, append([]string{
		"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir, "--unixsocket", socket,
	}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone
		<-ended
	})
	eventually(t, "redis-server answers", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		nc, err := net.Dial("unix", socket)
		if ok = err == nil; ok {
			nc.Close()
		}
		return ok
	})
	return addr, ok
}
