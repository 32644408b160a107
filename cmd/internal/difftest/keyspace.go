package difftest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

const databases = 16

// readers are the commands that show a whole value of each type.
var readers = map[string][]string{
	"string": {"GET"},
	"list":   {"LRANGE", "0", "-1"},
	"set":    {"SMEMBERS"},
	"hash":   {"HGETALL"},
	"zset":   {"ZRANGE", "0", "-1", "WITHSCORES"},
	"stream": {"XRANGE", "-", "+"},
}

// compareKeyspaces compares all databases, and leaves the selected one selected.
func (r *runner) compareKeyspaces() (what string, err error) {
	back := cmp.Or(r.db, "0")
	for db := range databases {
		if _, err := r.step(words("SELECT", strconv.Itoa(db))); err != nil {
			return "", err
		}
		if what, err := r.compareDatabase(); what != "" || err != nil {
			return fmt.Sprintf("afterwards, in database %d, %s", db, what), err
		}
	}
	return r.step(words("SELECT", back))
}

// compareDatabase compares the selected database.
func (r *runner) compareDatabase() (what string, err error) {
	if what, err := r.step(words("DBSIZE")); what != "" || err != nil {
		return what, err
	}
	if what, err := r.step(words("KEYS", "*")); what != "" || err != nil {
		return what, err
	}
	all, err := r.sides.Redis.Do(words("KEYS", "*"))
	if err != nil {
		return "", err
	}
	for _, key := range all.Elems {
		if what, err := r.compareKey(key.Str); what != "" || err != nil {
			return what, err
		}
	}
	return "", nil
}

func (r *runner) compareKey(key []byte) (what string, err error) {
	kind, err := r.sides.Redis.Do([][]byte{[]byte("TYPE"), key})
	if err != nil {
		return "", err
	}
	calls := [][][]byte{{[]byte("TYPE"), key}, {[]byte("PEXPIRETIME"), key}}
	if reader := words(readers[string(kind.Str)]...); len(reader) > 0 {
		calls = append(calls, slices.Insert(reader, 1, key))
	}
	for _, call := range calls {
		if what, err := r.step(call); what != "" || err != nil {
			return what, err
		}
	}
	return "", nil
}
