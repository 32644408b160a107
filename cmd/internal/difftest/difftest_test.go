package difftest_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/internal/difftest"
	"cairn/cmd/internal/redistest"
	"cairn/cmd/internal/transcript"
	"cairn/fsm/command"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "seed of the command sequence; 0 picks one")
	stepsFlag = flag.Int("steps", 0, "length of the command sequence; default CAIRN_DIFF_STEPS, or 40000, and groupSteps of one group")
)

// skip lists commands that are not compared, and why.
var skip = map[string]string{"pfselftest": "it takes redis-server half a second"}

// TestBareAgainstRedis compares the table on a bare store with a real Redis.
func TestBareAgainstRedis(t *testing.T) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("resp=%d", proto), func(t *testing.T) {
			find(t, "TestBareAgainstRedis", difftest.Options{
				Rows: command.Rows(), Skip: skip, Fresh: bareAgainst(t, redistest.Oracle(t), proto, command.Rows()),
			})
		})
	}
}

// TestHashesAgainstRedis does little but to hashes, so that they become large, and small again.
func TestHashesAgainstRedis(t *testing.T) { groupAgainstRedis(t, "TestHashesAgainstRedis", "hash") }

// TestSetsAgainstRedis is the same of sets.
func TestSetsAgainstRedis(t *testing.T) { groupAgainstRedis(t, "TestSetsAgainstRedis", "set") }

// TestBitmapsAgainstRedis does little but to bits, so that strings meet in pages and in one row.
func TestBitmapsAgainstRedis(t *testing.T) {
	groupAgainstRedis(t, "TestBitmapsAgainstRedis", "bitmap", "append", "setrange", "getrange", "strlen", "get", "getdel", "getex", "incr")
}

// TestSketchesAgainstRedis does little but to HyperLogLogs, some of which others damage.
func TestSketchesAgainstRedis(t *testing.T) {
	groupAgainstRedis(t, "TestSketchesAgainstRedis", "hyperloglog", "setrange", "getrange", "strlen")
}

// TestPayloadsAgainstRedis does little but RESTORE keys and do to them what is done to every type.
func TestPayloadsAgainstRedis(t *testing.T) {
	groupAgainstRedis(t, "TestPayloadsAgainstRedis", "generic", "append", "hset", "rpush", "sadd", "zadd", "hdel", "lpop", "srem", "zrem", "getex", "incr")
}

// TestSortedSetsAgainstRedis is the same of sorted sets, with those of places among them, and sets, which they are
// merged with.
func TestSortedSetsAgainstRedis(t *testing.T) {
	groupAgainstRedis(t, "TestSortedSetsAgainstRedis", "sorted-set", "sadd", "geoadd", "geodist", "geohash", "geopos", "georadius", "georadius_ro",
		"georadiusbymember", "georadiusbymember_ro", "geosearch", "geosearchstore")
}

// groupAgainstRedis compares the commands of a group, some that are for every type, and more.
func groupAgainstRedis(t *testing.T, name, group string, more ...string) {
	others := map[string]bool{"del": true, "copy": true, "rename": true, "object": true, "persist": true, "set": true, "type": true}
	for _, other := range more {
		others[other] = true
	}
	var rows []command.Spec
	for _, row := range command.NewTable(command.Rows()).All() {
		if others[row.Name] || row.Group == group {
			rows = append(rows, row)
		}
	}
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("resp=%d", proto), func(t *testing.T) {
			find(t, name, difftest.Options{
				Steps: groupSteps, Rows: rows, Skip: skip, Fresh: bareAgainst(t, redistest.Oracle(t), proto, command.Rows()),
			})
		})
	}
}

// TestListsAgainstRedis does little but to lists, so that they become long, and short again.
func TestListsAgainstRedis(t *testing.T) { groupAgainstRedis(t, "TestListsAgainstRedis", "list") }

// groupSteps is how many commands of one group are tried.
const groupSteps = 8_000

func find(t *testing.T, name string, o difftest.Options) {
	if o.Seed = *seedFlag; o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if n, err := strconv.Atoi(os.Getenv("CAIRN_DIFF_STEPS")); err == nil {
		o.Steps = n
	}
	if *stepsFlag > 0 {
		o.Steps = *stepsFlag
	}
	t.Logf("seed %d", o.Seed)
	d, err := difftest.Find(o)
	if err != nil {
		t.Fatal(err)
	}
	if d != nil {
		t.Fatalf("%vAgain: go test ./cmd/internal/difftest -run %s -seed %d -steps %d", d, name, d.Seed, d.Step+1)
	}
}

// bareAgainst returns what makes two empty keyspaces: a new bare store that knows rows, and the Redis at addr, flushed.
func bareAgainst(t *testing.T, addr string, proto int, rows []command.Spec) func() (difftest.Sides, error) {
	redis, err := redistest.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { redis.Close() })
	return func() (difftest.Sides, error) {
		for _, cmd := range [][]string{{"FLUSHALL"}, {"SELECT", "0"}, {"HELLO", strconv.Itoa(proto)}} {
			if _, err := redis.Cmd(cmd...); err != nil {
				return difftest.Sides{}, err
			}
		}
		bare := transcript.NewBare(t, vfs.NewMem(), rows)
		bare.SetProto(proto)
		return difftest.Sides{Cairn: bare, Redis: redis}, nil
	}
}
