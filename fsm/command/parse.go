package command

import (
	"cairn/fsm/reply"
	"cairn/storage/str"
)

// parseInt64 reads a signed decimal number as strictly as Redis does: no plus sign, no spaces, no leading zeros, no "-0".
func parseInt64(arg []byte) (int64, error) {
	n, ok := str.ParseInt(arg)
	if !ok {
		return 0, reply.ErrNotInteger
	}
	return n, nil
}
