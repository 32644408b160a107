package command

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Item is a piece of a row's Syntax: a word, or what stands between brackets.
//
//	key:key | NX        an argument by its name and type, or a word to say literally, which has no small letter
//	[x], [x | y]        may be left out
//	x | y, <x | y>      one of several
//	[x ...]             may be repeated; behind another x: "key:key [key:key ...]" is one key or more
//
// A literal takes the values behind it: "LIMIT offset:integer count:integer" belongs together, and so does what "<"
// and ">" enclose.
type Item struct {
	Word     string   // of a group empty
	Type     Type     // of an argument
	KeySpec  int      // of a key: which of the row's Keys finds it
	Choices  [][]Item // of a group
	Optional bool
	Repeated bool
}

// Type is Redis's type of an argument. A Syntax has it behind the argument's name, "count:integer"; without one it is
// TypeString. A key can have the number of its key specification with it: "destination:key1".
type Type string

// The types of arguments.
const (
	TypeString   Type = "string"
	TypeInteger  Type = "integer"
	TypeDouble   Type = "double"
	TypeKey      Type = "key"
	TypePattern  Type = "pattern"
	TypeUnixTime Type = "unix-time"
)

var syntaxToken = regexp.MustCompile(`\.\.\.|[][<>|]|[^][<>|\s]+`)

// ParseSyntax reads a Syntax as one group. It is an error when the brackets do not balance.
func ParseSyntax(s string) (Item, error) {
	p := syntaxParser{tokens: syntaxToken.FindAllString(s, -1)}
	all := p.group("")
	if p.bad || len(p.tokens) > 0 {
		return Item{}, fmt.Errorf("command: the brackets of %q do not balance", s)
	}
	return all, nil
}

// syntaxParser takes tokens from the front.
type syntaxParser struct {
	tokens []string
	bad    bool
}

// group reads up to the closing bracket, which it takes; up to the end when there is none.
func (p *syntaxParser) group(closing string) Item {
	g := Item{Choices: [][]Item{nil}, Optional: closing == "]"}
	for len(p.tokens) > 0 {
		token := p.tokens[0]
		if p.tokens = p.tokens[1:]; token == closing {
			return g
		}
		last := &g.Choices[len(g.Choices)-1]
		switch token {
		case "[":
			*last = gather(*last, p.group("]"))
		case "<":
			*last = append(*last, p.group(">"))
		case "|":
			g.Choices = append(g.Choices, nil)
		case "...":
			g.Repeated = true
		case "]", ">":
			p.bad = true
			return g
		default:
			*last = append(*last, wordItem(token))
		}
	}
	p.bad = p.bad || closing != ""
	return g
}

// wordItem parts a word and its type.
func wordItem(token string) Item {
	if token == strings.ToUpper(token) {
		return Item{Word: token}
	}
	if i := strings.LastIndexByte(token, ':'); i > 0 {
		switch name, kind := token[:i], Type(token[i+1:]); kind {
		case TypeString, TypeInteger, TypeDouble, TypeKey, TypePattern, TypeUnixTime:
			return Item{Word: name, Type: kind}
		default:
			number, ok := strings.CutPrefix(string(kind), string(TypeKey))
			if n, err := strconv.Atoi(number); ok && err == nil {
				return Item{Word: name, Type: TypeKey, KeySpec: n}
			}
		}
	}
	return Item{Word: token, Type: TypeString}
}

// gather appends a group to the items before it. A repetition of the last of them takes their place, as a group that
// must be there and may be repeated.
func gather(items []Item, g Item) []Item {
	if !g.Repeated || len(g.Choices) != 1 {
		return append(items, g)
	}
	once := len(items) - len(g.Choices[0])
	if once < 0 || !slices.EqualFunc(items[once:], g.Choices[0], Item.equal) {
		return append(items, g)
	}
	g.Optional = false
	return append(items[:once], g)
}

func (it Item) equal(other Item) bool {
	return it.Word == other.Word && it.Type == other.Type && it.KeySpec == other.KeySpec &&
		it.Optional == other.Optional && it.Repeated == other.Repeated &&
		slices.EqualFunc(it.Choices, other.Choices, func(a, b []Item) bool { return slices.EqualFunc(a, b, Item.equal) })
}

// Literal reports whether an item is a word to say as it stands.
func (it Item) Literal() bool { return it.Word != "" && it.Type == "" }

// Value reports whether an item is something that belongs to a literal before it.
func (it Item) Value() bool { return !it.Optional && !it.Literal() }

// words returns how many words an item is at least, and whether it is that many in every call.
func (it Item) words() (least int, always bool) {
	if it.Word != "" {
		return 1, true
	}
	always = !it.Repeated && !it.Optional
	for i, choice := range it.Choices {
		n, same := wordsOf(choice)
		always = always && same && (i == 0 || n == least)
		if i == 0 || n < least {
			least = n
		}
	}
	if it.Optional {
		least = 0
	}
	return least, always
}

func wordsOf(items []Item) (least int, always bool) {
	always = true
	for _, it := range items {
		n, same := it.words()
		least, always = least+n, always && same
	}
	return least, always
}

// arityOf returns what a Syntax says of the number of words, as Redis counts: with the name, which is so many words,
// negative is "at least".
func arityOf(syntax Item, name int) int {
	least, always := syntax.words()
	if always {
		return name + least
	}
	return -(name + least)
}

// Usage returns the arguments of a row for people to read: its Syntax without the types.
func (s *Spec) Usage() string {
	return syntaxToken.ReplaceAllStringFunc(s.Syntax, func(token string) string { return wordItem(token).Word })
}
