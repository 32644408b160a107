package raftlog

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

var update = flag.Bool("update", false, "write the golden files")

var goldenEntries = []struct {
	name string
	log  raft.Log
}{
	{"command", raft.Log{Index: 1, Term: 2, Type: raft.LogCommand, Data: []byte("SET k v"),
		AppendedAt: time.Date(2026, 7, 29, 12, 30, 15, 123456789, time.UTC)}},
	{"extensions", raft.Log{Index: 0x0102030405060708, Term: 0x1112131415161718, Type: raft.LogConfiguration,
		Data: []byte{0xff}, Extensions: []byte{0xee, 0xee}, AppendedAt: time.Unix(0, 1)}},
	{"empty", raft.Log{Index: 3, Term: 1, Type: raft.LogNoop}},
	{"before 1970", raft.Log{Index: 4, Term: 1, Type: raft.LogBarrier, AppendedAt: time.Unix(-1, 0)}},
}

var goldenStables = []struct{ name, key, value string }{
	{"term", "CurrentTerm", "\x00\x00\x00\x00\x00\x00\x00\x07"},
	{"vote", "LastVoteCand", "10.0.0.1:6379"},
	{"empty", "empty", ""},
}

func TestLayoutGolden(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The bytes of layout.go. Written by: go test ./storage/raftlog -run Golden -update\n")
	for _, g := range goldenEntries {
		k := entryKey(g.log.Index)
		fmt.Fprintf(&b, "\nentry %s\nkey   %x\nvalue %x\n", g.name, k, encodeEntry(nil, k, &g.log))
	}
	for _, g := range goldenStables {
		k := stableKey([]byte(g.key))
		fmt.Fprintf(&b, "\nstable %s\nkey   %x\nvalue %x\n", g.name, k, encodeStable(k, []byte(g.value)))
	}
	path := filepath.Join("testdata", "layout.golden")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Fatalf("the format changed: existing stores could not be read\ngot:\n%s\nwant:\n%s", &b, want)
	}
}

// TestGoldenDecodes reads the golden file back, so that the decoder is held to it as the encoder is.
func TestGoldenDecodes(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "layout.golden"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(strings.TrimSpace(string(raw)), "\n\n")[1:]
	if len(blocks) != len(goldenEntries)+len(goldenStables) {
		t.Fatalf("golden file has %d examples", len(blocks))
	}
	for i, block := range blocks {
		var key, value string
		lines := strings.Split(block, "\n")
		fmt.Sscanf(lines[1], "key %s", &key)
		fmt.Sscanf(lines[2], "value %s", &value)
		pkey, _ := hex.DecodeString(key)
		v, _ := hex.DecodeString(value)
		if i < len(goldenEntries) {
			got, err := decodeEntry(pkey, v)
			if want := goldenEntries[i].log; err != nil || !equalLogs(&got, &want) || got.AppendedAt.IsZero() != want.AppendedAt.IsZero() {
				t.Errorf("%s: got %+v, %v", lines[0], got, err)
			}
			if back := readBack(&goldenEntries[i].log); !reflect.DeepEqual(back, got) {
				t.Errorf("%s: the cache has %+v, the disk %+v", lines[0], back, got)
			}
			continue
		}
		got, err := decodeStable(pkey, v)
		if g := goldenStables[i-len(goldenEntries)]; err != nil || string(got) != g.value || string(pkey[1:]) != g.key {
			t.Errorf("%s: got %q, %v", lines[0], got, err)
		}
	}
}

func TestDecodeEntryErrors(t *testing.T) {
	pkey := entryKey(7)
	good := encodeEntry(nil, pkey, makeEntry(7, 3))
	body := good[:len(good)-checksumLen]
	sealed := func(b []byte) []byte { return appendChecksum(bytes.Clone(b), pkey) }
	longExtensions := bytes.Clone(body)
	longExtensions[18] = 0xff
	tests := []struct {
		name    string
		pkey, v []byte
		want    error
	}{
		{"empty value", pkey, nil, ErrCorrupt},
		{"only a checksum", pkey, sealed(nil), ErrCorrupt},
		{"cut", pkey, good[:len(good)-1], ErrCorrupt},
		{"longer", pkey, append(bytes.Clone(good), 0), ErrCorrupt},
		{"under another index", entryKey(8), good, ErrCorrupt},
		{"under no entry's key", stableKey([]byte("12345678")), good, ErrCorrupt},
		{"under a cut key", pkey[:8], good, ErrCorrupt},
		{"short header", pkey, sealed(body[:entryHeaderLen-1]), ErrCorrupt},
		{"extensions longer than the value", pkey, sealed(longExtensions), ErrCorrupt},
		{"later format", pkey, sealed([]byte{formatEntry1 + 1}), ErrUnknownFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if log, err := decodeEntry(tt.pkey, tt.v); !errors.Is(err, tt.want) {
				t.Fatalf("got %+v, %v, want %v", log, err, tt.want)
			}
		})
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	pkey := entryKey(7)
	entry := encodeEntry(nil, pkey, makeEntry(7, 3))
	for bit := range len(entry) * 8 {
		v := bytes.Clone(entry)
		v[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeEntry(pkey, v); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("entry, bit %d: %v", bit, err)
		}
	}
	pkey = stableKey([]byte("CurrentTerm"))
	stable := encodeStable(pkey, []byte("12345678"))
	for bit := range len(stable) * 8 {
		v := bytes.Clone(stable)
		v[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeStable(pkey, v); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("stable value, bit %d: %v", bit, err)
		}
	}
}

