//go:build cairnsim && go1.26 && !go1.27

package sim

import (
	"slices"
	_ "unsafe" // go:linkname
)

// waitReasons is how many reasons to wait the runtime of Go 1.26 knows.
const waitReasons = 47

//go:linkname isIdleInSynctest runtime.isIdleInSynctest
var isIdleInSynctest [waitReasons]bool

//go:linkname waitReasonStrings runtime.waitReasonStrings
var waitReasonStrings [waitReasons]string

// countMutexes lets a goroutine that waits for a mutex count as waiting, so that time goes on. Locks are handed on by
// goroutines of the same bubble, so whoever waits for one is woken by what the others do, as with a channel.
func countMutexes() {
	for _, reason := range []string{"sync.Mutex.Lock", "sync.RWMutex.RLock", "sync.RWMutex.Lock"} {
		i := slices.Index(waitReasonStrings[:], reason)
		if i < 0 {
			panic("sim: the runtime does not know " + reason)
		}
		isIdleInSynctest[i] = true
	}
}
