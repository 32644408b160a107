package hll

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// SelfTest adds elements to a sketch, in both of its forms, and compares: each form with the other, and both counts
// with the truth.
func SelfTest() error {
	const elements = 20_000
	small, large := New(), New()
	if err := large.ToDense(); err != nil {
		return err
	}
	for n := range uint64(elements) {
		element := binary.LittleEndian.AppendUint64(nil, n)
		a, errA := small.Observe(element)
		b, errB := large.Observe(element)
		if err := errors.Join(errA, errB); err != nil {
			return err
		}
		if a != b {
			return fmt.Errorf("element %d changes one form of two", n)
		}
		if added := n + 1; added&n != 0 {
			continue
		}
		if err := compareForms(&small, &large, n+1); err != nil {
			return err
		}
	}
	return nil
}

func compareForms(a, b *Sketch, added uint64) error {
	var inA, inB Registers
	if err := errors.Join(inA.Merge(a), inB.Merge(b)); err != nil {
		return err
	}
	n, err := a.Estimate()
	if most := 1 + 5*0.0081*float64(added); err != nil || math.Abs(float64(n)-float64(added)) > most {
		return fmt.Errorf("%d elements are counted as %d: %w", added, n, err)
	}
	if inA != inB || n != inB.Estimate() {
		return fmt.Errorf("two forms of one sketch differ after %d elements", added)
	}
	return nil
}
