package difftest

import (
	"strconv"
	"strings"

	"cairn/fsm/command"
	"cairn/storage/rdb"
)

// The pools are small, so that commands meet. A number that a command could take for the length of a string or the
// offset of a bit is either small or far out of range: neither side shall fill the memory.
var (
	keys = []string{"a", "b", "c", "d", "{tag}1", "{tag}2", "x{tag}", "num", "num{tag}", "", "bin\x00\xff\r\n",
		"h1", "h2", "l1", "l2", "s1", "s2", "z1", "z2"}

	// groupKeys are keys that mostly hold what the commands of a group are for, so that not every answer is WRONGTYPE.
	groupKeys = map[string][]string{
		"hash": {"h1", "h2"}, "list": {"l1", "l2"}, "set": {"s1", "s2"}, "sorted-set": {"z1", "z2"}, "geo": {"z1", "z2"},
		"string": {"num", "num{tag}", "a"}, "bitmap": {"a", "num"}, "hyperloglog": {"b", "c"},
	}

	values = []string{
		"", "v", "hello world", "ohmytext", "mynewtext", "0", "1", "-1", "10", "3.0", "-0", "+1", " 1", "1 ", "01", "0x10",
		"1e3", "5.0e3", "1.5", "-2.25", ".5", "5.", "inf", "-inf", "nan", "1e400", "1e-400", "3.14159265358979323846",
		"9223372036854775807", "-9223372036854775808", "9223372036854775808", "9223372036854775806", "18446744073709551616",
		"123456789012345678901234567890", "\x00", "\xff\xfe\x00", "a\x00b", "line\r\nline\n", "tab\t\"quote\"", "caf\xc3\xa9",
		strings.Repeat("x", 44), strings.Repeat("x", 45), strings.Repeat("ab", 64),
		strings.Repeat("y", 64), strings.Repeat("y", 65), strings.Repeat("z", 900),
	}

	numbers = []string{
		"0", "1", "2", "3", "5", "7", "10", "60", "-1", "-2", "-3", "-7", "-100", "100", "1.5", "-0", "01", "+1", " 1", "1 ",
		"", "x", "1x", "0x10", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "18446744073709551615", "99999999999999999999999",
	}

	floats = []string{
		"0", "1", "-1", "0.1", "0.2", "-0.3", "1.5", "3.0", "1e2", "-1e-2", "10.50", "5.0e3", "1e17", "0.000001", "1e-10",
		"123456789.123456789", "1e300", "-1e308", "inf", "-inf", "nan", "+inf", "1e400", "x", "", " 1", "1 ", "0x1p3",
	}

	badTimes = []string{
		"0", "-1", "-100000", "x", "", "1.5", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"9223372036854775", "9223372036854776", "9223372036854775000", "92233720368547758070",
	}

	patterns = []string{
		"*", "?", "a*", "*a*", "[ab]", "[^a]", "[a-c]", "[c-a]", "{tag}*", "*{tag}", "num*", "\\a", "[\\a]", "a[", "[", "[^", "\\",
		"**", "*?*", "x?tag}", "", "b\x69n*", "*\xff*", "[a-", "[]a]", "h[^l]*", "???", "*\\",
		"#", "{tag}*", "*->f1", "*{tag}->f2", "*->", "nosort",
	}

	fieldTypes = []string{
		"u1", "u8", "i8", "i5", "u63", "i64", "u16", "i16", "u32", "i33", "u7", "u64", "i65", "u0", "i", "u", "x8", "I8", "u08", "u-1", "",
	}

	types = []string{"string", "list", "set", "zset", "hash", "stream", "STRING", "nosuch", ""}
)

// maxOffset is above the offsets that are small: a string becomes long enough to be kept in pages.
const maxOffset = 20_000

// keyFor returns a key for a command of a group.
func (g *Generator) keyFor(group string) string {
	if own := groupKeys[group]; own != nil && !g.oneIn(4) {
		return pick(g, own)
	}
	return pick(g, keys)
}

