package node

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage"
)

// FuzzIdentity: a damaged identity.json is refused, and never read as a node without a name.
func FuzzIdentity(f *testing.F) {
	f.Add([]byte(`{"format":1,"id":"n1","peers":["n1","n2"]}`))
	f.Add([]byte(`{"format":1}`))
	f.Add([]byte(`{"format":2,"id":"n1"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := vfs.NewMem()
		if err := storage.WriteFile(fs, identityFile, b); err != nil {
			t.Fatal(err)
		}
		id, found, err := identify(Options{FS: fs})
		switch {
		case err != nil && !errors.Is(err, ErrRefused):
			t.Errorf("%q: %v", b, err)
		case err == nil && (!found || id.ID == ""):
			t.Errorf("%q is taken for %+v", b, id)
		}
	})
}
