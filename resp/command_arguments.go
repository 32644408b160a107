package resp

import (
	"strings"

	"cairn/fsm/command"
)

// argumentsOf returns the arguments that a row's Syntax names. ok is false when the Syntax cannot be read.
func argumentsOf(row *command.Spec) (args []argument, ok bool) {
	all, err := command.ParseSyntax(row.Syntax)
	switch {
	case err != nil:
		return nil, false
	case len(all.Choices) > 1:
		return []argument{groupArgument(all)}, true
	}
	return sequence(all.Choices[0]), true
}

// sequence makes arguments of items that stand side by side. A literal takes the values behind it: "LIMIT offset
// count" is one argument, of two.
func sequence(items []command.Item) (args []argument) {
	for i := 0; i < len(items); {
		it := items[i]
		i++
		if !it.Literal() {
			args = append(args, valueArgument(it))
			continue
		}
		from := i
		for i < len(items) && items[i].Value() {
			i++
		}
		args = append(args, tokenArgument(it.Word, items[from:i]))
	}
	return args
}

func tokenArgument(token string, values []command.Item) argument {
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

func valueArgument(it command.Item) argument {
	if it.Word != "" {
		return argument{name: it.Word, kind: it.Type, spec: it.KeySpec}
	}
	return groupArgument(it)
}

func groupArgument(g command.Item) (a argument) {
	if len(g.Choices) == 1 {
		items := g.Choices[0]
		a = oneArgument(sequence(items))
		a.multipleToken = a.multipleToken || g.Repeated && len(items) > 0 && items[0].Literal()
	} else {
		a.kind = kindOneOf
		for _, choice := range g.Choices {
			a.args = append(a.args, oneArgument(sequence(choice)))
		}
		a.name = joinNames(a.args)
	}
	a.optional = a.optional || g.Optional
	a.multiple = a.multiple || g.Repeated
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
