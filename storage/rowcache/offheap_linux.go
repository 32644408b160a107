package rowcache

import (
	"os"

	"golang.org/x/sys/unix"
)

// offHeap is memory of the process of which Go's collector knows nothing. The kernel gives it page by page, as it is
// written to.
type offHeap []byte

// newOffHeap reserves n bytes. The caller frees them.
func newOffHeap(n int) (offHeap, error) {
	if n == 0 {
		return nil, nil
	}
	m, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	_ = unix.Madvise(m, unix.MADV_NOHUGEPAGE) // a kernel without huge pages does not know it
	return m, nil
}

// free gives the memory back. To read or write it from then on ends the process.
func (m *offHeap) free() {
	if *m != nil {
		_ = unix.Munmap(*m) // never fails for what Mmap has given
		*m = nil
	}
}
