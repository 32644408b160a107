package difftest

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"cairn/fsm/reply"
)

// rule says how the replies to a command are compared. Error replies are compared exactly whatever the rule.
type rule struct {
	// before does on Redis what makes its reply well defined.
	before func(r *runner) error
	// same reports whether two replies mean the same; nil is exactly.
	same func(r *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error)
}

// ruleOf returns the rule for a command. Everything without a reason here is compared exactly.
func ruleOf(argv [][]byte) rule {
	name := strings.ToLower(string(argv[0]))
	if (name == "object" || name == "memory") && len(argv) > 1 {
		name += "|" + strings.ToLower(string(argv[1]))
	}
	switch name {
	case "ttl", "expiretime":
		return rule{same: within(1)} // both round, and the clocks are read one after the other
	case "pttl", "pexpiretime":
		return rule{same: within(slackMillis)}
	case "keys", "smembers", "hgetall":
		return rule{same: inAnyOrder}
	case "randomkey":
		return rule{same: anyKey}
	case "scan":
		return rule{same: sameScan}
	case "dbsize":
		return rule{before: dropExpired} // Redis counts expired keys until it happens to see them
	case "object|idletime", "object|refcount", "object|help", "memory|usage", "memory|help":
		return rule{same: sameKind} // time, memory, and words of our own
	}
	return rule{}
}

// slackMillis is how far apart two clock readings for one command can be on a busy machine.
const slackMillis = 5000

func exactly(_ *runner, _ [][]byte, a, b reply.Reply) (bool, error) { return equal(a, b), nil }

func equal(a, b reply.Reply) bool {
	return a.Kind == b.Kind && a.Int == b.Int && (a.Float == b.Float || math.IsNaN(a.Float) && math.IsNaN(b.Float)) &&
		bytes.Equal(a.Str, b.Str) && slices.EqualFunc(a.Elems, b.Elems, equal)
}

// within compares integers that may be that far apart, unless they are negative.
func within(slack int64) func(*runner, [][]byte, reply.Reply, reply.Reply) (bool, error) {
	return func(_ *runner, _ [][]byte, a, b reply.Reply) (bool, error) {
		if a.Kind != reply.Integer || b.Kind != reply.Integer || a.Int < 0 || b.Int < 0 {
			return equal(a, b), nil
		}
		return max(a.Int, b.Int)-min(a.Int, b.Int) <= slack, nil
	}
}

func inAnyOrder(_ *runner, _ [][]byte, a, b reply.Reply) (bool, error) {
	a.Elems, b.Elems = sorted(a.Elems), sorted(b.Elems)
	return equal(a, b), nil
}

func sorted(elems []reply.Reply) []reply.Reply {
	elems = slices.Clone(elems)
	slices.SortFunc(elems, func(a, b reply.Reply) int { return bytes.Compare(a.Str, b.Str) })
	return elems
}

func sameKind(_ *runner, _ [][]byte, a, b reply.Reply) (bool, error) { return a.Kind == b.Kind, nil }

// sameError compares error lines. Redis prints an argument into them up to its first zero byte.
func sameError(_ *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	if cairn.Kind == redis.Kind && bytes.IndexByte(bytes.Join(argv, nil), 0) >= 0 {
		text, _, cut := bytes.Cut(cairn.Str, []byte{0})
		return equal(cairn, redis) || cut && bytes.HasPrefix(redis.Str, text), nil
	}
	return equal(cairn, redis), nil
}

// anyKey holds when both have a key, and Cairn's exists in Redis, or none has.
func anyKey(r *runner, _ [][]byte, cairn, redis reply.Reply) (bool, error) {
	if cairn.Kind != reply.Bulk || redis.Kind != reply.Bulk {
		return equal(cairn, redis), nil
	}
	n, err := r.sides.Redis.Do([][]byte{[]byte("EXISTS"), cairn.Str})
	return n.Int == 1, err
}

// sameScan holds when two scans from the start, with the options of this one, find the same keys: the cursors are each
// side's own.
func sameScan(r *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	if !isScanReply(cairn) || !isScanReply(redis) {
		return false, nil
	}
	ours, err := scanAll(r.sides.Cairn, argv[2:])
	if err != nil {
		return false, err
	}
	theirs, err := scanAll(r.sides.Redis, argv[2:])
	return slices.Equal(ours, theirs), err
}

func isScanReply(r reply.Reply) bool {
	return r.Kind == reply.Array && len(r.Elems) == 2 && r.Elems[0].Kind == reply.Bulk && r.Elems[1].Kind == reply.Array
}

// maxScanCalls ends a scan that does not end.
const maxScanCalls = 10_000

// scanAll scans from the start to the end and returns the keys, each once and in order.
func scanAll(d Doer, options [][]byte) ([]string, error) {
	var found []string
	cursor := []byte("0")
	for range maxScanCalls {
		r, err := d.Do(append([][]byte{[]byte("SCAN"), cursor}, options...))
		if err != nil {
			return nil, err
		}
		if !isScanReply(r) {
			return []string{"SCAN " + string(cursor) + " answers " + show(r)}, nil
		}
		for _, e := range r.Elems[1].Elems {
			found = append(found, string(e.Str))
		}
		if cursor = r.Elems[0].Str; string(cursor) == "0" {
			slices.Sort(found)
			return slices.Compact(found), nil
		}
	}
	return []string{"SCAN does not end"}, nil
}

// dropExpired makes Redis see, and so remove, the keys of the selected database that have expired.
func dropExpired(r *runner) error {
	_, err := scanAll(r.sides.Redis, words("COUNT", "1000000"))
	return err
}
