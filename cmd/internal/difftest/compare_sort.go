package difftest

import (
	"bytes"
	"strings"

	"cairn/fsm/reply"
)

// sortRule is the rule of SORT and SORT_RO.
func sortRule() rule { return rule{skip: sortsByChance, onRedis: sortOnRedis} }

// sortsByChance: in what order Redis has elements depends on its hash table where a set is not sorted, or where texts
// are equal and it is no list; and on its way of sorting where texts are equal and a LIMIT says how many are wanted.
func sortsByChance(r *runner, argv [][]byte) (bool, error) {
	text := strings.ToLower(string(bytes.Join(argv, []byte(" "))))
	if len(argv) < 3 {
		return false, nil
	}
	encoding, err := r.sides.Redis.Do([][]byte{[]byte("OBJECT"), []byte("ENCODING"), argv[1]})
	if err != nil {
		return false, err
	}
	form, by := string(encoding.Str), strings.Contains(text, " by ")
	switch {
	case form == "quicklist":
		return by && strings.Contains(text, "limit") && strings.Contains(text, "alpha"), nil
	case form == "hashtable" && by:
		return true, nil
	case !strings.Contains(text, "alpha"):
		return false, nil
	case by:
		return true, nil
	}
	all := [][]byte{[]byte("SMEMBERS"), argv[1]}
	if form == "listpack" || form == "skiplist" {
		all = [][]byte{[]byte("ZRANGE"), argv[1], []byte("0"), []byte("-1")}
	}
	elements, err := r.sides.Redis.Do(all)
	for _, e := range elements.Elems {
		if bytes.IndexByte(e.Str, 0) >= 0 {
			return true, err // for Redis the text ends there
		}
	}
	return false, err
}

// sortOnRedis does SORT without what else it does: of a compact sorted set it makes a large one for good, and of a
// number out of range, in any command, it reports an error again when the next numbers are read.
func sortOnRedis(r *runner, argv [][]byte) (answer reply.Reply, err error) {
	do := func(argv ...[]byte) {
		if err == nil {
			answer, err = r.sides.Redis.Do(argv)
		}
	}
	if len(argv) < 2 {
		do(argv...)
		return answer, err
	}
	object, encoding, kept := []byte("OBJECT"), []byte("ENCODING"), []byte("\x00kept")
	do([]byte("ZADD"), []byte("\x00none"), []byte("XX"), []byte("1"), []byte("m")) // C's errno is that of this number
	do(object, encoding, argv[1])
	compact := string(answer.Str) == "listpack"
	if compact {
		do([]byte("COPY"), argv[1], kept)
	}
	do(argv...)
	sorted := answer
	if compact {
		if do(object, encoding, argv[1]); string(answer.Str) == "skiplist" {
			do([]byte("RENAME"), kept, argv[1])
		} else {
			do([]byte("DEL"), kept)
		}
	}
	return sorted, err
}
