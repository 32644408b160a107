package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
)

func listPushRows() []Spec {
	return []Spec{
		{Name: "lpush", Summary: "Adds elements to the front of a list, the last one foremost, and answers its length",
			Cost: "for each element", Exec: Write(raw, runPush(false, false))},
		{Name: "rpush", Summary: "Adds elements to the back of a list and answers its length",
			Cost: "for each element", Exec: Write(raw, runPush(true, false))},
		{Name: "lpushx", Summary: "Adds elements to the front of a list that is there",
			Cost: "for each element", Exec: Write(raw, runPush(false, true))},
		{Name: "rpushx", Summary: "Adds elements to the back of a list that is there",
			Cost: "for each element", Exec: Write(raw, runPush(true, true))},
		{Name: "linsert", Summary: "Adds an element before or after the first one that is the pivot",
			Cost: "where N is the number of elements up to the pivot", Exec: Write(parseLInsert, runLInsert)},
		{Name: "lset", Summary: "Puts an element in the place of another", Cost: "O(log N) where N is the length of the list",
			Exec: Write(raw, runLSet)},
	}
}

// runPush makes the run of LPUSH and RPUSH, and of those that leave an absent list alone.
func runPush(back, onlyThere bool) func(Env, *storage.Txn, [][]byte) (reply.Reply, error) {
	return func(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
		l, err := openList(env, t, argv[1])
		if err != nil || onlyThere && l.Entries() == 0 {
			return reply.Int(0), err
		}
		for _, text := range argv[2:] {
			if err := l.Push(back, text); err != nil {
				return reply.Reply{}, err
			}
		}
		return reply.Int(int64(l.Entries())), l.Save(env.Version)
	}
}

// insertion is a parsed LINSERT.
type insertion struct {
	key, pivot, text []byte
	after            bool
}

func parseLInsert(argv [][]byte) (p insertion, err error) {
	p = insertion{key: argv[1], pivot: argv[3], text: argv[4], after: isWord(argv[2], "AFTER")}
	if !p.after && !isWord(argv[2], "BEFORE") {
		err = reply.ErrSyntax
	}
	return p, err
}

func runLInsert(env Env, t *storage.Txn, p insertion) (reply.Reply, error) {
	l, err := openList(env, t, p.key)
	if err != nil || l.Entries() == 0 {
		return reply.Int(0), err
	}
	rank, found, err := findElement(l, p.pivot)
	if err != nil || !found {
		return reply.Int(-1), err
	}
	if p.after {
		rank++
	}
	if err := l.Insert(rank, p.text); err != nil {
		return reply.Reply{}, err
	}
	return reply.Int(int64(l.Entries())), l.Save(env.Version)
}

// runLSet looks at the key before it looks at the index, as Redis does.
func runLSet(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	l, err := openList(env, t, argv[1])
	if err == nil && l.Entries() == 0 {
		err = reply.ErrNoSuchKey
	}
	if err != nil {
		return reply.Reply{}, err
	}
	index, err := parseInt64(argv[2])
	if err != nil {
		return reply.Reply{}, err
	}
	rank, ok := listIndex(index, l.Entries())
	if !ok {
		return reply.Reply{}, reply.ErrOutOfRange
	}
	if err := l.RemoveRange(rank, rank+1); err != nil {
		return reply.Reply{}, err
	}
	if err := l.Insert(rank, argv[3]); err != nil {
		return reply.Reply{}, err
	}
	return reply.OK(), l.Save(env.Version)
}
