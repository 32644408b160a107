// Package hll is HyperLogLog in Redis's bytes, so that a string that one of the two has made is one for the other. It
// is pure: a sketch is bytes, and what keeps them is the string type.
//
//	"HYLL" | form uint8 | 0 0 0 | cached count uint64 LE, with the highest bit set when it is not valid | registers
//
// There are 16384 registers of 0 to 51. In the dense form each has 6 bits, the lowest first. In the sparse form there
// are runs of equal registers:
//
//	00nnnnnn            n+1 zeros
//	01nnnnnn nnnnnnnn   n+1 zeros, n big-endian
//	1vvvvvnn            n+1 times v+1
//
// Which runs a sparse sketch has depends a little on the order in which registers were set: two neighbours of one value
// become one run when they meet, but a run is never divided to fill the one before. Here they meet as they do in Redis.
//
// MaxSparse is Redis's default of hll-sparse-max-bytes. It is fixed, for what is on disk is no node's setting.
package hll

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

// ErrCorrupt is returned for a sketch whose runs are not those of 16384 registers.
var ErrCorrupt = errors.New("hll: corrupt sketch")

const (
	// MaxSparse is the longest sparse sketch, with its head: one that becomes longer becomes dense.
	MaxSparse = 3000
	// MaxBytes is the longest string that can be a sketch: a run is at least one register, and two bytes at most.
	MaxBytes = headBytes + 2*registers

	registers    = 1 << indexBits
	indexBits    = 14
	headBytes    = 16
	denseBytes   = headBytes + registers*registerBits/8
	dense        = 0
	sparse       = 1
	formAt       = 4
	cacheAt      = 8
	staleAt      = headBytes - 1
	stale        = 0x80
	maxRun       = 4  // of a value
	maxValue     = 32 // in a run
	maxZeros     = 64 // in one byte
	zerosMark    = 0x40
	valueMark    = 0x80
	registerBits = 6
)

// Sketch is a HyperLogLog that may be changed. It changes none of the bytes that it was made of.
type Sketch struct {
	b   []byte
	own bool
}

// New returns the sketch of no elements.
func New() Sketch {
	b := append(make([]byte, headBytes, 64), zerosMark|(registers-1)>>8, (registers-1)&0xff)
	copy(b, "HYLL")
	b[formAt] = sparse
	return Sketch{b, true}
}

// Parse returns the sketch that a string is; ok is false when it is none. Whether its runs are right shows later.
func Parse(b []byte) (s Sketch, ok bool) {
	if len(b) < headBytes || string(b[:4]) != "HYLL" || b[formAt] > sparse || b[formAt] == dense && len(b) != denseBytes {
		return Sketch{}, false
	}
	return Sketch{b: b}, true
}

// Bytes returns the string that the sketch is. The sketch may still be read, and not changed.
func (s *Sketch) Bytes() []byte { return s.b }

// Dense reports whether the sketch is in its dense form.
func (s *Sketch) Dense() bool { return s.b[formAt] == dense }

// Stale notes that the cached count is not valid.
func (s *Sketch) Stale() {
	s.detach(0)
	s.b[staleAt] |= stale
}

// Cached returns the cached count, if it is valid.
func (s *Sketch) Cached() (n uint64, ok bool) {
	return binary.LittleEndian.Uint64(s.b[cacheAt:]), s.b[staleAt]&stale == 0
}

// detach makes the bytes the sketch's own, with room for more.
func (s *Sketch) detach(more int) {
	if !s.own {
		s.b, s.own = append(make([]byte, 0, len(s.b)+more), s.b...), true
	}
}

// Observe adds an element and reports whether a register has changed. The caller notes that the cached count is stale.
func (s *Sketch) Observe(element []byte) (changed bool, err error) {
	hash := murmur64(element)
	value := bits.TrailingZeros64(hash>>indexBits|1<<(64-indexBits)) + 1
	return s.Raise(int(hash%registers), uint8(value))
}

