package resp

import (
	"strings"

	"cairn/fsm/command"
)

// argumentsOf returns the arguments that a row's Syntax names. first is the position of the first of them in a call. ok is
// false when the Syntax cannot be read.
func argumentsOf(row *command.Spec, first int) (args []argument, ok bool) {
	all, ok := parseSyntax(row.Syntax)
	if !ok {
		return nil, false
	}
	if len(all.choices) > 1 {
		return []argument{groupArgument(all)}, true
	}
	args = sequence(all.choices[0])
	markKeys(args, row.Keys, first)
	return args, true
}

// sequence makes arguments of items that stand side by side. A literal takes the values behind it: "LIMIT offset count" is
// one argument, of two.
func sequence(items []syntaxItem) (args []argument) {
	for i := 0; i < len(items); {
		it := items[i]
		i++
		if !it.literal() {
			args = append(args, valueArgument(it))
			continue
		}
		from := i
		for i < len(items) && items[i].value() {
			i++
		}
		args = append(args, tokenArgument(it.word, items[from:i]))
	}
	return args
}

func tokenArgument(token string, values []syntaxItem) argument {
	if len(values) == 0 {
		return argument{name: strings.ToLower(token), kind: kindPureToken, token: token}
	}
	a := oneArgument(sequence(values))
	if a.token != "" {
		a = blockOf([]argument{a})
	}
	a.token = token
	return a
}

func valueArgument(it syntaxItem) argument {
	if it.word != "" {
		return argument{name: it.word, kind: kindOf(it.word)}
	}
	return groupArgument(it)
}

func groupArgument(g syntaxItem) (a argument) {
	if len(g.choices) == 1 {
		items := g.choices[0]
		a = oneArgument(sequence(items))
		a.multipleToken = a.multipleToken || g.repeated && len(items) > 0 && items[0].literal()
	} else {
		a.kind = kindOneOf
		for _, choice := range g.choices {
			a.args = append(a.args, oneArgument(sequence(choice)))
		}
		a.name = joinNames(a.args)
	}
	a.optional = a.optional || g.optional
	a.multiple = a.multiple || g.repeated
	return a
}

// oneArgument makes one argument of those that stand side by side.
func oneArgument(args []argument) argument {
	if len(args) == 1 {
		return args[0]
	}
	return blockOf(args)
}

func blockOf(args []argument) argument {
	return argument{name: joinNames(args), kind: kindBlock, args: args}
}

// joinNames names what holds several arguments, as Redis often does: "key_value".
func joinNames(args []argument) string {
	names := make([]string, len(args))
	for i, a := range args {
		names[i] = a.name
	}
	return strings.Join(names, "_")
}
