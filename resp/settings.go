package resp

import (
	"sync"
	"sync/atomic"
	"time"

	"cairn/fsm/command"
)

// settings are what CONFIG SET can change. A value never changes: a new one takes its place.
type settings struct {
	maxClients  int
	maxBulk     int64
	queryBuffer int64
	requirePass string
	protected   bool          // protected-mode
	timeout     time.Duration // of idle clients; 0 is none
	keepAlive   time.Duration // 0 is off
	logLevel    string        // Redis's name for it

	encodings    command.Encodings // hash-max-listpack-entries and its fellows
	clientMemory int64             // maxmemory-clients; 0 is none
}

// settingsBox holds the settings of the moment. Who changes them takes the lock, to begin with what the one before
// left.
type settingsBox struct {
	sync.Mutex
	now atomic.Pointer[settings]
}

func (b *settingsBox) load() *settings { return b.now.Load() }
