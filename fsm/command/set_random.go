package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/set"
	"cairn/storage/str"
)

func setRandomRows() []Spec {
	return []Spec{
		{Name: "spop", Summary: "Removes some members from a set and names them, all with the same chance",
			Cost: "where N is the number of members that are removed", Exec: Write(parseSPop, runSPop)},
		{Name: "srandmember", Summary: "Names some members of a set, all with the same chance",
			Cost: "where N is the number of members that are named", Exec: Read(parseSRandMember, runSRandMember)},
	}
}

func parseSRandMember(argv [][]byte) (elementRandom, error) {
	if len(argv) > 3 {
		return elementRandom{}, reply.ErrSyntax
	}
	return parseElementRandom(argv)
}

func runSRandMember(env Env, r storage.Reader, p elementRandom) (reply.Reply, error) {
	s, err := readSet(env, r, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	if p.count > 0 && uint64(p.count) >= s.Len() {
		all, err := members(set.Ascending(s.Members()), maxReplyBytes, errLongReply)
		return reply.ArrayOf(setOf(all).Elems...), err
	}
	found, err := p.take(&s, env.Seed, memberReply)
	return p.answer(found), err
}

func memberReply(found []reply.Reply, e elements.Element) []reply.Reply {
	return append(found, reply.BulkBytes(e.Name))
}

// setPop is a parsed SPOP.
type setPop struct {
	key   []byte
	count uint64
	many  bool // it is counted
}

func parseSPop(argv [][]byte) (p setPop, err error) {
	p.key, p.count = argv[1], 1
	if len(argv) == 2 {
		return p, nil
	}
	if len(argv) > 3 {
		return p, reply.ErrSyntax
	}
	n, ok := str.ParseInt(argv[2])
	if !ok || n < 0 {
		return p, errNotPositive
	}
	p.count, p.many = uint64(n), true
	return p, nil
}

func runSPop(env Env, t *storage.Txn, p setPop) (reply.Reply, error) {
	s, err := openSet(env, t, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	var popped [][]byte
	if p.count > 0 && s.Len() > 0 {
		if popped, err = popMembers(&s, p.count, env.Seed, maxReplyBytes); err != nil {
			return reply.Reply{}, err
		}
		if err := s.Save(env.Version); err != nil {
			return reply.Reply{}, err
		}
	}
	switch {
	case p.many:
		return setOf(popped), nil
	case len(popped) == 0:
		return reply.Nil(), nil
	}
	return reply.BulkBytes(popped[0]), nil
}

// rebuildShare: Redis makes a new set of what is left where so many times as many members are popped.
const rebuildShare = 5

// popMembers takes random members out of a set, if they take at most so many bytes of memory.
func popMembers(s *set.Edit, count, seed uint64, most int) (popped [][]byte, err error) {
	all := s.Members()
	if count >= s.Len() {
		popped, err = members(set.Ascending(all.Members()), most, errLongReply)
		if err == nil {
			s.Clear()
		}
		return popped, err
	}
	popped, err = members(func(fn func([]byte) (bool, error)) (err error) {
		end := elements.Random(&all, count, false, elements.NewDice(seed), func(e elements.Element) (more bool) {
			more, err = fn(e.Name)
			return more && err == nil
		})
		if err == nil {
			err = end
		}
		return err
	}, most, errLongReply)
	if err != nil {
		return nil, err
	}
	for _, member := range popped {
		if _, err := s.Exclude(member); err != nil {
			return nil, err
		}
	}
	if count >= rebuildShare*s.Len() {
		err = s.Forget()
	}
	return popped, err
}
