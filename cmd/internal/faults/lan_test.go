//go:build linux

package faults

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lan is a network of the machine (port 0) and of nodes (ports 1, 2 …) that live in network namespaces of their own.
// Every one of them has a TAP device; what they send arrives here as frames, and here is decided what becomes of it.
// tc's netem is in few kernels; this needs /dev/net/tun and ip only, and can do one thing one way and another the
// other.
type lan struct {
	t    *testing.T
	taps []*os.File
	wg   sync.WaitGroup

	mu     sync.Mutex
	links  [][]link // from, to
	rng    *rand.Rand
	frames int64 // sent
	lost   int64 // lost on purpose
}

// link is what happens to frames on their way from one port to another.
type link struct {
	cut           bool
	loss          float64       // the share that is lost
	delay, jitter time.Duration // frames overtake each other when there is jitter
}

const (
	mtu        = 9000
	frameBytes = mtu + 14
	macLen     = 6
)

// mac is the address of a port's device: its last byte is the port.
func mac(port int) string { return fmt.Sprintf("02:ca:12:00:00:%02x", port) }

// openTap makes a TAP device in the network namespace of this process; it is gone when the file is closed.
func openTap(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make %s: %w", name, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

// run forwards frames until close.
func (l *lan) run(seed uint64) {
	l.rng = rand.New(rand.NewPCG(seed, 'l'))
	l.links = make([][]link, len(l.taps))
	for i := range l.links {
		l.links[i] = make([]link, len(l.taps))
	}
	for from := range l.taps {
		l.wg.Go(func() { l.forward(from) })
	}
}

func (l *lan) close() {
	for _, f := range l.taps {
		f.Close()
	}
	l.wg.Wait()
}

// forward sends the frames of a port on to where they are meant for.
func (l *lan) forward(from int) {
	for buf := make([]byte, frameBytes+64); ; {
		n, err := l.taps[from].Read(buf)
		if err != nil {
			if errors.Is(err, unix.EIO) || errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.EBADFD) {
				<-time.After(10 * time.Millisecond) // the device is down
				continue
			}
			if !errors.Is(err, os.ErrClosed) {
				l.t.Errorf("the network of the test is broken: port %d: %v", from, err)
			}
			return
		}
		if n < 14 {
			continue
		}
		if buf[0]&1 == 1 { // to all: ARP
			for to := range l.taps {
				if to != from {
					l.pass(from, to, buf[:n])
				}
			}
		} else if to := int(buf[macLen-1]); binary.BigEndian.Uint16(buf) == 0x02ca && to < len(l.taps) && to != from {
			l.pass(from, to, buf[:n])
		}
	}
}

// pass sends a frame over a link, now, later or never.
func (l *lan) pass(from, to int, frame []byte) {
	l.mu.Lock()
	k := l.links[from][to]
	l.frames++
	gone := k.cut || k.loss > 0 && l.rng.Float64() < k.loss
	wait := k.delay
	if k.jitter > 0 {
		wait += time.Duration(l.rng.Int64N(int64(k.jitter)))
	}
	if gone {
		l.lost++
	}
	l.mu.Unlock()
	switch {
	case gone:
	case wait == 0:
		_, _ = l.taps[to].Write(frame) // a device that is down loses it
	default:
		late := append([]byte(nil), frame...)
		time.AfterFunc(wait, func() { _, _ = l.taps[to].Write(late) })
	}
}

// set makes all links between nodes what fn says; ports count from 1.
func (l *lan) set(fn func(from, to int) link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for from := 1; from < len(l.links); from++ {
		for to := 1; to < len(l.links); to++ {
			l.links[from][to] = fn(from, to)
		}
	}
}

// heal makes all links between nodes good ones.
func (l *lan) heal() { l.set(func(int, int) link { return link{} }) }
