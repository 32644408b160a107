package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"cairn/scripts/internal/procs"
)

// clients write until end; each notes when its writes were acknowledged.
type clients struct {
	addrs []string
	stop  chan struct{}
	wg    sync.WaitGroup

	mu    sync.Mutex
	first []time.Time // by client, the first acknowledged write after mark
	mark  time.Time
	count int
}

func startLoad(addrs []string, n int) *clients {
	l := &clients{addrs: addrs, stop: make(chan struct{}), first: make([]time.Time, n)}
	for id := range n {
		l.wg.Go(func() { l.run(id) })
	}
	return l
}

func (l *clients) end() {
	close(l.stop)
	l.wg.Wait()
}

func (l *clients) run(id int) {
	at := 0
	var r *procs.Conn
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		default:
		}
		if r == nil {
			var err error
			if r, err = procs.Dial(l.addrs[at]); err != nil {
				at = (at + 1) % len(l.addrs)
				time.Sleep(2 * time.Millisecond)
				continue
			}
		}
		began := time.Now()
		answer, err := r.Do("SET", fmt.Sprintf("c%d:%d", id, n%1000), strconv.Itoa(n))
		if err == nil {
			l.done(id, began)
			continue
		}
		r.Close()
		r = nil
		if words := strings.Fields(answer); len(words) == 3 && words[0] == "MOVED" {
			for i, addr := range l.addrs {
				if addr == words[2] {
					at = i
				}
			}
			continue
		}
		at = (at + 1) % len(l.addrs)
	}
}

// done notes a write that began at a time and is acknowledged now.
func (l *clients) done(id int, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	if l.first[id].IsZero() && began.After(l.mark) {
		l.first[id] = time.Now()
	}
}

func (l *clients) acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// all waits until every client has had a write acknowledged that began after mark.
func (l *clients) all(mark time.Time, limit time.Duration) error {
	l.mu.Lock()
	l.mark = mark
	clear(l.first)
	l.mu.Unlock()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		l.mu.Lock()
		missing := false
		for _, t := range l.first {
			missing = missing || t.IsZero()
		}
		l.mu.Unlock()
		if !missing {
			return nil
		}
	}
	return errors.New("a client cannot write")
}

// outages returns how long the first and the last client waited for a write since a time.
func (l *clients) outages(since time.Time) (first, last time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, t := range l.first {
		d := t.Sub(since)
		if i == 0 || d < first {
			first = d
		}
		last = max(last, d)
	}
	return first, last
}
