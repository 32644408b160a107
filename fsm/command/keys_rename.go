package command

import (
	"bytes"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
)

func renameRows() []Spec {
	return []Spec{
		{Name: "rename", Summary: "Gives a key another name, over whatever had that name", Exec: Write(raw, runRename)},
		{Name: "renamenx", Summary: "Gives a key another name, unless there is a key of that name", Exec: Write(raw, runRenameNX)},
		{Name: "copy", Cost: "where N is the number of its elements", Summary: "Copies a value and its time to live to another key", Exec: Write(parseCopy, runCopy)},
		{Name: "move", Summary: "Takes a key to another database, unless it has a key of that name", Exec: Write(parseMove, runMove)},
	}
}

// errSameObject is the error for a copy or a move that would end where it began.
const errSameObject reply.UserError = "ERR source and destination objects are the same"

func runRename(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	_, err := rename(env, t, argv[1], argv[2], true)
	return reply.OK(), err
}

func runRenameNX(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	done, err := rename(env, t, argv[1], argv[2], false)
	return reply.Flag(done), err
}

// rename reports whether newkey is now what key was. Where both are one name, that is so only when it may replace.
func rename(env Env, t *storage.Txn, key, newkey []byte, replace bool) (bool, error) {
	src, err := keys.Open(t, env.DB, key)
	switch {
	case err != nil:
		return false, err
	case !src.Live:
		return false, reply.ErrNoSuchKey
	case bytes.Equal(key, newkey):
		return replace, nil
	}
	dst, err := keys.Open(t, env.DB, newkey)
	if err != nil || dst.Live && !replace {
		return false, err
	}
	return true, src.Move(&dst, env.Version)
}

// copyParams is a parsed COPY.
type copyParams struct {
	source, destination []byte
	db                  uint8 // the destination's, when toDB
	toDB, replace       bool
}

func parseCopy(argv [][]byte) (p copyParams, err error) {
	p.source, p.destination = argv[1], argv[2]
	for args := argv[3:]; len(args) > 0; args = args[1:] {
		switch {
		case isWord(args[0], "REPLACE"):
			p.replace = true
		case isWord(args[0], "DB") && len(args) > 1:
			if p.db, err = parseDB(args[1]); err != nil {
				return p, err
			}
			p.toDB = true
			args = args[1:]
		default:
			return p, reply.ErrSyntax
		}
	}
	return p, nil
}

func runCopy(env Env, t *storage.Txn, p copyParams) (reply.Reply, error) {
	db := env.DB
	if p.toDB {
		db = p.db
	}
	if db == env.DB && bytes.Equal(p.source, p.destination) {
		return reply.Reply{}, errSameObject
	}
	src, err := keys.Open(t, env.DB, p.source)
	if err != nil || !src.Live {
		return reply.Int(0), err
	}
	dst, err := keys.Open(t, db, p.destination)
	if err != nil || dst.Live && !p.replace {
		return reply.Int(0), err
	}
	return reply.Int(1), src.Copy(&dst, env.Version)
}

// moveParams is a parsed MOVE.
type moveParams struct {
	key []byte
	db  uint8
}

func parseMove(argv [][]byte) (p moveParams, err error) {
	p.key = argv[1]
	p.db, err = parseDB(argv[2])
	return p, err
}

func runMove(env Env, t *storage.Txn, p moveParams) (reply.Reply, error) {
	if p.db == env.DB {
		return reply.Reply{}, errSameObject
	}
	src, err := keys.Open(t, env.DB, p.key)
	if err != nil || !src.Live {
		return reply.Int(0), err
	}
	dst, err := keys.Open(t, p.db, p.key)
	if err != nil || dst.Live {
		return reply.Int(0), err
	}
	return reply.Int(1), src.Move(&dst, env.Version)
}