func TestEntryKeysAreOrdered(t *testing.T) {
	indexes := []uint64{0, 1, 255, 256, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1}
	for i, index := range indexes {
		k := entryKey(index)
		if bytes.Compare(entriesBegin(), k) >= 0 || bytes.Compare(k, entryKeyAfter(index)) >= 0 ||
			bytes.Compare(entryKeyAfter(index), entriesEnd()) > 0 {
			t.Errorf("key of %d is out of its bounds", index)
		}
		if i > 0 && bytes.Compare(entryKeyAfter(indexes[i-1]), k) > 0 {
			t.Errorf("key of %d is not after that of %d", index, indexes[i-1])
		}
	}
	if bytes.Compare(entriesEnd(), stablesBegin()) > 0 {
		t.Error("entries and stable values overlap")
	}
}

// FuzzDecodeEntry: arbitrary bytes never panic, and what decodes is what encodes, byte for byte.
func FuzzDecodeEntry(f *testing.F) {
	for _, g := range goldenEntries {
		v := encodeEntry(nil, entryKey(g.log.Index), &g.log)
		f.Add(g.log.Index, v)
		f.Add(g.log.Index, v[:len(v)-checksumLen])
	}
	f.Add(uint64(1), []byte{})
	f.Fuzz(func(t *testing.T, index uint64, v []byte) {
		pkey := entryKey(index)
		for _, v := range [][]byte{v, appendChecksum(bytes.Clone(v), pkey)} { // the second gets past the checksum
			log, err := decodeEntry(pkey, v)
			if err != nil {
				if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnknownFormat) {
					t.Fatalf("error without a sentinel: %v", err)
				}
				continue
			}
			if again := encodeEntry(nil, pkey, &log); !bytes.Equal(again, v) {
				t.Fatalf("%x decodes to %+v and encodes to %x", v, log, again)
			}
			if back := readBack(&log); !reflect.DeepEqual(back, log) {
				t.Fatalf("%+v is read back as %+v", log, back)
			}
		}
	})
}

// FuzzDecodeStable is FuzzDecodeEntry for stable values.
func FuzzDecodeStable(f *testing.F) {
	for _, g := range goldenStables {
		v := encodeStable(stableKey([]byte(g.key)), []byte(g.value))
		f.Add([]byte(g.key), v)
		f.Add([]byte(g.key), v[:len(v)-checksumLen])
	}
	f.Fuzz(func(t *testing.T, name, v []byte) {
		pkey := stableKey(name)
		for _, v := range [][]byte{v, appendChecksum(bytes.Clone(v), pkey)} {
			value, err := decodeStable(pkey, v)
			if err != nil {
				if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnknownFormat) {
					t.Fatalf("error without a sentinel: %v", err)
				}
				continue
			}
			if again := encodeStable(pkey, value); !bytes.Equal(again, v) {
				t.Fatalf("%x decodes to %x and encodes to %x", v, value, again)
			}
		}
	})
}

// FuzzMembers: bytes that are no membership are corrupt; raft.DecodeConfiguration would panic.
func FuzzMembers(f *testing.F) {
	f.Add(raft.EncodeConfiguration(raft.Configuration{Servers: []raft.Server{{ID: "n1", Address: "127.0.0.1:7001"}}}))
	f.Add([]byte{0x81, 0xa7, 'S', 'e', 'r', 'v', 'e', 'r', 's', 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		members, err := Members(b)
		if err != nil && (!errors.Is(err, ErrCorrupt) || members != nil) {
			t.Errorf("%x: %v, %v", b, members, err)
		}
	})
}
