package resp

import (
	"regexp"
	"slices"
	"strings"
)

// syntaxItem is a piece of a row's Syntax, a word or what stands between brackets:
//
//	key | NX        an argument by its name, or a word to say literally, which has no small letter
//	[x], [x | y]    may be left out
//	x | y, <x | y>  one of several
//	[x ...]         may be repeated; behind another x: "key [key ...]" is one key or more
type syntaxItem struct {
	word     string         // of a group empty
	choices  [][]syntaxItem // of a group
	optional bool
	repeated bool
}

var syntaxToken = regexp.MustCompile(`\.\.\.|[][<>|]|[^][<>|\s]+`)

// parseSyntax reads a Syntax as one group; ok is false when its brackets do not balance.
func parseSyntax(s string) (all syntaxItem, ok bool) {
	p := syntaxParser{tokens: syntaxToken.FindAllString(s, -1)}
	all = p.group("")
	return all, !p.bad && len(p.tokens) == 0
}

// syntaxParser takes tokens from the front.
type syntaxParser struct {
	tokens []string
	bad    bool
}

// group reads up to the closing bracket, which it takes; up to the end when there is none.
func (p *syntaxParser) group(closing string) syntaxItem {
	g := syntaxItem{choices: [][]syntaxItem{nil}, optional: closing == "]"}
	for len(p.tokens) > 0 {
		token := p.tokens[0]
		if p.tokens = p.tokens[1:]; token == closing {
			return g
		}
		last := &g.choices[len(g.choices)-1]
		switch token {
		case "[":
			*last = gather(*last, p.group("]"))
		case "<":
			*last = append(*last, p.group(">"))
		case "|":
			g.choices = append(g.choices, nil)
		case "...":
			g.repeated = true
		case "]", ">":
			p.bad = true
			return g
		default:
			*last = append(*last, syntaxItem{word: token})
		}
	}
	p.bad = p.bad || closing != ""
	return g
}

// gather appends a group to the items before it. A repetition of the last of them takes their place, as a group that must
// be there and may be repeated.
func gather(items []syntaxItem, g syntaxItem) []syntaxItem {
	if !g.repeated || len(g.choices) != 1 {
		return append(items, g)
	}
	once := len(items) - len(g.choices[0])
	if once < 0 || !slices.EqualFunc(items[once:], g.choices[0], syntaxItem.equal) {
		return append(items, g)
	}
	g.optional = false
	return append(items[:once], g)
}

func (it syntaxItem) equal(other syntaxItem) bool {
	return it.word == other.word && it.optional == other.optional && it.repeated == other.repeated &&
		slices.EqualFunc(it.choices, other.choices, func(a, b []syntaxItem) bool { return slices.EqualFunc(a, b, syntaxItem.equal) })
}

// literal reports whether an item is a word to say as it stands.
func (it syntaxItem) literal() bool { return it.word != "" && it.word == strings.ToUpper(it.word) }

// value reports whether an item is something that belongs to a literal before it.
func (it syntaxItem) value() bool { return !it.optional && !it.literal() }
