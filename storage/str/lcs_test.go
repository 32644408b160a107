package str

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// textbookMatches is CommonMatches by the full table of lengths.
func textbookMatches(a, b []byte) (runs []Match) {
	length := make([][]int, len(a)+1)
	length[0] = make([]int, len(b)+1)
	for i := range a {
		length[i+1] = make([]int, len(b)+1)
		for j := range b {
			if a[i] == b[j] {
				length[i+1][j+1] = length[i][j] + 1
			} else {
				length[i+1][j+1] = max(length[i][j+1], length[i+1][j])
			}
		}
	}
	run := Match{}
	end := func() {
		if run.Len > 0 {
			runs = append(runs, run)
		}
		run = Match{}
	}
	i, j := len(a), len(b)
	for i > 0 && j > 0 {
		if a[i-1] == b[j-1] {
			i, j = i-1, j-1
			run = Match{i, j, run.Len + 1}
			continue
		}
		end()
		if length[i-1][j] > length[i][j-1] {
			i--
		} else {
			j--
		}
	}
	end()
	return runs
}

func checkCommon(t *testing.T, a, b []byte) {
	t.Helper()
	want, total := textbookMatches(a, b), 0
	for _, m := range want {
		total += m.Len
	}
	if got := CommonMatches(a, b); !slices.Equal(got, want) {
		t.Errorf("CommonMatches(%q, %q)\n got %v\nwant %v", a, b, got, want)
	}
	if got := CommonLength(a, b); got != total {
		t.Errorf("CommonLength(%q, %q) = %d, want %d", a, b, got, total)
	}
}

// TestCommonMatches compares random strings, of lengths around the 64 bits of a word among others, with the textbook.
func TestCommonMatches(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	random := func() []byte {
		sizes := []int{0, 1, 2, 5, 20, 63, 64, 65, 127, 128, 129, 200}
		b := make([]byte, sizes[r.IntN(len(sizes))])
		letters := 1 + r.IntN(6)
		for i := range b {
			b[i] = byte('a' + r.IntN(letters))
		}
		return b
	}
	for range 400 {
		checkCommon(t, random(), random())
	}
}

func FuzzCommonMatches(f *testing.F) {
	f.Add([]byte("ohmytext"), []byte("mynewtext"))
	f.Add([]byte(""), []byte("x"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		checkCommon(t, a[:min(len(a), 300)], b[:min(len(b), 300)])
	})
}

func BenchmarkCommonMatches(b *testing.B) {
	long := make([]byte, 11584) // the largest square that Redis takes
	for i := range long {
		long[i] = byte(i*i>>3) % 26
	}
	other := slices.Clone(long)
	slices.Reverse(other)
	for b.Loop() {
		CommonMatches(long, other)
	}
}
