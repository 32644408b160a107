package difftest_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"cairn/cmd/internal/difftest"
	"cairn/cmd/internal/redistest"
	"cairn/fsm/command"
	"cairn/fsm/reply"
	"cairn/storage/storagetest"
)

// both does a command on both sides, whose replies must be the same, and returns them.
func both(t *testing.T, s difftest.Sides, words ...string) reply.Reply {
	t.Helper()
	ours, err := s.Cairn.Do(redistest.Argv(words...))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := s.Redis.Do(redistest.Argv(words...))
	if err != nil {
		t.Fatal(err)
	}
	if ours.Kind != theirs.Kind || ours.Int != theirs.Int || !bytes.Equal(ours.Str, theirs.Str) {
		t.Fatalf("%.100q: Cairn answers %d %d %.200q, Redis %d %d %.200q", words, ours.Kind, ours.Int, ours.Str, theirs.Kind, theirs.Int, theirs.Str)
	}
	return ours
}

// TestSketchesAreRedis adds to HyperLogLogs on both sides, across the limit of the sparse form, and compares their
// bytes and what is counted; then each side gets the bytes of the other and goes on with them.
func TestSketchesAreRedis(t *testing.T) {
	r := storagetest.Rand(t)
	sides, err := bareAgainst(t, redistest.Oracle(t), 2, command.Rows())()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 12 {
		a, b := fmt.Sprint("a", round), fmt.Sprint("b", round)
		space := 1 + r.IntN([]int{100, 3000, 20_000}[round%3])
		for step := range 400 {
			add := []string{"PFADD", a}
			for range r.IntN([]int{3, 12}[round%2]) {
				add = append(add, element(r, space))
			}
			both(t, sides, add...)
			if step%4 == 0 || step > 390 {
				both(t, sides, "GET", a)
			}
		}
		both(t, sides, "PFADD", b, "x", element(r, space))
		both(t, sides, "PFCOUNT", a, b, "absent")
		both(t, sides, "PFDEBUG", "ENCODING", a)
		both(t, sides, "PFMERGE", "m", b, a)
		sketch := both(t, sides, "GET", "m")
		both(t, sides, "PFCOUNT", "m") // Redis keeps what it has counted in the string
		for _, side := range []difftest.Doer{sides.Redis, sides.Cairn} {
			made, err := side.Do(redistest.Argv("GET", "m"))
			if err != nil {
				t.Fatal(err)
			}
			both(t, sides, "SET", "copy", string(made.Str))
			both(t, sides, "PFCOUNT", "copy")
			both(t, sides, "SET", "copy", string(made.Str))
			both(t, sides, "PFADD", "copy", element(r, space), "new")
			both(t, sides, "GET", "copy")
		}
		both(t, sides, "SET", "m", string(sketch.Str))
	}
}

func element(r *rand.Rand, space int) string {
	return fmt.Sprintf("%0*d", 1+r.IntN(20), r.IntN(space))
}

// TestDamagedSketches: what is no sketch, or one whose runs are wrong, gets the same error from both.
func TestDamagedSketches(t *testing.T) {
	r := storagetest.Rand(t)
	sides, err := bareAgainst(t, redistest.Oracle(t), 2, command.Rows())()
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		both(t, sides, "DEL", "k", "d")
		for range r.IntN(60) {
			both(t, sides, "PFADD", "k", element(r, 100_000))
		}
		if r.IntN(5) == 0 {
			both(t, sides, "PFDEBUG", "TODENSE", "k")
		}
		sketch := bytes.Clone(both(t, sides, "GET", "k").Str)
		if len(sketch) == 0 {
			continue
		}
		at := min(r.IntN(len(sketch)), r.IntN(60))
		switch {
		case r.IntN(3) == 0:
			sketch = sketch[:at]
		case at < 8 || at >= 16:
			sketch[at] ^= 1 << r.IntN(8)
		}
		for _, words := range [][]string{
			{"PFCOUNT", "k"}, {"PFCOUNT", "k", "k"}, {"PFMERGE", "d", "k"}, {"PFMERGE", "k"}, {"PFDEBUG", "TODENSE", "k"},
			{"PFDEBUG", "GETREG", "k"}, {"PFDEBUG", "ENCODING", "k"},
		} {
			both(t, sides, "SET", "k", string(sketch))
			both(t, sides, words...)
		}
	}
}
