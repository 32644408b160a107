package link

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A link begins, behind the preface, with two nodes proving to each other that they know the cluster's secret, and
// saying who they are and whom they expect:
//
//	opener:   hello = kind | flags | nonce[16] | genesis[8] | id | to | addr | run | cluster, each of these five: len uint16 BE | bytes
//	acceptor: hello, with kind 0 and no to
//	opener:   HMAC-SHA256(secret, "opener" | hello | hello of the acceptor)
//	acceptor: 1 | HMAC-SHA256(secret, "acceptor" | the same), or 0 | why it refuses, or 2 | why it does, where another node may not
//
// Every message is a frame: length uint16 BE | bytes. A cluster's id is empty on a node that does not know it yet.
// The opener proves itself first: the acceptor, which any stranger can reach, gives nothing away that a secret could
// be guessed from. What both check of what they have heard stands in vet.go.

const (
	nonceLen    = 16
	GenesisLen  = 8 // bytes by which it is known what a cluster began with
	maxFrame    = 1 << 12
	wrongSecret = "the cluster secret is not the same on both nodes"
)

// The bits of a hello's flags.
const (
	flagHasState = 1 << iota // Hello.hasState
	flagLeads                // Hello.leads
	flagFounder              // Hello.founder
	flagsEnd
)

// The first byte of an acceptor's verdict.
const (
	verdictRefused = 0
	verdictTaken   = 1
	verdictNotHere = 2
)

// ErrRefused is wrapped by the error of a link that one side did not want.
var ErrRefused = errors.New("refused")

// Hello is how a node introduces itself.
type Hello struct {
	kind     byte // 0 in the answer
	hasState bool // it has been part of a cluster
	leads    bool // it leads its cluster
	founder  bool // its directory began a cluster, and joined none
	nonce    []byte
	genesis  [GenesisLen]byte // what its cluster began with, see ClusterNote; zero where it does not know, or there is none
	ID       string
	To       string // the member that the opener wants to reach; empty when it wants whoever is there
	Addr     string // where it is reached, by its own word
	run      string // of its process
	Cluster  string
}

func (h Hello) encode() []byte {
	flags := byte(0)
	for bit, is := range map[byte]bool{flagHasState: h.hasState, flagLeads: h.leads, flagFounder: h.founder} {
		if is {
			flags |= bit
		}
	}
	b := append([]byte{h.kind, flags}, h.nonce...)
	b = append(b, h.genesis[:]...)
	for _, s := range []string{h.ID, h.To, h.Addr, h.run, h.Cluster} {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	return b
}

func parseHello(b []byte) (Hello, error) {
	bad := fmt.Errorf("%w: not a hello", ErrRefused)
	const fixed = 1 + 1 + nonceLen + GenesisLen
	if len(b) < fixed || b[1] >= flagsEnd {
		return Hello{}, bad
	}
	h := Hello{
		kind: b[0], hasState: b[1]&flagHasState != 0, leads: b[1]&flagLeads != 0, founder: b[1]&flagFounder != 0,
		nonce: b[2 : 2+nonceLen], genesis: [GenesisLen]byte(b[2+nonceLen:]),
	}
	rest := b[fixed:]
	for _, s := range []*string{&h.ID, &h.To, &h.Addr, &h.run, &h.Cluster} {
		if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
			return Hello{}, bad
		}
		n := 2 + int(binary.BigEndian.Uint16(rest))
		*s, rest = string(rest[2:n]), rest[n:]
	}
	if len(rest) > 0 {
		return Hello{}, bad
	}
	return h, nil
}

// hello introduces this node, as the opener of a link of a kind to a member, or as its acceptor, with neither.
func (l *Links) hello(kind byte, to string) Hello {
	now := l.o.Host.Situation()
	h := Hello{
		kind: kind, hasState: now.HasState, leads: now.Leads, founder: !l.o.Joining, nonce: make([]byte, nonceLen),
		ID: l.o.ID, To: to, Addr: l.o.Addr, run: l.o.Run, genesis: l.cluster.Genesis(),
	}
	if !now.Waits {
		h.Cluster = l.cluster.ID()
	}
	_, _ = rand.Read(h.nonce) // never fails
	return h
}

