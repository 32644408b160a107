package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestStableValues(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := mustOpen(t, fs, Options{})
	steps := []struct{ key, value string }{{"b", "1"}, {"a", "22"}, {"", "no name"}, {"b", "333"}, {"c", ""}, {"L", "tag"}}
	want := make(map[string]string)
	for _, step := range steps {
		value := []byte(step.value)
		if err := s.Set([]byte(step.key), value); err != nil {
			t.Fatal(err)
		}
		clear(value)
		want[step.key] = step.value
		for _, s := range []*Store{s, crashed(t, fs, 0, 1, Options{})} {
			for key, value := range want {
				got, err := s.Get([]byte(key))
				if err != nil || got == nil || string(got) != value {
					t.Fatalf("%q: got %q, %v, want %q", key, got, err, value)
				}
				clear(got)
			}
			if got, err := s.Get([]byte("absent")); got != nil || err != nil {
				t.Fatalf("absent: got %q, %v", got, err)
			}
		}
	}
	mustStore(t, s, 1, 3, 1)
	mustDelete(t, s, 1, 3)
	var walk bytes.Buffer
	err := s.StableValues(func(key, value []byte) error {
		_, err := fmt.Fprintf(&walk, "%s=%s;", key, value)
		return err
	})
	if want := "=no name;L=tag;a=22;b=333;c=;"; err != nil || walk.String() != want {
		t.Fatalf("walk: got %q, %v, want %q", &walk, err, want)
	}
	kept := make(map[string][]byte)
	if err := s.StableValues(func(key, value []byte) error { kept[string(key)] = value; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, value := range kept {
		clear(value) // were it Pebble's memory, the next reader would notice
	}
	if got, err := s.Get([]byte("b")); err != nil || string(got) != "333" {
		t.Fatalf("got %q, %v", got, err)
	}
	stop := errors.New("stop")
	if err := s.StableValues(func(_, _ []byte) error { return stop }); err != stop {
		t.Fatalf("walk returned %v", err)
	}
}

func TestStableNumbers(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := mustOpen(t, fs, Options{})
	if got, err := s.GetUint64([]byte("n")); got != 0 || err != nil {
		t.Fatalf("absent: got %d, %v", got, err)
	}
	for _, n := range []uint64{7, 0, 1<<64 - 1} {
		if err := s.SetUint64([]byte("n"), n); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Store{s, crashed(t, fs, 0, 1, Options{})} {
			if got, err := s.GetUint64([]byte("n")); got != n || err != nil {
				t.Fatalf("got %d, %v, want %d", got, err, n)
			}
		}
	}
	if err := s.Set([]byte("n"), []byte("seven b")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.GetUint64([]byte("n")); err == nil {
		t.Fatalf("got %d from seven bytes", got)
	}
}

func TestCorruptStableValue(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{})
	if err := s.SetUint64([]byte("term"), 7); err != nil {
		t.Fatal(err)
	}
	pkey := stableKey([]byte("term"))
	v, err := s.readRow(pkey)
	if err != nil {
		t.Fatal(err)
	}
	v[3] ^= 0x10
	if err := s.db.Set(pkey, v, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get([]byte("term")); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Get: %v", err)
	}
	if _, err := s.GetUint64([]byte("term")); !errors.Is(err, ErrCorrupt) {
		t.Errorf("GetUint64: %v", err)
	}
	if err := s.StableValues(func(_, _ []byte) error { return nil }); !errors.Is(err, ErrCorrupt) {
		t.Errorf("StableValues: %v", err)
	}
}
