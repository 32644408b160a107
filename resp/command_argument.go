package resp

import (
	"strings"

	"cairn/fsm/command"
)

// argument is one argument of a command as COMMAND DOCS describes it.
type argument struct {
	name  string
	kind  argumentKind
	token string // the literal before it, or that it is
	spec  int    // of a key: the number of its key specification
	args  []argument

	optional, multiple, multipleToken bool
}

// argumentKind is Redis's type of an argument.
type argumentKind string

// The kinds. Those of values are told from the argument's name.
const (
	kindString    argumentKind = "string"
	kindInteger   argumentKind = "integer"
	kindDouble    argumentKind = "double"
	kindKey       argumentKind = "key"
	kindPattern   argumentKind = "pattern"
	kindUnixTime  argumentKind = "unix-time"
	kindPureToken argumentKind = "pure-token"
	kindOneOf     argumentKind = "oneof"
	kindBlock     argumentKind = "block"
)

// kindOf tells the kind of a value from its name.
func kindOf(name string) argumentKind {
	switch name {
	case "pattern":
		return kindPattern
	case "bit", "client-id", "cluster_bus_port", "config-epoch", "count", "cursor", "db", "decrement", "destination-db", "end",
		"end-slot", "increment", "index", "index1", "index2", "len", "limit", "milliseconds", "ms", "numkeys", "numreplicas",
		"num-matches", "offset", "port", "protover", "rank", "seconds", "slot", "start", "start-slot", "stop", "ttl", "version",
		"weight":
		return kindInteger
	case "height", "latitude", "longitude", "radius", "score", "timeout", "width":
		return kindDouble
	}
	if strings.HasPrefix(name, "unix-time") {
		return kindUnixTime
	}
	return kindString
}

// markKeys finds the keys among arguments by their places in a call, as far as these are the same in every call.
func markKeys(args []argument, keys []command.KeySpec, at int) {
	for i := range args {
		a := &args[i]
		if a.token != "" {
			at++
		}
		switch {
		case a.optional || a.kind == kindOneOf:
			return
		case a.kind == kindBlock:
			markKeys(a.args, keys, at)
			at += len(a.args)
		case a.kind != kindPureToken:
			a.markKey(keys, at)
			at++
		}
		if a.multiple {
			return
		}
	}
}

func (a *argument) markKey(keys []command.KeySpec, at int) {
	for i, k := range keys {
		if at >= k.First && (k.Last < 0 || at <= k.Last) && (at-k.First)%k.Step == 0 {
			a.kind, a.spec = kindKey, i
			return
		}
	}
}