// Raise makes a register at least value and reports whether that has changed it.
func (s *Sketch) Raise(register int, value uint8) (changed bool, err error) {
	if s.Dense() {
		if getDense(s.b[headBytes:], register) >= value {
			return false, nil
		}
		s.detach(0)
		setDense(s.b[headBytes:], register, value)
		return true, nil
	}
	return s.raiseSparse(register, value)
}

// ToDense brings the sketch to its dense form.
func (s *Sketch) ToDense() error {
	if s.Dense() {
		return nil
	}
	b := make([]byte, denseBytes)
	copy(b, s.b[:headBytes])
	b[formAt] = dense
	err := s.eachRun(func(r run) {
		for i := r.first; r.value > 0 && i < r.first+r.n; i++ {
			setDense(b[headBytes:], i, r.value)
		}
	})
	if err != nil {
		return err
	}
	s.b, s.own = b, true
	return nil
}

// Registers are the values of all registers of a sketch, or the greatest of several.
type Registers [registers]uint8

// Merge makes each register at least what it is in a sketch.
func (all *Registers) Merge(s *Sketch) error {
	if s.Dense() {
		for i := range all {
			all[i] = max(all[i], getDense(s.b[headBytes:], i))
		}
		return nil
	}
	return s.eachRun(func(r run) {
		for i := r.first; r.value > 0 && i < r.first+r.n; i++ {
			all[i] = max(all[i], r.value)
		}
	})
}

// Estimate returns about how many different elements were added.
func (s *Sketch) Estimate() (uint64, error) {
	var histogram [64]int
	if s.Dense() {
		countDense(s.b[headBytes:], &histogram)
		return estimate(&histogram), nil
	}
	err := s.eachRun(func(r run) { histogram[r.value] += r.n })
	return estimate(&histogram), err
}

// Estimate returns about how many different elements were added to one of the merged sketches.
func (all *Registers) Estimate() uint64 {
	var histogram [64]int
	for _, v := range all {
		histogram[v]++
	}
	return estimate(&histogram)
}

// countDense counts the registers of a dense sketch by their values, eight at a time. Neighbours are often the same,
// and a processor waits less for a number that it has just changed when there are several.
func countDense(b []byte, histogram *[64]int) {
	var even, odd [64]int
	for ; len(b) >= 8; b = b[6:] {
		u := binary.LittleEndian.Uint64(b)
		even[u&63]++
		odd[u>>6&63]++
		even[u>>12&63]++
		odd[u>>18&63]++
		even[u>>24&63]++
		odd[u>>30&63]++
		even[u>>36&63]++
		odd[u>>42&63]++
	}
	for i := range len(b) * 8 / registerBits {
		even[getDense(b, i)]++
	}
	for i := range histogram {
		histogram[i] = even[i] + odd[i]
	}
}

// getDense returns a register of a dense sketch.
func getDense(b []byte, i int) uint8 {
	at, shift := i*registerBits/8, i*registerBits%8
	v := uint16(b[at])
	if shift > 8-registerBits {
		v |= uint16(b[at+1]) << 8
	}
	return uint8(v >> shift & (1<<registerBits - 1))
}

// setDense changes a register of a dense sketch.
func setDense(b []byte, i int, value uint8) {
	at, shift := i*registerBits/8, i*registerBits%8
	mask, v := uint16(1<<registerBits-1)<<shift, uint16(value)<<shift
	b[at] = b[at]&^uint8(mask) | uint8(v)
	if shift > 8-registerBits {
		b[at+1] = b[at+1]&^uint8(mask>>8) | uint8(v>>8)
	}
}

// murmur64 is MurmurHash64A, by Austin Appleby, with Redis's seed.
func murmur64(b []byte) uint64 {
	const m = 0xc6a4a7935bd1e995
	h := 0xadc83b19 ^ uint64(len(b))*m
	for ; len(b) >= 8; b = b[8:] {
		k := binary.LittleEndian.Uint64(b) * m
		h = (h ^ (k^k>>47)*m) * m
	}
	if len(b) > 0 {
		var tail uint64
		for _, c := range slices.Backward(b) {
			tail = tail<<8 | uint64(c)
		}
		h = (h ^ tail) * m
	}
	h = (h ^ h>>47) * m
	return h ^ h>>47
}
