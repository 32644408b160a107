// Package storagetest helps the tests of packages below storage.
package storagetest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Rand returns a source whose seed a failed test prints; STORAGE_SEED sets it.
func Rand(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	if v, err := strconv.ParseUint(os.Getenv("STORAGE_SEED"), 10, 64); err == nil {
		seed = v
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("run again with STORAGE_SEED=%d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}
