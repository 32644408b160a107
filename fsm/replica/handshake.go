package replica

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A link begins, behind the preface, with two nodes proving to each other that they know the cluster's secret:
//
//	opener:   hello = kind | nonce[16] | 1 when the node has a past, else 0 | len(id) uint8 | id | cluster
//	acceptor: hello, with kind 0
//	opener:   HMAC-SHA256(secret, "opener" | hello | hello of the acceptor)
//	acceptor: 1 | HMAC-SHA256(secret, "acceptor" | the same), or 0 | why it refuses
//
// Every message is a frame: length uint16 BE | bytes. A cluster's id is empty on a node that does not know it yet. The opener
// proves itself first: the acceptor, which any stranger can reach, gives nothing away that a secret could be guessed from.

const (
	nonceLen     = 16
	maxFrame     = 1 << 12
	wrongSecret  = "the cluster secret is not the same on both nodes"
	otherCluster = "the nodes belong to different clusters; start one of them on an empty --dir"
)

// errRefused is wrapped by the error of a link that one side did not want.
var errRefused = errors.New("refused")

// hello is how a node introduces itself.
type hello struct {
	kind    byte // 0 in the answer
	nonce   []byte
	past    bool // it has been part of a cluster
	id      string
	cluster string
}

func (h hello) bytes() []byte {
	b := append([]byte{h.kind}, h.nonce...)
	past := byte(0)
	if h.past {
		past = 1
	}
	b = append(b, past, byte(len(h.id)))
	b = append(b, h.id...)
	return append(b, h.cluster...)
}

func parseHello(b []byte) (hello, error) {
	const fixed = 1 + nonceLen + 1 + 1
	if len(b) < fixed || len(b) < fixed+int(b[fixed-1]) || b[fixed-2] > 1 {
		return hello{}, fmt.Errorf("%w: not a hello", errRefused)
	}
	rest, n := b[fixed:], int(b[fixed-1])
	return hello{b[0], b[1 : 1+nonceLen], b[fixed-2] == 1, string(rest[:n]), string(rest[n:])}, nil
}

func (r *Replica) hello(kind byte) hello {
	h := hello{kind: kind, nonce: make([]byte, nonceLen), past: r.hasPast(), id: r.o.ID, cluster: r.machine.State().Cluster}
	_, _ = rand.Read(h.nonce) // never fails
	return h
}

func (r *Replica) proof(role string, first, answer []byte) []byte {
	m := hmac.New(sha256.New, []byte(r.o.Secret))
	for _, part := range [][]byte{[]byte(role), first, answer} {
		_ = binary.Write(m, binary.BigEndian, uint32(len(part))) // a hash takes everything
		m.Write(part)
	}
	return m.Sum(nil)
}

// introduce is the opener's part. It returns how the acceptor introduced itself.
func (r *Replica) introduce(c io.ReadWriter, kind byte) (peer hello, err error) {
	first := r.hello(kind).bytes()
	if err := writeFrame(c, first); err != nil {
		return hello{}, err
	}
	answer, err := readFrame(c)
	if err != nil {
		return hello{}, err
	}
	if peer, err = parseHello(answer); err != nil {
		return hello{}, err
	}
	if err := writeFrame(c, r.proof("opener", first, answer)); err != nil {
		return hello{}, err
	}
	verdict, err := readFrame(c)
	switch {
	case err != nil:
		return hello{}, err
	case len(verdict) == 0 || verdict[0] != 1:
		return hello{}, fmt.Errorf("%w: %s", errRefused, verdict[min(1, len(verdict)):])
	case !hmac.Equal(verdict[1:], r.proof("acceptor", first, answer)):
		return hello{}, fmt.Errorf("%w: %s", errRefused, wrongSecret)
	}
	return peer, nil
}

// welcome is the acceptor's part. It returns how the opener introduced itself.
func (r *Replica) welcome(c io.ReadWriter) (peer hello, err error) {
	first, err := readFrame(c)
	if err != nil {
		return hello{}, err
	}
	if peer, err = parseHello(first); err != nil {
		return hello{}, err
	}
	own := r.hello(0)
	answer := own.bytes()
	if err := writeFrame(c, answer); err != nil {
		return hello{}, err
	}
	proof, err := readFrame(c)
	if err != nil {
		return hello{}, err
	}
	reason := ""
	switch {
	case !hmac.Equal(proof, r.proof("opener", first, answer)):
		reason = wrongSecret
	case peer.cluster != "" && own.cluster != "" && peer.cluster != own.cluster:
		reason = otherCluster
	case peer.kind != raftLink && peer.kind != queryLink:
		reason = "unknown kind of link"
	}
	if reason != "" {
		return hello{}, errors.Join(fmt.Errorf("%w: node %q: %s", errRefused, peer.id, reason), writeFrame(c, append([]byte{0}, reason...)))
	}
	return peer, writeFrame(c, append([]byte{1}, r.proof("acceptor", first, answer)...))
}

func writeFrame(w io.Writer, b []byte) error {
	if len(b) > maxFrame {
		return fmt.Errorf("replica: frame of %d bytes", len(b))
	}
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}

func readFrame(r io.Reader) ([]byte, error) {
	var n [2]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint16(n[:])
	if size > maxFrame {
		return nil, fmt.Errorf("%w: frame of %d bytes", errRefused, size)
	}
	b := make([]byte, size)
	_, err := io.ReadFull(r, b)
	return b, err
}
