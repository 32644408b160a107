package command

import (
	"strings"
	"testing"
)

// TestUnknownCommand: names and arguments are cut after so many bytes, whatever letters they are.
func TestUnknownCommand(t *testing.T) {
	long := strings.Repeat("é", 100)
	want := "ERR unknown command '" + long[:128] + "', with args beginning with: '" + long[:128] + "' "
	if got := unknownCommand([][]byte{[]byte(long), []byte(long), []byte("b")}).Error(); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}
