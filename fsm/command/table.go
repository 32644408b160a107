package command

import (
	"cmp"
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
func Rows() []Spec {
	return slices.Concat(stringRows(), bitmapRows(), hyperLogLogRows(), hashRows(), listRows(), setRows(), zsetRows(), keyRows(), internalRows())
}

// NewTable makes a table of rows. A row gets what it does not say itself: from RedisFacts, and the arity that follows
// from its Syntax. Two rows of one name, and a Syntax that cannot be read, are mistakes of the program: it panics.
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
			s.Subs[j].fillIn(s.Name+"|"+s.Subs[j].Name, 2)
		}
		s.fillIn(s.Name, 1)
	}
	return t
}

// fillIn fills in what a row does not say itself. Its full name has so many words in a call.
func (s *Spec) fillIn(full string, words int) {
	s.addFacts(full)
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
		s.Arity = arityOf(syntax, words)
	case s.Exec == nil:
		s.Arity = -2 // a subcommand must follow
	default:
		s.Arity = -1
	}
	s.onlyKey = s.onlyKeyOf()
}

// addFacts fills in what Redis says of the command, where the row says nothing: what a row says is a deviation, or no
// command of Redis.
func (s *Spec) addFacts(full string) {
	if s.Exec == nil && len(s.Subs) > 0 {
		s.Cost = "Depends on subcommand."
	}
	facts, ok := RedisFacts(full)
	if !ok {
		return
	}
	if s.Flags == 0 {
		s.Flags = facts.Flags
	}
	if s.Keys == nil {
		s.Keys = facts.Keys
	}
	if s.Syntax == "" {
		s.Syntax, s.Arity = facts.Syntax, cmp.Or(s.Arity, facts.Arity)
	}
	if facts.Cost != "" && !strings.HasPrefix(s.Cost, "O(") {
		s.Cost = strings.TrimSpace(facts.Cost + " " + s.Cost)
	}
	s.Group, s.Since = cmp.Or(s.Group, facts.Group), cmp.Or(s.Since, facts.Since)
	s.ACL, s.Tips = cmp.Or(s.ACL, facts.ACL), cmp.Or(s.Tips, facts.Tips)
}

// All returns every row a client can call, in the table's order. The caller must not change it.
func (t *Table) All() []Spec {
	return slices.DeleteFunc(slices.Clone(t.rows), func(s Spec) bool { return s.Internal })
}

// Lookup returns the row of a command, whatever the case of its letters; internal rows are not found.
func (t *Table) Lookup(name []byte) (*Spec, bool) {
	s := t.findSpec(name)
	return s, s != nil && !s.Internal
}

// findSpec is Lookup for what stands in an entry: internal rows too.
func (t *Table) findSpec(name []byte) *Spec {
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
		fmt.Fprintf(&args, "'%s' ", a[:min(len(a), 128-args.Len())]) // bytes, where a precision counts runes
	}
	return reply.Errorf("ERR unknown command '%s', with args beginning with: %s", argv[0][:min(len(argv[0]), 128)], args.String())
}

// Slot returns the hash slot of a key; resp, which may not see storage, asks here.
func Slot(key []byte) uint16 { return layout.Slot(key) }
