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
	// onRedis does the command on Redis in the place of r.sides.Redis.Do.
	onRedis func(r *runner, argv [][]byte) (reply.Reply, error)
	// skip says of a command that Redis's answer, or what it does, depends on chance: it is not tried.
	skip func(r *runner, argv [][]byte) (bool, error)
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
	case "keys", "hkeys", "hvals":
		return rule{same: inAnyOrder}
	case "smembers", "sinter", "sunion", "sdiff":
		return rule{same: sameMembers}
	case "hgetall":
		return rule{same: pairsInAnyOrder}
	case "hrandfield":
		return rule{same: anyFields}
	case "srandmember":
		return rule{same: anyMembers}
	case "spop":
		return rule{same: samePop}
	case "randomkey":
		return rule{same: anyKey}
	case "sort", "sort_ro":
		return sortRule()
	case "scan", "hscan", "sscan", "zscan":
		return rule{same: sameScan}
	case "pfcount":
		return rule{onRedis: countSketch}
	case "dbsize":
		return rule{before: dropExpired} // Redis counts expired keys until it happens to see them
	case "dump":
		return rule{same: sameKind} // Cairn writes the plain forms, see TestPayloads
	case "object|idletime", "object|refcount", "object|help", "memory|usage", "memory|help":
		return rule{same: sameKind} // time, memory, and words of our own
	}
	if rule, ok := zsetRule(name); ok {
		return rule
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

// pairsInAnyOrder compares fields with their values.
func pairsInAnyOrder(_ *runner, _ [][]byte, a, b reply.Reply) (bool, error) {
	return a.Kind == b.Kind && slices.Equal(sortedPairs(a.Elems), sortedPairs(b.Elems)), nil
}

func sortedPairs(elems []reply.Reply) (pairs []string) {
	for ; len(elems) > 1; elems = elems[2:] {
		pairs = append(pairs, show(elems[0])+" "+show(elems[1]))
	}
	slices.Sort(pairs)
	return pairs
}

// anyFields holds when both name as many fields in the same shape, and Redis has those that Cairn names, with their
// values, each once where it may not come again.
func anyFields(r *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	ours, theirs := flat(cairn), flat(redis)
	if cairn.Kind != redis.Kind || len(ours) != len(theirs) || len(cairn.Elems) != len(redis.Elems) {
		return false, nil
	}
	step := 1
	if len(argv) == 4 {
		step = 2
	}
	named := make(map[string]bool)
	for i := 0; i+step <= len(ours); i += step {
		value, err := r.sides.Redis.Do([][]byte{[]byte("HGET"), argv[1], ours[i].Str})
		if err != nil || value.Kind != reply.Bulk || step == 2 && !bytes.Equal(value.Str, ours[i+1].Str) {
			return false, err
		}
		name := string(ours[i].Str)
		if named[name] && len(argv) > 2 && !bytes.HasPrefix(argv[2], []byte("-")) {
			return false, nil
		}
		if named[name] = true; len(named) > 50 {
			break // it is a long way to Redis
		}
	}
	return true, nil
}

// flat returns the texts of a reply, however they are nested.
func flat(r reply.Reply) (texts []reply.Reply) {
	if r.Kind == reply.Bulk {
		return []reply.Reply{r}
	}
	for _, e := range r.Elems {
		texts = append(texts, flat(e)...)
	}
	return texts
}

func sameKind(_ *runner, _ [][]byte, a, b reply.Reply) (bool, error) { return a.Kind == b.Kind, nil }

// sameError compares error lines. Redis prints an argument into them up to its first zero byte.
func sameError(_ *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	if cairn.Kind == redis.Kind && bytes.IndexByte(bytes.Join(argv, nil), 0) >= 0 {
		text, _, cut := bytes.Cut(cairn.Str, []byte{0})
		return equal(cairn, redis) || cut && bytes.HasPrefix(redis.Str, text), nil
	}
	if bytes.Contains(redis.Str, []byte(" can be specified for ")) { // GEOSEARCH names itself as it was typed
		return cairn.Kind == redis.Kind && bytes.EqualFold(cairn.Str, redis.Str), nil
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
	at := 1 // where the cursor stands
	if !strings.EqualFold(string(argv[0]), "scan") {
		at = 2
	}
	ours, err := scanAll(r.sides.Cairn, argv[:at], argv[at+1:])
	if err != nil {
		return false, err
	}
	theirs, err := scanAll(r.sides.Redis, argv[:at], argv[at+1:])
	return slices.Equal(ours, theirs), err
}

func isScanReply(r reply.Reply) bool {
	return r.Kind == reply.Array && len(r.Elems) == 2 && r.Elems[0].Kind == reply.Bulk && r.Elems[1].Kind == reply.Array
}

// maxScanCalls ends a scan that does not end.
const maxScanCalls = 10_000

// scanAll scans from the start to the end and returns the keys, the members, or the fields with their values, each once
// and in order. head is what stands before the cursor.
func scanAll(d Doer, head, options [][]byte) ([]string, error) {
	var found []string
	cursor := []byte("0")
	for range maxScanCalls {
		r, err := d.Do(slices.Concat(head, [][]byte{cursor}, options))
		if err != nil {
			return nil, err
		}
		if !isScanReply(r) {
			return []string{"SCAN " + string(cursor) + " answers " + show(r)}, nil
		}
		if name := strings.ToLower(string(head[0])); name == "zscan" || name == "hscan" {
			r = oneZero(r)
			found = append(found, sortedPairs(r.Elems[1].Elems)...)
		} else {
			for _, e := range r.Elems[1].Elems {
				found = append(found, string(e.Str))
			}
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
	_, err := scanAll(r.sides.Redis, words("SCAN"), words("COUNT", "1000000"))
	return err
}

// countSketch does PFCOUNT and takes the count that it leaves in the string of one key away again: reads do not write
// in Cairn.
func countSketch(r *runner, argv [][]byte) (reply.Reply, error) {
	if len(argv) != 2 {
		return r.sides.Redis.Do(argv)
	}
	held, err := r.sides.Redis.Do([][]byte{[]byte("GETRANGE"), argv[1], []byte("8"), []byte("15")})
	if err != nil {
		return held, err
	}
	answer, err := r.sides.Redis.Do(argv)
	if err != nil || answer.Kind != reply.Integer || len(held.Str) != 8 {
		return answer, err
	}
	_, err = r.sides.Redis.Do([][]byte{[]byte("SETRANGE"), argv[1], []byte("8"), held.Str})
	return answer, err
}
