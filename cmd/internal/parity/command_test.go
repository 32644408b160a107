package parity_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

// oneShard is why a row lacks the tip multi_shard.
const oneShard = "one shard has all slots: a client that parts the call by slots would take its atomicity for nothing"

// ownWay lists where COMMAND INFO or COMMAND DOCS differs from Redis by design, and why; what it says instead stands
// in the command's row. It is the only such list. What is not compared: summaries, which are ours; history,
// deprecation and notes of key specifications, which are prose about Redis's past; and the names of oneof and block
// arguments, which nobody sees.
var ownWay = map[string]string{
	"psync: complexity":                   "it is refused",
	"sync: complexity":                    "it is refused",
	"unlink: tips":                        oneShard,
	"touch: tips":                         oneShard,
	"msetnx: tips":                        oneShard,
	"mset: tips":                          oneShard,
	"mget: tips":                          oneShard,
	"exists: tips":                        oneShard,
	"del: tips":                           oneShard,
	"auth: complexity":                    "there is one password",
	"client|caching: missing":             "there is no client-side caching",
	"client|getredir: missing":            "there is no client-side caching",
	"client|kill: arguments":              "filters are options side by side, not a choice that repeats; SLAVE is an old word",
	"client|list: arguments":              "Redis has a block of one argument",
	"client|no-touch: more":               "it came with Redis 7.2, and new clients send it",
	"client|setinfo: more":                "it came with Redis 7.2, and new clients send it",
	"client|tracking: missing":            "there is no client-side caching",
	"client|trackinginfo: missing":        "there is no client-side caching",
	"client|unblock: complexity":          "no tree of clients",
	"cluster|countkeysinslot: complexity": "the keys of a slot are counted nowhere",
	"cluster|forget: arguments":           "FORCE removes a node even if no quorum is left",
	"cluster|forget: arity":               "FORCE removes a node even if no quorum is left",
	"cluster|replicate: arguments":        "NO ONE gives a node its vote back",
	"cluster|replicate: arity":            "NO ONE gives a node its vote back",
	"cluster|getkeysinslot: complexity":   "the same as O(log(N)) plus the reply, which Redis leaves out",
	"cluster|myshardid: more":             "it came with Redis 7.2, and new clients send it",
	"cluster|reset: complexity":           "it is refused",
	"command|getkeys: arguments":          "Redis 7.0 forgot them",
	"command|getkeysandflags: arguments":  "Redis 7.0 forgot them",
	"config|get: arguments":               "Redis has a block of one argument",
	"flushall: complexity":                "one range deletion",
	"flushdb: complexity":                 "one range deletion",
	"lindex: complexity":                  "an element is found by its rank in a tree",
	"lolwut: complexity":                  "Redis 7.0 says none",
	"lrange: complexity":                  "an element is found by its rank in a tree",
	"lset: complexity":                    "an element is found by its rank in a tree",
	"memory|doctor: missing":              "nobody diagnoses",
	"memory|malloc-stats: missing":        "there is no allocator of its own",
	"memory|purge: missing":               "Go's runtime gives memory back by itself",
	"memory|stats: missing":               "INFO says what is known",
	"pfdebug: complexity":                 "Redis 7.0 says none",
	"pfselftest: complexity":              "Redis 7.0 says none",
	"psubscribe: arguments":               "Redis has a block of one argument",
	"shutdown: complexity":                "nothing is left to save",
	"swapdb: complexity":                  "no client is looked for",
	"unlink: complexity":                  "for all its keys, where Redis says for each",
}

// facts are what a server says of its commands: by full name, what is said by what it is about.
type facts map[string]map[string]string

// difference is where two servers do not say the same.
type difference struct{ about, detail string }

