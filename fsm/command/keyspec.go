package command

import (
	"strings"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/str"
)

// KeySpec says where keys stand in a call, as Redis's key specifications do: where to begin, which may depend on the
// words of the call, and which words are keys from there. One without a Step finds none: it says only that there may
// be keys.
//
//	{Index: 1, Step: 1}                                           the first word behind the name
//	{Index: 1, Last: -1, Step: 2}                                 each second word from there to the end
//	{Index: 2, Counted: true, Step: 1}                            word 2 says how many keys follow it
//	{Index: 4, Keyword: "STORE", Step: 1}                         the word behind STORE, which is word 4 or a later one
//	{Index: 1, Keyword: "STREAMS", Last: -1, Limit: 2, Step: 1}   the first half of what is behind STREAMS
type KeySpec struct {
	Index   int    // where to begin
	Keyword string // begin behind this word, looked for from Index to the end; when that is negative, from so far before the end to the front
	Counted bool   // there stands the number of keys, and then the keys
	Last    int    // the last key, counted from the first; from the end of the call when negative
	Limit   int    // with a negative Last, above 1: what is left of the call has so many equal parts, and keys only in the first
	Step    int    // from key to key
	Access  string // Redis's key-spec flags: "RO ACCESS", "RW UPDATE", "OW UPDATE", "RM DELETE" …

	// What Redis's own specifications cannot say; for Spec.Search only.
	Option bool // Keyword is an option of the Syntax: a value of another option that looks like it does not count, and the last one holds
	Else   bool // only when the specifications before have found nothing
}

// Key is a key of a call.
type Key struct {
	At   int // its place
	Spec *KeySpec
}

// notKey is the Access of a specification that finds channels: words that have a slot and are no keys.
const notKey = "NOT_KEY"

// HasKeys reports whether a call can have keys.
func (s *Spec) HasKeys() bool {
	for _, k := range s.Keys {
		if k.Access != notKey {
			return true
		}
	}
	return false
}

// KeysOf returns the keys of a call whose number of words is right. A call whose words contradict the specifications,
// as a number of keys above that of the words does, has none.
func (s *Spec) KeysOf(argv [][]byte) []Key {
	var found []Key
	specs := s.search()
	for i := range specs {
		k := &specs[i]
		if k.Access == notKey || k.Else && len(found) > 0 {
			continue
		}
		first, last, ok := s.span(k, argv)
		if !ok {
			return nil
		}
		if found == nil && first <= last {
			found = make([]Key, 0, (last-first)/k.Step+1)
		}
		for at := first; at <= last; at += k.Step {
			found = append(found, Key{at, k})
		}
	}
	return found
}

// AccessOf returns what a call does to one of its keys, as KeySpec.Access says it.
func (s *Spec) AccessOf(argv [][]byte, k Key) string {
	if s.Access != nil {
		return s.Access(argv)
	}
	return k.Spec.Access
}

// Expect tells the transaction which keys a call is about to write. It is false when the transaction wants no more, see
// storage.Txn.Expect.
func (s *Spec) Expect(txn *storage.Txn, db uint8, argv [][]byte) (more bool) {
	if !s.Writes() {
		return true
	}
	if s.onlyKey > 0 {
		return txn.Expect(db, argv[s.onlyKey])
	}
	specs := s.search()
	for i := range specs {
		k := &specs[i]
		first, last, ok := s.span(k, argv)
		for at := first; ok && at <= last; at += k.Step {
			if !txn.Expect(db, argv[at]) {
				return false
			}
		}
	}
	return true
}

// onlyKeyOf returns the place of the key of calls that all have one, in the same place; 0 for others.
func (s *Spec) onlyKeyOf() int {
	specs := s.search()
	if len(specs) != 1 {
		return 0
	}
	k := specs[0]
	inAll := 0 < k.Index && k.Index < max(s.Arity, -s.Arity)
	if k.Keyword != "" || k.Counted || k.Last != 0 || k.Step == 0 || !inAll {
		return 0
	}
	return k.Index
}