// argument returns a value for an argument by its type, and by its name, which says what the number or string is.
func (g *Generator) argument(it command.Item) string {
	switch it.Type {
	case command.TypeKey:
		return pick(g, keys)
	case command.TypePattern:
		return pick(g, patterns)
	}
	switch it.Word {
	case "type":
		return pick(g, types)
	case "encoding":
		return pick(g, fieldTypes)
	case "subcommand":
		return pick(g, []string{"ENCODING", "decode", "GetReg", "TODENSE", "HELP", "encoding", "decode"})
	case "serialized-value":
		return g.payload()
	case "operation":
		return pick(g, []string{"AND", "or", "Xor", "NOT", "not", "nand", ""})
	case "field":
		return g.field()
	case "min", "max":
		return g.rangeEnd()
	case "member", "member1", "member2":
		return g.member()
	case "element":
		if g.oneIn(2) {
			return g.field()
		}
		return g.value()
	case "value", "message":
		if it.Type != command.TypeInteger {
			return g.value()
		}
	}
	return g.number(strings.TrimRight(it.Word, "0123456789"))
}

// number returns a value for an argument that is a number.
func (g *Generator) number(name string) string {
	switch name {
	case "ttl":
		switch g.rand.IntN(4) {
		case 0:
			return pick(g, badTimes)
		case 1:
			return g.farAway("milliseconds")
		}
		return "0"
	case "frequency":
		return itoa(int64(g.rand.IntN(300) - 20))
	case "seconds", "milliseconds", "unix-time-seconds", "unix-time-milliseconds":
		return g.expiry(name)
	case "increment", "decrement":
		switch g.rand.IntN(3) {
		case 0:
			return pick(g, floats)
		case 1:
			return pick(g, numbers)
		}
		return itoa(g.rand.Int64N(200) - 100)
	case "offset", "start", "end":
		switch g.rand.IntN(8) {
		case 0:
			return itoa(int64(g.rand.IntN(maxOffset)))
		case 1:
			return itoa(int64(g.rand.IntN(200) - 100))
		case 2:
			if name == "offset" {
				return "#" + itoa(int64(g.rand.IntN(40)))
			}
		}
	case "bit", "value":
		if !g.oneIn(3) {
			return itoa(int64(g.rand.IntN(2)))
		}
	case "score", "weight":
		return g.score()
	case "longitude", "latitude":
		return g.degrees()
	case "radius", "width", "height":
		if g.oneIn(10) {
			return pick(g, floats)
		}
		return itoa(g.rand.Int64N(1 << g.rand.IntN(26)))
	case "cursor":
		if !g.oneIn(10) {
			return "0"
		}
		return pick(g, numbers)
	case "db", "destination-db", "index":
		if !g.oneIn(15) {
			return itoa(int64(g.rand.IntN(3)))
		}
		return pick(g, numbers)
	}
	if g.oneIn(3) {
		return itoa(int64(g.rand.IntN(12)))
	}
	return pick(g, numbers)
}

// score returns a score: mostly one that others have too.
func (g *Generator) score() string {
	switch g.rand.IntN(8) {
	case 0:
		if g.oneIn(4) {
			return pick(g, values)
		}
		return pick(g, floats)
	case 1:
		return strconv.FormatFloat(g.rand.NormFloat64()*1000, 'g', -1, 64)
	case 2, 3, 4:
		return "0"
	}
	return itoa(int64(g.rand.IntN(20)))
}

// rangeEnd returns an end of a range of scores, texts or ranks.
func (g *Generator) rangeEnd() string {
	switch g.rand.IntN(8) {
	case 0:
		return pick(g, []string{"-inf", "+inf", "inf", "(inf", "(-inf", "-", "+", "(", "[", "", "+\x00x", "-x", "(nan", " 3", "3\x00x", "1e400", "1e-400"})
	case 1:
		return pick(g, []string{"-inf", "-"})
	case 2:
		return pick(g, []string{"+inf", "+"})
	case 3:
		return "[" + g.field()
	case 4:
		return "(" + g.field()
	case 5:
		return "(" + g.score()
	case 6:
		return pick(g, numbers)
	}
	return g.score()
}

// degrees returns a longitude or a latitude: some are near to each other, and some at the ends.
func (g *Generator) degrees() string {
	switch g.rand.IntN(10) {
	case 0:
		return pick(g, []string{"0", "-0", "180", "-180", "85.05112878", "-85.05112878", "85.06", "90", "180.1", "-179.9999999", "179.9999999", "66.5", "81"})
	case 1:
		if g.oneIn(5) {
			return pick(g, floats)
		}
		return itoa(g.rand.Int64N(170) - 85)
	case 2, 3, 4:
		return strconv.FormatFloat(g.rand.Float64()*170-85, 'f', -1, 64)
	}
	return strconv.FormatFloat(15+g.rand.NormFloat64()/100, 'f', 6, 64)
}

