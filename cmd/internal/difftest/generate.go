package difftest

import (
	"math/rand/v2"
	"slices"
	"strings"

	"cairn/fsm/command"
)

// Generator makes commands. The same rows and seed give the same commands.
type Generator struct {
	rand     *rand.Rand
	rows     []generatorRow
	weight   int      // of all rows
	literals []string // every word that some syntax says
	expiries int64    // how many times to live were made; see words.go
	integers bool     // members are integers for now; see words.go
}

// generatorRow is a command or subcommand that can be made.
type generatorRow struct {
	name   []string // "object", "freq"
	spec   command.Spec
	syntax command.Item
	weight int
}

// weights are how often a command comes, where the default of 20 would spoil the rest.
func weightOf(name string) int {
	switch name {
	case "flushall", "flushdb", "swapdb":
		return 1
	case "pfdebug": // GETREG has long replies
		return 2
	case "del", "unlink":
		return 10
	case "hset", "rpush", "sadd", "zadd", "geoadd": // else collections are seldom there, and small
		return 100
	}
	return 20
}

// NewGenerator makes a generator for the rows of clients, but those that block and those in skip. A Syntax that
// cannot be parsed is a mistake of the program: it panics.
func NewGenerator(rows []command.Spec, skip map[string]string, seed uint64) *Generator {
	g := &Generator{rand: rand.New(rand.NewPCG(seed, 0))}
	for _, spec := range command.NewTable(rows).All() {
		if len(spec.Subs) == 0 {
			g.add(spec, skip, spec.Name)
		}
		for _, sub := range spec.Subs {
			g.add(sub, skip, spec.Name, sub.Name)
		}
	}
	return g
}

func (g *Generator) add(spec command.Spec, skip map[string]string, name ...string) {
	if skip[strings.Join(name, "|")] != "" || spec.Flags&command.FlagBlocking != 0 {
		return
	}
	syntax, err := command.ParseSyntax(spec.Syntax)
	if err != nil {
		panic(err)
	}
	g.addLiterals(syntax)
	w := weightOf(name[0]) * 6 / (len(name)*5 + 1) // subcommands come more seldom
	g.rows = append(g.rows, generatorRow{name, spec, syntax, max(w, 1)})
	g.weight += max(w, 1)
}

func (g *Generator) addLiterals(n command.Item) {
	if n.Literal() {
		g.literals = append(g.literals, n.Word)
	}
	for _, choice := range n.Choices {
		for _, child := range choice {
			g.addLiterals(child)
		}
	}
}

// oneIn is true once in n times.
func (g *Generator) oneIn(n int) bool { return g.rand.IntN(n) == 0 }

// Next returns the next command.
func (g *Generator) Next() [][]byte {
	if len(g.rows) == 0 || g.oneIn(60) {
		return words("SELECT", g.number("db"))
	}
	if g.oneIn(200) {
		g.integers = !g.integers
	}
	at := g.rand.IntN(g.weight)
	i := 0
	for ; at >= g.rows[i].weight; i++ {
		at -= g.rows[i].weight
	}
	argv := g.call(&g.rows[i])
	if g.oneIn(12) {
		argv = g.spoil(argv)
		g.delayExpiry(argv)
	}
	return argv
}

// call makes a plausible call.
func (g *Generator) call(row *generatorRow) [][]byte {
	var c call
	for _, name := range row.name {
		c.add("", g.anyCase(name))
	}
	g.expand(&c, row.syntax)
	g.fillCounts(&c)
	argv := words(c.words...)
	for _, key := range row.spec.KeysOf(argv) {
		argv[key.At] = []byte(g.keyFor(row.spec.Group))
	}
	return argv
}

// call is a command being made: its words, and which argument of the syntax each stands for; literals have no name.
type call struct{ words, names []string }

func (c *call) add(name, word string) {
	c.names = append(c.names, name)
	c.words = append(c.words, word)
}

// expand adds what one way through the syntax gives.
func (g *Generator) expand(c *call, n command.Item) {
	switch {
	case n.Literal():
		c.add("", g.anyCase(n.Word))
		return
	case n.Word != "":
		c.add(n.Word, g.argument(n))
		return
	}
	many := 0 // more rounds: a collection becomes large at once
	if n.Repeated && g.oneIn(25) {
		many = g.rand.IntN(200)
	}
	for first := true; (first && !n.Optional) || many > 0 || g.rand.IntN(5) < 2; first = false {
		many--
		children := slices.Clone(n.Choices[g.rand.IntN(len(n.Choices))])
		if g.oneIn(3) {
			g.shuffleOptions(children)
		}
		for _, child := range children {
			g.expand(c, child)
		}
		if !n.Repeated {
			return
		}
	}
}

// shuffleOptions reorders the optional items at the end of a list: Redis takes options in any order.
func (g *Generator) shuffleOptions(items []command.Item) {
	first := len(items)
	for first > 0 && items[first-1].Optional && !items[first-1].Repeated {
		first--
	}
	tail := items[first:]
	g.rand.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })
}

// fillCounts makes arguments like numkeys mostly tell the truth about what follows them.
func (g *Generator) fillCounts(c *call) {
	for i, name := range c.names {
		if !strings.HasPrefix(name, "num") || i+1 == len(c.names) || g.oneIn(10) {
			continue
		}
		n := 0
		for _, next := range c.names[i+1:] {
			if next != c.names[i+1] {
				break
			}
			n++
		}
		c.words[i] = itoa(int64(n))
	}
}

func (g *Generator) anyCase(word string) string {
	switch g.rand.IntN(6) {
	case 0:
		return strings.ToUpper(word)
	case 1:
		return strings.ToUpper(word[:1]) + strings.ToLower(word[1:])
	case 2:
		return word
	}
	return strings.ToLower(word)
}

// spoil makes a call that its author did not mean.
func (g *Generator) spoil(argv [][]byte) [][]byte {
	argv = slices.Clone(argv)
	at := g.rand.IntN(len(argv))
	switch g.rand.IntN(7) {
	case 0:
		return append(argv, g.junk())
	case 1:
		return argv[:at+1]
	case 2:
		return slices.Insert(argv, at+1, g.junk())
	case 3:
		return append(argv, argv[at:]...)
	case 4:
		if g.oneIn(4) {
			argv[0] = []byte(pick(g, values)) // no word of a syntax: SYNC is a command of Redis
			return argv
		}
	case 5:
		if len(argv) > 1 && at > 0 {
			return slices.Delete(argv, at, at+1)
		}
	}
	if len(argv) == 1 {
		return append(argv, g.junk())
	}
	argv[max(at, 1)] = g.junk()
	return argv
}

// junk returns an argument that nobody asked for.
func (g *Generator) junk() []byte {
	switch g.rand.IntN(4) {
	case 0:
		if len(g.literals) > 0 {
			return []byte(g.anyCase(pick(g, g.literals)))
		}
	case 1:
		return []byte(pick(g, keys))
	case 2:
		return []byte(pick(g, values))
	}
	return []byte(pick(g, numbers))
}

func pick(g *Generator, from []string) string { return from[g.rand.IntN(len(from))] }
