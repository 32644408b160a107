package replica

import (
	"crypto/rand"
	"net"
	"time"
)

// RefuseLink tells the opener of a link why there will be none: on a connection that opened with Preface it plays the acceptor's part as a node
// without a name, up to the verdict. It proves nothing and believes nothing. The connection stays the caller's.
func RefuseLink(c net.Conn, why string) error {
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	if _, err := readFrame(c); err != nil { // the opener's hello
		return err
	}
	own := hello{nonce: make([]byte, nonceLen)}
	_, _ = rand.Read(own.nonce) // never fails
	if err := writeFrame(c, own.bytes()); err != nil {
		return err
	}
	if _, err := readFrame(c); err != nil { // its proof
		return err
	}
	return writeFrame(c, append([]byte{verdictRefused}, why...))
}
