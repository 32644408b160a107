package command

import (
	"bytes"
	"slices"

	"cairn/storage"
	"cairn/storage/hash"
	"cairn/storage/str"
)

// sortPattern is a pattern of BY or GET: it makes of an element the name of a string, or of a field of a hash.
type sortPattern struct {
	named         bool // there is a "*", which the element takes the place of
	element       bool // "#": the element itself
	before, after []byte
	field         []byte // empty for a string
}

// parseSortPattern reads a pattern as Redis does: "*" and "->" are looked for up to the first zero byte.
func parseSortPattern(text []byte) (p sortPattern) {
	head, _, _ := bytes.Cut(text, []byte{0})
	star := bytes.IndexByte(head, '*')
	if star < 0 {
		p.element = string(head) == "#"
		return p
	}
	p.named, p.before, p.after = true, text[:star], text[star+1:]
	if arrow := bytes.Index(head[star+1:], []byte("->")); arrow >= 0 && star+1+arrow+2 < len(head) {
		p.after, p.field = p.after[:arrow], p.after[arrow+2:]
	}
	return p
}

// lookup returns what the key that the pattern makes of an element holds; found is false when it, or its field, is
// absent, or of another type.
func (p *sortPattern) lookup(env Env, r storage.Reader, element []byte) (value []byte, found bool, err error) {
	switch {
	case p.element:
		return element, true, nil
	case !p.named:
		return nil, false, nil
	}
	key := slices.Concat(p.before, element, p.after)
	if len(p.field) == 0 {
		value, ok, isString, err := str.Get(r, env.DB, key)
		return value, ok && isString, err
	}
	h, isHash, err := hash.Lookup(r, env.DB, key)
	if err != nil || !isHash || h.Len() == 0 {
		return nil, false, err
	}
	value, err = h.Get(p.field)
	return value, value != nil, err
}
