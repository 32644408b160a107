package lint

import (
	"fmt"
	"strings"
	"testing"
)

// maxFileBytes is the size above which a file does not belong in git. There are no exceptions.
const maxFileBytes = 1 << 20

// fileSizes holds: no large file in git.
func fileSizes(t *tree) (vs []violation) {
	for _, f := range t.files {
		if f.size > maxFileBytes {
			vs = append(vs, violation{f.path, 1, fmt.Sprintf("%d bytes, more than 1 MiB; generate it, or add it to .gitignore", f.size)})
		}
	}
	return vs
}

func TestFileSizes(t *testing.T) {
	law{
		check: fileSizes,
		bad: []example{{
			name: "large",
			tree: "-- a.bin --\n" + strings.Repeat("x", maxFileBytes+1),
			want: []string{"a.bin:1: 1048577 bytes"},
		}},
		good: []example{{name: "not large", tree: "-- a.bin --\n" + strings.Repeat("x", maxFileBytes)}},
	}.hold(t)
}
