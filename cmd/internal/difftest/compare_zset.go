package difftest

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"cairn/fsm/reply"
)

// sortedSets are the rules of the commands of sorted sets that are compared otherwise than byte by byte.
func zsetRule(name string) (rule, bool) {
	switch name {
	case "zrandmember":
		return rule{same: anyScored}, true
	case "zlexcount", "zrangebylex", "zrevrangebylex", "zremrangebylex", "zrange", "zrangestore":
		return rule{skip: lexOfScores, same: sameScores}, true
	case "georadius", "georadiusbymember", "geosearchstore":
		return rule{skip: cutTies, same: sameStored}, true
	case "geosearch", "georadius_ro", "georadiusbymember_ro":
		return rule{skip: cutTies, same: inOrderOfDistance}, true
	}
	return rule{same: sameScores}, strings.HasPrefix(name, "z")
}

// sameScores compares replies with scores: there is one zero in Cairn.
func sameScores(_ *runner, _ [][]byte, cairn, redis reply.Reply) (bool, error) {
	return equal(oneZero(cairn), oneZero(redis)), nil
}

func oneZero(r reply.Reply) reply.Reply {
	if r.Kind == reply.Bulk && string(r.Str) == "-0" {
		r.Str = []byte("0")
	}
	r.Elems = slices.Clone(r.Elems)
	for i := range r.Elems {
		r.Elems[i] = oneZero(r.Elems[i])
	}
	return r
}

// lexOfScores: what is between two texts is undefined where scores differ.
func lexOfScores(r *runner, argv [][]byte) (bool, error) {
	text := string(bytes.ToLower(bytes.Join(argv, []byte(" "))))
	if !strings.Contains(text, "lex") || len(argv) < 4 {
		return false, nil
	}
	key := argv[1]
	if strings.HasPrefix(text, "zrangestore") {
		key = argv[2]
	}
	first, err := r.sides.Redis.Do([][]byte{[]byte("ZRANGE"), key, []byte("0"), []byte("0"), []byte("WITHSCORES")})
	if err != nil {
		return false, err
	}
	last, err := r.sides.Redis.Do([][]byte{[]byte("ZRANGE"), key, []byte("-1"), []byte("-1"), []byte("WITHSCORES")})
	return show(scoreOf(first)) != show(scoreOf(last)), err
}

// scoreOf returns the last scalar of a reply.
func scoreOf(r reply.Reply) reply.Reply {
	for len(r.Elems) > 0 {
		r = r.Elems[len(r.Elems)-1]
	}
	return r
}

// cutTies: of several members that are equally far away, Redis stores some when it stores only so many.
func cutTies(r *runner, argv [][]byte) (bool, error) {
	return hasWord(argv, "count") && stores(argv), nil
}

func hasWord(argv [][]byte, words ...string) bool {
	return slices.ContainsFunc(argv, func(arg []byte) bool { return slices.Contains(words, strings.ToLower(string(arg))) })
}

func stores(argv [][]byte) bool {
	return hasWord(argv[:1], "geosearchstore") || hasWord(argv, "store", "storedist")
}

// inOrderOfDistance compares what a search finds: of those that are equally far away in any order, and where it finds
// only so many, any of them.
func inOrderOfDistance(r *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	switch {
	case hasWord(argv, "count") && !hasWord(argv, "any"):
		return cairn.Kind == redis.Kind && len(cairn.Elems) == len(redis.Elems) &&
			(!hasWord(argv, "withdist") || slices.EqualFunc(cairn.Elems, redis.Elems, func(a, b reply.Reply) bool { return equal(a.Elems[1], b.Elems[1]) })), nil
	case !hasWord(argv, "asc", "desc"):
		return equal(cairn, redis), nil
	}
	return cairn.Kind == redis.Kind && slices.Equal(shown(cairn.Elems), shown(redis.Elems)), nil
}

func shown(elems []reply.Reply) []string {
	texts := make([]string, 0, len(elems))
	for _, e := range elems {
		texts = append(texts, show(e))
	}
	slices.Sort(texts)
	return texts
}

// sameStored is inOrderOfDistance for what may store distances as scores. The C library does not round the last bit of
// all angles right: what Redis has stored is made what Cairn has, which is to be near.
func sameStored(r *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	if !stores(argv) || cairn.Kind != reply.Integer || cairn.Int == 0 || redis.Int != cairn.Int {
		return inOrderOfDistance(r, argv, cairn, redis)
	}
	key := argv[1]
	for i, word := range argv[:len(argv)-1] {
		if w := strings.ToLower(string(word)); len(argv[0]) < len("geosearchstore") && i >= 5 && (w == "store" || w == "storedist") {
			key = argv[i+1]
		}
	}
	all := [][]byte{[]byte("ZRANGE"), key, []byte("0"), []byte("-1"), []byte("WITHSCORES")}
	ours, theirs, err := r.both(all)
	if err != nil {
		return false, err
	}
	scores := make(map[string]float64)
	for _, m := range scoredMembers(theirs) {
		scores[m.name] = m.score
	}
	for _, m := range scoredMembers(ours) {
		score, ok := scores[m.name]
		if !ok || math.Abs(score-m.score) > 1e-12*math.Abs(score) {
			return false, nil
		}
		if score != m.score {
			digits := strconv.FormatFloat(m.score, 'g', 17, 64)
			if _, err := r.sides.Redis.Do([][]byte{[]byte("ZADD"), key, []byte(digits), []byte(m.name)}); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

type scoredMember struct {
	name  string
	score float64
}

// scoredMembers reads members with their scores, however they are nested.
func scoredMembers(r reply.Reply) (found []scoredMember) {
	var flat []reply.Reply
	var walk func(r reply.Reply)
	walk = func(r reply.Reply) {
		if r.Kind != reply.Array {
			flat = append(flat, r)
		}
		for _, e := range r.Elems {
			walk(e)
		}
	}
	walk(r)
	for ; len(flat) > 1; flat = flat[2:] {
		score := flat[1].Float
		if flat[1].Kind == reply.Bulk {
			score, _ = strconv.ParseFloat(string(flat[1].Str), 64)
		}
		found = append(found, scoredMember{string(flat[0].Str), score})
	}
	return found
}

// anyScored is anyFields for a sorted set.
func anyScored(r *runner, argv [][]byte, cairn, redis reply.Reply) (bool, error) {
	if cairn.Kind != redis.Kind || len(cairn.Elems) != len(redis.Elems) || len(show(cairn)) == 0 {
		return false, nil
	}
	members := flat(cairn)
	var scored []scoredMember
	if len(argv) == 4 {
		members = nil
		for _, m := range scoredMembers(cairn) {
			scored = append(scored, m)
			members = append(members, reply.BulkString(m.name))
		}
	}
	if len(argv) > 2 && !bytes.HasPrefix(argv[2], []byte("-")) && !distinct(members) {
		return false, nil
	}
	for i, m := range members {
		score, err := r.sides.Redis.Do([][]byte{[]byte("ZSCORE"), argv[1], m.Str})
		if err != nil || score.Kind == reply.Null {
			return false, err
		}
		if scored != nil && scored[i].score != scoredMembers(reply.ArrayOf(m, score))[0].score {
			return false, nil
		}
		if i > 50 {
			break // it is a long way to Redis
		}
	}
	return true, nil
}
