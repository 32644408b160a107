package command

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// keyModel is what a user would say that the databases hold.
type keyModel [layout.Databases]map[string]modelKey

type modelKey struct {
	value    string
	expireAt int64 // 0 is never
}

// expire drops what has expired.
func (m *keyModel) expire(now int64) {
	for _, db := range m {
		for k, v := range db {
			if v.expireAt != 0 && v.expireAt <= now {
				delete(db, k)
			}
		}
	}
}

// modelTest runs random commands on a store and on the model, and compares the replies.
type modelTest struct {
	*keyStore
	m   keyModel
	rng *rand.Rand
}

// TestKeysAgainstModel also checks the accounts now and then: the counts, the rows, and the expiry rows.
func TestKeysAgainstModel(t *testing.T) {
	for range 5 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			x := &modelTest{keyStore: newKeyStore(t), rng: rand.New(rand.NewPCG(seed, 0))}
			for db := range x.m {
				x.m[db] = make(map[string]modelKey)
			}
			for range 3000 {
				x.step()
			}
			x.checkAll()
			x.sweepAll()
		})
	}
}

func (x *modelTest) key() string { return string('a' + rune(x.rng.IntN(5))) }

// database chooses among few, so that they meet.
func (x *modelTest) database() uint8 { return uint8(x.rng.IntN(3)) }

// moment is a time soon to come, or just past, one of few, so that expiry rows meet too.
func (x *modelTest) moment() int64 { return x.now/100*100 + int64(x.rng.IntN(8)-1)*100 }

// step does one thing.
func (x *modelTest) step() {
	x.db = x.database()
	x.m.expire(x.now)
	switch x.rng.IntN(20) {
	case 0, 1, 2, 3:
		x.set()
	case 4, 5:
		k := x.key()
		_, ok := x.m[x.db][k]
		delete(x.m[x.db], k)
		x.expect(flagOf(ok), "del", k)
	case 6, 7:
		x.expireAt()
	case 8:
		k := x.key()
		v, ok := x.m[x.db][k]
		had := ok && v.expireAt != 0
		if had {
			x.m[x.db][k] = modelKey{v.value, 0}
		}
		x.expect(flagOf(had), "persist", k)
	case 9, 10, 11, 12:
		x.transfer()
	case 13:
		x.flush()
	case 14:
		a, b := x.database(), x.database()
		x.m[a], x.m[b] = x.m[b], x.m[a]
		x.expect("OK", "swapdb", strconv.Itoa(int(a)), strconv.Itoa(int(b)))
	case 15:
		x.now += int64(x.rng.IntN(150))
	case 16:
		x.write(SweepName, strconv.Itoa(1+x.rng.IntN(4)))
	case 17:
		x.commit()
	case 18:
		x.restart()
	case 19:
		if x.rng.IntN(20) == 0 {
			x.checkAll()
		}
	}
}

func (x *modelTest) set() {
	k, v := x.key(), strconv.FormatUint(x.index, 10)
	if x.rng.IntN(2) == 0 {
		x.m[x.db][k] = modelKey{v, 0}
		x.expect("OK", "set", k, v)
		return
	}
	at := x.moment()
	x.m[x.db][k] = modelKey{v, at}
	x.expect("OK", "set", k, v, "PXAT", strconv.FormatInt(at, 10))
}

func (x *modelTest) expireAt() {
	k, at := x.key(), x.moment()
	cond := []string{"", "NX", "XX", "GT", "LT"}[x.rng.IntN(5)]
	v, ok := x.m[x.db][k]
	old := v.expireAt
	hold := map[string]bool{
		"": true, "NX": old == 0, "XX": old != 0, "GT": old != 0 && at > old, "LT": old == 0 || at < old,
	}[cond]
	if ok = ok && hold; ok {
		x.m[x.db][k] = modelKey{v.value, at}
	}
	argv := []string{"pexpireat", k, strconv.FormatInt(at, 10)}
	if cond != "" {
		argv = append(argv, cond)
	}
	x.expect(flagOf(ok), argv...)
}

