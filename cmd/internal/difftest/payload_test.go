package difftest_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cairn/cmd/internal/difftest"
	"cairn/cmd/internal/redistest"
	"cairn/fsm/command"
	"cairn/fsm/reply"
	"cairn/storage/rdb"
	"cairn/storage/storagetest"
)

// forms are how redis-server can be made to write values: settings, and the commands that make a value of them.
var forms = []struct {
	name     string
	settings string
	make     func(r *rand.Rand) [][]string
	coded    byte // the type that it then writes
}{
	{"string", "rdbcompression no", makeString(200), 0},
	{"string lzf", "rdbcompression yes", makeString(200), 0},
	{"long string lzf", "rdbcompression yes", makeString(300_000), 0},
	{"int", "rdbcompression yes", func(r *rand.Rand) [][]string {
		return [][]string{{"SET", "k", strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10)}}
	}, 0},
	{"hash listpack", "hash-max-listpack-entries 512 hash-max-listpack-value 1000000", makeMany("HSET", 2, 200), 16},
	{"hash", "hash-max-listpack-entries 0", makeMany("HSET", 2, 300), 4},
	{"list", "list-max-listpack-size -2 list-compress-depth 0", makeMany("RPUSH", 1, 600), 18},
	{"list of small nodes", "list-max-listpack-size 2 list-compress-depth 1", makeMany("RPUSH", 1, 300), 18},
	{"set", "set-max-intset-entries 0", makeMany("SADD", 1, 300), 2},
	{"intset", "set-max-intset-entries 1000", makeInts, 11},
	{"zset listpack", "zset-max-listpack-entries 1000 zset-max-listpack-value 1000000", makeScores, 17},
	{"zset", "zset-max-listpack-entries 0", makeScores, 5},
}

func makeString(most int) func(r *rand.Rand) [][]string {
	return func(r *rand.Rand) [][]string { return [][]string{{"SET", "k", textOf(r, r.IntN(most))}} }
}

// textOf returns a text that LZF makes shorter, or not.
func textOf(r *rand.Rand, n int) string {
	if r.IntN(4) == 0 {
		return strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10)
	}
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte(r.Uint32()); i > 3 && r.IntN(20) > 0 {
			b[i] = b[i-1-r.IntN(3)]
		}
	}
	return string(b)
}

func makeMany(name string, step, most int) func(r *rand.Rand) [][]string {
	return func(r *rand.Rand) (calls [][]string) {
		lengths := []int{20, 20, 20, 70, 300, 300, 20_000}
		for range 1 + r.IntN(most) {
			call := []string{name, "k"}
			for range step {
				call = append(call, textOf(r, r.IntN(lengths[r.IntN(1+r.IntN(len(lengths)))])))
			}
			calls = append(calls, call)
		}
		return calls
	}
}

func makeInts(r *rand.Rand) (calls [][]string) {
	width := 16 << r.IntN(3)
	for range 1 + r.IntN(300) {
		calls = append(calls, []string{"SADD", "k", strconv.FormatInt(int64(r.Uint64())>>(64-width+r.IntN(width)), 10)})
	}
	return calls
}

func makeScores(r *rand.Rand) (calls [][]string) {
	for range 1 + r.IntN(200) {
		score := []string{"inf", "-inf", "0", "1.5", "1e300", "-3", strconv.FormatFloat(r.NormFloat64(), 'g', -1, 64)}[r.IntN(7)]
		calls = append(calls, []string{"ZADD", "k", score, textOf(r, r.IntN(40))})
	}
	return calls
}

