package resp

import (
	"strconv"
	"sync/atomic"

	"github.com/tidwall/redcon"

	"cairn/fsm/reply"
)

// flushBytes is what a writer gathers before it writes; longer strings are written without a copy.
const flushBytes = 64 << 10

// writer writes replies to a client. After the first error it writes nothing.
type writer struct {
	dst   *outputBuffer
	count *atomic.Uint64 // bytes written
	buf   []byte
	resp3 bool
	muted bool // CLIENT REPLY OFF or SKIP
	err   error
}

// reply writes r as RESP2 or RESP3. Of a None nothing is written.
func (w *writer) reply(r reply.Reply) {
	if w.muted || w.err != nil {
		return
	}
	w.encode(r)
}

// push writes a message that is no reply: CLIENT REPLY does not silence it.
func (w *writer) push(message reply.Reply) {
	if w.err == nil {
		w.encode(message)
	}
}

// head writes the head of an array, a set, a map or pairs whose n elements follow as replies.
func (w *writer) head(kind reply.Kind, n int) {
	if w.muted || w.err != nil {
		return
	}
	mark := byte('*')
	switch {
	case w.resp3 && kind == reply.Set:
		mark = '~'
	case w.resp3 && kind == reply.Map:
		mark, n = '%', n/2
	case w.resp3 && kind == reply.Pairs:
		n /= 2
	}
	w.buf = appendHead(w.buf, mark, n)
}

// pairHead writes what stands before the two elements of a pair.
func (w *writer) pairHead() {
	if w.resp3 {
		w.head(reply.Array, 2)
	}
}

func (w *writer) encode(r reply.Reply) {
	if len(w.buf) >= flushBytes {
		w.flush()
	}
	switch r.Kind {
	case reply.Null, reply.NullArray, reply.Bool, reply.Double, reply.BigNumber, reply.Verbatim:
		w.scalar(r)
	case reply.Status:
		w.buf = appendLine(w.buf, '+', r.Str)
	case reply.Error:
		w.buf = appendLine(w.buf, '-', r.Str)
	case reply.Integer:
		w.buf = redcon.AppendInt(w.buf, r.Int)
	case reply.Bulk:
		w.bulk(r.Str)
	case reply.Array:
		w.elems('*', len(r.Elems), r.Elems)
	case reply.Map:
		w.aggregate('%', len(r.Elems)/2, r.Elems)
	case reply.Pairs:
		w.pairs(r.Elems)
	case reply.Set:
		w.aggregate('~', len(r.Elems), r.Elems)
	case reply.Push:
		w.aggregate('>', len(r.Elems), r.Elems)
	case reply.None:
	default:
		panic("resp: reply of unknown kind " + strconv.Itoa(int(r.Kind)))
	}
}

// pairs writes an array of pairs, which RESP2 has side by side.
func (w *writer) pairs(elems []reply.Reply) {
	if !w.resp3 {
		w.elems('*', len(elems), elems)
		return
	}
	w.buf = appendHead(w.buf, '*', len(elems)/2)
	for ; len(elems) > 1; elems = elems[2:] {
		w.elems('*', 2, elems[:2])
	}
}

// scalar writes the kinds that RESP2 has no shape for.
func (w *writer) scalar(r reply.Reply) {
	switch {
	case !w.resp3 && r.Kind == reply.Null:
		w.buf = redcon.AppendNull(w.buf)
	case !w.resp3 && r.Kind == reply.NullArray:
		w.buf = append(w.buf, "*-1\r\n"...)
	case r.Kind == reply.Null || r.Kind == reply.NullArray:
		w.buf = append(w.buf, "_\r\n"...)
	case !w.resp3 && r.Kind == reply.Bool:
		w.buf = redcon.AppendInt(w.buf, r.Int)
	case r.Kind == reply.Bool && r.Int != 0:
		w.buf = append(w.buf, "#t\r\n"...)
	case r.Kind == reply.Bool:
		w.buf = append(w.buf, "#f\r\n"...)
	case r.Kind == reply.Double && r.Str != nil:
		w.word(',', r.Str)
	case r.Kind == reply.Double:
		var digits [32]byte
		w.word(',', appendDouble(digits[:0], r.Float))
	case r.Kind == reply.BigNumber:
		w.word('(', r.Str)
	default:
		w.verbatim(r.Str)
	}
}

// word writes a line in RESP3 and a string in RESP2.
func (w *writer) word(mark byte, s []byte) {
	if w.resp3 {
		w.buf = appendLine(w.buf, mark, s)
		return
	}
	w.buf = redcon.AppendBulk(w.buf, s)
}

func (w *writer) verbatim(s []byte) {
	if !w.resp3 {
		w.bulk(s)
		return
	}
	w.buf = appendHead(w.buf, '=', len(s)+len("txt:"))
	w.buf = append(w.buf, "txt:"...)
	w.raw(s)
	w.buf = append(w.buf, "\r\n"...)
}

func (w *writer) bulk(s []byte) {
	if len(s) < flushBytes {
		w.buf = redcon.AppendBulk(w.buf, s)
		return
	}
	w.buf = appendHead(w.buf, '$', len(s))
	w.raw(s)
	w.buf = append(w.buf, "\r\n"...)
}

// raw writes bytes as they are, long ones at once and without a copy.
func (w *writer) raw(s []byte) {
	if len(s) < flushBytes {
		w.buf = append(w.buf, s...)
		return
	}
	w.flush()
	w.writePart(s)
}

// aggregate writes elements in a shape that RESP2 writes as an array.
func (w *writer) aggregate(mark byte, n int, elems []reply.Reply) {
	if !w.resp3 {
		mark, n = '*', len(elems)
	}
	w.elems(mark, n, elems)
}

func (w *writer) elems(mark byte, n int, elems []reply.Reply) {
	w.buf = appendHead(w.buf, mark, n)
	for i := range elems {
		w.encode(elems[i])
	}
}

// flush writes what was gathered.
func (w *writer) flush() {
	w.writePart(w.buf)
	if w.buf = w.buf[:0]; cap(w.buf) > 2*flushBytes {
		w.buf = nil
	}
}

// flushNow writes what was gathered, unless the client does not take all of it at once; what it has not taken stays.
func (w *writer) flushNow(s *socket) bool {
	if w.err != nil || len(w.buf) == 0 {
		return true
	}
	n := w.dst.writeNow(s, w.buf)
	w.count.Add(uint64(n))
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
	return len(w.buf) == 0
}

func (w *writer) writePart(b []byte) {
	if w.err != nil || len(b) == 0 {
		return
	}
	var n int
	n, w.err = w.dst.Write(b)
	w.count.Add(uint64(n))
}

func appendHead(dst []byte, mark byte, n int) []byte {
	dst = append(dst, mark)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, "\r\n"...)
}

// appendLine writes text as one line: a CR or LF in it becomes a space.
func appendLine(dst []byte, mark byte, text []byte) []byte {
	dst = append(dst, mark)
	for _, c := range text {
		if c == '\r' || c == '\n' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return append(dst, "\r\n"...)
}
