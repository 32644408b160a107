package command

import (
	"fmt"
	"slices"
	"strings"

	"cairn/fsm/reply"
	"cairn/storage/layout"
)

// Table finds rows by name. It never changes once made.
type Table struct {
	rows   []Spec
	byName map[string]*Spec
}

// Rows returns the rows that read or write the keyspace, the internal ones among them.
func Rows() []Spec { return slices.Concat(stringRows(), keyRows(), internalRows()) }

// NewTable makes a table of rows, and gives each the arity that follows from its Syntax. Two rows of one name, and a Syntax that cannot
// be read, are mistakes of the program: it panics.
func NewTable(rows ...[]Spec) *Table {
	t := &Table{rows: slices.Concat(rows...), byName: make(map[string]*Spec)}
	for i := range t.rows {
		s := &t.rows[i]
		if t.byName[s.Name] != nil {
			panic(fmt.Sprintf("command: two rows for %q", s.Name))
		}
		t.byName[s.Name] = s
		s.Subs = slices.Clone(s.Subs)
		for j := range s.Subs {
			s.Subs[j].complete(2)
		}
		s.complete(1)
	}
	return t
}

// complete fills in what follows from the rest of a row; name is how many words its name has in a call.
func (s *Spec) complete(name int) {
	syntax, err := ParseSyntax(s.Syntax)
	if s.Search != nil {
		s.options = make(map[string]int)
		optionsOf([]Item{syntax}, s.options)
	}
	switch {
	case err != nil:
		panic(fmt.Sprintf("command: %s: %v", s.Name, err))
	case s.Arity != 0:
	case len(s.Subs) == 0:
		s.Arity = arityOf(syntax, name)
	case s.Exec == nil:
		s.Arity = -2 // a subcommand must follow
	default:
		s.Arity = -1
	}
}

// All returns every row a client can call, in the table's order. The caller must not change it.
func (t *Table) All() []Spec {
	return slices.DeleteFunc(slices.Clone(t.rows), func(s Spec) bool { return s.Internal })
}

// Lookup returns the row of a command, whatever the case of its letters; internal rows are not found.
func (t *Table) Lookup(name []byte) (*Spec, bool) {
	s := t.find(name)
	return s, s != nil && !s.Internal
}

// find is Lookup for what stands in an entry: internal rows too.
func (t *Table) find(name []byte) *Spec {
	var buf [32]byte
	if len(name) > len(buf) {
		return nil
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return t.byName[string(buf[:len(name)])]
}

// Resolve returns the row that answers a call: the command's, or its subcommand's. The error is Redis's own, for an
// unknown name, an unknown subcommand or a wrong number of arguments.
func (t *Table) Resolve(argv [][]byte) (*Spec, error) {
	s, ok := t.Lookup(argv[0])
	if !ok {
		return nil, unknownCommand(argv)
	}
	full := s.Name
	if len(s.Subs) > 0 && len(argv) > 1 {
		sub := s.sub(argv[1])
		if sub == nil {
			return nil, reply.Errorf("ERR unknown subcommand '%.128s'. Try %s HELP.", argv[1], strings.ToUpper(s.Name))
		}
		s = sub
		full += "|" + s.Name
	}
	if !s.ArityFits(len(argv)) {
		return nil, reply.WrongArity(full)
	}
	return s, nil
}

// sub returns the subcommand of this name, nil when there is none.
func (s *Spec) sub(name []byte) *Spec {
	i := slices.IndexFunc(s.Subs, func(sub Spec) bool { return strings.EqualFold(sub.Name, string(name)) })
	if i < 0 {
		return nil
	}
	return &s.Subs[i]
}

// ArityFits reports whether a call may have argc words, its name among them.
func (s *Spec) ArityFits(argc int) bool {
	return argc == s.Arity || (s.Arity < 0 && argc >= -s.Arity)
}

func unknownCommand(argv [][]byte) error {
	var args strings.Builder
	for _, a := range argv[1:] {
		if args.Len() >= 128 {
			break
		}
		fmt.Fprintf(&args, "'%.*s' ", 128-args.Len(), a)
	}
	return reply.Errorf("ERR unknown command '%.128s', with args beginning with: %s", argv[0], args.String())
}

// Slot returns the hash slot of a key; resp, which may not see storage, asks here.
func Slot(key []byte) uint16 { return layout.Slot(key) }
