package raftfix

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestPatientConn: what keeps moving is not cut off, however long it takes, in the other direction neither; what
// stands still is.
func TestPatientConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &patientConn{Conn: near, forget: func() bool { return true }}
		defer far.Close()
		defer c.Close()
		go func() { // takes ten pieces, one every four seconds, then answers and falls asleep
			for range 10 {
				<-time.After(4 * time.Second)
				_, _ = io.ReadFull(far, make([]byte, patientPiece))
			}
			<-time.After(4 * time.Second)
			_, _ = far.Write([]byte("a"))
		}()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		answered := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(c, make([]byte, 1))
			answered <- err
		}()
		begin := time.Now()
		if n, err := c.Write(make([]byte, 10*patientPiece)); err != nil || n != 10*patientPiece {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the answer: %v", err)
		}
		if took := time.Since(begin); took != 44*time.Second {
			t.Errorf("it took %v", took)
		}
		begin = time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 5*time.Second {
			t.Errorf("a link that stands still: %v after %v", err, time.Since(begin))
		}
		_ = c.SetDeadline(time.Time{})
		go func() { <-time.After(time.Hour); _, _ = far.Write([]byte("b")) }()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("without a deadline: %v", err)
		}
	})
}
