package command

import (
	"strings"
	"testing"
)

// BenchmarkTable is what each call costs before it runs: the row that resp looks up, the row that the machine looks
// up, and its keys.
func BenchmarkTable(b *testing.B) {
	table := NewTable(Rows())
	set, get := words(strings.Fields("set key value")), words(strings.Fields("get key"))
	b.Run("Resolve", func(b *testing.B) {
		for b.Loop() {
			if _, err := table.Resolve(set); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Row", func(b *testing.B) {
		var f Finder
		for b.Loop() {
			for _, argv := range [2][][]byte{set, get} {
				if _, err := f.Row(table, argv); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	for _, line := range []string{"set key value", "mset a 1 b 2 c 3 d 4"} {
		argv := words(strings.Fields(line))
		s, _ := table.Lookup(argv[0])
		b.Run("KeysOf/call="+s.Name, func(b *testing.B) {
			for b.Loop() {
				if len(s.KeysOf(argv)) == 0 {
					b.Fatal("no keys")
				}
			}
		})
	}
}
