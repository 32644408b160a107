package difftest

import (
	"bytes"
	"slices"
	"strconv"

	"cairn/fsm/reply"
)

// sameMembers compares sets: in any order, unless Redis's is that of an intset.
func sameMembers(r *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	if ascending(redis.Elems) {
		return equal(cairn, redis), nil
	}
	return inAnyOrder(r, argv, cairn, redis)
}

// ascending reports whether members are integers from the least to the greatest.
func ascending(members []reply.Reply) bool {
	last := int64(0)
	for i, m := range members {
		n, err := strconv.ParseInt(string(m.Str), 10, 64)
		if err != nil || itoa(n) != string(m.Str) || i > 0 && n <= last {
			return false
		}
		last = n
	}
	return true
}

// anyMembers holds when both name as many members in the same shape, and Redis has those that Cairn names, each once
// where it may not come again.
func anyMembers(r *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	ours := flat(cairn)
	if cairn.Kind != redis.Kind || len(ours) != len(flat(redis)) {
		return false, nil
	}
	if len(argv) > 2 && !bytes.HasPrefix(argv[2], []byte("-")) && !distinct(ours) {
		return false, nil
	}
	for i, m := range ours {
		if has, err := r.redisHas(argv[1], m.Str); err != nil || !has {
			return false, err
		}
		if i > 50 {
			break // it is a long way to Redis
		}
	}
	return true, nil
}

func distinct(texts []reply.Reply) bool {
	all := sorted(texts)
	return len(slices.CompactFunc(all, equal)) == len(texts)
}

func (r *runner) redisHas(key, member []byte) (bool, error) {
	has, err := r.sides.Redis.Do([][]byte{[]byte("SISMEMBER"), key, member})
	return has.Int == 1, err
}

// popRebuilds: Redis makes a new set of what an SPOP leaves where so many times as many members are popped.
const popRebuilds = 5

// samePop holds when both have popped as many members, and Cairn's were there. Then Redis's set is made what Cairn's
// is, in the way in which Redis would have come there.
func samePop(r *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	ours, theirs := flat(cairn), flat(redis)
	if cairn.Kind != redis.Kind || len(ours) != len(theirs) || !distinct(ours) {
		return false, nil
	}
	onlyOurs, onlyTheirs := without(ours, theirs), without(theirs, ours)
	for _, m := range onlyOurs {
		if has, err := r.redisHas(argv[1], m); err != nil || !has {
			return false, err
		}
	}
	if len(onlyOurs) == 0 {
		return true, nil
	}
	left, err := r.sides.Redis.Do([][]byte{[]byte("SCARD"), argv[1]})
	switch {
	case err != nil:
		return false, err
	case len(argv) == 3 && int64(len(ours)) >= popRebuilds*left.Int:
		return true, r.rebuildSet(argv[1])
	}
	if _, err := r.sides.Redis.Do(slices.Concat([][]byte{[]byte("SADD"), argv[1]}, onlyTheirs)); err != nil {
		return false, err
	}
	_, err = r.sides.Redis.Do(slices.Concat([][]byte{[]byte("SREM"), argv[1]}, onlyOurs))
	return true, err
}

// rebuildSet makes Redis's set anew, of the members of Cairn's.
func (r *runner) rebuildSet(key []byte) error {
	members, err := r.sides.Cairn.Do([][]byte{[]byte("SMEMBERS"), key})
	if err != nil {
		return err
	}
	add := [][]byte{[]byte("SADD"), key}
	for _, m := range members.Elems {
		add = append(add, m.Str)
	}
	expires, err := r.sides.Redis.Do([][]byte{[]byte("PEXPIRETIME"), key})
	if err != nil {
		return err
	}
	calls := [][][]byte{{[]byte("DEL"), key}, add}
	if expires.Int > 0 {
		calls = append(calls, [][]byte{[]byte("PEXPIREAT"), key, []byte(itoa(expires.Int))})
	}
	for _, call := range calls {
		if _, err := r.sides.Redis.Do(call); err != nil {
			return err
		}
	}
	return nil
}

// without returns the texts of a that are not in b.
func without(a, b []reply.Reply) (left [][]byte) {
	for _, e := range a {
		if !slices.ContainsFunc(b, func(o reply.Reply) bool { return equal(e, o) }) {
			left = append(left, e.Str)
		}
	}
	return left
}
