package storage

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lockHolder returns the process that holds a lock on a file, 0 where that is not known. It reads /proc/locks, where
// a line is
//
//	1: POSIX  ADVISORY  WRITE 4711 fe:01:1234567 0 EOF
//
// with the process, and device and inode of the file.
func lockHolder(file fs.FileInfo) (pid int) {
	of, ok := file.Sys().(*syscall.Stat_t)
	b, err := os.ReadFile("/proc/locks")
	if !ok || err != nil {
		return 0
	}
	inode := ":" + strconv.FormatUint(of.Ino, 10)
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 6 || f[1] != "POSIX" || f[3] != "WRITE" || !strings.HasSuffix(f[5], inode) {
			continue // the device is not compared: file systems that lie on others show another one
		}
		if n, err := strconv.Atoi(f[4]); err == nil && n > 0 {
			pid = n
		}
	}
	return pid
}