// TestPayloads carries values of every form over from redis-server, and back.
func TestPayloads(t *testing.T) {
	r := storagetest.Rand(t)
	sides, err := bareAgainst(t, redistest.Start(t), 2, command.Rows())()
	if err != nil {
		t.Fatal(err)
	}
	redis := func(words ...string) reply.Reply { return ask(t, sides.Redis, words...) }
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			redis(append([]string{"CONFIG", "SET"}, strings.Fields(form.settings)...)...)
			for range 6 {
				redis("DEL", "k", "back")
				for _, call := range form.make(r) {
					redis(call...)
				}
				payload := redis("DUMP", "k").Str
				if payload[0] != form.coded {
					t.Fatalf("redis-server writes type %d", payload[0])
				}
				v, err := rdb.Parse(payload)
				if err != nil {
					t.Fatalf("%x: %v", payload, err)
				}
				if got, want := flatten(v), valueOf(t, sides.Redis, v.Kind, "k"); !slices.Equal(got, want) {
					t.Fatalf("it reads as %.300q, want %.300q", got, want)
				}
				both(t, sides, "DEL", "here")
				both(t, sides, "RESTORE", "here", "0", string(payload))
				if got, want := valueOf(t, sides.Cairn, v.Kind, "here"), valueOf(t, sides.Redis, v.Kind, "k"); !slices.Equal(got, want) {
					t.Fatalf("Cairn restores %.300q, want %.300q", got, want)
				}
				if v.Kind == rdb.String {
					both(t, sides, "OBJECT", "ENCODING", "here")
				}
				redis("RESTORE", "back", "0", string(ask(t, sides.Cairn, "DUMP", "here").Str))
				if got, want := valueOf(t, sides.Redis, v.Kind, "back"), valueOf(t, sides.Redis, v.Kind, "k"); !slices.Equal(got, want) {
					t.Fatalf("redis-server restores %.300q, want %.300q", got, want)
				}
			}
		})
	}
}

func ask(t *testing.T, d difftest.Doer, words ...string) reply.Reply {
	t.Helper()
	answer, err := d.Do(redistest.Argv(words...))
	if err == nil && answer.Kind == reply.Error {
		err = fmt.Errorf("%s", answer.Str)
	}
	if err != nil {
		t.Fatalf("%.100q: %v", words, err)
	}
	return answer
}

// flatten writes a value as valueOf does.
func flatten(v rdb.Value) (all []string) {
	for i, item := range v.Items {
		switch v.Kind {
		case rdb.Hash:
			if i%2 == 0 {
				all = append(all, fmt.Sprintf("%q %q", item, v.Items[i+1]))
			}
		case rdb.SortedSet:
			all = append(all, fmt.Sprintf("%q %v", item, v.Scores[i]))
		default:
			all = append(all, strconv.Quote(string(item)))
		}
	}
	return inOrder(v.Kind, all)
}

func inOrder(k rdb.Kind, all []string) []string {
	if k != rdb.List {
		slices.Sort(all)
	}
	return all
}

// valueOf reads a value with commands.
func valueOf(t *testing.T, d difftest.Doer, k rdb.Kind, key string) (all []string) {
	t.Helper()
	if k == rdb.String {
		return []string{strconv.Quote(string(ask(t, d, "GET", key).Str))}
	}
	reader := map[rdb.Kind][]string{
		rdb.List: {"LRANGE", key, "0", "-1"}, rdb.Set: {"SMEMBERS", key}, rdb.Hash: {"HGETALL", key},
		rdb.SortedSet: {"ZRANGE", key, "0", "-1", "WITHSCORES"},
	}[k]
	elems := ask(t, d, reader...).Elems
	for i := 0; i < len(elems); i++ {
		text := strconv.Quote(string(elems[i].Str))
		switch k {
		case rdb.Hash:
			i++
			text += " " + strconv.Quote(string(elems[i].Str))
		case rdb.SortedSet:
			i++
			score, err := strconv.ParseFloat(string(elems[i].Str), 64)
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprint(" ", score)
		}
		all = append(all, text)
	}
	return inOrder(k, all)
}

