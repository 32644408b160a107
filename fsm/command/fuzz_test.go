package command

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/layout"
)

// FuzzCalls runs calls that clients could send, a line each, its words between blanks, in one transaction. Whatever
// passes Check runs without a fault of the world, and an error reply leaves no trace.
func FuzzCalls(f *testing.F) {
	paths, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(paths) == 0 {
		f.Fatal(paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n----")
		f.Add([]byte(first))
	}
	store, err := storage.Open("store", storage.Options{FS: vfs.NewMem()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	table := NewTable(Rows())
	f.Fuzz(func(t *testing.T, in []byte) {
		txn, err := store.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer txn.Discard()
		txn.SetTime(testNow)
		for i, line := range bytes.SplitN(in, []byte("\n"), 32) {
			argv := bytes.Split(line, []byte(" "))
			spec, err := table.Resolve(argv)
			if err != nil || spec.Exec == nil || grows(argv) {
				continue
			}
			if err := spec.Exec.Check(argv); err != nil {
				if !errors.As(err, new(reply.UserError)) {
					t.Fatalf("Check of %q: %v", argv, err)
				}
				continue
			}
			counts := databasesOf(txn) // and nothing is deferred any more
			size := txn.Size()
			r, err := table.Apply(Env{DB: uint8(i % 2), Now: testNow, Seed: uint64(i), Version: uint64(1 + i)}, txn, argv)
			if err != nil {
				t.Fatalf("%q: %v", argv, err)
			}
			if r.Kind == reply.Error && (databasesOf(txn) != counts || txn.Size() != size) {
				t.Fatalf("%q answers %q and leaves a trace", argv, r.Str)
			}
		}
	})
}

// grows reports whether a call may make a value that is longer than the fuzzer has time for.
func grows(argv [][]byte) bool {
	if !strings.EqualFold(string(argv[0]), "setrange") {
		return false
	}
	n, err := strconv.ParseUint(string(argv[2]), 10, 64)
	return err == nil && n > 1<<16 && n < MaxStringBytes
}

func databasesOf(r storage.Reader) (all [layout.Databases]layout.Database) {
	for db := range all {
		all[db] = r.Database(uint8(db))
	}
	return all
}
