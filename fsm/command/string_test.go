package command

import (
	"math"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

const testNow = 1_700_000_000_000

// beginAt returns a transaction on an empty store at testNow, discarded at the end of the test.
func beginAt(t *testing.T) *storage.Txn {
	t.Helper()
	store, err := storage.Open("store", storage.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	txn, err := store.Begin()
	if err != nil {
		t.Fatal(err)
	}
	txn.SetTime(testNow)
	t.Cleanup(func() {
		txn.Discard()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return txn
}

// putRow writes a key row at version 1.
func putRow(t *testing.T, txn *storage.Txn, key string, row layout.Row) {
	t.Helper()
	s, err := keys.Open(txn, 0, []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	row.Version = 1
	if err := s.Put(row); err != nil {
		t.Fatal(err)
	}
}

// call runs a command at testNow as version 2.
func call(t *testing.T, txn *storage.Txn, words ...string) reply.Reply {
	t.Helper()
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	r, err := NewTable(stringRows()).Apply(Env{Now: testNow, Version: 2}, txn, argv)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestStringWrongType: what each command answers for a key of another type, and which of two errors it tells.
func TestStringWrongType(t *testing.T) {
	const otherType layout.Type = 200
	for _, test := range []struct {
		words []string
		want  reply.UserError // empty: no error
	}{
		{[]string{"get", "k"}, reply.ErrWrongType},
		{[]string{"mget", "k"}, ""},
		{[]string{"getdel", "k"}, reply.ErrWrongType},
		{[]string{"getex", "k"}, reply.ErrWrongType},
		{[]string{"getex", "k", "EX", "abc"}, reply.ErrWrongType},
		{[]string{"getex", "k", "FOO"}, reply.ErrSyntax},
		{[]string{"getset", "k", "v"}, reply.ErrWrongType},
		{[]string{"set", "k", "v"}, ""},
		{[]string{"set", "k", "v", "NX"}, ""},
		{[]string{"set", "k", "v", "GET"}, reply.ErrWrongType},
		{[]string{"set", "k", "v", "NX", "GET"}, reply.ErrWrongType},
		{[]string{"set", "k", "v", "GET", "EX", "0"}, reply.InvalidExpire("set")},
		{[]string{"setnx", "k", "v"}, ""},
		{[]string{"setex", "k", "10", "v"}, ""},
		{[]string{"mset", "k", "v"}, ""},
		{[]string{"msetnx", "k", "v"}, ""},
		{[]string{"append", "k", "v"}, reply.ErrWrongType},
		{[]string{"strlen", "k"}, reply.ErrWrongType},
		{[]string{"setrange", "k", "0", ""}, reply.ErrWrongType},
		{[]string{"setrange", "k", "-1", ""}, errOffset},
		{[]string{"getrange", "k", "0", "1"}, reply.ErrWrongType},
		{[]string{"getrange", "k", "0", "abc"}, reply.ErrNotInteger},
		{[]string{"substr", "k", "0", "1"}, reply.ErrWrongType},
		{[]string{"incr", "k"}, reply.ErrWrongType},
		{[]string{"incrby", "k", "abc"}, reply.ErrNotInteger},
		{[]string{"incrbyfloat", "k", "abc"}, reply.ErrWrongType},
		{[]string{"lcs", "k", "absent"}, errLCSTypes},
		{[]string{"lcs", "absent", "k", "FOO"}, errLCSTypes},
	} {
		txn := beginAt(t)
		putRow(t, txn, "k", layout.Row{Type: otherType})
		size := txn.Size()
		got := call(t, txn, test.words...)
		switch {
		case test.want == "" && got.Kind == reply.Error:
			t.Errorf("%q: %s", test.words, got.Str)
		case test.want != "" && (got.Kind != reply.Error || string(got.Str) != string(test.want)):
			t.Errorf("%q: %v %s, want %s", test.words, got.Kind, got.Str, test.want)
		case test.want != "" && txn.Size() != size:
			t.Errorf("%q answers %s and writes", test.words, got.Str)
		}
	}
}

// TestStringRow: each change of a key is a new version of it, and what changes nothing leaves it.
func TestStringRow(t *testing.T) {
	const later = testNow + 1000
	for _, test := range []struct {
		words       []string
		wantVersion uint64
		wantExpire  int64
	}{
		{[]string{"set", "k", "10"}, 2, 0},
		{[]string{"set", "k", "10", "KEEPTTL"}, 2, later},
		{[]string{"set", "k", "10", "NX"}, 1, later},
		{[]string{"set", "k", "10", "PX", "5"}, 2, testNow + 5},
		{[]string{"set", "k", "10", "EXAT", "1700000005"}, 2, testNow + 5000},
		{[]string{"setex", "k", "5", "10"}, 2, testNow + 5000},
		{[]string{"psetex", "k", "5", "10"}, 2, testNow + 5},
		{[]string{"getset", "k", "10"}, 2, 0},
		{[]string{"setnx", "k", "10"}, 1, later},
		{[]string{"mset", "k", "9", "k", "10"}, 2, 0},
		{[]string{"getex", "k"}, 1, later},
		{[]string{"getex", "k", "PERSIST"}, 2, 0},
		{[]string{"getex", "k", "EX", "5"}, 2, testNow + 5000},
		{[]string{"incrby", "k", "0"}, 2, later},
		{[]string{"incrbyfloat", "k", "0"}, 2, later},
		{[]string{"append", "k", ""}, 2, later},
		{[]string{"setrange", "k", "0", "1"}, 2, later},
		{[]string{"setrange", "k", "5", ""}, 1, later},
	} {
		txn := beginAt(t)
		putRow(t, txn, "k", layout.Row{Type: layout.String, ExpireAt: later, Payload: []byte("10")})
		call(t, txn, test.words...)
		row, ok, err := keys.Lookup(txn, 0, []byte("k"))
		if err != nil || !ok || string(row.Payload) != "10" {
			t.Fatalf("%q: %q, %v, %v", test.words, row.Payload, ok, err)
		}
		if row.Version != test.wantVersion || row.ExpireAt != test.wantExpire {
			t.Errorf("%q: version %d, expires at %d; want %d, %d", test.words, row.Version, row.ExpireAt, test.wantVersion, test.wantExpire)
		}
	}
}

// TestGetEXPersist: without a time to live there is none to take away, and nothing is written.
func TestGetEXPersist(t *testing.T) {
	txn := beginAt(t)
	putRow(t, txn, "k", layout.Row{Type: layout.String, Payload: []byte("10")})
	size := txn.Size()
	if r := call(t, txn, "getex", "k", "PERSIST"); string(r.Str) != "10" || txn.Size() != size {
		t.Errorf("%q, %d bytes written", r.Str, txn.Size()-size)
	}
}

// TestStringPast: a time that has come, this millisecond included, removes the key, its expiry row and its counts.
func TestStringPast(t *testing.T) {
	for _, words := range [][]string{
		{"set", "k", "v", "PXAT", "1700000000000"},
		{"set", "k", "v", "GET", "EXAT", "1700000000"},
		{"getex", "k", "PXAT", "1700000000000"},
		{"getdel", "k"},
	} {
		txn := beginAt(t)
		putRow(t, txn, "k", layout.Row{Type: layout.String, ExpireAt: testNow + 1000, Payload: []byte("10")})
		if r := call(t, txn, words...); r.Kind == reply.Error {
			t.Errorf("%q: %s", words, r.Str)
		}
		if d := txn.Database(0); d.Keys != 0 || d.Expires != 0 {
			t.Errorf("%q: %d keys, %d of them with a time to live", words, d.Keys, d.Expires)
		}
		if _, ok, err := keys.NextExpiry(txn); ok || err != nil {
			t.Errorf("%q: an expiry row is left (%v)", words, err)
		}
	}
}

func TestCheckLength(t *testing.T) {
	for _, test := range []struct {
		have, more int64
		ok         bool
	}{
		{0, 0, true},
		{MaxStringBytes, 0, true},
		{MaxStringBytes - 1, 1, true},
		{0, MaxStringBytes, true},
		{MaxStringBytes, 1, false},
		{MaxStringBytes - 1, 2, false},
		{MaxStringBytes + 1, 0, false},
		{math.MaxInt64, 1, false},
		{math.MaxInt64, math.MaxInt64, false},
	} {
		if err := checkLength(test.have, test.more); (err == nil) != test.ok {
			t.Errorf("checkLength(%d, %d) = %v", test.have, test.more, err)
		}
	}
}

// TestCheckLCSSize: the boundaries are those of Redis 7.0.15 at its default settings.
func TestCheckLCSSize(t *testing.T) {
	for _, test := range []struct {
		a, b int
		ok   bool
	}{
		{0, 0, true},
		{11584, 11584, true},
		{11585, 11583, true},
		{11585, 11584, false},
		{1, 67108863, true},
		{1, 67108864, false},
		{0, 134217727, true},
		{0, 134217728, false},
		{MaxStringBytes, MaxStringBytes, false},
	} {
		if err := checkLCSSize(test.a, test.b); (err == nil) != test.ok {
			t.Errorf("checkLCSSize(%d, %d) = %v", test.a, test.b, err)
		}
	}
}

// TestMGetBound: a short call cannot ask for a reply without end.
func TestMGetBound(t *testing.T) {
	txn := beginAt(t)
	putRow(t, txn, "k", layout.Row{Type: layout.String, Payload: make([]byte, 32<<20)})
	words := []string{"mget", "k", "k", "k", "k", "k", "k", "k", "k"}
	if r := call(t, txn, words...); r.Kind != reply.Array || len(r.Elems) != 8 {
		t.Errorf("256 MiB: %v", r.Kind)
	}
	if r := call(t, txn, append(words, "k")...); r.Kind != reply.Error || string(r.Str) != string(errLongReply) {
		t.Errorf("more: %v", r.Kind)
	}
}
