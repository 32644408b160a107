package rdb

import "strconv"

// packed reads a collection that is one text.
func (r *reader) packed(v *Value, kind byte) {
	add := func(item []byte) { r.addItem(v, item) }
	scored, pairs := false, func(item []byte) { // a member and its score in turns
		if len(v.Items) == len(v.Scores) {
			r.addItem(v, item)
		} else {
			v.Scores = append(v.Scores, r.parseScore(item))
		}
	}
	switch kind {
	case zipmapHash:
		v.Kind = Hash
		r.zipmap(r.text(), add)
	case ziplistList:
		v.Kind = List
		r.ziplist(r.text(), add)
	case intsetSet:
		v.Kind = Set
		r.intset(r.text(), add)
	case ziplistZSet:
		v.Kind, scored = SortedSet, true
		r.ziplist(r.text(), pairs)
	case ziplistHash:
		v.Kind = Hash
		r.ziplist(r.text(), add)
	case listpackHash:
		v.Kind = Hash
		r.listpack(r.text(), add)
	case listpackZSet:
		v.Kind, scored = SortedSet, true
		r.listpack(r.text(), pairs)
	default:
		r.bad = true
	}
	if scored && len(v.Items) != len(v.Scores) {
		r.bad = true
	}
}

// within reads a packed text with fn, which must take all of it but leave the end mark.
func (r *reader) within(b []byte, fn func(in *reader)) {
	in := &reader{b: b}
	if r.bad {
		return
	}
	fn(in)
	r.bad = r.bad || in.bad
}

// endMark ends ziplists, listpacks and zipmaps.
const endMark = 0xff

// entries calls next until the end mark, which must be the last byte.
func (r *reader) entries(b []byte, head uint64, next func(in *reader)) {
	r.within(b, func(in *reader) {
		if size := in.uint(4); size != uint64(len(b)) {
			in.bad = true
		}
		in.takeBytes(head - 4)
		for !in.bad && !r.bad {
			if len(in.b) > 0 && in.b[0] == endMark {
				in.bad = len(in.b) != 1
				return
			}
			next(in)
		}
	})
}

// ziplist reads
//
//	bytes uint32 LE | last uint32 LE | entries uint16 LE | entries × (length of the one before | form | text) | 255
func (r *reader) ziplist(b []byte, fn func(item []byte)) {
	r.entries(b, 10, func(in *reader) {
		if in.byte() == 254 { // the length of the entry before takes one byte, or five
			in.takeBytes(4)
		}
		if item := in.ziplistText(); !in.bad {
			fn(item)
		}
	})
}

func (r *reader) ziplistText() []byte {
	c := r.byte()
	switch c >> 6 {
	case 0:
		return r.takeBytes(uint64(c))
	case 1:
		return r.takeBytes(uint64(c&0x3f)<<8 | uint64(r.byte()))
	case 2:
		n := uint64(0)
		for _, c := range r.takeBytes(4) {
			n = n<<8 | uint64(c)
		}
		return r.takeBytes(n)
	}
	switch {
	case c == 0xc0:
		return decimal(r.int(2))
	case c == 0xd0:
		return decimal(r.int(4))
	case c == 0xe0:
		return decimal(r.int(8))
	case c == 0xf0:
		return decimal(r.int(3))
	case c == 0xfe:
		return decimal(r.int(1))
	case 0xf1 <= c && c <= 0xfd:
		return decimal(int64(c) - 0xf1)
	}
	r.bad = true
	return nil
}

func decimal(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// listpack reads
//
//	bytes uint32 LE | entries uint16 LE | entries × (form | text | length of both, backwards) | 255
func (r *reader) listpack(b []byte, fn func(item []byte)) {
	r.entries(b, 6, func(in *reader) {
		before := len(in.b)
		item := in.listpackText()
		in.takeBytes(backLength(before - len(in.b)))
		if !in.bad {
			fn(item)
		}
	})
}

// backLength returns how many bytes the length of an entry of a listpack takes behind it.
func backLength(n int) uint64 {
	switch {
	case n <= 127:
		return 1
	case n < 16383:
		return 2
	case n < 2097151:
		return 3
	case n < 268435455:
		return 4
	}
	return 5
}

func (r *reader) listpackText() []byte {
	c := r.byte()
	switch {
	case c>>7 == 0:
		return decimal(int64(c))
	case c>>6 == 2:
		return r.takeBytes(uint64(c & 0x3f))
	case c>>5 == 6: // 13 bits with a sign
		return decimal(int64(uint64(c)<<59|uint64(r.byte())<<51) >> 51)
	case c>>4 == 14:
		return r.takeBytes(uint64(c&0xf)<<8 | uint64(r.byte()))
	}
	switch c {
	case 0xf0:
		return r.takeBytes(r.uint(4))
	case 0xf1:
		return decimal(r.int(2))
	case 0xf2:
		return decimal(r.int(3))
	case 0xf3:
		return decimal(r.int(4))
	case 0xf4:
		return decimal(r.int(8))
	}
	r.bad = true
	return nil
}

// intset reads
//
//	width uint32 LE | numbers uint32 LE | numbers × number LE
func (r *reader) intset(b []byte, fn func(item []byte)) {
	r.within(b, func(in *reader) {
		width, n := in.uint(4), in.uint(4)
		if width != 2 && width != 4 && width != 8 || n*width != uint64(len(in.b)) {
			in.bad = true
		}
		for ; n > 0 && !in.bad && !r.bad; n-- {
			fn(decimal(in.int(width)))
		}
	})
}

// zipmap reads
//
//	entries uint8 | entries × (length | field | length | free uint8 | value | free bytes) | 255
func (r *reader) zipmap(b []byte, fn func(item []byte)) {
	r.within(b, func(in *reader) {
		in.byte()
		for !in.bad && !r.bad {
			if len(in.b) > 0 && in.b[0] == endMark {
				in.bad = len(in.b) != 1
				return
			}
			field := in.takeBytes(in.zipmapLength())
			n := in.zipmapLength()
			free := in.byte()
			value := in.takeBytes(n)
			in.takeBytes(uint64(free))
			if !in.bad {
				fn(field)
				fn(value)
			}
		}
	})
}

func (r *reader) zipmapLength() uint64 {
	switch n := r.byte(); n {
	case 254:
		return r.uint(4)
	case endMark:
		r.bad = true
		return 0
	default:
		return uint64(n)
	}
}
