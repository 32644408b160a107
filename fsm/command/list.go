package command

import (
	"bytes"
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/list"
)

func listRows() []Spec {
	return slices.Concat(listPushRows(), listPopRows(), listReadRows(), listMoveRows())
}

// openList is list.Open for a command that changes a list: a key of another type is ErrWrongType.
func openList(env Env, t *storage.Txn, key []byte) (*list.Edit, error) {
	l, isList, err := list.Open(t, env.DB, key)
	if err == nil && !isList {
		err = reply.ErrWrongType
	}
	return l, err
}

// readList is list.Lookup for a command that reads a list: a key of another type is ErrWrongType.
func readList(env Env, r storage.Reader, key []byte) (list.List, error) {
	l, isList, err := list.Lookup(r, env.DB, key)
	if err == nil && !isList {
		err = reply.ErrWrongType
	}
	return l, err
}

// listIndex returns the rank of an index, which counts from the end when it is negative; ok is false when there is no
// such element.
func listIndex(index int64, entries uint64) (rank uint64, ok bool) {
	if index < 0 {
		index += int64(entries)
	}
	return uint64(index), 0 <= index && uint64(index) < entries
}

// listRange returns the ranks [from, to) of a range as LRANGE has it: both ends belong to it.
func listRange(start, stop int64, entries uint64) (from, to uint64) {
	n := int64(entries)
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	if stop = min(stop, n-1); start > stop {
		return 0, 0
	}
	return uint64(start), uint64(stop) + 1
}

// parseRange reads the two ends of a range.
func parseRange(argv [][]byte) (start, stop int64, err error) {
	if start, err = parseInt64(argv[0]); err == nil {
		stop, err = parseInt64(argv[1])
	}
	return start, stop, err
}

// isBack reads LEFT or RIGHT.
func isBack(word []byte) (back bool, err error) {
	switch {
	case isWord(word, "LEFT"):
		return false, nil
	case isWord(word, "RIGHT"):
		return true, nil
	}
	return false, reply.ErrSyntax
}

// findElement returns the rank of the first element that is text.
func findElement(l *list.Edit, text []byte) (rank uint64, found bool, err error) {
	err = l.Walk(0, func(entry []byte) (bool, error) {
		if found = bytes.Equal(entry, text); !found {
			rank++
		}
		return !found, nil
	})
	return rank, found, err
}
