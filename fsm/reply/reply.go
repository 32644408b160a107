// Package reply is what a command answers, in Redis's terms and without a wire format: resp writes a Reply as RESP2
// or RESP3.
package reply

import "fmt"

// Kind is the shape of a Reply.
type Kind uint8

// The kinds. RESP2 has no Null beside bulk and array, and writes Map, Set, Push, Double, Bool, Verbatim and BigNumber
// as the older shapes that Redis 7.0 uses for them.
const (
	Null      Kind = iota // the absent value
	NullArray             // the absent array: "*-1" in RESP2, null in RESP3
	Status                // a simple string, Str
	Error                 // an error line, Str, which begins with its code: "ERR …"
	Integer               // Int
	Bulk                  // a string of bytes, Str
	Array                 // Elems
	Map                   // Elems, key and value in turns
	Set                   // Elems
	Push                  // Elems; out of band in RESP3
	Double                // Float; Str are its digits where they are others than Redis writes of a score
	Bool                  // Int is 0 or 1
	BigNumber             // Str, decimal digits
	Verbatim              // Str, text
	None                  // nothing is written: CLIENT REPLY OFF and the like
	Pairs                 // Elems, two and two: arrays of two in RESP3, one array of all in RESP2
	Long                  // there is an answer, and it is to be listed: it would take too much memory at once
)

// Reply is one answer. Which fields count is said by Kind. Str may alias memory of the store or of a request that
// nobody writes to any more; the receiver must not change it.
type Reply struct {
	Kind  Kind
	Int   int64
	Float float64
	Str   []byte
	Elems []Reply
}

// A Lister takes an Array, a Set or a Map that may be longer than memory: it has n elements, keys and values of a map
// counted alike, and each hands them to yield one after the other, until yield fails. What an element consists of is
// good until yield returns.
type Lister func(kind Kind, n int, each func(yield func(Reply) error) error) error

// OK is the status OK.
func OK() Reply { return Reply{Kind: Status, Str: okBytes} }

var okBytes = []byte("OK")

// Nil is the absent value.
func Nil() Reply { return Reply{} }

// NilArray is the absent array.
func NilArray() Reply { return Reply{Kind: NullArray} }

// Statusf returns a simple string.
func Statusf(s string) Reply { return Reply{Kind: Status, Str: []byte(s)} }

// Int returns an integer.
func Int(n int64) Reply { return Reply{Kind: Integer, Int: n} }

// Flag returns the integer 1 for true and 0 for false, which is how most commands answer yes and no.
func Flag(yes bool) Reply {
	if yes {
		return Int(1)
	}
	return Int(0)
}

// BulkBytes returns a string of bytes; nil bytes are the empty string, not Nil.
func BulkBytes(b []byte) Reply { return Reply{Kind: Bulk, Str: b} }

// BulkString returns a string of bytes.
func BulkString(s string) Reply { return Reply{Kind: Bulk, Str: []byte(s)} }

// ArrayOf returns an array.
func ArrayOf(elems ...Reply) Reply { return Reply{Kind: Array, Elems: elems} }

// MapOf returns a map of keys and values in turns.
func MapOf(elems ...Reply) Reply { return Reply{Kind: Map, Elems: elems} }

// PairsOf returns an array of pairs, the first and second of each in turns.
func PairsOf(elems ...Reply) Reply { return Reply{Kind: Pairs, Elems: elems} }

// SetOf returns a set.
func SetOf(elems ...Reply) Reply { return Reply{Kind: Set, Elems: elems} }

// DoubleOf returns a floating point number.
func DoubleOf(f float64) Reply { return Reply{Kind: Double, Float: f} }

// VerbatimText returns text meant for a person's eyes.
func VerbatimText(s string) Reply { return Reply{Kind: Verbatim, Str: []byte(s)} }

// UserError is an error of the user: the whole error line, its code first. As a Go error it travels from a command's
// parse or run function to the place that makes it a Reply.
type UserError string

// Error implements error.
func (e UserError) Error() string { return string(e) }

// Reply returns the error line.
func (e UserError) Reply() Reply { return Reply{Kind: Error, Str: []byte(e)} }

// Errorf returns an error line.
func Errorf(format string, args ...any) UserError { return UserError(fmt.Sprintf(format, args...)) }

// The error lines that many commands share, in Redis's words.
const (
	ErrSyntax     UserError = "ERR syntax error"
	ErrNotInteger UserError = "ERR value is not an integer or out of range"
	ErrNotFloat   UserError = "ERR value is not a valid float"
	ErrWrongType  UserError = "WRONGTYPE Operation against a key holding the wrong kind of value"
	ErrNoSuchKey  UserError = "ERR no such key"
	ErrOutOfRange UserError = "ERR index out of range"
	ErrDBIndex    UserError = "ERR DB index is out of range"
	ErrTooLong    UserError = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	ErrOverflow   UserError = "ERR increment or decrement would overflow"
	ErrNaN        UserError = "ERR increment would produce NaN or Infinity"
)

// WrongArity is the error for a call with a wrong number of arguments. name is in lower case; a subcommand's is
// "client|kill".
func WrongArity(name string) UserError {
	return Errorf("ERR wrong number of arguments for '%s' command", name)
}

// InvalidExpire is the error for a time to live that is not positive or does not fit.
func InvalidExpire(name string) UserError {
	return Errorf("ERR invalid expire time in '%s' command", name)
}

// Size returns about how many bytes the reply holds in memory beyond its own struct.
func (r Reply) Size() int {
	n := len(r.Str)
	for i := range r.Elems {
		n += elemBytes + r.Elems[i].Size()
	}
	return n
}

// elemBytes is the size of a Reply struct.
const elemBytes = 72
