package difftest

import (
	"slices"
	"time"
)

// shrink looks for a shorter sequence that ends in a difference: it leaves out pieces, large ones first, as long as one
// remains. What it cannot execute it does not leave out.
func shrink(o Options, commands [][][]byte, what string) (short [][][]byte, how string) {
	deadline := time.Now().Add(o.Shrink)
	for size := len(commands) / 2; size > 0 && time.Now().Before(deadline); size /= 2 {
		for at := len(commands) - size; at >= 0 && time.Now().Before(deadline); at -= size {
			shorter := slices.Delete(slices.Clone(commands), at, min(at+size, len(commands)))
			if n, how := replay(o, shorter); how != "" {
				commands, what = shorter[:n], how
				at = min(at, len(commands))
			}
		}
	}
	return commands, what
}

// replay executes a sequence on empty keyspaces, compares them at the end, and returns how many commands it took
// until a difference showed, and what it is.
func replay(o Options, commands [][][]byte) (n int, what string) {
	sides, err := o.Fresh()
	if err != nil {
		return 0, ""
	}
	run := runner{sides: sides}
	for i, argv := range commands {
		if what, err := run.step(argv); what != "" || err != nil {
			return i + 1, what
		}
	}
	if what, err = run.compareKeyspaces(); err != nil {
		return 0, ""
	}
	return len(commands), what
}
