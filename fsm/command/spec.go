// Package command is the command table: one row per command, with its parse and run functions, one file per group.
// Every fact about a command (arity, keys, flags, group) is in its row and nowhere else.
//
// Parse functions are pure: they run before the log, so that a syntax error costs no round trip, and again inside
// Apply. Run functions see a keyspace and an Env, and nothing else.
package command

import (
	"errors"

	"cairn/fsm/reply"
	"cairn/storage"
)

// MaxStringBytes is the longest string a key can hold. Redis takes it from proto-max-bulk-len; inside Apply no node's
// configuration may count, so it is fixed at that setting's default here.
const MaxStringBytes = 64 << 20

// Spec is one row of the table. What Redis says of its command a row leaves out (RedisFacts); what it says all the
// same is a deviation, for which cmd/internal/parity wants a reason.
type Spec struct {
	Name    string // in lower case; a subcommand's own word
	Summary string // one sentence without a full stop, in our own words
	Cost    string // the words behind the formula, as "where N is the number of keys"; a Cost with a formula, "O(N) where …", is all of it
	Exec    Exec   // nil when Subs decides
	Subs    []Spec // the subcommands of a container

	Flags  Flags
	Keys   []KeySpec
	Group  string // as COMMAND DOCS says it: "string", "generic", "connection", "server", "cluster"
	Since  string // the Redis version that brought it
	Tips   string // its command tips, but never multi_shard: clients would part one call, and here one shard has all slots
	ACL    string // its ACL categories: "keyspace write slow"
	Syntax string // its arguments and their types: "key:key value [NX | XX] [LIMIT offset:integer count:integer]", see Item
	Arity  int    // as Redis counts: with the name, negative is "at least"; 0 when it follows from the Syntax

	// Parts finds the words of a write that name elements of the collection at its key: fields, members.
	Parts *KeySpec
	// PartName makes the names of the parts that those elements are in; layout.AppendName when it is nil.
	PartName func(dst, element []byte) []byte

	// Search finds the keys where Keys, which is what COMMAND INFO shows, does not find them or not all: where
	// Redis's own specifications are unknown or incomplete.
	Search []KeySpec

	// Access returns the key-spec flags of one call where its words decide; then the key spec says VARIABLE_FLAGS.
	Access func(argv [][]byte) string

	// Internal rows are called by nodes; to a client they do not exist.
	Internal bool

	options map[string]int // with Search: the options of the Syntax, and how many values each has
	onlyKey int            // where the key of every call stands; 0 when it has others, or none, or that depends
}

// Env is all that a command may know besides the keyspace.
type Env struct {
	DB      uint8
	Now     int64  // Unix milliseconds: the entry's time, or a reader's
	Seed    uint64 // random, different for each call
	Version uint64 // for rows that this call writes: log index << VersionBits | position in the entry; 0 in a read
}

// VersionBits is how many bits of a version count the calls of an entry.
const VersionBits = 20

// Exec says how a command runs; Read, List, ListAlone and Write make one. Read or write is the type of its function: a
// read that writes does not compile. What resp answers from the connection or the node has an Exec of that package.
type Exec interface {
	// Check returns the reply.UserError that the arguments deserve whatever the keyspace holds.
	Check(argv [][]byte) error
}

// Reading is an Exec that only reads.
type Reading interface {
	Exec
	// Run answers a call. An error that is no reply.UserError is a fault of the world.
	Run(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error)
}

// Writing is an Exec that writes; its calls go through the log.
type Writing interface {
	Exec
	// Run answers a call. A reply.UserError leaves no trace in t; any other error is a fault of the world.
	Run(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error)
}

// Read makes the Exec of a command that only reads. parse gets the whole call, name and all, with its arity already
// right.
func Read[P any](parse func(argv [][]byte) (P, error), run func(env Env, r storage.Reader, p P) (reply.Reply, error)) Exec {
	return reading[P]{parse, run}
}

// Write makes the Exec of a command that writes. parse gets the whole call, name and all, with its arity already right.
func Write[P any](parse func(argv [][]byte) (P, error), run func(env Env, t *storage.Txn, p P) (reply.Reply, error)) Exec {
	return writing[P]{parse, run}
}

type reading[P any] struct {
	parse func([][]byte) (P, error)
	run   func(Env, storage.Reader, P) (reply.Reply, error)
}

func (x reading[P]) Check(argv [][]byte) error {
	_, err := x.parse(argv)
	return err
}

func (x reading[P]) Run(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	p, err := x.parse(argv)
	if err != nil {
		return failed(err)
	}
	answer, err := x.run(env, r, p)
	if err != nil {
		return failed(err)
	}
	return answer, nil
}

type writing[P any] struct {
	parse func([][]byte) (P, error)
	run   func(Env, *storage.Txn, P) (reply.Reply, error)
}

func (x writing[P]) Check(argv [][]byte) error {
	_, err := x.parse(argv)
	return err
}

func (x writing[P]) Run(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	p, err := x.parse(argv)
	if err != nil {
		return failed(err)
	}
	answer, err := x.run(env, t, p)
	if err != nil {
		return failed(err)
	}
	return answer, nil
}

// failed turns a user's error into the reply it is.
func failed(err error) (reply.Reply, error) {
	var user reply.UserError
	if errors.As(err, &user) {
		return user.Reply(), nil
	}
	return reply.Reply{}, err
}

// raw is the parse of a command whose run takes the arguments as they are.
func raw(argv [][]byte) ([][]byte, error) { return argv, nil }
