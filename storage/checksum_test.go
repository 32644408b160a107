package storage

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

func checksum(t testing.TB, s *Store) Checksum {
	t.Helper()
	v, err := s.View(0)
	must(t, err)
	sum, err := v.Checksum(t.Context())
	must(t, errors.Join(err, v.Close()))
	return sum
}

// TestChecksum: what the log makes of a store is summed up, however it lies on disk; what is the node's own is not.
func TestChecksum(t *testing.T) {
	const keyRow, expiryRow = "Mkey", "Ekey"
	build := func(t *testing.T, change func(x *Txn)) *Store {
		s := opened(t, vfs.NewMem())
		x, err := s.Begin()
		must(t, err)
		x.SetTime(5)
		for _, row := range []string{keyRow, expiryRow} {
			must(t, x.Set([]byte(row), []byte("v")))
		}
		x.AddKeys(3, 1, 1)
		change(x)
		must(t, x.Commit(Applied{7, 2}))
		return s
	}
	want := checksum(t, build(t, func(*Txn) {}))
	for name, c := range map[string]struct {
		change func(x *Txn)
		same   bool
	}{
		"another order": {func(x *Txn) { must(t, x.Set([]byte(keyRow), []byte("v"))) }, true},
		"a row more":    {func(x *Txn) { must(t, x.Set([]byte("Mkez"), nil)) }, false},
		"a row less":    {func(x *Txn) { must(t, x.Delete([]byte(keyRow))) }, false},
		"a value":       {func(x *Txn) { must(t, x.Set([]byte(keyRow), []byte("w"))) }, false},
		"a border":      {func(x *Txn) { must(t, x.Delete([]byte(keyRow))); must(t, x.Set([]byte(keyRow+"\x01"), []byte("v"))) }, false},
		"an expiry":     {func(x *Txn) { must(t, x.Delete([]byte(expiryRow))) }, false},
		"a count":       {func(x *Txn) { x.AddKeys(3, 0, 1) }, false},
		"the time":      {func(x *Txn) { x.SetTime(6) }, false},
		"the cluster":   {func(x *Txn) { x.SetCluster("c") }, false},
		"a piece":       {func(x *Txn) { must(t, x.Set(layout.AppendPiece(nil, 0), []byte("v"))) }, false},
		"its progress":  {func(x *Txn) { must(t, x.Set([]byte(layout.PiecesRow), []byte("v"))) }, false},
		"databases":     {func(x *Txn) { x.SwapDatabases(1, 2) }, false},
	} {
		if got := checksum(t, build(t, c.change)); (got == want) != c.same {
			t.Errorf("%s: the checksum is the same: %v, want %v", name, got == want, c.same)
		}
	}

	s := build(t, func(*Txn) {})
	must(t, s.SaveRecord(layout.Record{Index: 7}))
	flush(t, s)
	if checksum(t, s) != want {
		t.Error("a snapshot record, or where rows lie, changes the checksum")
	}
	other := opened(t, vfs.NewMem())
	g, err := receive(other, streamOf(t, s))
	must(t, err)
	must(t, other.Adopt(g, layout.Record{Index: 7}))
	if checksum(t, other) != want {
		t.Error("the state has another checksum where it was streamed to")
	}
}

// TestChecksumEnds: summing up ends with its context.
func TestChecksumEnds(t *testing.T) {
	s := opened(t, vfs.NewMem())
	fill(t, s, "k", 10)
	v, err := s.View(0)
	must(t, err)
	defer v.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Checksum(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// BenchmarkChecksum sums up rows of 64 bytes. An operation is the whole state.
func BenchmarkChecksum(b *testing.B) {
	for _, rows := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			s := benchStore(b, rows, true)
			b.ReportAllocs()
			for b.Loop() {
				checksum(b, s)
			}
		})
	}
}
