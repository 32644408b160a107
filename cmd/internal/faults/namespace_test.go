//go:build linux

package faults

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// spaces are named cairn-<pid of the test>-<node>.
const spacePrefix = "cairn-"

func ip(words ...string) error {
	out, err := exec.Command("ip", words...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(words, " "), err, out)
	}
	return nil
}

// startNetworked starts three nodes in network namespaces of their own.
func startNetworked(t *testing.T, seed uint64, flags ...string) *cluster {
	t.Helper()
	c := newNetworked(t, seed, 3)
	c.begin(flags)
	return c
}

// networks is held while a network is made: a subnet is free until its first device is there.
var networks sync.Mutex

// made is how many networks this process has made; guarded by networks.
var made int

// newNetworked returns n nodes to begin, in network namespaces of their own. What it makes ends with the test; what a
// test that was killed has left is removed by the next.
func newNetworked(t *testing.T, seed uint64, n int) *cluster {
	t.Helper()
	_, err := exec.LookPath("ip")
	needs(t, "network namespaces need iproute2", err)
	if os.Getuid() != 0 {
		needs(t, "network namespaces need root", os.ErrPermission)
	}
	networks.Lock()
	defer networks.Unlock()
	made++
	removeStale(t)
	c := &cluster{t: t, lan: &lan{t: t}}
	subnet, err := freeSubnet()
	if err != nil {
		t.Fatal(err)
	}
	// Cleanups run last first: the nodes end, then the network, then the namespaces.
	for port := range n + 1 {
		name, space := fmt.Sprintf("cf%d-%d%d", os.Getpid(), made, port), ""
		if port > 0 {
			space = fmt.Sprintf("%s%d-%s-n%d", spacePrefix, os.Getpid(), subnet, port)
			t.Cleanup(func() { _ = ip("netns", "del", space) }) // it may not have come to be
		}
		tap, err := plug(name, space, fmt.Sprintf("%s.%d/24", subnet, 10+port), mac(port))
		needs(t, "network namespaces", err)
		c.lan.taps = append(c.lan.taps, tap)
		if port > 0 {
			c.nodes = append(c.nodes, &process{
				t: t, addr: fmt.Sprintf("%s.%d:6379", subnet, 10+port), space: space, device: name,
				within: []string{"ip", "netns", "exec", space},
			})
		}
	}
	c.lan.run(seed)
	t.Cleanup(c.lan.close)
	return c
}

// plug makes a device with an address, in a new namespace unless that is "".
func plug(name, space, addr, mac string) (*os.File, error) {
	tap, err := openTap(name)
	if err != nil {
		return nil, err
	}
	var in []string
	if space != "" {
		in = []string{"-n", space}
		err = first(ip("netns", "add", space), ip("link", "set", name, "netns", space), ip("-n", space, "link", "set", "lo", "up"))
	}
	err = first(err,
		ip(append(in, "link", "set", "dev", name, "address", mac, "mtu", strconv.Itoa(mtu))...),
		ip(append(in, "addr", "add", addr, "dev", name)...),
		ip(append(in, "link", "set", "dev", name, "up")...))
	if err != nil {
		tap.Close()
		return nil, err
	}
	return tap, nil
}

// first returns the first of errors that is one.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// unplug takes a node's device down, or up again.
func (p *process) unplug(down bool) {
	state := "up"
	if down {
		state = "down"
	}
	if err := ip("-n", p.space, "link", "set", "dev", p.device, state); err != nil {
		p.t.Error(err)
	}
}

// freeSubnet returns the first three numbers of a network of 198.18.0.0/15, which is for tests, that the machine is
// not in.
func freeSubnet() (string, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	taken := fmt.Sprint(addrs)
	for i := range 250 {
		if subnet := fmt.Sprintf("198.18.%d", (os.Getpid()+i)%250); !strings.Contains(taken, subnet+".") {
			return subnet, nil
		}
	}
	return "", fmt.Errorf("all of 198.18.0.0/16 is taken")
}

// removeStale removes the namespaces of tests that are gone.
func removeStale(t *testing.T) {
	out, err := exec.Command("ip", "netns", "list").Output()
	needs(t, "network namespaces", err)
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ok := strings.CutPrefix(name, spacePrefix)
		pid, _, _ := strings.Cut(rest, "-")
		if _, err := strconv.Atoi(pid); !ok || err != nil {
			continue
		}
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			t.Logf("removing %s, which a test has left", name)
			_ = ip("netns", "del", name) // another test may be as quick
		}
	}
}