// TestCommandAgreesWithRedis compares COMMAND INFO and COMMAND DOCS of every command that both know, in RESP2 and
// RESP3.
func TestCommandAgreesWithRedis(t *testing.T) {
	_, _, ours := cairn(t, 1)
	theirs := redis(t, false)
	for _, proto := range []string{"2", "3"} {
		t.Run("resp="+proto, func(t *testing.T) {
			ask(t, ours, "HELLO "+proto)
			ask(t, theirs, "HELLO "+proto)
			used := make(map[string]bool)
			for _, d := range differences(factsOf(t, ours), factsOf(t, theirs)) {
				if used[d.about] = true; ownWay[d.about] == "" {
					t.Errorf("%s: %s; correct the row, or give a reason in ownWay", d.about, d.detail)
				}
			}
			for about := range ownWay {
				if !used[about] {
					t.Errorf("ownWay excuses %q, which is no longer so", about)
				}
			}
		})
	}
}

// TestFactsCompared: whatever a server says of a command makes a difference, if it is not what the other one says.
func TestFactsCompared(t *testing.T) {
	theirs := redis(t, false)
	info := ask(t, theirs, "COMMAND INFO set").Elems[0]
	docs := ask(t, theirs, "COMMAND DOCS set")
	of := func(info, docs reply.Reply) facts {
		f := make(facts)
		f.addInfo(info)
		f.addDocs(docs)
		return f
	}
	right := of(info, docs)
	compare := func(what string, info, docs reply.Reply) {
		if diffs := differences(of(info, docs), right); len(diffs) == 0 {
			t.Errorf("%s is not compared", what)
		}
	}
	for i := 1; i < len(info.Elems); i++ {
		other := info
		other.Elems = slices.Clone(info.Elems)
		other.Elems[i] = reply.Int(77)
		compare(fmt.Sprint("element ", i, " of COMMAND INFO"), other, docs)
	}
	for _, what := range []string{"since", "group", "complexity", "arguments"} {
		doc := docs.Elems[1]
		doc.Elems = slices.Clone(doc.Elems)
		for i := 0; i < len(doc.Elems); i += 2 {
			if string(doc.Elems[i].Str) == what {
				doc.Elems[i+1] = reply.Nil()
			}
		}
		compare(what+" of COMMAND DOCS", info, reply.MapOf(docs.Elems[0], doc))
	}
	all := factsOf(t, theirs)
	less := maps.Clone(all)
	delete(less, "object|freq")
	if diffs := differences(less, all); len(diffs) != 1 || diffs[0].about != "object|freq: missing" {
		t.Errorf("without OBJECT FREQ: %v", diffs)
	}
	if diffs := differences(all, less); len(diffs) != 1 || diffs[0].about != "object|freq: more" {
		t.Errorf("with OBJECT FREQ: %v", diffs)
	}
}

// TestSummariesAreOurs: no summary is a sentence of Redis's.
func TestSummariesAreOurs(t *testing.T) {
	_, _, ours := cairn(t, 1)
	mine, theirs := summaries(ask(t, ours, "COMMAND DOCS")), summaries(ask(t, redis(t, false), "COMMAND DOCS"))
	if len(mine) < 100 || len(theirs) < 300 {
		t.Fatalf("%d and %d summaries", len(mine), len(theirs))
	}
	for name, summary := range mine {
		if strings.EqualFold(summary, theirs[name]) {
			t.Errorf("%s: the summary is Redis's", name)
		}
	}
}

// summaries reads those of COMMAND DOCS, by full name.
func summaries(docs reply.Reply) map[string]string {
	all := make(map[string]string)
	for i := 0; i+1 < len(docs.Elems); i += 2 {
		all[string(docs.Elems[i].Str)] = text(docs.Elems[i+1], "summary")
		maps.Copy(all, summaries(value(docs.Elems[i+1], "subcommands")))
	}
	return all
}

