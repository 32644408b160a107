package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/list"
)

func listMoveRows() []Spec {
	return []Spec{
		{Name: "lmove", Summary: "Moves an element from an end of a list to an end of another, or of the same",
			Exec: Write(parseLMove, runLMove)},
		{Name: "rpoplpush", Summary: "Moves the last element of a list to the front of another, or of the same",
			Exec: Write(func(argv [][]byte) (move, error) { return move{argv[1], argv[2], true, false}, nil }, runLMove)},
	}
}

// move is a parsed LMOVE or RPOPLPUSH.
type move struct {
	src, dst         []byte
	fromBack, toBack bool
}

func parseLMove(argv [][]byte) (p move, err error) {
	p.src, p.dst = argv[1], argv[2]
	if p.fromBack, err = isBack(argv[3]); err == nil {
		p.toBack, err = isBack(argv[4])
	}
	return p, err
}

func runLMove(env Env, t *storage.Txn, p move) (reply.Reply, error) {
	src, err := openList(env, t, p.src)
	if err != nil || src.Entries() == 0 {
		return reply.Nil(), err
	}
	dst := src
	same := string(p.src) == string(p.dst)
	if !same {
		if dst, err = openList(env, t, p.dst); err != nil {
			return reply.Reply{}, err
		}
	}
	return moveElement(env, src, dst, same, p)
}

// moveElement moves an element of src, which has some, to dst, which is src where they are the same.
func moveElement(env Env, src, dst *list.Edit, same bool, p move) (reply.Reply, error) {
	moved, err := popElements(src, p.fromBack, 1)
	if err != nil {
		return reply.Reply{}, err
	}
	if err := dst.Push(p.toBack, moved[0].Str); err != nil {
		return reply.Reply{}, err
	}
	if !same {
		if err := dst.Save(env.Version); err != nil {
			return reply.Reply{}, err
		}
	}
	return moved[0], src.Save(env.Version)
}