// transfer is RENAME, RENAMENX, COPY with and without REPLACE, or MOVE.
func (x *modelTest) transfer() {
	a, b, db := x.key(), x.key(), x.database()
	name := []string{"rename", "renamenx", "copy", "copy replace", "move"}[x.rng.IntN(5)]
	argv := []string{name, a, b}
	switch name {
	case "copy":
		argv = append(argv, "DB", strconv.Itoa(int(db)))
	case "copy replace":
		argv = []string{"copy", a, b, "REPLACE", "DB", strconv.Itoa(int(db))}
	case "move":
		b, argv = a, []string{"move", a, strconv.Itoa(int(db))}
	default:
		db = x.db
	}
	src, there := x.m[x.db][a]
	_, taken := x.m[db][b]
	same := a == b && db == x.db
	replaces := name == "rename" || name == "copy replace"
	renames := name == "rename" || name == "renamenx"
	want := flagOf(there && (replaces || !taken))
	switch {
	case renames && !there:
		want = string(reply.ErrNoSuchKey)
	case name == "rename":
		want = "OK"
	case !renames && same:
		want = string(errSameObject)
	}
	if want == "OK" || want == "1" {
		if renames || name == "move" {
			delete(x.m[x.db], a)
		}
		x.m[db][b] = src
	}
	x.expect(want, argv...)
}

func (x *modelTest) flush() {
	if x.rng.IntN(4) > 0 {
		clear(x.m[x.db])
		x.expect("OK", "flushdb")
		return
	}
	for _, db := range x.m {
		clear(db)
	}
	x.expect("OK", "flushall")
}

// expect runs a call and compares its reply: text, or the digits of an integer.
func (x *modelTest) expect(want string, argv ...string) {
	x.t.Helper()
	r := x.write(argv...)
	if got := replyText(r); got != want {
		x.t.Fatalf("database %d at %d: %q answers %q, want %q", x.db, x.now, argv, got, want)
	}
}

func replyText(r reply.Reply) string {
	if r.Kind == reply.Integer {
		return strconv.FormatInt(r.Int, 10)
	}
	return string(r.Str)
}

func flagOf(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

// checkAll compares all keys with the model, on a view.
func (x *modelTest) checkAll() {
	x.t.Helper()
	x.checkAccounts()
	x.m.expire(x.now)
	for db, want := range x.m {
		x.db = uint8(db)
		if got := len(x.read("keys", "*").Elems); got != len(want) {
			x.t.Errorf("database %d lists %d keys, want %d", db, got, len(want))
		}
		for k, v := range want {
			if got := replyText(x.read("get", k)); got != v.value {
				x.t.Errorf("database %d: %q is %q, want %q", db, k, got, v.value)
			}
			if got := x.read("pexpiretime", k).Int; got != v.expireAt && !(got == -1 && v.expireAt == 0) {
				x.t.Errorf("database %d: %q expires at %d, want %d", db, k, got, v.expireAt)
			}
		}
	}
}

// sweepAll lets everything expire that will, and looks at what is left.
func (x *modelTest) sweepAll() {
	x.t.Helper()
	for n := int64(1); n > 0; {
		n = x.write(SweepName, "3").Int
	}
	x.m.expire(x.now)
	for db, want := range x.m {
		x.db = uint8(db)
		if got := x.write("dbsize").Int; got != int64(len(want)) {
			x.t.Errorf("database %d has %d keys after the sweep, want %d", db, got, len(want))
		}
	}
	x.checkAll()
	x.now += 1 << 30
	x.write(SweepName, "1000000")
	x.checkAll()
	x.view(func(v *storage.View) {
		if at, ok, err := keys.NextExpiry(v); ok || err != nil {
			x.t.Errorf("something due at %d is left after the last sweep, %v", at, err)
		}
	})
}
