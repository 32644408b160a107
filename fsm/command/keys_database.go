package command

import (
	"math"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

func databaseRows() []Spec {
	return []Spec{
		{Name: "dbsize", Summary: "Counts the keys of the current database, expired ones that were not yet removed too",
			Exec: Read(raw, runDBSize)},
		{Name: "flushdb", Cost: "O(1)", Summary: "Removes all keys of the current database", Exec: Write(parseFlush, runFlushDB)},
		{Name: "flushall", Cost: "O(1)", Summary: "Removes all keys of all databases", Exec: Write(parseFlush, runFlushAll)},
		{Name: "swapdb", Cost: "O(1)", Summary: "Exchanges two databases, for all clients at once", Exec: Write(parseSwap, runSwap)},
	}
}

// parseDB reads the number of a database.
func parseDB(arg []byte) (uint8, error) {
	n, err := parseDBNumber(arg)
	if err != nil {
		return 0, err
	}
	return checkDB(n)
}

// parseDBNumber reads a number that Redis keeps in an int.
func parseDBNumber(arg []byte) (int64, error) {
	n, err := parseInt64(arg)
	if err == nil && (n < math.MinInt32 || n > math.MaxInt32) {
		err = reply.Errorf("ERR value is out of range, value must between %d and %d", math.MinInt32, math.MaxInt32)
	}
	return n, err
}

func checkDB(n int64) (uint8, error) {
	if n < 0 || n >= layout.Databases {
		return 0, reply.ErrDBIndex
	}
	return uint8(n), nil
}

// runDBSize counts as Redis does: an expired key counts until it is removed.
func runDBSize(env Env, r storage.Reader, _ [][]byte) (reply.Reply, error) {
	return reply.Int(int64(r.Database(env.DB).Keys)), nil
}

// parseFlush reads nothing: SYNC and ASYNC are the same here, one range deletion.
func parseFlush(argv [][]byte) (struct{}, error) {
	if len(argv) > 2 || len(argv) == 2 && !isWord(argv[1], "SYNC") && !isWord(argv[1], "ASYNC") {
		return struct{}{}, reply.ErrSyntax
	}
	return struct{}{}, nil
}

func runFlushDB(env Env, t *storage.Txn, _ struct{}) (reply.Reply, error) {
	return reply.OK(), keys.Flush(t, env.DB)
}

func runFlushAll(_ Env, t *storage.Txn, _ struct{}) (reply.Reply, error) {
	for db := range uint8(layout.Databases) {
		if err := keys.Flush(t, db); err != nil {
			return reply.Reply{}, err
		}
	}
	return reply.OK(), nil
}

// swapParams is a parsed SWAPDB.
type swapParams struct{ first, second uint8 }

func parseSwap(argv [][]byte) (p swapParams, err error) {
	first, err := parseDBNumber(argv[1])
	if err != nil {
		return p, reply.UserError("ERR invalid first DB index")
	}
	second, err := parseDBNumber(argv[2])
	if err != nil {
		return p, reply.UserError("ERR invalid second DB index")
	}
	if p.first, err = checkDB(first); err != nil {
		return p, err
	}
	p.second, err = checkDB(second)
	return p, err
}

func runSwap(_ Env, t *storage.Txn, p swapParams) (reply.Reply, error) {
	t.SwapDatabases(p.first, p.second)
	return reply.OK(), nil
}
