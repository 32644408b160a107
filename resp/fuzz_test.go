package resp

import (
	"io"
	"net"
	"testing"
	"time"

	"cairn/fsm/replica"
)

// FuzzConn throws bytes at a connection. Whatever they are, the server still serves others after it.
func FuzzConn(f *testing.F) {
	for _, seed := range append(protocolCases(), "SET a b\r\nGET a\r\nCLIENT LIST\r\nINFO all\r\nCONFIG GET *\r\n", "CLIENT KILL TYPE normal SKIPME no\r\n",
		"HELLO 3\r\nINFO\r\nCLIENT INFO\r\nRESET\r\n", "SHUTDOWN NOSAVE\r\n", "\x00", replica.Preface+"x", "CONFIG SET requirepass x\r\nRESET\r\nGET a\r\n") {
		if len(seed) < 300 {
			f.Add([]byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s := NewServer(Options{Backend: leaderBackend()})
		talk := func(in []byte) net.Conn {
			here, there := net.Pipe()
			s.accept(there)
			here.SetDeadline(time.Now().Add(10 * time.Second))
			go here.Write(in)
			return here
		}
		first := talk(in)
		enough := time.AfterFunc(2*time.Millisecond, func() { first.Close() }) // replies may still come
		io.Copy(io.Discard, first)
		enough.Stop()
		s.pause.lift()
		s.apply(settings{maxClients: 10, maxBulk: 1 << 20, queryBuffer: 1 << 20, logLevel: "notice"})
		nc := talk([]byte("PING\r\n"))
		answer := make([]byte, len("+PONG\r\n"))
		if _, err := io.ReadFull(nc, answer); err != nil || string(answer) != "+PONG\r\n" {
			t.Errorf("after %q: %q, %v", in, answer, err)
		}
		nc.Close()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
