package resp

import (
	"slices"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// handler is the Exec of a command that this package answers, from the connection or the node. The arity of a call is
// right. Its arguments are gone when the handler returns.
type handler func(c *conn, argv [][]byte) reply.Reply

// Check implements command.Exec: a handler looks at the arguments itself.
func (handler) Check([][]byte) error { return nil }

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
	return slices.Concat(connectionRows(), nodeRows(), refusedRows(), commandRows(), clusterRows(), cairnRows(), subscribeRows(),
		[]command.Spec{sentinelRow()})
}

// newRoutes makes the routes of every row and subcommand a client can call. A row that nothing runs is a mistake of
// the program: it panics.
func newRoutes(t *command.Table) map[*command.Spec]*route {
	routes := make(map[*command.Spec]*route)
	add := func(spec *command.Spec, name, first string) {
		r := &route{spec: spec, name: name, first: []byte(first)}
		switch exec := spec.Exec.(type) {
		case handler:
			r.run = exec
		case command.Reading:
			r.kind = kindRead
			if list, ok := exec.(command.Listing); ok && list.Alone() {
				r.kind = kindList
			}
		case command.Writing:
			r.kind = kindWrite
		default:
			panic("resp: nothing runs " + name)
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
