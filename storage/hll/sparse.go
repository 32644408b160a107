package hll

import (
	"fmt"
	"slices"
	"strings"
)

// run is a run of equal registers in a sparse sketch.
type run struct {
	at, size int // its bytes
	first, n int // its registers
	value    uint8
	long     bool // zeros that take two bytes
}

// runAt reads the run at a place in the bytes; ok is false when it is cut off.
func (s *Sketch) runAt(at, first int) (r run, ok bool) {
	r = run{at: at, size: 1, first: first}
	switch c := s.b[at]; {
	case c&valueMark != 0:
		r.n, r.value = int(c&3)+1, c>>2&31+1
	case c&zerosMark == 0:
		r.n = int(c) + 1
	case at+1 == len(s.b):
		return r, false
	default:
		r.size, r.long = 2, true
		r.n = int(c&^zerosMark)<<8 | int(s.b[at+1]) + 1
	}
	return r, true
}

// eachRun calls fn for the runs of a sparse sketch, which are checked as they come.
func (s *Sketch) eachRun(fn func(r run)) error {
	first := 0
	for at := headBytes; at < len(s.b); {
		r, ok := s.runAt(at, first)
		if at, first = at+r.size, first+r.n; !ok || first > registers {
			return ErrCorrupt
		}
		fn(r)
	}
	if first != registers {
		return ErrCorrupt
	}
	return nil
}

// Decode writes the runs of a sparse sketch as PFDEBUG DECODE does, right or not.
func (s *Sketch) Decode() string {
	var text strings.Builder
	for at := headBytes; at < len(s.b); {
		r, ok := s.runAt(at, 0)
		if !ok {
			r.size, r.long, r.n = 1, true, int(s.b[at]&^zerosMark)<<8+1 // Redis reads a zero byte behind the end
		}
		switch at += r.size; {
		case r.value > 0:
			fmt.Fprintf(&text, "v:%d,%d ", r.value, r.n)
		case r.long:
			fmt.Fprintf(&text, "Z:%d ", r.n)
		default:
			fmt.Fprintf(&text, "z:%d ", r.n)
		}
	}
	return strings.TrimSuffix(text.String(), " ")
}

// raiseSparse is Raise for a sparse sketch, which may become dense.
func (s *Sketch) raiseSparse(register int, value uint8) (changed bool, err error) {
	var r run
	before := headBytes // where the run before r is
	for at, first := headBytes, 0; ; at, first = at+r.size, first+r.n {
		if at >= len(s.b) {
			return false, ErrCorrupt
		}
		if first > 0 {
			before = r.at
		}
		ok := false
		if r, ok = s.runAt(at, first); !ok {
			return false, ErrCorrupt
		}
		if register < r.first+r.n {
			break
		}
	}
	if r.value >= value {
		return false, nil
	}
	var room [5]byte
	parts := room[:0]
	if value <= maxValue {
		parts = appendRun(parts, r.value, register-r.first)
		parts = appendRun(parts, value, 1)
		parts = appendRun(parts, r.value, r.first+r.n-register-1)
	}
	if value > maxValue || len(parts) > r.size && len(s.b)+len(parts)-r.size > MaxSparse {
		if err := s.ToDense(); err != nil {
			return false, err
		}
		return s.Raise(register, value)
	}
	s.detach(len(parts))
	s.b = slices.Replace(s.b, r.at, r.at+r.size, parts...)
	s.joinRuns(before)
	return true, nil
}

// appendRun appends a run of n registers, which may be none.
func appendRun(b []byte, value uint8, n int) []byte {
	switch {
	case n == 0:
		return b
	case value > 0:
		return append(b, valueMark|(value-1)<<2|uint8(n-1))
	case n <= maxZeros:
		return append(b, uint8(n-1))
	}
	return append(b, zerosMark|uint8((n-1)>>8), uint8(n-1))
}

// joinRuns makes one of neighbouring runs of one value among the next five steps from at on, where they fit one.
func (s *Sketch) joinRuns(at int) {
	for step := 0; step < 5 && at < len(s.b); step++ {
		r, ok := s.runAt(at, 0)
		if !ok {
			return
		}
		if r.value > 0 && at+1 < len(s.b) {
			next, _ := s.runAt(at+1, 0)
			if next.value == r.value && r.n+next.n <= maxRun {
				s.b[at+1] = appendRun(nil, r.value, r.n+next.n)[0]
				s.b = slices.Delete(s.b, at, at+1)
				continue
			}
		}
		at += r.size
	}
}
