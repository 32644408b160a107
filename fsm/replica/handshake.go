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
//	opener:   hello = kind | nonce[16] | id | cluster | secret proof is not yet possible
//	acceptor: nonce[16] | id | cluster | HMAC-SHA256(secret, "acceptor" | hello | answer)
//	opener:   HMAC-SHA256(secret, "opener" | hello | answer)
//	acceptor: "" when the link stands, else why it is refused
//
// Every message is a frame: length uint16 BE | bytes. A cluster's id is empty on a node that does not know it yet.

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
	id      string
	cluster string
}

func (h hello) bytes() []byte {
	b := append([]byte{h.kind}, h.nonce...)
	b = append(b, byte(len(h.id)))
	b = append(b, h.id...)
	return append(b, h.cluster...)
}

func parseHello(b []byte) (hello, error) {
	if len(b) < 1+nonceLen+1 || len(b) < 1+nonceLen+1+int(b[1+nonceLen]) {
		return hello{}, fmt.Errorf("%w: not a hello", errRefused)
	}
	rest := b[1+nonceLen+1:]
	n := int(b[1+nonceLen])
	return hello{b[0], b[1 : 1+nonceLen], string(rest[:n]), string(rest[n:])}, nil
}

func (r *Replica) hello(kind byte) hello {
	h := hello{kind: kind, nonce: make([]byte, nonceLen), id: r.o.ID, cluster: r.machine.State().Cluster}
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

// introduce is the opener's part.
func (r *Replica) introduce(c io.ReadWriter, kind byte) error {
	first := r.hello(kind)
	if err := writeFrame(c, first.bytes()); err != nil {
		return err
	}
	msg, err := readFrame(c)
	if err != nil {
		return err
	}
	if len(msg) < sha256.Size {
		return fmt.Errorf("%w: not an answer", errRefused)
	}
	answer, proof := msg[:len(msg)-sha256.Size], msg[len(msg)-sha256.Size:]
	if !hmac.Equal(proof, r.proof("acceptor", first.bytes(), answer)) {
		return fmt.Errorf("%w: %s", errRefused, wrongSecret)
	}
	if _, err := parseHello(answer); err != nil {
		return err
	}
	if err := writeFrame(c, r.proof("opener", first.bytes(), answer)); err != nil {
		return err
	}
	verdict, err := readFrame(c)
	if err == nil && len(verdict) > 0 {
		err = fmt.Errorf("%w: %s", errRefused, verdict)
	}
	return err
}

// welcome is the acceptor's part.
func (r *Replica) welcome(c io.ReadWriter) (kind byte, peer string, err error) {
	msg, err := readFrame(c)
	if err != nil {
		return 0, "", err
	}
	first, err := parseHello(msg)
	if err != nil {
		return 0, "", err
	}
	answer := r.hello(0)
	if err := writeFrame(c, append(answer.bytes(), r.proof("acceptor", msg, answer.bytes())...)); err != nil {
		return 0, "", err
	}
	proof, err := readFrame(c)
	if err != nil {
		return 0, "", err
	}
	verdict := ""
	switch {
	case !hmac.Equal(proof, r.proof("opener", msg, answer.bytes())):
		verdict = wrongSecret
	case first.cluster != "" && answer.cluster != "" && first.cluster != answer.cluster:
		verdict = otherCluster
	case first.kind != raftLink && first.kind != queryLink:
		verdict = "unknown kind of link"
	}
	if err := writeFrame(c, []byte(verdict)); err != nil {
		return 0, "", err
	}
	if verdict != "" {
		return 0, "", fmt.Errorf("%w: node %q: %s", errRefused, first.id, verdict)
	}
	return first.kind, first.id, nil
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
