package lint

import "testing"

// TestParses reports Go files the other laws cannot see into.
func TestParses(t *testing.T) {
	repo, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range repo.files {
		if f.err != nil {
			t.Errorf("%v; the laws cannot see into this file", f.err)
		}
	}
}
