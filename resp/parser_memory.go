package resp

import "io"

// fill reads once from rd.
func (p *parser) fill(rd io.Reader) (int, error) {
	if p.bulk >= bigBulk && p.r == len(p.buf) && len(p.big) < p.bulk {
		return p.fillBig(rd)
	}
	if p.r > 0 {
		p.buf = p.buf[:copy(p.buf, p.buf[p.r:])]
		p.r = 0
	}
	if len(p.buf) == cap(p.buf) || p.full && cap(p.buf) < maxBuffer {
		p.buf = append(make([]byte, 0, max(minBuffer, 2*cap(p.buf))), p.buf...)
	}
	n, err := rd.Read(p.buf[len(p.buf):cap(p.buf)])
	p.buf = p.buf[:len(p.buf)+n]
	p.full = len(p.buf) == cap(p.buf)
	return n, err
}

// fillBig reads into the argument itself.
func (p *parser) fillBig(rd io.Reader) (int, error) {
	if len(p.big) == cap(p.big) {
		p.big = append(make([]byte, 0, bigStep(p.bulk, cap(p.big))), p.big...)
	}
	n, err := rd.Read(p.big[len(p.big):min(cap(p.big), p.bulk)])
	p.big = p.big[:len(p.big)+n]
	return n, err
}

// bigStep returns how much room a big argument gets when it has filled what it had: a step of the row bulk, bulk/4,
// bulk/16 … It is at most four times what has come, and what is copied at last is a quarter of it.
func bigStep(bulk, had int) int {
	step := bulk
	for step/4 > had && step/4 >= bigBulk {
		step /= 4
	}
	return step
}

// memory returns how many bytes the call in progress and the read buffer take.
func (p *parser) memory() int64 { return p.argBytes + int64(cap(p.big)+cap(p.buf)) }

// between tells whether no part of a call has come.
func (p *parser) between() bool { return p.argc == 0 && p.r == len(p.buf) }

// recycle ends the life of the arguments handed out since the last recycle.
func (p *parser) recycle() {
	if p.argc == 0 {
		p.dropArgs()
		p.mem.chunk = p.mem.chunk[:0]
	}
}

// trim lets go of memory that nothing is in.
func (p *parser) trim() {
	p.mem = arena{}
	if p.r == len(p.buf) {
		p.buf, p.r, p.full = nil, 0, false
	}
}

// arena copies short arguments into chunks, so that a batch costs one allocation and often none.
type arena struct{ chunk []byte }

func (a *arena) copy(b []byte) []byte {
	if len(b) > cap(a.chunk)-len(a.chunk) {
		a.chunk = make([]byte, 0, max(len(b), min(maxChunk, max(minChunk, 2*cap(a.chunk)))))
	}
	n := len(a.chunk)
	a.chunk = append(a.chunk, b...)
	return a.chunk[n:len(a.chunk):len(a.chunk)]
}
