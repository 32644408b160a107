package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
)

// movedMember is the member of an SMOVE.
var movedMember = &KeySpec{Index: 3, Step: 1}

func setWriteRows() []Spec {
	return []Spec{
		{Name: "sadd", Parts: allElements, Summary: "Adds members to a set and counts the new ones",
			Cost: "for each member, but that a set of one row is written anew", Exec: Write(raw, runSAdd)},
		{Name: "srem", Parts: allElements, Summary: "Removes members from a set and counts those that were there",
			Cost: "where N is the number of members", Exec: Write(raw, runSRem)},
		{Name: "smove", Parts: movedMember, Summary: "Moves a member from one set to another", Exec: Write(raw, runSMove)},
	}
}

func runSAdd(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	s, err := openSet(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	had := s.Len()
	for _, member := range argv[2:] {
		if _, err := s.Include(member); err != nil {
			return reply.Reply{}, err
		}
	}
	if s.Len() == had {
		return reply.Int(0), nil
	}
	return reply.Int(int64(s.Len() - had)), s.Save(env.Version)
}

func runSRem(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	s, err := openSet(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	had := s.Len()
	for _, member := range argv[2:] {
		if _, err := s.Exclude(member); err != nil {
			return reply.Reply{}, err
		}
	}
	if s.Len() == had {
		return reply.Int(0), nil
	}
	return reply.Int(int64(had - s.Len())), s.Save(env.Version)
}

// runSMove looks at no type of the destination where there is no source.
func runSMove(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	from, err := openSet(env, t, argv[1])
	if err != nil || from.Len() == 0 {
		return reply.Int(0), err
	}
	member := argv[3]
	if string(argv[1]) == string(argv[2]) {
		s := from.Members()
		has, err := s.Has(member)
		return reply.Flag(has), err
	}
	to, err := openSet(env, t, argv[2])
	if err != nil {
		return reply.Reply{}, err
	}
	if was, err := from.Exclude(member); err != nil || !was {
		return reply.Int(0), err
	}
	if err := from.Save(env.Version); err != nil {
		return reply.Reply{}, err
	}
	if isNew, err := to.Include(member); err != nil || !isNew {
		return reply.Int(1), err
	}
	return reply.Int(1), to.Save(env.Version)
}
