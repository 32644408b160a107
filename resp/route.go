package resp

import (
	"maps"
	"slices"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// handler answers a call from the connection or the node; its arity is right. The arguments are gone when it returns.
type handler func(c *conn, argv [][]byte) reply.Reply

// kind says who answers a call.
type kind uint8

const (
	kindLocal kind = iota // this package
	kindList              // Backend.List
	kindRead              // Backend.Read
	kindWrite             // Backend.Write
)

// route is a row of the table as the connection loop uses it.
type route struct {
	spec  *command.Spec
	name  string // "client|kill"
	first []byte // the first word of a call in lower case: "client"
	kind  kind
	run   handler // of kindLocal
	stats routeStats
}

// localRows returns the rows of the commands that this package answers.
func localRows() []command.Spec {
	return slices.Concat(connectionRows(), nodeRows(), commandRows(), clusterRows(), cairnRows(), subscribeRows(),
		[]command.Spec{sentinelRow()})
}

// localHandlers returns what runs each of them, by route name.
func localHandlers() map[string]handler {
	all := make(map[string]handler)
	for _, some := range []map[string]handler{
		connectionHandlers(), clientHandlers(), nodeHandlers(), commandHandlers(), clusterHandlers(), cairnHandlers(),
		subscribeHandlers(), sentinelHandlers(),
	} {
		maps.Copy(all, some)
	}
	return all
}

// newRoutes makes the routes of every row and subcommand a client can call. A local row without a handler is a mistake of
// the program: it panics.
func newRoutes(t *command.Table) map[*command.Spec]*route {
	routes := make(map[*command.Spec]*route)
	handlers := localHandlers()
	add := func(spec *command.Spec, name, first string) {
		r := &route{spec: spec, name: name, first: []byte(first)}
		switch spec.Exec.(type) {
		case command.Listing:
			r.kind = kindList
		case command.Reading:
			r.kind = kindRead
		case command.Writing:
			r.kind = kindWrite
		default:
			if r.run = handlers[name]; r.run == nil {
				panic("resp: no handler for " + name)
			}
		}
		routes[spec] = r
	}
	for _, row := range t.All() {
		spec, _ := t.Lookup([]byte(row.Name))
		if spec.Exec != nil {
			add(spec, spec.Name, spec.Name)
		}
		for i := range spec.Subs {
			sub := &spec.Subs[i]
			add(sub, spec.Name+"|"+sub.Name, spec.Name)
		}
	}
	return routes
}
