package raftlog

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

var seed = flag.Uint64("seed", 0, "run the model test with this seed only")

// model is a store as a plain map, and the world around it.
type model struct {
	t    *testing.T
	rng  *rand.Rand
	fs   *vfs.MemFS
	opts Options
	s    *Store

	term        uint64
	first, last uint64
	entries     map[uint64]*raft.Log // the log, and what has left it at its head
	stable      map[string][]byte
	physical    uint64 // what first is after a clean restart
	durable     uint64 // what first is after a crash, at least
	kept        uint64 // Durable's answer
	synced      bool   // BeforeTruncate was called by this deletion
}

// TestRandomOperations compares a store with a map under random operations, restarts and crashes.
func TestRandomOperations(t *testing.T) {
	seeds := []uint64{*seed}
	if *seed == 0 {
		seeds = []uint64{1, 2, 3, 4, 5, 6, rand.Uint64()}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			m := &model{t: t, rng: rand.New(rand.NewPCG(seed, 0)), fs: vfs.NewCrashableMem(),
				entries: make(map[uint64]*raft.Log), stable: make(map[string][]byte)}
			m.opts = Options{
				TruncateEvery: 25, FileBytes: 256 << 10,
				Durable: func() uint64 { return m.kept }, BeforeTruncate: func() error { m.synced = true; return nil },
			}
			if m.rng.IntN(2) == 0 {
				m.opts.CacheEntries, m.opts.CacheBytes = 1+m.rng.IntN(20), 1+m.rng.IntN(2000)
			}
			m.s = mustOpen(t, m.fs, m.opts)
			for range 400 {
				m.step()
				wantBounds(t, m.s, m.first, m.last)
			}
			m.checkAll()
		})
	}
}

func (m *model) step() {
	switch n := m.rng.IntN(100); {
	case n < 45:
		m.append()
	case n < 57:
		m.compact()
	case n < 60:
		m.reclaim()
	case n < 66:
		m.cutTail()
	case n < 68:
		m.deleteAll()
	case n < 75:
		m.setStable()
	case n < 90:
		m.get()
	case n < 92:
		if err := m.s.db.Flush(); err != nil {
			m.t.Fatal(err)
		}
	case n < 95:
		m.restart()
	default:
		m.crash()
	}
}

func (m *model) append() {
	m.term++
	lo := m.last + 1
	if m.first == 0 {
		lo = 1 + m.rng.Uint64N(1000)
		m.first, m.physical, m.durable = lo, lo, lo
	}
	var logs []*raft.Log
	for i := lo; i < lo+1+m.rng.Uint64N(12); i++ {
		log := makeEntry(i, m.term)
		if m.rng.IntN(10) == 0 {
			log.Data = bytes.Repeat([]byte{byte(i)}, m.rng.IntN(2000))
		}
		logs = append(logs, log)
		m.entries[i] = log
		m.last = i
	}
	if err := m.s.StoreLogs(logs); err != nil {
		m.t.Fatal(err)
	}
	m.durable = m.physical
}

// compact does what Raft does after a snapshot.
func (m *model) compact() {
	if m.first == m.last {
		return
	}
	hi := m.first + m.rng.Uint64N(min(m.last-m.first, 12))
	if m.rng.IntN(3) > 0 {
		m.kept = max(hi, 20) - m.rng.Uint64N(20)
	}
	m.synced = false
	end := min(hi, m.kept) + 1
	frees := m.s.journal.frees(end)
	mustDelete(m.t, m.s, m.first, hi)
	m.first = hi + 1
	if m.synced {
		m.t.Fatal("BeforeTruncate called for the head of the log")
	}
	if end >= m.physical+m.opts.TruncateEvery || frees {
		m.physical = end
	}
}

// reclaim is what a node does now and then, once its state is durable.
func (m *model) reclaim() {
	if m.first == 0 {
		return
	}
	end := min(m.first-1, m.kept) + 1
	if frees := m.s.journal.frees(end); frees || end >= m.physical+m.opts.TruncateEvery {
		m.physical = end
	}
	if err := m.s.Reclaim(); err != nil {
		m.t.Fatal(err)
	}
	if oldest := m.s.journal.oldest(); m.s.oldest != oldest {
		m.t.Fatalf("file %d is the oldest, and %d is needed", m.s.oldest, oldest)
	}
}

func (m *model) cutTail() {
	if m.first == m.last {
		return
	}
	lo := m.last - m.rng.Uint64N(min(m.last-m.first, 12))
	m.synced = false
	mustDelete(m.t, m.s, lo, m.last)
	if m.synced {
		m.t.Fatal("BeforeTruncate called for a conflict")
	}
	m.last = lo - 1
	m.durable = m.physical
}

func (m *model) deleteAll() {
	m.synced = false
	mustDelete(m.t, m.s, m.first, m.last)
	if m.synced != (m.first > 0) {
		m.t.Fatalf("log was %d..%d, BeforeTruncate called: %v", m.first, m.last, m.synced)
	}
	m.first, m.last, m.physical, m.durable = 0, 0, 0, 0
	clear(m.entries)
}

func (m *model) setStable() {
	key, value := fmt.Sprint("key", m.rng.IntN(5)), []byte(fmt.Sprint(m.rng.Uint64()))
	if err := m.s.Set([]byte(key), value); err != nil {
		m.t.Fatal(err)
	}
	m.stable[key] = value // synced in the database: the files' records may still be lost
}

func (m *model) get() {
	for range 5 {
		index := m.first + m.rng.Uint64N(m.last-m.first+3)
		index -= min(index, 1)
		if index >= m.first && index <= m.last && m.first > 0 {
			wantEntry(m.t, m.s, m.entries[index])
		} else {
			wantAbsent(m.t, m.s, index)
		}
	}
}

func (m *model) restart() {
	mustClose(m.t, m.s)
	m.s = mustOpen(m.t, m.fs, m.opts)
	m.first, m.durable = m.physical, m.physical
	m.checkAll()
}

func (m *model) crash() {
	percent := []int{0, 30, 100}[m.rng.IntN(3)]
	fs := crashClone(m.fs, percent, m.rng.Uint64())
	mustClose(m.t, m.s)
	m.fs = fs
	m.s = mustOpen(m.t, m.fs, m.opts)
	first, _ := m.s.FirstIndex()
	if first < m.durable || first > m.physical { // between them where a file was gone already
		m.t.Fatalf("after a crash with %d%% of unsynced data the log starts at %d, want %d to %d", percent, first, m.durable, m.physical)
	}
	m.first, m.physical, m.durable = first, first, first
	m.checkAll()
}

// checkAll compares everything there is.
func (m *model) checkAll() {
	m.t.Helper()
	wantBounds(m.t, m.s, m.first, m.last)
	next := m.first
	err := m.s.Entries(0, 1<<63, func(log *raft.Log) error {
		if log.Index != next || !equalLogs(log, m.entries[next]) {
			m.t.Fatalf("got %+v, want %+v", log, m.entries[next])
		}
		wantEntry(m.t, m.s, m.entries[next])
		next++
		return nil
	})
	if err != nil || m.first > 0 && next != m.last+1 {
		m.t.Fatalf("walk ended before %d: %v", next, err)
	}
	found := 0
	err = m.s.StableValues(func(key, value []byte) error {
		found++
		if !bytes.Equal(m.stable[string(key)], value) {
			m.t.Fatalf("stable %q: got %q, want %q", key, value, m.stable[string(key)])
		}
		return nil
	})
	if err != nil || found != len(m.stable) {
		m.t.Fatalf("found %d of %d stable values: %v", found, len(m.stable), err)
	}
}