// field returns the name of a field: calls meet at few, and hashes become large by others.
func (g *Generator) field() string {
	switch g.rand.IntN(8) {
	case 0:
		return g.value()
	case 1, 2, 3, 4, 5:
		return "f" + itoa(int64(g.rand.IntN(6)))
	}
	return "f" + itoa(int64(g.rand.IntN(300)))
}

// member returns a member of a set: as a field, or for a while an integer, so that there are sets of integers alone.
func (g *Generator) member() string {
	switch {
	case !g.integers:
		return g.field()
	case g.oneIn(30):
		return pick(g, numbers)
	case g.oneIn(3):
		return itoa(int64(g.rand.IntN(800)) - 100)
	}
	return itoa(int64(g.rand.IntN(10)))
}

func (g *Generator) value() string {
	if !g.oneIn(4) {
		return pick(g, values)
	}
	if g.oneIn(2) {
		return itoa(g.rand.Int64N(2000) - 1000)
	}
	b := make([]byte, g.rand.IntN(20))
	for i := range b {
		b[i] = byte(g.rand.UintN(256))
	}
	return string(b)
}

// payload returns what RESTORE takes: a value as redis-server writes it, or one that is damaged behind its checksum.
func (g *Generator) payload() string {
	body := pick(g, []string{
		"\x00\x05hello", "\x00\x00", "\x00\xc0\x0c", "\x00\xc1\xd2\x04", "\x00\xc2\x90\xee\xfe\xff", "\x00\xc3\x09\x1f\x01\x00\x00\xe0\x12\x00\x01\x00x",
		"\x04\x02\x02f1\x01v\x02f2\xc0\x05", "\x10\r\r\x00\x00\x00\x02\x00\x81f\x02\x81v\x02\xff", "\x01\x02\x01a\x01b",
		"\x12\x01\x02\r\r\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xff", "\x0e\x01\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01a\xff",
		"\x02\x02\x01a\x01b", "\x02\x02\xc0\x05\x01b", "\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x05\x00\x07\x00", "\x02\x02\x01a\x01a",
		"", "\x00\x30hell", "\x01\x00", "\x04\x00", "\x08\x01a", "\x00\xc4", "\x01\x03\x01a\x01b",
	})
	return string(rdb.Seal([]byte(body), 10))
}

// expiry returns a time: far away, past, or none.
func (g *Generator) expiry(name string) string {
	switch {
	case g.oneIn(5):
		return pick(g, badTimes)
	case g.oneIn(6) && strings.HasPrefix(name, "unix"):
		return itoa(1 + int64(g.rand.IntN(1000))) // past
	}
	return g.farAway(name)
}

// farAway returns a time that does not come during the test. All are different and 1,000 seconds apart, so that which
// of two is the later does not depend on how long the test takes: relative ones lie before absolute ones.
func (g *Generator) farAway(name string) string {
	g.expiries++
	n := g.expiries * 7919 % 1_000_003 * 1000
	switch name {
	case "seconds":
		return itoa(100_000 + n)
	case "milliseconds":
		return itoa((100_000 + n) * 1000)
	case "unix-time-seconds":
		return itoa(5_000_000_000 + n)
	}
	return itoa((5_000_000_000+n)*1000 + int64(g.rand.IntN(1000)))
}

// delayExpiry changes a time to live that would end during the test, or could meet another, into one of expiry's.
func (g *Generator) delayExpiry(argv [][]byte) {
	for i := 2; i < len(argv); i++ {
		unit := strings.ToLower(string(argv[i-1]))
		if i == 2 {
			unit = strings.ToLower(string(argv[0])) // argv[1] is a key, even if it is named EX
		}
		n, err := strconv.ParseInt(string(argv[i]), 10, 64)
		if err != nil || n <= 0 || n >= 100_000 && n != 1<<32 {
			continue
		}
		switch unit {
		case "ex", "expire", "setex":
			argv[i] = []byte(g.farAway("seconds"))
		case "px", "pexpire", "psetex", "restore":
			argv[i] = []byte(g.farAway("milliseconds"))
		}
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
