package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// snapshots is what a snapshot every ten entries costs.
type snapshots struct {
	shared
	Depths   []int `help:"How many calls are sent at a time, one after the other." default:"1,16,64"`
	Requests int   `help:"How many calls a run makes at depth 1; deeper ones make ten times as many." default:"100000"`
	Turns    int   `help:"How often each is measured in turn." default:"7"`
}

// Run compares two lone nodes.
func (o *snapshots) Run() error {
	ports := map[string]string{}
	names := []string{"10", "1000000"}
	for i, every := range names {
		node := o.shared
		node.Port += i
		c, _, err := node.start(1, "--snapshot-entries", every)
		if err != nil {
			return err
		}
		defer c.Close()
		ports[every] = strconv.Itoa(node.Port)
		if err := fill(c.Addrs()[0], 100_000, 64); err != nil {
			return err
		}
	}
	for _, depth := range o.Depths {
		requests := o.Requests
		if depth > 1 {
			requests *= 10
		}
		rates := map[string][]float64{}
		for turn := range o.Turns {
			for i := range names {
				every := names[(i+turn)%2]
				rate, err := benchmark(ports[every], "set", requests, depth, 64, 100_000)
				if err != nil {
					return err
				}
				rates[every] = append(rates[every], rate)
			}
		}
		ours, without := median(rates["10"]), median(rates["1000000"])
		fmt.Printf("depth %d: SET %.0f/s with a snapshot every 10 entries, %.0f/s every 1000000: it costs %.1f %%; %s\n", depth, ours, without, 100*(1-ours/without), machineLoad())
	}
	return nil
}

// benchmark returns how many calls a second redis-benchmark makes with 50 clients.
func benchmark(port, call string, requests, depth, size, keys int) (float64, error) {
	out, err := exec.Command("redis-benchmark", "-p", port, "-t", call, "-n", strconv.Itoa(requests), "-c", "50", "-P", strconv.Itoa(depth),
		"-d", strconv.Itoa(size), "-r", strconv.Itoa(keys), "--csv").CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	words := strings.Split(lines[len(lines)-1], ",")
	if err != nil || len(words) < 2 {
		return 0, errors.Join(err, fmt.Errorf("redis-benchmark: %s", out))
	}
	return strconv.ParseFloat(strings.Trim(words[1], `"`), 64)
}
