package resp

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// startRedis runs the real redis-server for a test and returns its address. cmd/internal/redistest does the same for packages
// under cmd: Go lets nobody else import it.
func startRedis(t testing.TB, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil && os.Getenv("CAIRN_NO_REDIS") == "1" {
		t.Skip("CAIRN_NO_REDIS=1, and there is no redis-server")
	}
	if err != nil {
		t.Fatal("redis-server is not in PATH; install redis-server 7.0, or set CAIRN_NO_REDIS=1 to skip the tests that need it")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	cmd := exec.Command(path, append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone
		_ = cmd.Wait()
	})
	eventually(t, "redis-server answers", func() bool {
		nc, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	return addr
}
