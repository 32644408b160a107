package command

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"cairn/fsm/reply"
	"cairn/storage/layout"
)

// scanAll iterates until the cursor is 0 and counts how often each key came; between is called after each call.
func scanAll(t *testing.T, s *keyStore, between func(), options ...string) (found map[string]int, calls int) {
	t.Helper()
	found = make(map[string]int)
	last := uint64(0)
	for cursor := "0"; ; {
		r := s.read(append([]string{"scan", cursor}, options...)...)
		for _, e := range r.Elems[1].Elems {
			found[string(e.Str)]++
		}
		calls++
		if cursor = string(r.Elems[0].Str); cursor == "0" {
			return found, calls
		}
		n, err := strconv.ParseUint(cursor, 10, 64)
		if err != nil || n <= last || n >= uint64(layout.EndPosition) {
			t.Fatalf("cursor %q after %d", cursor, last)
		}
		last = n
		between()
	}
}

// TestScanWhileKeysChange iterates while keys come, go and are exchanged for others: what stays is found exactly once.
func TestScanWhileKeysChange(t *testing.T) {
	s := newKeyStore(t)
	for i := range 100 {
		s.write("set", fmt.Sprint("staying", i), "v")
		s.write("set", fmt.Sprint("{tag}staying", i), "v", "PX", "1000000")
		s.write("set", fmt.Sprint("expiring", i), "v", "PX", strconv.Itoa(1+i))
	}
	for _, test := range []struct {
		name    string
		options []string
		want    func(key string) bool
	}{
		{"all", nil, func(string) bool { return true }},
		{"count", []string{"COUNT", "7"}, func(string) bool { return true }},
		{"match", []string{"MATCH", "*staying*5*"}, func(k string) bool { return strings.Contains(k, "5") }},
		{"tag", []string{"MATCH", "{tag}*"}, func(k string) bool { return k[0] == '{' }},
		{"key", []string{"MATCH", "staying7"}, func(k string) bool { return k == "staying7" }},
		{"type", []string{"TYPE", "string"}, func(string) bool { return true }},
		{"no type", []string{"TYPE", "list"}, func(string) bool { return false }},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func(parent testing.TB) { s.t = parent }(s.t)
			s.t = t
			n := 0
			found, _ := scanAll(t, s, func() {
				n++
				s.now++
				s.write("set", fmt.Sprint("coming", n%20), "v")
				s.write("set", fmt.Sprint("{tag}coming", n%20), "v")
				s.write("del", fmt.Sprint("coming", (n+7)%20), fmt.Sprint("{tag}coming", (n+3)%20))
				s.write("rename", "staying1", "elsewhere")
				s.write("rename", "elsewhere", "staying1")
				s.write(SweepName, "1")
			}, test.options...)
			for i := range 100 {
				for _, k := range []string{fmt.Sprint("staying", i), fmt.Sprint("{tag}staying", i)} {
					if got := found[k] == 1; got != test.want(k) || found[k] > 1 {
						t.Errorf("%q was found %d times", k, found[k])
					}
				}
			}
		})
	}
}

// TestScanIsBounded shows that no COUNT makes one call answer everything, and that none makes it answer nothing new.
func TestScanIsBounded(t *testing.T) {
	s := newKeyStore(t)
	const n = maxScanRows + 10
	for i := range n {
		s.write("set", strconv.Itoa(i), "")
	}
	found, calls := scanAll(t, s, func() {}, "COUNT", "1000000000")
	if len(found) != n || calls != 2 {
		t.Errorf("%d keys of %d in %d calls", len(found), n, calls)
	}

	s.write("flushall")
	long := strings.Repeat("x", maxScanBytes/4)
	for i := range 10 {
		s.write("set", long+strconv.Itoa(i), "")
	}
	if found, calls = scanAll(t, s, func() {}, "COUNT", "1000"); len(found) != 10 || calls != 3 {
		t.Errorf("%d long keys of 10 in %d calls", len(found), calls)
	}
	if found, calls = scanAll(t, s, func() {}, "COUNT", "1000", "MATCH", "y*"); len(found) != 0 || calls != 1 {
		t.Errorf("%d keys that do not match in %d calls; they are not answered, so they need no bound", len(found), calls)
	}
	if found, calls = scanAll(t, s, func() {}, "COUNT", "3"); len(found) != 10 || calls != 4 {
		t.Errorf("10 keys by threes: %d in %d calls", len(found), calls)
	}
}

// TestReadsInTransaction shows that commands on many keys see what the transaction has written and not yet committed.
func TestReadsInTransaction(t *testing.T) {
	s := newKeyStore(t)
	s.write("set", "old", "v")
	s.write("set", "{t}gone", "v")
	s.commit()
	s.write("set", "{t}new", "v")
	s.write("del", "{t}gone")
	if r := s.write("keys", "*"); len(r.Elems) != 2 {
		t.Errorf("KEYS: %d keys", len(r.Elems))
	}
	if r := s.write("keys", "{t}*"); len(r.Elems) != 1 || string(r.Elems[0].Str) != "{t}new" {
		t.Errorf("KEYS with a tag: %v", r.Elems)
	}
	if r := s.write("scan", "0"); len(r.Elems[1].Elems) != 2 {
		t.Errorf("SCAN: %d keys", len(r.Elems[1].Elems))
	}
	s.write("del", "old")
	if r := s.write("randomkey"); string(r.Str) != "{t}new" {
		t.Errorf("RANDOMKEY: %q", r.Str)
	}
	s.write("flushdb")
	if r := s.write("randomkey"); r.Kind != reply.Null {
		t.Errorf("RANDOMKEY of nothing: %q", r.Str)
	}
}

// TestParseCursor shows how C reads a number; the real Redis was asked, in testdata/generic/scan.txt.
func TestParseCursor(t *testing.T) {
	for _, test := range []struct {
		arg  string
		want uint64
		ok   bool
	}{
		{"0", 0, true}, {"00", 0, true}, {"", 0, true}, {"+7", 7, true}, {"7\x00x", 7, true}, {"-0", 0, true},
		{"-1", 1<<64 - 1, true}, {"-18446744073709551615", 1, true}, {"18446744073709551615", 1<<64 - 1, true},
		{"18446744073709551616", 0, false}, {"-18446744073709551616", 0, false}, {"x", 0, false}, {"7x", 0, false},
		{" 7", 0, false}, {"7 ", 0, false}, {"+", 0, false}, {"-", 0, false}, {"--1", 0, false}, {"1_0", 0, false},
	} {
		if got, err := parseCursor([]byte(test.arg)); got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: %d, %v", test.arg, got, err)
		}
	}
}