func (l *Links) proof(role string, first, answer []byte) []byte {
	m := hmac.New(sha256.New, []byte(l.o.Secret))
	for _, part := range [][]byte{[]byte(role), first, answer} {
		_ = binary.Write(m, binary.BigEndian, uint32(len(part))) // a hash takes everything
		m.Write(part)
	}
	return m.Sum(nil)
}

// introduce is the opener's part; to is the member that it wants, or empty. It returns how the acceptor introduced
// itself.
func (l *Links) introduce(c io.ReadWriter, kind byte, to string) (peer Hello, err error) {
	own := l.hello(kind, to)
	first := own.encode()
	if err := WriteFrame(c, first); err != nil {
		return Hello{}, err
	}
	answer, err := ReadFrame(c)
	if err != nil {
		return Hello{}, err
	}
	if peer, err = parseHello(answer); err != nil {
		return Hello{}, err
	}
	if err := WriteFrame(c, l.proof("opener", first, answer)); err != nil {
		return Hello{}, err
	}
	verdict, err := ReadFrame(c)
	switch {
	case err != nil:
		return Hello{}, err
	case len(verdict) == 0 || verdict[0] != verdictTaken:
		return Hello{}, &Refusal{string(verdict[min(1, len(verdict)):]), len(verdict) == 0 || verdict[0] != verdictNotHere}
	case !hmac.Equal(verdict[1:], l.proof("acceptor", first, answer)):
		return Hello{}, RefuseFinally(wrongSecret)
	}
	if reason := l.vetAcceptor(own, peer); reason != nil {
		return Hello{}, reason
	}
	return peer, l.meet(own, peer, to != "")
}

// welcome is the acceptor's part. It returns how the opener introduced itself.
func (l *Links) welcome(c io.ReadWriter) (peer Hello, err error) {
	first, err := ReadFrame(c)
	if err != nil {
		return Hello{}, err
	}
	if peer, err = parseHello(first); err != nil {
		return Hello{}, err
	}
	own := l.hello(0, "")
	answer := own.encode()
	if err := WriteFrame(c, answer); err != nil {
		return Hello{}, err
	}
	proof, err := ReadFrame(c)
	if err != nil {
		return Hello{}, err
	}
	reason := RefuseFinally(wrongSecret)
	if hmac.Equal(proof, l.proof("opener", first, answer)) {
		reason = l.vetOpener(own, peer)
	}
	if reason != nil {
		said := []byte{verdictNotHere}
		if reason.Final {
			said[0] = verdictRefused
		}
		said = append(said, reason.why[:min(len(reason.why), maxFrame-1)]...)
		return peer, errors.Join(fmt.Errorf("node %q: %w", peer.ID, reason), WriteFrame(c, said))
	}
	if err := l.meet(own, peer, peer.To != ""); err != nil {
		return peer, err
	}
	return peer, WriteFrame(c, append([]byte{verdictTaken}, l.proof("acceptor", first, answer)...))
}

// WriteFrame writes a frame: length uint16 BE | b. It takes 4 KiB at most.
func WriteFrame(w io.Writer, b []byte) error {
	if len(b) > maxFrame {
		return fmt.Errorf("link: frame of %d bytes", len(b))
	}
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}

// ReadFrame reads a frame of 4 KiB at most.
func ReadFrame(r io.Reader) ([]byte, error) {
	var n [2]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint16(n[:])
	if size > maxFrame {
		return nil, fmt.Errorf("%w: frame of %d bytes", ErrRefused, size)
	}
	b := make([]byte, size)
	_, err := io.ReadFull(r, b)
	return b, err
}
