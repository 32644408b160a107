package difftest

import (
	"fmt"
	"regexp"
	"strings"
)

// node is a piece of a command's syntax.
//
//	key | NX        an argument by its name, or a word to say literally
//	[x ...]         may be left out, or repeated when dots follow
//	x | y, <x | y>  one of several
type node struct {
	word     string // literal in capitals, else an argument's name; empty for a list
	choices  [][]node
	optional bool
	repeat   bool
}

var syntaxToken = regexp.MustCompile(`\.\.\.|[][<>|]|[^][<>|\s]+`)

// parseSyntax reads the Syntax of a row.
func parseSyntax(s string) (node, error) {
	p := syntaxParser{tokens: syntaxToken.FindAllString(s, -1)}
	n := p.list("")
	if p.bad || len(p.tokens) > 0 {
		return node{}, fmt.Errorf("difftest: syntax %q: brackets do not balance", s)
	}
	return n, nil
}

// syntaxParser takes tokens from the front.
type syntaxParser struct {
	tokens []string
	bad    bool
}

// list reads alternatives up to the closing bracket, or up to the end when that is empty.
func (p *syntaxParser) list(closing string) node {
	n := node{choices: [][]node{nil}, optional: closing == "]"}
	for len(p.tokens) > 0 {
		token := p.tokens[0]
		if token == "]" || token == ">" {
			break
		}
		p.tokens = p.tokens[1:]
		last := &n.choices[len(n.choices)-1]
		switch token {
		case "[":
			*last = append(*last, p.list("]"))
		case "<":
			*last = append(*last, p.list(">"))
		case "|":
			n.choices = append(n.choices, nil)
		case "...":
			n.repeat = true
		default:
			*last = append(*last, node{word: token})
		}
	}
	if closing == "" {
		return n
	}
	if len(p.tokens) == 0 || p.tokens[0] != closing {
		p.bad = true
		return n
	}
	p.tokens = p.tokens[1:]
	return n
}

// literal reports whether a word of a syntax is said as it stands.
func literal(word string) bool { return word == strings.ToUpper(word) }
