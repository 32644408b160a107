package command

import (
	"bytes"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/set"
)

func setReadRows() []Spec {
	return []Spec{
		{Name: "sismember", Summary: "Tells whether a set has a member", Exec: Read(raw, runSIsMember)},
		{Name: "smismember", Summary: "Tells which members a set has",
			Cost: "where N is the number of members that are asked for", Exec: Read(raw, runSMIsMember)},
		{Name: "scard", Summary: "Counts the members of a set", Exec: Read(raw, runSCard)},
		{Name: "smembers", Summary: "Returns all members of a set",
			Cost: "where N is the number of members", Exec: List(allMembers)},
		{Name: "sscan", Summary: "Lists the members of a set step by step",
			Cost: "for a call with the default COUNT, O(N) for a whole iteration", Exec: Read(parseElementScan, runSScan)},
	}
}

func runSIsMember(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	s, err := readSet(env, r, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	has, err := s.Has(argv[2])
	return reply.Flag(has), err
}

func runSMIsMember(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	s, err := readSet(env, r, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	flags := make([]reply.Reply, len(argv)-2)
	for i, member := range argv[2:] {
		has, err := s.Has(member)
		if err != nil {
			return reply.Reply{}, err
		}
		flags[i] = reply.Flag(has)
	}
	return reply.ArrayOf(flags...), nil
}

func runSCard(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	s, err := readSet(env, r, argv[1])
	return reply.Int(int64(s.Len())), err
}

// allMembers is what SMEMBERS answers.
func allMembers(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
	s, err := readSet(env, r, argv[1])
	found := setElements(s.Members())
	found.Len = int(s.Len())
	return found, err
}

// setElements is a set of what a walk comes by, in Redis's order where that has one.
func setElements(walk set.Walk) Elements {
	return Elements{Kind: reply.Set, Len: -1, Each: func(yield func(reply.Reply) error) error {
		return set.Ascending(walk)(func(member []byte) (bool, error) { return true, yield(reply.BulkBytes(member)) })
	}}
}

func runSScan(env Env, r storage.Reader, p elementScan) (reply.Reply, error) {
	s, err := readSet(env, r, p.argv[1])
	if err != nil || s.Len() == 0 {
		return scanned(0, nil), err
	}
	walk := func(fn func(name, value []byte) (bool, error)) error {
		return set.Ascending(s.Members())(func(member []byte) (bool, error) { return fn(member, nil) })
	}
	return p.scan(&s, walk, func(found []reply.Reply, member, _ []byte) []reply.Reply {
		return append(found, reply.BulkBytes(bytes.Clone(member)))
	})
}