// TestOldPayloads: what older servers write, redis-server 7.0 takes, and both read the same.
func TestOldPayloads(t *testing.T) {
	sides, err := bareAgainst(t, redistest.Start(t), 2, command.Rows())()
	if err != nil {
		t.Fatal(err)
	}
	zipped := ziplist("", "a", "12", "13", "-1", "127", "-129", "40000", "-9000000", "2000000000", "-9000000000000", strings.Repeat("x", 70), strings.Repeat("y", 20_000), "end")
	pairs := ziplist("f", "12", "g", "value", "h", strings.Repeat("y", 300), "i", "-5")
	scores := ziplist("a", "1.5", "b", "-3", "c", "inf", "d", "100000")
	zipmap := "\x02\x01f\x05\x02valuexx\x04name\xfe\x04\x01\x00\x00\x00" + strings.Repeat("z", 260) + "\xff"
	for name, test := range map[string]struct {
		kind  rdb.Kind
		coded byte
		body  string
	}{
		"ziplist":              {rdb.List, 10, text(zipped)},
		"quicklist of ziplist": {rdb.List, 14, "\x02" + text(zipped) + text(ziplist("more"))},
		"hash ziplist":         {rdb.Hash, 13, text(pairs)},
		"zset ziplist":         {rdb.SortedSet, 12, text(scores)},
		"zset of texts":        {rdb.SortedSet, 3, "\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x02-3"},
		"zipmap":               {rdb.Hash, 9, text(zipmap)},
		"64 bit length":        {rdb.String, 0, "\x81\x00\x00\x00\x00\x00\x00\x00\x03abc"},
		"32 bit length":        {rdb.List, 1, "\x80\x00\x00\x00\x01\x80\x00\x00\x00\x03abc"},
	} {
		t.Run(name, func(t *testing.T) {
			payload := seal(test.coded, test.body)
			v, err := rdb.Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			ask(t, sides.Redis, "RESTORE", "k", "0", string(payload), "REPLACE")
			if got, want := flatten(v), valueOf(t, sides.Redis, test.kind, "k"); !slices.Equal(got, want) || v.Kind != test.kind {
				t.Errorf("%.500q, redis-server has %.500q", got, want)
			}
		})
	}
}

// seal puts version 9 and a checksum behind a value.
func seal(coded byte, body string) []byte {
	b := append([]byte{coded}, body...)
	return rdb.Seal(b, 9)
}

// text puts its length before a text.
func text(s string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0x80}, uint32(len(s)))) + s
}

// ziplist makes a ziplist.
func ziplist(items ...string) string {
	var b bytes.Buffer
	before, last := 0, 0
	for _, item := range items {
		from := b.Len()
		if last = 10 + from; before < 254 {
			b.WriteByte(byte(before))
		} else {
			b.Write(binary.LittleEndian.AppendUint32([]byte{254}, uint32(before)))
		}
		n, err := strconv.ParseInt(item, 10, 64)
		switch {
		case err == nil && 0 <= n && n <= 12:
			b.WriteByte(byte(0xf1 + n))
		case err == nil && n == int64(int8(n)):
			b.Write([]byte{0xfe, byte(n)})
		case err == nil && n == int64(int16(n)):
			b.Write(binary.LittleEndian.AppendUint16([]byte{0xc0}, uint16(n)))
		case err == nil && n == n<<40>>40:
			b.Write(binary.LittleEndian.AppendUint32([]byte{0xf0}, uint32(n))[:4])
		case err == nil && n == int64(int32(n)):
			b.Write(binary.LittleEndian.AppendUint32([]byte{0xd0}, uint32(n)))
		case err == nil:
			b.Write(binary.LittleEndian.AppendUint64([]byte{0xe0}, uint64(n)))
		case len(item) < 64:
			b.WriteString(string([]byte{byte(len(item))}) + item)
		case len(item) < 1<<14:
			b.Write(append([]byte{byte(0x40 | len(item)>>8), byte(len(item))}, item...))
		default:
			b.Write(append(binary.BigEndian.AppendUint32([]byte{0x80}, uint32(len(item))), item...))
		}
		before = b.Len() - from
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(10+b.Len()+1))
	head = binary.LittleEndian.AppendUint32(head, uint32(last))
	head = binary.LittleEndian.AppendUint16(head, uint16(len(items)))
	return string(head) + b.String() + "\xff"
}
