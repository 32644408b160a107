package link

import (
	"crypto/rand"
	"net"
	"time"
)

// Refuse tells the opener of a link why there will be none: on a connection that opened with Preface it plays the
// acceptor's part as a node without a name, up to the verdict. It proves nothing and believes nothing. The connection
// stays the caller's.
func Refuse(c net.Conn, why string) error {
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	if _, err := ReadFrame(c); err != nil { // the opener's hello
		return err
	}
	own := Hello{nonce: make([]byte, nonceLen)}
	_, _ = rand.Read(own.nonce) // never fails
	if err := WriteFrame(c, own.encode()); err != nil {
		return err
	}
	if _, err := ReadFrame(c); err != nil { // its proof
		return err
	}
	return WriteFrame(c, append([]byte{verdictRefused}, why...))
}
