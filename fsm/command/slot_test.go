package command

import (
	"fmt"
	"strings"
	"testing"

	"cairn/fsm/reply"
	"cairn/storage/layout"
)

// TestSlotReads compares the rows behind CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT with what was written.
func TestSlotReads(t *testing.T) {
	s := newKeyStore(t)
	written := make(map[uint16]map[string]bool)
	for i := range 300 {
		key := fmt.Sprintf("{%d}%d", i%7, i)
		s.write("SET", key, "v")
		slot := layout.Slot([]byte(key))
		if written[slot] == nil {
			written[slot] = make(map[string]bool)
		}
		written[slot][key] = true
	}
	for slot, keys := range written {
		name := fmt.Sprint(slot)
		if r := s.read(SlotCountName, name); r.Int != int64(len(keys)) {
			t.Errorf("slot %d has %d keys, want %d", slot, r.Int, len(keys))
		}
		for _, count := range []int{0, 1, len(keys) - 1, len(keys), 1 << 30} {
			r := s.read(SlotKeysName, name, fmt.Sprint(count))
			if r.Kind != reply.Array || len(r.Elems) != min(count, len(keys)) {
				t.Errorf("slot %d, count %d: %d keys of kind %d", slot, count, len(r.Elems), r.Kind)
			}
			for _, e := range r.Elems {
				if !keys[string(e.Str)] {
					t.Errorf("slot %d, count %d: a strange key %q", slot, count, e.Str)
				}
			}
		}
	}
	s.db = 1
	if r := s.read(SlotCountName, fmt.Sprint(layout.Slot([]byte("0")))); r.Int != 0 {
		t.Errorf("another database has %d keys in the slot", r.Int)
	}
}

// TestSlotKeysBound holds: a reply has no more than a mebibyte of keys, and one key.
func TestSlotKeysBound(t *testing.T) {
	s := newKeyStore(t)
	const keyBytes, keys = 16 << 10, 70
	for i := range keys {
		s.write("SET", fmt.Sprintf("{a}%0*d", keyBytes-3, i), "v")
	}
	slot := fmt.Sprint(layout.Slot([]byte("a")))
	if r := s.read(SlotKeysName, slot, "1000"); len(r.Elems) != maxSlotBytes/keyBytes {
		t.Errorf("got %d keys, want %d", len(r.Elems), maxSlotBytes/keyBytes)
	}
	if r := s.read(SlotCountName, slot); r.Int != keys {
		t.Errorf("counted %d keys, want %d", r.Int, keys)
	}
}

// TestSlotMistakes holds Redis's error texts; resp/testdata/cluster/cluster.txt asks it.
func TestSlotMistakes(t *testing.T) {
	s := newKeyStore(t)
	for call, want := range map[string]string{
		SlotCountName + " 16384":  "ERR Invalid slot",
		SlotCountName + " -1":     "ERR Invalid slot",
		SlotCountName + " x":      string(reply.ErrNotInteger),
		SlotKeysName + " 16384 1": "ERR Invalid slot or number of keys",
		SlotKeysName + " 1 -1":    "ERR Invalid slot or number of keys",
		SlotKeysName + " -1 x":    string(reply.ErrNotInteger),
	} {
		if r := s.read(strings.Fields(call)...); r.Kind != reply.Error || string(r.Str) != want {
			t.Errorf("%s: %s, want %s", call, r.Str, want)
		}
	}
	for _, name := range []string{SlotCountName, SlotKeysName} {
		if _, ok := s.table.Lookup([]byte(name)); ok {
			t.Errorf("a client can call %s", name)
		}
	}
}
