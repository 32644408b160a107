package command

import (
	"fmt"

	"cairn/fsm/reply"
	"cairn/storage"
)

// Apply runs one call of a log entry. Its name and arity were checked before it was proposed, by a node that may be
// newer than this one: a call that this program does not know is an error, and the caller must stop rather than skip
// it.
func (t *Table) Apply(env Env, txn *storage.Txn, argv [][]byte) (reply.Reply, error) {
	s, err := t.Row(argv)
	if err != nil {
		return reply.Reply{}, err
	}
	return s.Apply(env, txn, argv)
}

// Apply is Table.Apply for a call of which Row has returned the row.
func (s *Spec) Apply(env Env, txn *storage.Txn, argv [][]byte) (reply.Reply, error) {
	switch x := s.Exec.(type) {
	case Writing:
		return x.Run(env, txn, argv)
	case Reading: // a read inside an atomic group
		return x.Run(env, txn, argv)
	}
	return reply.Reply{}, fmt.Errorf("command: %q does not run on the keyspace", argv[0])
}

// Writes tells whether a call of the row may write.
func (s *Spec) Writes() bool {
	_, ok := s.Exec.(Writing)
	return ok
}

// Query runs one call that only reads. The answer of a Listing that is no short one is of the kind reply.Long.
func (t *Table) Query(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	s, err := t.Row(argv)
	if err != nil {
		return reply.Reply{}, err
	}
	x, ok := s.Exec.(Reading)
	if !ok {
		return reply.Reply{}, fmt.Errorf("command: %q is no read", argv[0])
	}
	if list, ok := x.(Listing); ok {
		return brief(env, r, list, argv)
	}
	return x.Run(env, r, argv)
}

// Listing returns what has the answer to a call element by element.
func (t *Table) Listing(argv [][]byte) (Listing, error) {
	s, err := t.Row(argv)
	if err != nil {
		return nil, err
	}
	x, ok := s.Exec.(Listing)
	if !ok {
		return nil, fmt.Errorf("command: %q does not list", argv[0])
	}
	return x, nil
}

// Row is Resolve for a call that a node has checked already.
func (t *Table) Row(argv [][]byte) (*Spec, error) {
	var f Finder
	return f.Row(t, argv)
}

// Finder is Table.Row for calls that come one after the other, and are mostly of the same command. The zero value is
// ready, for one table.
type Finder struct{ last *Spec }

// Row is Table.Row.
func (f *Finder) Row(t *Table, argv [][]byte) (*Spec, error) {
	if len(argv) == 0 {
		return nil, fmt.Errorf("command: empty call")
	}
	s := f.last
	if s == nil || s.Name != string(argv[0]) {
		s = t.findSpec(argv[0])
		f.last = s
	}
	if s != nil && len(s.Subs) > 0 && len(argv) > 1 {
		s = s.sub(argv[1])
	}
	if s == nil || s.Exec == nil || !s.ArityFits(len(argv)) {
		return nil, fmt.Errorf("command: no command %q with %d words in this program", argv[0], len(argv))
	}
	return s, nil
}
