//go:build !linux

package rowcache

// offHeap is memory that only Linux takes from elsewhere than Go's heap.
type offHeap []byte

func newOffHeap(n int) (offHeap, error) { return make(offHeap, n), nil }

func (m *offHeap) free() { *m = nil }
