package command

import (
	"math"
	"strings"

	"cairn/fsm/reply"
	"cairn/storage/str"
)

// parseInt64 reads a signed decimal number as strictly as Redis does: no plus sign, no spaces, no leading zeros, no
// "-0".
func parseInt64(arg []byte) (int64, error) {
	n, ok := str.ParseInt(arg)
	if !ok {
		return 0, reply.ErrNotInteger
	}
	return n, nil
}

// isWord reports whether arg is an option's word, given in upper case.
func isWord(arg []byte, word string) bool {
	return len(arg) == len(word) && strings.EqualFold(string(arg), word)
}

// checkLength returns ErrTooLong when a string of have bytes may not grow by more.
func checkLength(have, more int64) error {
	if have > MaxStringBytes || more > MaxStringBytes-have {
		return reply.ErrTooLong
	}
	return nil
}

// expiry is a time to live as a client gives it: EX, PX, EXAT or PXAT, and its amount. The zero value is none.
type expiry struct {
	amount   []byte
	unit     int16 // milliseconds in one of the amount: 1 or 1000
	absolute bool  // the amount counts from 1970, not from now
}

// parseExpiry reads the option at the head of args, with its amount behind it; ok is false when it is another option,
// or has no amount. What the amount is worth is said by at, because some commands look at the key first.
func parseExpiry(args [][]byte) (e expiry, ok bool) {
	if len(args) < 2 {
		return expiry{}, false
	}
	switch opt := args[0]; {
	case isWord(opt, "EX"):
		e = expiry{unit: 1000}
	case isWord(opt, "PX"):
		e = expiry{unit: 1}
	case isWord(opt, "EXAT"):
		e = expiry{unit: 1000, absolute: true}
	case isWord(opt, "PXAT"):
		e = expiry{unit: 1, absolute: true}
	default:
		return expiry{}, false
	}
	e.amount = args[1]
	return e, true
}

// given reports whether there is a time to live.
func (e *expiry) given() bool { return e.unit != 0 }

// sameOption reports whether both are EX, or both PX …
func (e *expiry) sameOption(o expiry) bool { return e.unit == o.unit && e.absolute == o.absolute }

// at returns the Unix time in milliseconds at which a key set at now expires; 0 is never. The error names the command.
func (e *expiry) at(now int64, name string) (int64, error) {
	if !e.given() {
		return 0, nil
	}
	return e.moment(now, name)
}

func (e *expiry) moment(now int64, name string) (int64, error) {
	n, err := parseInt64(e.amount)
	if err != nil {
		return 0, err
	}
	unit := int64(e.unit)
	if n <= 0 || n > math.MaxInt64/unit {
		return 0, reply.InvalidExpire(name)
	}
	n *= unit
	if e.absolute {
		return n, nil
	}
	if n > math.MaxInt64-now {
		return 0, reply.InvalidExpire(name)
	}
	return n + now, nil
}

// check returns the error that the amount deserves at any time.
func (e *expiry) check(name string) error {
	_, err := e.at(0, name)
	return err
}