// ExpectParts tells the transaction which elements of a collection a call is about to write, once the keys that calls
// write are fetched. It is false when the transaction wants no more.
func (s *Spec) ExpectParts(txn *storage.Txn, db uint8, argv [][]byte) (more bool, err error) {
	if s.onlyKey > 0 {
		return s.expectPartsOf(txn, db, argv, argv[s.onlyKey])
	}
	for _, key := range s.KeysOf(argv) {
		if more, err := s.expectPartsOf(txn, db, argv, argv[key.At]); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

func (s *Spec) expectPartsOf(txn *storage.Txn, db uint8, argv [][]byte, key []byte) (more bool, err error) {
	id, err := keys.PeekParts(txn, db, key)
	if err != nil || id == 0 {
		return true, err
	}
	var room [64]byte
	name := layout.AppendName
	if s.PartName != nil {
		name = s.PartName
	}
	first, last, ok := s.partSpan(argv)
	for at := first; ok && at <= last; at += s.Parts.Step {
		if !txn.ExpectPart(db, id, name(room[:0], argv[at])) {
			return false, nil
		}
	}
	return true, nil
}

// partSpan is span for the elements of a call, of which the last is one: options before them shift the others.
func (s *Spec) partSpan(argv [][]byte) (first, last int, ok bool) {
	if first, last, ok = s.span(s.Parts, argv); ok {
		first += (last - first) % s.Parts.Step
	}
	return first, last, ok
}

func (s *Spec) search() []KeySpec {
	if s.Search != nil {
		return s.Search
	}
	return s.Keys
}

// span returns the places of the first and the last key that a specification finds; there are none when last is less.
// ok is false when the words contradict it.
func (s *Spec) span(k *KeySpec, argv [][]byte) (first, last int, ok bool) {
	first = k.Index
	if k.Step == 0 {
		return 0, -1, true
	}
	if k.Keyword != "" {
		if first = s.behindKeyword(k, argv); first == 0 {
			return 0, -1, true
		}
	}
	switch {
	case k.Counted:
		n, isInt := int64(0), false
		if first < len(argv) {
			n, isInt = str.ParseInt(argv[first])
		}
		if !isInt || n < 0 || n > int64(len(argv)) {
			return 0, -1, false
		}
		first++
		last = first + (int(n)-1)*k.Step
	case k.Last >= 0:
		last = first + k.Last
	case k.Limit > 1:
		last = first + (len(argv)-first)/k.Limit + k.Last
	default:
		last = len(argv) + k.Last
	}
	return first, last, first <= last && last < len(argv)
}

// behindKeyword returns the place behind a specification's keyword; 0 when the call has nothing behind one.
func (s *Spec) behindKeyword(k *KeySpec, argv [][]byte) (found int) {
	at, step := k.Index, 1
	if at < 0 {
		at, step = len(argv)+at, -1
	}
	for ; 0 < at && at < len(argv)-1; at += step {
		if isWord(argv[at], k.Keyword) {
			if found = at + 1; !k.Option {
				return found
			}
		}
		if k.Option {
			values, known := s.options[strings.ToUpper(string(argv[at]))]
			if known && values < 0 {
				return found
			}
			at += values
		}
	}
	return found
}

// optionsOf notes how many values follow each literal of a Syntax, in every call; -1 is all that follows.
func optionsOf(items []Item, options map[string]int) {
	for i, it := range items {
		for _, choice := range it.Choices {
			optionsOf(choice, options)
		}
		if !it.Literal() {
			continue
		}
		values := 0
		for _, next := range items[i+1:] {
			if !next.Value() {
				break
			}
			n, always := next.words()
			if !always {
				values = -1
				break
			}
			values += n
		}
		options[it.Word] = values
	}
}
