package resp

import "cairn/fsm/command"

// argument is one argument of a command as COMMAND DOCS describes it.
type argument struct {
	name  string
	kind  argumentKind
	token string // the literal before it, or that it is
	spec  int    // of a key: the number of its key specification
	args  []argument

	optional, multiple, multipleToken bool
}

// argumentKind is Redis's type of an argument: that of a value, or one of these.
type argumentKind = command.Type

const (
	kindPureToken argumentKind = "pure-token"
	kindOneOf     argumentKind = "oneof"
	kindBlock     argumentKind = "block"
)