// differences lists where two servers disagree about commands that both know, and subcommands that only one knows.
func differences(ours, theirs facts) (diffs []difference) {
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		container, _, _ := strings.Cut(name, "|")
		switch {
		case theirs[container] == nil:
			continue
		case theirs[name] == nil:
			diffs = append(diffs, difference{name + ": more", "Redis does not know it"})
			continue
		}
		for _, what := range slices.Sorted(maps.Keys(ours[name])) {
			if a, b := ours[name][what], theirs[name][what]; a != b {
				diffs = append(diffs, difference{name + ": " + what, a + ", Redis " + b})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		if container, _, _ := strings.Cut(name, "|"); ours[name] == nil && ours[container] != nil {
			diffs = append(diffs, difference{name + ": missing", "only Redis has it"})
		}
	}
	return diffs
}

func factsOf(t *testing.T, client *redistest.Client) facts {
	t.Helper()
	all := make(facts)
	for _, info := range ask(t, client, "COMMAND").Elems {
		all.addInfo(info)
	}
	all.addDocs(ask(t, client, "COMMAND DOCS"))
	return all
}

// addInfo notes an element of COMMAND INFO.
func (f facts) addInfo(info reply.Reply) {
	e := info.Elems
	if len(e) != 10 {
		f[fmt.Sprint(e)] = map[string]string{"elements": fmt.Sprint(len(e))}
		return
	}
	f[string(e[0].Str)] = map[string]string{
		"arity":             fmt.Sprint(e[1].Int),
		"flags":             words(e[2]),
		"first, last, step": fmt.Sprint(e[3].Int, e[4].Int, e[5].Int),
		"ACL categories":    words(e[6]),
		"tips":              words(e[7]),
		"keys":              keySpecs(e[8]),
		"subcommands":       fmt.Sprint(kinds(e[9]), len(e[9].Elems) > 0),
	}
	for _, sub := range e[9].Elems {
		f.addInfo(sub)
	}
}

// addDocs notes a map of COMMAND DOCS.
func (f facts) addDocs(docs reply.Reply) {
	for i := 0; i+1 < len(docs.Elems); i += 2 {
		name, doc := string(docs.Elems[i].Str), docs.Elems[i+1]
		if f[name] == nil {
			f[name] = make(map[string]string)
		}
		f[name]["docs"] = kinds(doc)
		f[name]["since"] = text(doc, "since")
		f[name]["group"] = text(doc, "group")
		f[name]["complexity"] = formula(text(doc, "complexity"))
		f[name]["arguments"] = arguments(value(doc, "arguments"))
		f.addDocs(value(doc, "subcommands"))
	}
}

// words writes a set of names with its kinds, in its order: Redis has one too.
func words(r reply.Reply) string {
	var all []string
	for _, e := range r.Elems {
		all = append(all, fmt.Sprintf("%s%d", e.Str, e.Kind))
	}
	return kinds(r) + fmt.Sprint(all)
}

// kinds tells the outermost shape of a reply.
func kinds(r reply.Reply) string { return fmt.Sprint("kind ", r.Kind) }

// keySpecs writes key specifications, without their notes.
func keySpecs(r reply.Reply) string {
	var all []string
	for _, spec := range r.Elems {
		all = append(all, fmt.Sprintf("%s flags %s begin_search %s find_keys %s", kinds(spec), words(value(spec, "flags")),
			tree(value(spec, "begin_search")), tree(value(spec, "find_keys"))))
	}
	return kinds(r) + fmt.Sprint(all)
}

// tree writes a reply in full.
func tree(r reply.Reply) string {
	var elems []string
	for _, e := range r.Elems {
		elems = append(elems, tree(e))
	}
	return fmt.Sprintf("%d:%s%d%v", r.Kind, r.Str, r.Int, elems)
}

// arguments writes a list of arguments in Redis's notation with types: "key:key [EX seconds:integer] <a | b>".
func arguments(r reply.Reply) string {
	var all []string
	for _, a := range r.Elems {
		all = append(all, argument(a))
	}
	return strings.Join(all, " ")
}

func argument(a reply.Reply) string {
	s, kind := "", text(a, "type")
	switch kind {
	case "pure-token":
	case "oneof", "block":
		separator := " "
		if kind == "oneof" {
			separator = " | "
		}
		var inner []string
		for _, e := range value(a, "arguments").Elems {
			inner = append(inner, argument(e))
		}
		s = "<" + strings.Join(inner, separator) + ">"
	default:
		s = strings.ReplaceAll(text(a, "name"), "_", "-") + ":" + kind
		if kind == "key" {
			s += fmt.Sprint(value(a, "key_spec_index").Int)
		}
	}
	s = strings.TrimRight(text(a, "token")+" "+s, " ")
	if flags := value(a, "flags"); len(flags.Elems) > 0 {
		s += words(flags)
	}
	return strings.TrimSpace(s)
}
